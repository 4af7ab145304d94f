"""Gains by fine-tuning and by augmentation, where pairs are few.

    .venv/bin/python -m benchmarks.gains [--steps 1000] [--size 64] [--seeds 0 1 2]

trains, once for each seed, on 60 drawn facades from the weights of a run on the sample city and
from nothing; and on 40 of the city's photographs, to maps, with augmentation and without. Both of
a comparison have the same pairs, steps and seed. It prints a table of the scores on validation
pairs. It takes some minutes a training on two cores; the same command resumes.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from rich.console import Console

from pix2pix_tf.config.schema import load_config
from pix2pix_tf.datasets.sample_city import render_city
from pix2pix_tf.images.io import write_image
from pix2pix_tf.utils.console import print_line
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import write_text
from pix2pix_tf.utils.runtime import start_tensorflow

ROOT = Path(__file__).parents[1]
METRICS = ("l1", "psnr", "ssim")
FACADES, PHOTOGRAPHS = 60, 40
VALIDATION = 40
AUGMENTATIONS = ["mirror", "flip_vertical", "rotate_90"]

Scores = Mapping[str, float]


def write_facades(folder: Path, size: int) -> None:
    """Writes the facades that `examples/fine_tuning.py` draws, labels to A and photographs to B."""
    draw = _example("fine_tuning").draw_facade
    numbers = {"train": range(FACADES), "val": range(1000, 1000 + VALIDATION)}
    _write(folder, numbers, lambda number: draw(number, size))


def write_photographs(folder: Path, size: int) -> None:
    """Writes aerial photographs to A and their maps to B."""

    def draw(number: int) -> tuple[Any, Any]:
        city = render_city(number, size, size)
        return city.aerial, city.street_map

    _write(folder, {"train": range(PHOTOGRAPHS), "val": range(1000, 1000 + VALIDATION)}, draw)


def _write(folder: Path, numbers: Mapping[str, Sequence[int]], draw: Any) -> None:
    for split, each in numbers.items():
        for number in each:
            for side, image in zip("AB", draw(number), strict=True):
                path = folder / side / split / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_image(path, image)


def _example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def trainings(folder: Path) -> Mapping[str, Mapping[str, Any]]:
    """Returns the settings of each training that is compared, by its name in the table.

    Args:
        folder: The folder of data and runs.
    """
    facades = {"data.root": str(folder / "facades")}
    photographs = {"data.root": str(folder / "photographs")}
    tuned = {"training.init_from": str(folder / "city")}
    return {
        f"{FACADES} facades, from nothing": facades,
        f"{FACADES} facades, fine-tuned": {**facades, **tuned},
        f"{PHOTOGRAPHS} photographs, as they are": {**photographs, "data.augment": []},
        f"{PHOTOGRAPHS} photographs, augmented": {**photographs, "data.augment": AUGMENTATIONS},
    }


def common(arguments: argparse.Namespace, steps: int, seed: int) -> dict[str, Any]:
    """Returns the settings that all trainings share."""
    return {
        "data.direction": "AtoB",
        "data.crop_size": arguments.size,
        "data.load_size": round(arguments.size * 286 / 256),
        "generator.width": arguments.width,
        "discriminator.width": arguments.width,
        "discriminator.receptive_field": 34,
        "training.steps": steps,
        "training.seed": seed,
        "logging.validate_every": steps,
        "logging.sheet_every": steps,
        "logging.tensorboard": False,
    }


def train_run(config: str, settings: Mapping[str, Any], run: Path) -> Scores:
    """Trains a run, or resumes it, and returns its scores on the validation pairs."""
    from pix2pix_tf.training import train

    result = train(load_config(config, settings), run, console=Console(quiet=True))
    if result.after is None:
        raise UserError(f"{run}: stopped; the same command resumes")
    return result.after


def table(scores: Mapping[str, Sequence[Scores]]) -> str:
    """Returns a table in Markdown of the means over seeds, with each seed's value.

    Args:
        scores: The scores of every seed, by training.

    Example:
        >>> print(table({"one": [{"l1": 0.25, "psnr": 9.0, "ssim": 0.5}]}))
        | | l1 | psnr | ssim |
        | --- | --- | --- | --- |
        | one | 0.2500 (0.2500) | 9.0000 (9.0000) | 0.5000 (0.5000) |
    """
    lines = [f"| | {' | '.join(METRICS)} |", f"| {' | '.join(['---'] * (len(METRICS) + 1))} |"]
    for name, seeds in scores.items():
        cells = []
        for metric in METRICS:
            values = [seed[metric] for seed in seeds]
            each = ", ".join(f"{value:.4f}" for value in values)
            cells.append(f"{statistics.mean(values):.4f} ({each})")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(words: Sequence[str] | None = None) -> None:
    """Trains, scores and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=64, help="height and width of crops")
    parser.add_argument("--width", type=int, default=16, help="filters of the first layers")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--base-steps", type=int, default=3000, help="steps of the city's run")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--output", type=Path, default=ROOT / "build/gains")
    arguments = parser.parse_args(words)
    start_tensorflow()
    console, folder = Console(), arguments.output
    size = round(arguments.size * 286 / 256)
    try:
        write_facades(folder / "facades", size)
        write_photographs(folder / "photographs", size)
        # From drawn areas to photographs, as the facades are.
        city = {**common(arguments, arguments.base_steps, 0), "data.direction": "BtoA"}
        base = train_run("sample", city, folder / "city")
        print_line(console, f"city, {arguments.base_steps} steps: {_scores(base)}")
        found: dict[str, list[Scores]] = {}
        for number, (name, own) in enumerate(trainings(folder).items()):
            for seed in arguments.seeds:
                settings = {**common(arguments, arguments.steps, seed), **own}
                scores = train_run("facades", settings, folder / f"run-{number}-{seed}")
                found.setdefault(name, []).append(scores)
                print_line(console, f"{name}, seed {seed}: {_scores(scores)}")
    except UserError as error:
        sys.exit(str(error))
    title = f"{arguments.size}×{arguments.size}, {arguments.steps} steps"
    text = f"### {title}, seeds {', '.join(map(str, arguments.seeds))}\n\n{table(found)}\n"
    write_text(folder / "gains.md", text)
    print(text)


def _scores(scores: Scores) -> str:
    return "  ".join(f"{name} {scores[name]:.4f}" for name in METRICS)


if __name__ == "__main__":
    main()
