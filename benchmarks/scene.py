"""Memory and time of `pix2pix-tf translate --tile` for one large scene.

    .venv/bin/python -m benchmarks.scene --side 20000

It draws a GeoTIFF of some bands of 16 bits in tiles of 512 pixels, trains a run of one step from
such bands to one band of floats, translates the scene by the command, and prints the peak memory of
the command, its time, and the size of the files. How long the run was trained makes no difference
to either. Needs Linux.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tifffile
from rich.console import Console
from rich.table import Table

_PART = 512  # pixels a side of the tiles of the file
_GEOREFERENCE = [
    (33550, 12, 3, (10.0, 10.0, 0.0), True),
    (33922, 12, 6, (0, 0, 0, 5e5, 5e6, 0), True),
]


def main(words: Sequence[str] | None = None) -> None:
    """Prints a table with a row for each norm."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=20_000, help="pixels of a side of the scene")
    parser.add_argument("--bands", type=int, default=4)
    parser.add_argument(
        "--width", type=int, default=16, help="filters of the generator's first layer"
    )
    parser.add_argument("--tile", type=int, default=1024)
    parser.add_argument("--norms", nargs="+", default=["none", "batch"])
    parser.add_argument("--folder", type=Path, help="where files are written; a temporary one")
    arguments = parser.parse_args(words)
    headings = "side,bands,width,norm,tile,peak MB,seconds,Mpx/s,MB in,MB out"
    table = Table(*headings.split(","))
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        os.chdir(folder)
        scene = Path("scene") / "scene.tif"
        draw_scene(scene, arguments.side, arguments.bands)
        for norm in arguments.norms:
            train(arguments.bands, arguments.width, norm)
            seconds, peak = translate(norm, arguments.tile)
            output = Path(f"out-{norm}") / "scene.tif"
            side = arguments.side
            sizes = (f"{path.stat().st_size / 1e6:.0f}" for path in (scene, output))
            speed = f"{side**2 / 1e6 / seconds:.2f}"
            facts = (arguments.bands, arguments.width, norm, arguments.tile)
            table.add_row(
                str(side),
                *map(str, facts),
                f"{peak / 1e6:.0f}",
                f"{seconds:.0f}",
                speed,
                *sizes,
            )
            output.unlink()
            Console().print(table)


def draw_scene(path: Path, side: int, bands: int) -> None:
    """Writes a scene of smooth fields with noise, tile by tile."""
    path.parent.mkdir(parents=True)
    random = np.random.default_rng(0)
    coarse = random.uniform(500, 3000, (bands, 64, 64))

    def parts() -> Iterator[np.ndarray]:
        for top in range(0, side, _PART):
            for left in range(0, side, _PART):
                rows, columns = (
                    np.arange(first, first + _PART) * 64 // (side + _PART) for first in (top, left)
                )
                part = coarse[:, rows[:, None], columns] + random.normal(
                    0, 50, (bands, _PART, _PART)
                )
                yield np.moveaxis(part, 0, -1).astype(np.uint16)

    tifffile.imwrite(
        path,
        parts(),
        shape=(side, side, bands),
        dtype=np.uint16,
        tile=(_PART, _PART),
        photometric="minisblack",
        planarconfig="contig",
        bigtiff=True,
        metadata=None,
        extratags=_GEOREFERENCE,
    )


def train(bands: int, width: int, norm: str) -> None:
    """Trains the run of a norm by one step."""
    random = np.random.default_rng(1)
    for split in ("train", "val"):
        for side, shape, dtype in (("A", (256, 256, bands), "u2"), ("B", (256, 256), "f4")):
            folder = Path("pairs") / split / side
            folder.mkdir(parents=True, exist_ok=True)
            image = random.uniform(0, 3000, shape).astype(dtype)
            layout = {"planarconfig": "contig"} if len(shape) == 3 else {}
            tifffile.imwrite(folder / "0.tif", image, photometric="minisblack", **layout)
    settings = {
        "data.root": "pairs",
        "data.direction": "AtoB",
        "data.input_channels": bands,
        "data.target_channels": 1,
        "data.input_range": "[0,3000]",
        "data.target_range": "[0,3000]",
        "generator.width": width,
        "generator.norm": norm,
        "discriminator.width": 8,
        "training.steps": 1,
    }
    words = [f"{key}={value}" for key, value in settings.items()]
    _command("train", "--config", "facades", "--run", f"runs/{norm}", "--set", *words)


def translate(norm: str, tile: int) -> tuple[float, int]:
    """Translates the scene.

    Returns:
        The seconds that it took, and the largest resident memory of the command in bytes.
    """
    start = time.monotonic()
    words = ("--run", f"runs/{norm}", "--input", "scene", "--output", f"out-{norm}")
    # This is the largest child of all so far: trainings of one step take less.
    _command("translate", *words, "--tile", str(tile), "--no-dropout")
    return time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def _command(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "pix2pix_tf", *words], check=True)


if __name__ == "__main__":
    main()
