"""Comparison of translation in tiles with that of whole images: time, agreement, borders, memory.

    .venv/bin/python -m benchmarks.tiling --run runs/facades --image labels.png

prints tables. Memory is the peak of the whole command, including TensorFlow. Needs Linux.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from pix2pix_tf.datasets.sample_city import render_city
from pix2pix_tf.images.io import read_image, write_image
from pix2pix_tf.inference.tile_grid import Span
from pix2pix_tf.utils.runtime import start_tensorflow

TRANSLATIONS = 3  # translations per size, of which the fastest is reported
CITY = 2048  # side of the drawn city in pixels


def main(words: Sequence[str] | None = None) -> None:
    """Prints one table after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", required=True, help="a run directory")
    parser.add_argument("--image", help="an input of the run; default: a map of a drawn city")
    parser.add_argument("--tile", type=int, default=512, help="side of the tiles")
    sides: dict = {
        "type": int,
        "nargs": "+",
        "help": "sides of the inputs, made from the image by mirroring",
    }
    parser.add_argument("--whole", **sides, default=[256, 512, 1024, 2048])
    parser.add_argument("--tiled", **sides, default=[2048, 4096, 8192])
    arguments = parser.parse_args(words)
    start_tensorflow()
    console = Console()
    image = _read_or_draw(arguments.image)
    console.print(_time(arguments.run, image, arguments.whole))
    for table in _agreement(arguments.run, _mirrored(image, max(arguments.whole)), arguments.tile):
        console.print(table)
    console.print(
        _memory(arguments.run, image, arguments.tile, arguments.whole[-1:], arguments.tiled)
    )


def _read_or_draw(file: str | None) -> np.ndarray:
    return render_city(7, CITY, CITY).street_map if file is None else read_image(file, 3)


def _mirrored(image: np.ndarray, side: int) -> np.ndarray:
    """Extends an image by mirroring, or crops it, to [side, side, C]."""
    height, width = image.shape[:2]
    more = [(0, max(side - height, 0)), (0, max(side - width, 0)), (0, 0)]
    return np.pad(image, more, mode="symmetric")[:side, :side]


def _time(run: str, image: np.ndarray, sides: Sequence[int]) -> Table:
    """Table of the seconds for whole images of several sizes, and per pixel."""
    from pix2pix_tf import Translator

    translator = Translator(run)
    table = Table("whole images", "seconds", "µs a pixel")
    for side in sides:
        mirrored = _mirrored(image, side)
        translator(mirrored, dropout=False)  # traces the graph and allocates memory
        seconds = []
        for _ in range(TRANSLATIONS):
            start = time.perf_counter()
            translator(mirrored, dropout=False)
            seconds.append(time.perf_counter() - start)
        fastest = min(seconds)
        table.add_row(f"{side}×{side}", f"{fastest:.3f}", f"{fastest / side**2 * 1e6:.3f}")
    return table


def _agreement(run: str, image: np.ndarray, tile: int) -> Iterator[Table]:
    """Tables of differences between tiled and whole translation, and of steps at tiles' borders."""
    from pix2pix_tf import Translator
    from pix2pix_tf.inference.tiling import TiledTranslation

    translator = Translator(run)
    whole = translator(image, dropout=False).astype(np.float32)
    tiled = translator.tiled(image, tile, dropout=False).astype(np.float32)
    error = np.abs(tiled - whole)
    title = f"tiled {tile} - whole, {len(image)}²"
    table = Table(title, "mean", "max")
    table.add_row("grey levels", f"{error.mean():.5f}", f"{error.max():.0f}")
    yield table

    grid = TiledTranslation(translator.translation).grid(*image.shape[:2], tile)
    rows, columns = _borders(grid.rows), _borders(grid.columns)
    table = Table("mean step to the next row or column", "at tiles' borders", "elsewhere")
    for name, output in (("tiled", tiled), ("whole", whole)):
        down, right = _steps(output), _steps(output.swapaxes(0, 1))
        at = np.concatenate([down[rows], right[columns]])
        elsewhere = np.concatenate([np.delete(down, rows), np.delete(right, columns)])
        table.add_row(name, f"{at.mean():.3f}", f"{elsewhere.mean():.3f}")
    yield table


def _steps(image: np.ndarray) -> np.ndarray:
    """Mean absolute difference of each row from the next, [H - 1]."""
    return np.abs(np.diff(image, axis=0)).mean(axis=(1, 2))


def _borders(spans: Sequence[Span]) -> list[int]:
    """Rows after which tiles begin, end, and have equal weights with their neighbours."""
    begin = [span.start for span in spans[1:]]
    end = [span.start + len(span.weights) for span in spans[:-1]]
    middle = [(first + last) // 2 for first, last in zip(begin, end, strict=True)]
    return [row - 1 for row in sorted({*begin, *middle, *end})]


def _memory(
    run: str, image: np.ndarray, tile: int, whole: Sequence[int], tiled: Sequence[int]
) -> Table:
    """Table of the seconds and peak memory of the command."""
    table = Table("translate --no-dropout", "--tile", "seconds", "peak GB (10⁹)")
    cases = [*((side, []) for side in whole), *((side, ["--tile", str(tile)]) for side in tiled)]
    with tempfile.TemporaryDirectory() as folder:
        for side, options in cases:
            file = Path(folder) / f"{side}.png"
            write_image(file, _mirrored(image, side))
            words = ["--run", run, "--input", str(file), "--output", str(Path(folder) / "out")]
            seconds, peak = _measure(*words, "--no-pairs", "--no-dropout", *options)
            table.add_row(f"{side}×{side}", *options[1:] or ("",), f"{seconds:.0f}", f"{peak:.2f}")
    return table


# Linux includes the memory of the starting process in the peak. Starting the command from a small
# process keeps the memory of the benchmark out.
_LAUNCHER = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=sys.stderr)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def _measure(*words: str) -> tuple[float, float]:
    """Seconds and peak gigabytes of one translate command."""
    program = str(Path(sys.executable).with_name("pix2pix-tf"))
    command = [sys.executable, "-c", _LAUNCHER, program, "translate", *words]
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"translate {' '.join(words)} failed")
    return time.perf_counter() - start, int(done.stdout) * 1024 / 1e9


if __name__ == "__main__":
    main()
