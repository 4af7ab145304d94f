"""Speed comparison of this package, the PyTorch program and the TensorFlow tutorial.

    .venv/bin/python -m benchmarks.compare --torch build/torch/bin/python

or `make benchmark` prints tables in Markdown and writes them to `benchmark.md` in the output
folder, with every round's seconds in `benchmark.json`. README.md describes what is measured and
how.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.programs import (
    FORMS,
    PACKAGE,
    ROOT,
    TUTORIAL,
    Options,
    start_package,
    start_torch,
    start_tutorial,
    torch_name,
)
from benchmarks.tables import Part, WorkerPool, worker_pool
from pix2pix_tf.benchmark.machine import machine_lines
from pix2pix_tf.benchmark.quartiles import quartiles, ratio_quartiles
from pix2pix_tf.benchmark.rounds import WorkloadTimings, alternate
from pix2pix_tf.benchmark.runner import TRANSLATIONS, data_wait_shares
from pix2pix_tf.benchmark.workloads import Command
from pix2pix_tf.images.io import write_image
from pix2pix_tf.utils.console import ProgressBar, print_line
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import write_text
from pix2pix_tf.utils.strict_json import strict_json
from pix2pix_tf.utils.system import cpu_count, load_average

SIZES = (256, 512, 1024, 2048)
PARTS = ("training", "batch 4", "translating", "input", "commands", "sizes")

Advance = Callable[[int], None]


def training(options: Options, batch: int, forms: Sequence[str], advance: Advance) -> Part:
    """Training steps; at batch 1 also those of the tutorial, and the fastest convolutions."""
    part = Part(f"Training step, batch {batch}: an image", batch, PACKAGE)
    with worker_pool(part) as pool:
        start = partial(start_package, options, ["training"], batch)
        pool.add(PACKAGE, start, {PACKAGE: "training"})
        if batch == 1:
            pool.add(TUTORIAL, partial(start_tutorial, options), {TUTORIAL: "training"})
        for form in forms:
            start = partial(start_torch, options, form, ["training"], batch)
            pool.add(torch_name(form), start, {torch_name(form): "training"})
        convolutions = _add_convolutions(options, pool) if batch == 1 else []
        timings = alternate(pool.workloads, options.rounds, options.seconds, advance)
    part.timings = {name: its for name, its in timings.items() if name not in convolutions}
    if convolutions:
        step = batch * float(pool.info[PACKAGE]["update_flops"])
        flops = {name: float(pool.info[name]["convolution_flops"]) for name in convolutions}
        part.remarks.append(f"A step is {step / batch / 1e9:.3g} GFLOP an image.")
        part.remarks.append(_share_of_fastest(timings, flops, step))
    return part


def _add_convolutions(options: Options, pool: WorkerPool) -> list[str]:
    """Adds the fastest convolutions of both libraries, in separate processes because of the memory.

    Returns:
        The names of the convolutions that run on this machine.
    """
    tensorflow, torch = "TensorFlow's convolution", "PyTorch's convolution"
    start = partial(start_package, options, ["convolution"])
    pool.add(tensorflow, start, {tensorflow: "convolution"})
    start = partial(start_torch, options, "channels_last", ["convolution"])
    pool.add(torch, start, {torch: "convolution"})
    return [name for name in (tensorflow, torch) if name in pool.workloads]


def _share_of_fastest(
    timings: Mapping[str, WorkloadTimings], flops: Mapping[str, float], step_flops: float
) -> str:
    """Sentence on the training step's rate as a share of the fastest convolution's rate.

    Args:
        timings: Timings of the step and of the convolutions.
        flops: Floating-point operations of each convolution.
        step_flops: Floating-point operations of a step.
    """
    seconds_per_flop = {
        name: [seconds / flops[name] for seconds in timings[name].seconds] for name in flops
    }
    fastest = min(seconds_per_flop, key=lambda name: quartiles(seconds_per_flop[name]).median)
    rate = quartiles([1e-9 / seconds for seconds in seconds_per_flop[fastest]])
    step = [seconds / step_flops for seconds in timings[PACKAGE].seconds]
    share = ratio_quartiles(seconds_per_flop[fastest], step)
    return f"{fastest} reaches {rate} GFLOP/s at its fastest, {PACKAGE}'s step {share} of that."


def best_forms(part: Part, forms: Sequence[str]) -> list[str]:
    """Forms of the PyTorch program that are measured further: eager and the fastest form."""
    medians = {
        form: part.timings[torch_name(form)].quartiles.median
        for form in forms
        if torch_name(form) in part.timings
    }
    fastest = sorted(medians, key=lambda form: medians[form])[:1]
    return [form for form in medians if form == "eager" or form in fastest]


def translating(options: Options, run: Path, advance: Advance) -> Part:
    """Translation of one image by `translate`, by each export and by PyTorch."""
    names = {workload: f"{PACKAGE} {workload.replace('_', ' ')}" for workload in TRANSLATIONS}
    part = Part("One image translated")
    with worker_pool(part) as pool:
        start = partial(start_package, options, TRANSLATIONS, run=run)
        pool.add(PACKAGE, start, {name: workload for workload, name in names.items()})
        for form in options.forms:
            if form in ("eager", "channels_last"):  # the others concern training
                start = partial(start_torch, options, form, ["translate"])
                pool.add(torch_name(form), start, {torch_name(form): "translate"})
        timings = alternate(pool.workloads, options.rounds, options.seconds, advance)
    # The process has converted models too, so that its peak memory is not that of translation.
    part.timings = {name: replace(its, peak_bytes=None) for name, its in timings.items()}
    eager = torch_name("eager")
    if eager in timings:
        for workload in TRANSLATIONS[1:]:
            speedup = timings[names[workload]].speedup_over(timings[eager])
            part.remarks.append(f"{workload.replace('_', ' ')}: {speedup} × as fast as {eager}.")
    return part


def input_pipeline(options: Options, advance: Advance) -> Part:
    """The input pipeline without training, and a training that reads from it."""
    data = "the embedded city" if options.data is None else str(options.data)
    part = Part(f"Input of a training, an image: {data}")
    workloads = {"training with its input": "training with data", "input alone": "pipeline"}
    with worker_pool(part) as pool:
        for name, workload in workloads.items():
            pool.add(name, partial(start_package, options, [workload]), {name: workload})
        part.timings = alternate(pool.workloads, options.rounds, options.seconds, advance)
    wait = quartiles(data_wait_shares(part.timings["training with its input"]))
    part.remarks.append(f"The training waits for data {wait} of its time.")
    return part


def commands(options: Options, run: Path, folder: Path, advance: Advance) -> Part:
    """Commands, timed from a cold start to the end of their process."""
    if not run.exists():
        with start_package(options, ["translate"], run=run):
            pass
    image = folder / "image.png"
    write_image(image, np.full((options.size, options.size, 3), 127, np.uint8))
    program, environment = Path(sys.executable).with_name("pix2pix-tf"), options.environment()
    words = ["translate", "--run", run, "--input", image, "--output", folder / "translated"]
    import_only, translate = "python -c 'import tensorflow'", "translate, one image"
    part = Part("Commands from a cold start")
    workloads = {
        "--help": Command([program, "--help"], environment),
        translate: Command([program, *words], environment),
        import_only: Command([sys.executable, "-c", "import tensorflow"], environment),
    }
    part.timings = alternate(workloads, options.rounds, 0.0, advance)
    rounds = zip(part.timings[translate].seconds, part.timings[import_only].seconds, strict=True)
    beyond = quartiles([whole - importing for whole, importing in rounds])
    part.remarks.append(f"translate takes {beyond} s beyond the import of TensorFlow.")
    return part


def sizes(options: Options, run: Path, advance: Advance) -> Part:
    """Time per pixel of translating images of increasing sizes."""
    workloads = {f"{size}×{size}": f"translate@{size}" for size in SIZES}
    part = Part("Images of several sizes translated")
    with worker_pool(part) as pool:
        start = partial(start_package, options, list(workloads.values()), run=run)
        pool.add(PACKAGE, start, workloads)
        rounds = min(options.rounds, 3)
        part.timings = alternate(pool.workloads, rounds, options.seconds, advance)
    smallest, *others = part.timings.values()
    for size, timings in zip(SIZES[1:], others, strict=True):
        pixels = (size / SIZES[0]) ** 2
        ratio = ratio_quartiles(timings.seconds, smallest.seconds).scaled(1 / pixels)
        part.remarks.append(
            f"A pixel of {size}×{size} takes {ratio} times one of {SIZES[0]}×{SIZES[0]}."
        )
    return part


def compare(options: Options, chosen: Sequence[str], console: Console) -> list[Part]:
    """Measures the chosen parts, in the order of `PARTS`, and prints each when it is done."""
    done: dict[str, Part] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        run = folder / "run"
        forms = list(options.forms)
        measure: dict[str, Callable[[Advance], Part]] = {
            "training": lambda advance: training(options, 1, forms, advance),
            "batch 4": lambda advance: training(
                options, 4, best_forms(done["training"], forms) if done else forms, advance
            ),
            "translating": lambda advance: translating(options, run, advance),
            "input": lambda advance: input_pipeline(options, advance),
            "commands": lambda advance: commands(options, run, folder, advance),
            "sizes": lambda advance: sizes(options, run, advance),
        }
        for name in PARTS:
            if name in chosen:
                with ProgressBar(console, name) as progress:
                    done[name] = measure[name](progress.advance)
                print_line(console, done[name].markdown() + "\n")
    return list(done.values())


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare")
    parser.add_argument(
        "--torch",
        type=Path,
        default=ROOT / "build" / "torch" / "bin" / "python",
        help="Python interpreter that has PyTorch",
    )
    parser.add_argument("--forms", nargs="+", default=FORMS, help="forms of the PyTorch program")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--threads", type=int, default=cpu_count(), help="threads of each program")
    parser.add_argument("--rounds", type=int, default=5, help="number of measured rounds")
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="approximate duration of each timed run"
    )
    parser.add_argument("--size", type=int, default=256, help="height and width of images")
    parser.add_argument("--width", type=int, default=64, help="filters of the first layers")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides")
    parser.add_argument("--data", type=Path, help="pairs; default: datasets/facades if it is there")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "benchmark")
    return parser.parse_args(words)


def options_of(arguments: argparse.Namespace) -> Options:
    """Options of the comparison from the arguments of the command line."""
    data = arguments.data
    if data is None and (ROOT / "datasets" / "facades").is_dir():
        data = ROOT / "datasets" / "facades"
    same = ("forms", "torch", "threads", "rounds", "seconds", "size", "width", "overrides")
    chosen = {name: getattr(arguments, name) for name in same}
    return Options(**chosen, gpu=arguments.device == "gpu", data=data)


def main() -> None:
    """Compares, prints and writes the tables."""
    arguments = parse()
    options = options_of(arguments)
    console = Console()
    head = [*machine_lines(), f"{options.threads} threads each, {'GPU' if options.gpu else 'CPU'}"]
    print_line(console, "\n".join(head) + "\n")
    parts = compare(options, arguments.parts, console)
    if (load_at_end := load_average()) is not None:
        head.append(f"at the end: load {load_at_end:.1f}")
    arguments.output.mkdir(parents=True, exist_ok=True)
    sections = ["\n".join(f"- {line}" for line in head), *(part.markdown() for part in parts)]
    write_text(arguments.output / "benchmark.md", "\n\n".join(sections))
    everything = {"machine": head, "parts": [asdict(part) for part in parts]}
    write_text(arguments.output / "benchmark.json", strict_json(everything) + "\n")
    print_line(console, f"written: {arguments.output / 'benchmark.md'}, benchmark.json")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"benchmark: {error}")
