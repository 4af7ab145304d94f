"""The project beside what a user would pick instead: `make benchmark`, or in a checkout

    .venv/bin/python -m benchmarks.compare --torch build/torch/bin/python

Prints tables in Markdown and writes them to `benchmark.md` of the output folder, with every round's
seconds in `benchmark.json`. README.md says what is measured and how.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from pix2pix_tf.benchmark import package_worker
from pix2pix_tf.benchmark.machine import machine_lines
from pix2pix_tf.benchmark.rounds import WorkloadTimings, alternate, digits, ratios, spread
from pix2pix_tf.benchmark.worker import UnavailableError
from pix2pix_tf.benchmark.workloads import Command, Worker, Workload, environment
from pix2pix_tf.config.schema import Config, load_config
from pix2pix_tf.images.io import write_image
from pix2pix_tf.utils.console import counting, print_line
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.strict_json import strict_json
from pix2pix_tf.utils.system import cpu_count, load_average

ROOT = Path(__file__).parents[1]
FORMS = ("eager", "channels_last", "channels_last+fused", "compile+channels_last+fused")
TRANSLATIONS = ("translate", "saved_model", "tflite float32", "tflite int8")
SIZES = (256, 512, 1024, 2048)
OURS = "pix2pix-tf"
TUTORIAL = "TensorFlow tutorial"

Advance = Callable[[int], None]


@dataclass(frozen=True)
class Options:
    """What to compare, and how long.

    Attributes:
        forms: Of the PyTorch program, see `benchmarks.peers.torch_program`.
        torch: The Python that has PyTorch.
        gpu: Whether on the first GPU, or on the CPU.
        threads: Of everybody.
        rounds: That are counted.
        seconds: Of a turn, roughly.
        size: Height and width of images.
        width: Filters of the networks' first layers.
        overrides: Of our config, such as `training.precision=...`.
        data: A folder of pairs, or None for the embedded city.
    """

    forms: Sequence[str]
    torch: Path
    gpu: bool
    threads: int
    rounds: int
    seconds: float
    size: int
    width: int
    overrides: Sequence[str]
    data: Path | None

    def config(self, batch: int = 1) -> Config:
        """Ours: the paper's, at this size and width."""
        data = "data.dataset=sample" if self.data is None else f"data.root={self.data}"
        load = round(self.size * 286 / 256)
        settings = [data, f"data.crop_size={self.size}", f"data.load_size={load}"]
        settings += [f"{network}.width={self.width}" for network in ("generator", "discriminator")]
        return load_config("facades", [*settings, f"training.batch_size={batch}", *self.overrides])

    def variables(self) -> dict[str, str]:
        """The environment of all workloads."""
        return environment(self.threads, 1 if self.gpu else 0)


@dataclass
class Part:
    """One table.

    Attributes:
        title: Its heading.
        items: How many of what the title names a workload's work does at once.
        ours: The workload that the others are put beside, if they are.
        measured: By workload.
        remarks: Below the table.
    """

    title: str
    items: int = 1
    ours: str | None = None
    measured: dict[str, WorkloadTimings] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """The table, with medians and quartiles."""
        beside = [] if self.ours is None else [f"{self.ours} is N times as fast"]
        columns = ["", "ms", "a second", "peak memory", *beside]
        rows = [columns, ["---"] * len(columns), *self._rows()]
        lines = [f"| {' | '.join(row)} |" for row in rows]
        return "\n".join([f"### {self.title}", "", *lines, *_paragraphs(self.remarks)])

    def _rows(self) -> Iterator[list[str]]:
        for name, its in self.measured.items():
            milliseconds = its.spread.times(1000 / self.items)
            memory = "" if its.peak_bytes is None else f"{its.peak_bytes / 1e9:.2f} GB"
            row = [name, str(milliseconds), digits(1000 / milliseconds.median), memory]
            if self.ours is not None:
                ours = self.measured[self.ours]
                row.append("" if name == self.ours else str(ours.times_as_fast(its)))
            yield row


