"""Translation in tiles beside that of whole pictures: time, agreement, borders, memory.

    .venv/bin/python -m benchmarks.tiling --run runs/facades --picture labels.png

Prints tables. Memory is the peak of the whole command, TensorFlow included. Needs Linux.
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

TRANSLATIONS = 3  # of each size; the fastest counts
CITY = 2048  # pixels a side


def main(words: Sequence[str] | None = None) -> None:
    """Prints one table after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", required=True, help="a run directory")
    parser.add_argument("--picture", help="an input of the run; default: a map of a drawn city")
    parser.add_argument("--tile", type=int, default=512, help="side of the tiles")
    sides: dict = {"type": int, "nargs": "+", "help": "sides of the inputs: the picture, mirrored"}
    parser.add_argument("--whole", **sides, default=[256, 512, 1024, 2048])
    parser.add_argument("--tiled", **sides, default=[2048, 4096, 8192])
    given = parser.parse_args(words)
    start_tensorflow()
    console = Console()
    picture = _picture(given.picture)
    console.print(_time(given.run, picture, given.whole))
    for table in _agreement(given.run, _mirrored(picture, max(given.whole)), given.tile):
        console.print(table)
    console.print(_memory(given.run, picture, given.tile, given.whole[-1:], given.tiled))


def _picture(file: str | None) -> np.ndarray:
    return render_city(7, CITY, CITY).street_map if file is None else read_image(file, 3)


def _mirrored(picture: np.ndarray, side: int) -> np.ndarray:
    """The picture with its mirror images beside it, [side, side, C]."""
    height, width = picture.shape[:2]
    more = [(0, max(side - height, 0)), (0, max(side - width, 0)), (0, 0)]
    return np.pad(picture, more, mode="symmetric")[:side, :side]


def _time(run: str, picture: np.ndarray, sides: Sequence[int]) -> Table:
    """Time of whole pictures against their pixels."""
    from pix2pix_tf import Translator

    translator = Translator(run)
    table = Table("whole pictures", "seconds", "µs a pixel")
    for side in sides:
        image = _mirrored(picture, side)
        translator(image, dropout=False)  # traces, and takes the memory it needs
        seconds = []
        for _ in range(TRANSLATIONS):
            start = time.perf_counter()
            translator(image, dropout=False)
            seconds.append(time.perf_counter() - start)
        fastest = min(seconds)
        table.add_row(f"{side}×{side}", f"{fastest:.3f}", f"{fastest / side**2 * 1e6:.3f}")
    return table


def _agreement(run: str, picture: np.ndarray, tile: int) -> Iterator[Table]:
    """How far the tiled picture is from the whole one, and its steps across the tiles' borders."""
    from pix2pix_tf import Translator
    from pix2pix_tf.inference.tiling import TiledTranslation

    translator = Translator(run)
    whole = translator(picture, dropout=False).astype(np.float32)
    tiled = translator.tiled(picture, tile, dropout=False).astype(np.float32)
    error = np.abs(tiled - whole)
    title = f"tiled {tile} - whole, {len(picture)}²"
    table = Table(title, "mean", "max")
    table.add_row("grey levels", f"{error.mean():.5f}", f"{error.max():.0f}")
    yield table

    grid = TiledTranslation(translator.translation, translator.config).grid(
        *picture.shape[:2], tile
    )
    rows, columns = _borders(grid.rows), _borders(grid.columns)
    table = Table("mean step to the next row or column", "at tiles' borders", "elsewhere")
    for name, image in (("tiled", tiled), ("whole", whole)):
        down, right = _steps(image), _steps(image.swapaxes(0, 1))
        at = np.concatenate([down[rows], right[columns]])
        elsewhere = np.concatenate([np.delete(down, rows), np.delete(right, columns)])
        table.add_row(name, f"{at.mean():.3f}", f"{elsewhere.mean():.3f}")
    yield table


def _steps(image: np.ndarray) -> np.ndarray:
    """How far each row is from the next on average, [H - 1]."""
    return np.abs(np.diff(image, axis=0)).mean(axis=(1, 2))


def _borders(spans: Sequence[Span]) -> list[int]:
    """The steps at which tiles begin, end, and are half faded into the next."""
    begin = [span.start for span in spans[1:]]
    end = [span.start + len(span.weights) for span in spans[:-1]]
    middle = [(first + last) // 2 for first, last in zip(begin, end, strict=True)]
    return [row - 1 for row in sorted({*begin, *middle, *end})]


def _memory(
    run: str, picture: np.ndarray, tile: int, whole: Sequence[int], tiled: Sequence[int]
) -> Table:
    """Time and peak memory of the command."""
    table = Table("translate --no-dropout", "--tile", "seconds", "peak GB (10⁹)")
    works = [*((side, []) for side in whole), *((side, ["--tile", str(tile)]) for side in tiled)]
    with tempfile.TemporaryDirectory() as folder:
        for side, options in works:
            file = Path(folder) / f"{side}.png"
            write_image(file, _mirrored(picture, side))
            words = ["--run", run, "--input", str(file), "--output", str(Path(folder) / "out")]
            seconds, peak = _measured(*words, "--no-pairs", "--no-dropout", *options)
            table.add_row(f"{side}×{side}", *options[1:] or ("",), f"{seconds:.0f}", f"{peak:.2f}")
    return table


# Linux counts for a process what started it, too: that is this small one, not the benchmark.
_SMALL = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=sys.stderr)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def _measured(*words: str) -> tuple[float, float]:
    """Seconds and peak gigabytes of one translate command."""
    program = str(Path(sys.executable).with_name("pix2pix-tf"))
    command = [sys.executable, "-c", _SMALL, program, "translate", *words]
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"translate {' '.join(words)} failed")
    return time.perf_counter() - start, int(done.stdout) * 1024 / 1e9


if __name__ == "__main__":
    main()
