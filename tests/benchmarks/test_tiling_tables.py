"""The tables of `python -m benchmarks.tiling`."""

import sys

import numpy as np
import pytest

from benchmarks import tiling
from pix2pix_tf.inference.tile_grid import tile_grid

pytestmark = pytest.mark.usefixtures("eagerly")


def test_borders_by_hand():
    spans = tile_grid(448, 256, 256, 64).rows  # 0 to 256, 192 to 448
    assert tiling._borders(spans) == [191, 223, 255]


def test_mirrored():
    image = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    expected = [[0, 1, 2, 2], [3, 4, 5, 5], [3, 4, 5, 5], [0, 1, 2, 2]]
    assert tiling._mirrored(image, 4)[..., 0].tolist() == expected


def test_tables(tiny_run, monkeypatch, capsys):
    commands = []
    monkeypatch.setattr(tiling, "CITY", 128)
    monkeypatch.setattr(tiling, "_measure", lambda *words: commands.append(words) or (7.0, 1.25))
    sides = ["--whole", "64", "300", "--tiled", "400", "--tile", "256"]
    tiling.main(["--run", str(tiny_run), *sides])
    printed = capsys.readouterr().out
    for words in ("64×64", "tiled 256 - whole, 300²", "at tiles' borders", "400×400", "1.25"):
        assert words in printed
    assert ["--tile" in words for words in commands] == [False, True]


def test_peak_memory_is_that_of_the_command(monkeypatch, tmp_path):
    """And not of this process, which has had more."""
    bytearray(600_000_000)
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    program = tmp_path / "pix2pix-tf"
    program.write_text(f"#!{sys.executable}\nprint('made')\nbytearray(300_000_000)\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    seconds, peak = tiling._measure("--run", "none")
    assert 0 < seconds < 60
    assert peak == pytest.approx(0.31, abs=0.02)