def _paragraphs(texts: Sequence[str]) -> list[str]:
    return [line for text in texts for line in ("", text)]


class Ring:
    """Workers that are started one after the other; those that cannot run here are left out."""

    def __init__(self, part: Part, running: ExitStack) -> None:
        self._part, self._running = part, running
        self.workloads: dict[str, Workload] = {}
        self.about: dict[str, Mapping[str, Any]] = {}

    def add(self, name: str, start: Callable[[], Worker], works: Mapping[str, str]) -> None:
        """Starts a worker and enters its works, by the names they have in the table."""
        try:
            worker = self._running.enter_context(start())
        except UnavailableError as error:
            self._part.remarks.append(f"{name} was left out: {error}.")
            return
        for entry, work in works.items():
            self.workloads[entry] = worker.workload(work)
            self.about[entry] = worker.about


@contextmanager
def ring(part: Part) -> Iterator[Ring]:
    """A ring whose workers end with it."""
    with ExitStack() as running:
        yield Ring(part, running)


def start_torch(options: Options, form: str, works: Sequence[str], batch: int = 1) -> Worker:
    """A form of the authors' PyTorch program.

    Raises:
        UnavailableError: It cannot run here.
    """
    if not options.torch.is_file():
        raise UnavailableError(f"there is no {options.torch}; `make benchmark` makes it")
    order = {"form": form, "works": works, "batch": batch}
    order |= {name: getattr(options, name) for name in ("size", "width", "threads", "gpu")}
    program = "benchmarks.peers.torch_program"
    command = [str(options.torch.absolute()), "-m", program, json.dumps(order)]
    return Worker(torch_name(form), command, options.variables(), ROOT)


def torch_name(form: str) -> str:
    """What a form is called in tables."""
    return f"PyTorch, {form.replace('+', ', ')}"


def start_tutorial(options: Options) -> Worker:
    """The TensorFlow tutorial's step, with TensorFlow as a reader of it starts it."""
    order = {"batch": 1, "size": options.size, "width": options.width}
    command = [sys.executable, "-m", "benchmarks.peers.tutorial", json.dumps(order)]
    return Worker(TUTORIAL, command, options.variables(), ROOT)


def start_ours(
    options: Options, works: Sequence[str], batch: int = 1, run: Path | None = None
) -> Worker:
    """Works of this package."""
    return package_worker.start_worker(
        options.config(batch), works, options.threads, options.variables(), run
    )


def training(options: Options, batch: int, forms: Sequence[str], advance: Advance) -> Part:
    """Training steps; at batch 1 beside the tutorial and the machine's fastest convolutions too."""
    part = Part(f"Training step, batch {batch}: an image", batch, OURS)
    with ring(part) as entered:
        entered.add(OURS, partial(start_ours, options, ["training"], batch), {OURS: "training"})
        if batch == 1:
            entered.add(TUTORIAL, partial(start_tutorial, options), {TUTORIAL: "training"})
        for form in forms:
            start = partial(start_torch, options, form, ["training"], batch)
            entered.add(torch_name(form), start, {torch_name(form): "training"})
        rates = _add_convolutions(options, entered) if batch == 1 else []
        measured = alternate(entered.workloads, options.rounds, options.seconds, advance)
    part.measured = {name: its for name, its in measured.items() if name not in rates}
    step = batch * float(entered.about[OURS]["update_flops"])
    flops = {name: float(entered.about[name]["convolution_flops"]) for name in rates}
    if rates:
        part.remarks.append(f"A step is {step / batch / 1e9:.3g} GFLOP an image.")
        part.remarks.append(_share_of_fastest(measured, flops, step))
    return part


def _add_convolutions(options: Options, entered: Ring) -> list[str]:
    """Enters what says how fast this machine can be; in processes of their own, for the memory."""
    mine, theirs = "TensorFlow's convolution", "PyTorch's convolution"
    entered.add(mine, partial(start_ours, options, ["convolution"]), {mine: "convolution"})
    start = partial(start_torch, options, "channels_last", ["convolution"])
    entered.add(theirs, start, {theirs: "convolution"})
    return [name for name in (mine, theirs) if name in entered.workloads]


