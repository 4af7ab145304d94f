"""The table of `python -m benchmarks.memory`."""

import sys

import pytest

from benchmarks import memory


def test_expected_stands_beside_measured(monkeypatch, capsys):
    monkeypatch.setattr(memory, "_measure", lambda network, width, side: 10**9)
    memory.main(["--networks", "unet", "resnet_9+resize", "--widths", "64", "--sides", "1024"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if "1000" in line]
    # 85 MB and 110 + 64 · 3.7 bytes a pixel; 85 MB and 64 · 34.1 bytes a pixel
    numbers = [[word for word in row if word not in "│┃"] for row in rows]
    assert numbers == [
        ["unet", "64", "1024", "1000", "449", "0.45"],
        ["resnet_9+resize", "64", "1024", "1000", "2373", "2.37"],
    ]


@pytest.mark.slow("starts the command as a process")
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_translation_is_measured_in_a_process_of_its_own():
    assert 10e6 < memory._measure("unet", 1, 256) < 1e9
