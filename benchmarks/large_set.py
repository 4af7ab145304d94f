"""Time from the command to the first step on a very large dataset, and the wait for large images.

    .venv/bin/python -m benchmarks.large_set --files 1000000

makes the files (side-by-side pairs of 32×16 pixels in folders of 1,000), trains on them by the
command, and removes them. Peak memory is that of the largest process. The second part trains on
pairs of TIFFs of 13 float bands, 256×256, that are read in every epoch.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

VALIDATION = 200  # pairs of the split val
_CONTENTS, _IN_A_FOLDER = 1000, 1000  # different contents of files; files in a folder
_TINY = {
    "data.load_size": 18,
    "data.crop_size": 16,
    "generator.width": 4,
    "discriminator.width": 4,
    "discriminator.receptive_field": 16,
}
_BANDS, _SIDE = 13, 256


def main(words: Sequence[str] | None = None) -> None:
    """Prints a table for each part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1_000_000, help="0 leaves this part out")
    parser.add_argument("--tiffs", type=int, default=60, help="pairs; 0 leaves this part out")
    parser.add_argument("--steps", type=int, default=60, help="steps on the TIFFs")
    parser.add_argument("--folder", type=Path, help="where files are made and removed again")
    arguments = parser.parse_args(words)
    console = Console()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        if arguments.files:
            console.print(_start(Path(name) / "files", arguments.files))
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        if arguments.tiffs:
            console.print(_waiting(Path(name), arguments.tiffs, arguments.steps))


def _start(folder: Path, count: int) -> Table:
    """Table of the seconds to the first step, of the first session and of one that resumes it."""
    begin = time.perf_counter()
    write_pairs(folder / "pairs", count)
    made = time.perf_counter() - begin
    title = f"{count:,} files, made in {made:.0f} s, on {os.cpu_count()} processors"
    table = Table(title, "seconds to the first step", "peak memory")
    for session, steps in (("first session", 1), ("resumed", 2)):
        seconds = _seconds_to_step(folder, steps)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        table.add_row(session, f"{seconds:.1f}", f"{peak / 1e9:.2f} GB")
    return table


def write_pairs(root: Path, count: int) -> None:
    """Writes side-by-side pairs of noise as PNG files into train/ and val/.

    Args:
        root: The folder of the dataset.
        count: The number of files, of which 200 or a half are for validation.
    """
    random = np.random.default_rng(0)
    contents = []
    for _ in range(_CONTENTS):
        file = io.BytesIO()
        noise = random.integers(0, 256, (16, 32, 3)).astype(np.uint8)
        Image.fromarray(noise).save(file, "PNG")
        contents.append(file.getvalue())
    validation = min(VALIDATION, count // 2)
    for split, first, last in (("val", 0, validation), ("train", validation, count)):
        for number in range(first, last):
            folder = root / split / f"{number // _IN_A_FOLDER:04d}"
            if number in (first, number // _IN_A_FOLDER * _IN_A_FOLDER):
                folder.mkdir(parents=True)
            (folder / f"{number:07d}.png").write_bytes(contents[number % _CONTENTS])


def _seconds_to_step(folder: Path, step: int) -> float:
    """Trains to a step by the command; returns the seconds until it has been made and scored."""
    settings = {
        **_TINY,
        "data.root": folder / "pairs",
        "data.direction": "AtoB",
        "training.steps": step,
        "logging.validate_every": 1,
        "logging.sheet_every": step + 1,
    }
    begin = time.perf_counter()
    with _training(settings, folder / "run", folder / "cache") as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith(f"step {step}  validation"):
                seconds = time.perf_counter() - begin
    if process.returncode:
        raise SystemExit("".join(said))
    return seconds


def _waiting(folder: Path, count: int, steps: int) -> Table:
    """Table of the share of the time that a training of the paper's networks waits for TIFFs."""
    import tifffile

    random = np.random.default_rng(0)
    for split, pairs in (("train", count), ("val", 2)):
        for side in "AB":
            (folder / "pairs" / split / side).mkdir(parents=True)
            for number in range(pairs):
                image = random.normal(size=(_BANDS, _SIDE, _SIDE)).astype(np.float32)
                path = folder / "pairs" / split / side / f"{number}.tif"
                tifffile.imwrite(path, image, photometric="minisblack", planarconfig="separate")
    settings = {
        "data.root": folder / "pairs",
        "data.direction": "AtoB",
        "data.input_channels": _BANDS,
        "data.target_channels": _BANDS,
        "data.input_range": [-3, 3],
        "data.target_range": [-3, 3],
        "data.cache": False,
        "training.steps": steps,
        "logging.validate_every": steps,
        "logging.sheet_every": steps,
    }
    with _training(settings, folder / "run", folder / "cache") as process:
        said, _ = process.communicate()
    if process.returncode:
        raise SystemExit(said)
    shares = _scalars(folder / "run" / "logs", "speed/waiting_for_data")[1:]  # without the first
    table = Table(
        f"{count} pairs of {_BANDS} × float32, {_SIDE}×{_SIDE}",
        f"share of {steps} steps spent waiting for data, by report",
    )
    table.add_row("median", f"{statistics.median(shares):.2%}")
    table.add_row("largest", f"{max(shares):.2%}")
    return table


def _scalars(logs: Path, name: str) -> list[float]:
    """Returns the values of a curve in TensorBoard's files."""
    import tensorflow as tf

    found = []
    for file in sorted(logs.glob("train/events*")):
        for record in tf.data.TFRecordDataset(str(file)):
            for value in tf.compat.v1.Event.FromString(record.numpy()).summary.value:
                if value.tag == name:
                    found.append(float(tf.make_ndarray(value.tensor)))
    return found


def _training(settings: dict[str, object], run: Path, cache: Path) -> subprocess.Popen[str]:
    words = [f"{key}={value}" for key, value in settings.items()]
    command = Path(sys.executable).with_name("pix2pix-tf")
    return subprocess.Popen(
        [command, "train", "--config", "facades", "--run", run, "--set", *words],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
    )


if __name__ == "__main__":
    main()