def _share_of_fastest(
    measured: Mapping[str, WorkloadTimings], flops: Mapping[str, float], step: float
) -> str:
    """Our step's rate as a share of the fastest convolution's; `flops` are of the convolutions."""
    times = {  # of an operation, round by round
        name: [seconds / flops[name] for seconds in measured[name].seconds] for name in flops
    }
    best = min(times, key=lambda name: spread(times[name]).median)
    rate = spread([1e-9 / seconds for seconds in times[best]])
    share = ratios(times[best], [seconds / step for seconds in measured[OURS].seconds])
    return f"{best} reaches {rate} GFLOP/s at its fastest, {OURS}'s step {share} of that."


def best_forms(part: Part, forms: Sequence[str]) -> list[str]:
    """Of the forms measured: eager, and the fastest."""
    measured = {
        form: part.measured[torch_name(form)].spread.median
        for form in forms
        if torch_name(form) in part.measured
    }
    fastest = sorted(measured, key=lambda form: measured[form])[:1]
    return [form for form in measured if form == "eager" or form in fastest]


def translating(options: Options, run: Path, advance: Advance) -> Part:
    """One picture through what the project exports, and through PyTorch."""
    part = Part("One image translated")
    with ring(part) as entered:
        entered.add(
            OURS,
            partial(start_ours, options, TRANSLATIONS, run=run),
            {f"{OURS} {work.replace('_', ' ')}": work for work in TRANSLATIONS},
        )
        for form in options.forms:
            if form in ("eager", "channels_last"):  # the others are of training
                start = partial(start_torch, options, form, ["translate"])
                entered.add(torch_name(form), start, {torch_name(form): "translate"})
        measured = alternate(entered.workloads, options.rounds, options.seconds, advance)
    # Of a process that converted models too: it says nothing.
    part.measured = {name: replace(its, peak_bytes=None) for name, its in measured.items()}
    eager = torch_name("eager")
    if eager in measured:
        for work in TRANSLATIONS[1:]:
            times = measured[f"{OURS} {work.replace('_', ' ')}"].times_as_fast(measured[eager])
            part.remarks.append(f"{work.replace('_', ' ')}: {times} × as fast as {eager}.")
    return part


def feeding(options: Options, advance: Advance) -> Part:
    """The input of a training alone, and a training that waits for it."""
    found = "the embedded city" if options.data is None else str(options.data)
    part = Part(f"Input of a training, an image: {found}")
    works = {"training with its input": "training with data", "input alone": "pipeline"}
    with ring(part) as entered:
        for entry, work in works.items():
            entered.add(entry, partial(start_ours, options, [work]), {entry: work})
        part.measured = alternate(entered.workloads, options.rounds, options.seconds, advance)
    its = part.measured["training with its input"]
    waits = [values["waited"] / turn for values, turn in zip(its.values, its.turns, strict=True)]
    part.remarks.append(f"The training waits for data {spread(waits)} of its time.")
    return part


def commands(options: Options, run: Path, folder: Path, advance: Advance) -> Part:
    """Commands as typed, from their start to their end."""
    if not run.exists():
        with start_ours(options, ["translate"], run=run):
            pass
    picture = folder / "picture.png"
    write_image(picture, np.full((options.size, options.size, 3), 127, np.uint8))
    program, variables = Path(sys.executable).with_name("pix2pix-tf"), options.variables()
    translate = ["translate", "--run", run, "--input", picture, "--output", folder / "translated"]
    bare, whole = "python -c 'import tensorflow'", "translate, one image"
    typed: dict[str, list[str | Path]] = {
        "--help": [program, "--help"],
        whole: [program, *translate],
        bare: [sys.executable, "-c", "import tensorflow"],
    }
    part = Part("Commands from a cold start")
    entered = {name: Command(words, variables) for name, words in typed.items()}
    part.measured = alternate(entered, options.rounds, 0.0, advance)
    rounds = zip(part.measured[whole].seconds, part.measured[bare].seconds, strict=True)
    beyond = spread([one - other for one, other in rounds])
    part.remarks.append(f"translate takes {beyond} s beyond the import of TensorFlow.")
    return part


