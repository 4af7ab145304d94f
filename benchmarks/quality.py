"""Quality of this package and the authors' PyTorch program after the same number of training steps.

    .venv/bin/python -m benchmarks.quality --data datasets/facades --steps 2000

trains both once per seed, one after the other, each from its own initial weights, on the same
jittered pairs in the same order, scores the translations of val/ with the same `evaluate`, and
prints a table. At 256 pixels, a training of 2,000 steps takes half an hour or more on two cores;
`--size 128` takes a quarter of that. The same command resumes after an interruption.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from rich.console import Console

from pix2pix_tf.config.schema import Config, load_config
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.utils.console import ProgressBar, print_line
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import write_text
from pix2pix_tf.utils.runtime import start_tensorflow

ROOT = Path(__file__).parents[1]
METRICS = ("l1", "psnr", "ssim", "lab_histogram", "sharpness")
PROGRAMS = ("pix2pix-tf", "PyTorch")

Scores = Mapping[str, float]


@dataclass(frozen=True)
class Trial:
    """The trainings of one seed.

    Attributes:
        config: This package's config.
        folder: The folder of the trainings and their images.
    """

    config: Config
    folder: Path

    def overrides(self) -> list[str]:
        """Command-line options of `train --config facades` for this config."""
        data, training = self.config.data, self.config.training
        settings = {
            "data.root": data.root,
            "data.crop_size": list(data.crop_size),
            "data.load_size": list(data.load_size),
            "training.steps": training.steps,
            "training.seed": training.seed,
            "logging.validate_every": training.steps,
            "logging.sheet_every": training.steps,
        }
        return [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]

    def images(self, program: str) -> Path:
        """Folder of a program's `outputs/`; that of this package also has the `targets/`."""
        return self.folder / f"{program}-images"

    def train_package(self) -> None:
        """Trains and translates with this package's commands."""
        run = self.folder / "run"
        command = [Path(sys.executable).with_name("pix2pix-tf")]
        _call([*command, "train", "--config", "facades", "--run", run, *self.overrides()])
        _call([*command, "evaluate", "--run", run, "--save", self.images(PROGRAMS[0])])

    def train_peer(self, python: Path, console: Console) -> None:
        """Trains the PyTorch program on the same pairs, which it reads from a file."""
        batches, inputs = self.folder / "batches.npy", self.folder / "inputs.npz"
        write_batches(self.config, batches, console)
        val = open_pairs(self.config).val
        np.savez(inputs, **{name: val[index][0] for index, name in enumerate(val.names)})
        outputs = self.images(PROGRAMS[1]) / "outputs"
        seed = self.config.training.seed
        peer = [python, "-m", "benchmarks.peers.torch_training"]
        _call(
            [*peer, "--batches", batches, "--inputs", inputs, "--output", outputs, "--seed", seed]
        )
        batches.unlink()

    def scores(self, program: str) -> Scores:
        """Scores of a program's saved images against the targets of the validation pairs."""
        from pix2pix_tf.evaluation.evaluate import evaluate_folders
        from pix2pix_tf.evaluation.request import MetricRequest

        targets = self.images(PROGRAMS[0]) / "targets"
        outputs = self.images(program) / "outputs"
        return evaluate_folders(outputs, targets, request=MetricRequest(METRICS)).scores


def write_batches(config: Config, file: Path, console: Console) -> None:
    """Writes the augmented pairs of a training: float16 [steps, 2, H, W, 3] in [-1, 1].

    Rounding to half precision changes values by at most a sixteenth of a grey level.

    Args:
        config: The training's config, of batch size 1.
        file: The .npy file to write.
        console: The console that shows progress.
    """
    from pix2pix_tf.data.pipeline import training_batches

    pairs = open_pairs(config).train
    steps = config.training.steps or 0
    shape = (steps, 2, *config.data.crop_size, 3)
    partial = file.with_suffix(".partial")
    written = open_memmap(partial, mode="w+", dtype=np.float16, shape=shape)
    with ProgressBar(console, "pairs for PyTorch") as progress:
        for step, batch in enumerate(training_batches(pairs, config, 0, steps)):
            written[step] = np.stack([batch[side].numpy()[0] for side in ("input", "target")])
            progress.advance(steps)
    written.flush()
    partial.replace(file)


def _call(words: Sequence[object]) -> None:
    ended = subprocess.run([str(word) for word in words], cwd=ROOT)
    if ended.returncode:
        raise UserError(f"`{' '.join(map(str, words[:5]))} ...` ended with {ended.returncode}")


def table(scores: Mapping[str, Sequence[Scores]]) -> str:
    """Table in Markdown of means over seeds, each seed's value, differences and spreads.

    Args:
        scores: The scores of every seed, for each of `PROGRAMS`.

    Returns:
        The table.
    """
    package, peer = scores[PROGRAMS[0]], scores[PROGRAMS[1]]
    lines = [
        f"| | {' | '.join(PROGRAMS)} | difference of means | largest spread over seeds |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name in package[0]:
        one, other = ([seed[name] for seed in program] for program in (package, peer))
        difference = statistics.mean(one) - statistics.mean(other)
        spread = max(max(values) - min(values) for values in (one, other))
        cells = [_cell(one), _cell(other), f"{difference:+.4f}", f"{spread:.4f}"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(values: Sequence[float]) -> str:
    each = ", ".join(f"{value:.4f}" for value in values)
    return f"{statistics.mean(values):.4f} ({each})"


def main(words: Sequence[str] | None = None) -> None:
    """Trains, scores and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a folder of side-by-side pairs")
    parser.add_argument("--size", type=int, default=256, help="height and width of images")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--torch",
        type=Path,
        default=ROOT / "build/torch/bin/python",
        help="Python interpreter that has PyTorch",
    )
    parser.add_argument("--output", type=Path, default=ROOT / "build/quality")
    arguments = parser.parse_args(words)
    start_tensorflow()
    console = Console()
    try:
        found = {program: [] for program in PROGRAMS}
        for seed in arguments.seeds:
            trial = _trial(arguments, seed)
            for program in PROGRAMS:
                found[program].append(_scores(trial, program, arguments.torch, console))
                scores = found[program][-1].items()
                line = "  ".join(f"{name} {value:.4f}" for name, value in scores)
                print_line(console, f"seed {seed}  {program}  {line}")
    except UserError as error:
        sys.exit(str(error))
    title = f"{arguments.data.name}, {arguments.size}×{arguments.size}, {arguments.steps} steps"
    text = f"### {title}, seeds {', '.join(map(str, arguments.seeds))}\n\n{table(found)}\n"
    write_text(arguments.output / f"quality-{arguments.size}.md", text)
    print(text)


def _trial(arguments: argparse.Namespace, seed: int) -> Trial:
    settings = {
        "data.root": str(arguments.data.resolve()),
        "data.crop_size": arguments.size,
        "data.load_size": round(arguments.size * 286 / 256),
        "training.steps": arguments.steps,
        "training.seed": seed,
    }
    folder = (arguments.output / f"{arguments.size}-{arguments.steps}-{seed}").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return Trial(load_config("facades", settings), folder)


def _scores(trial: Trial, program: str, torch: Path, console: Console) -> Scores:
    """Scores of an earlier call if there are any, otherwise of a training that is run now."""
    file = trial.folder / f"{program}.json"
    if not file.exists():
        if program == PROGRAMS[0]:
            trial.train_package()
        else:
            trial.train_peer(torch, console)
        write_text(file, json.dumps(trial.scores(program)) + "\n")
    return json.loads(file.read_text())


if __name__ == "__main__":
    main()