def sizes(options: Options, run: Path, advance: Advance) -> Part:
    """Time against pixels."""
    names = {f"{size}×{size}": f"translate@{size}" for size in SIZES}
    part = Part("Images of several sizes translated")
    with ring(part) as entered:
        entered.add(OURS, partial(start_ours, options, list(names.values()), run=run), names)
        part.measured = alternate(
            entered.workloads, min(options.rounds, 3), options.seconds, advance
        )
    first, *others = part.measured.values()
    for size, its in zip(SIZES[1:], others, strict=True):
        pixels = (size / SIZES[0]) ** 2
        times = spread(
            [one / other / pixels for one, other in zip(its.seconds, first.seconds, strict=True)]
        )
        part.remarks.append(
            f"A pixel of {size}×{size} takes {times} times one of {SIZES[0]}×{SIZES[0]}."
        )
    return part


PARTS = ("training", "batch 4", "translating", "input", "commands", "sizes")


def compare(options: Options, wanted: Sequence[str], console: Console) -> list[Part]:
    """Measures the parts that are wanted, in the order of `PARTS`."""
    done: dict[str, Part] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        run = folder / "run"
        forms = list(options.forms)
        measures: dict[str, Callable[[Advance], Part]] = {
            "training": lambda advance: training(options, 1, forms, advance),
            "batch 4": lambda advance: training(
                options, 4, best_forms(done["training"], forms) if done else forms, advance
            ),
            "translating": lambda advance: translating(options, run, advance),
            "input": lambda advance: feeding(options, advance),
            "commands": lambda advance: commands(options, run, folder, advance),
            "sizes": lambda advance: sizes(options, run, advance),
        }
        for name in PARTS:
            if name in wanted:
                with counting(console, name) as counter:
                    done[name] = measures[name](counter.advance)
                print_line(console, done[name].markdown() + "\n")
    return list(done.values())


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare")
    parser.add_argument("--torch", type=Path, default=ROOT / "build" / "torch" / "bin" / "python")
    parser.add_argument("--forms", nargs="+", default=FORMS, help="of the PyTorch program")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--threads", type=int, default=cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a turn, roughly")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides")
    parser.add_argument("--data", type=Path, help="pairs; default: datasets/facades if it is there")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "benchmark")
    return parser.parse_args(words)


def options_of(words: argparse.Namespace) -> Options:
    """The options of what the command line says."""
    data = words.data
    if data is None and (ROOT / "datasets" / "facades").is_dir():
        data = ROOT / "datasets" / "facades"
    same = ("forms", "torch", "threads", "rounds", "seconds", "size", "width", "overrides")
    chosen = {name: getattr(words, name) for name in same}
    return Options(**chosen, gpu=words.device == "gpu", data=data)


def main() -> None:
    """Compares, prints, writes."""
    words = parse()
    options = options_of(words)
    console = Console()
    head = [*machine_lines(), f"{options.threads} threads each, {'GPU' if options.gpu else 'CPU'}"]
    print_line(console, "\n".join(head) + "\n")
    parts = compare(options, words.parts, console)
    if (others := load_average()) is not None:
        head.append(f"at the end: load {others:.1f}")
    words.output.mkdir(parents=True, exist_ok=True)
    text = "\n\n".join(["\n".join(f"- {line}" for line in head), *(p.markdown() for p in parts)])
    (words.output / "benchmark.md").write_text(text, encoding="utf-8")
    everything = {"machine": head, "parts": [asdict(part) for part in parts]}
    (words.output / "benchmark.json").write_text(strict_json(everything) + "\n")
    console.print(f"written: {words.output / 'benchmark.md'}, benchmark.json", highlight=False)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"benchmark: {error}")
