"""Measured memory of whole translations, compared with the estimate of `translate`.

    .venv/bin/python -m benchmarks.memory

Each translation runs in its own process. The measured memory does not include TensorFlow and the
network, which are already loaded when `translate` compares its estimate with the free memory. Needs
Linux.
"""

from __future__ import annotations

import argparse
import itertools
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

KINDS = ("unet", "encoder_decoder", "resnet_6", "resnet_9")
NETWORKS = (*KINDS, *(f"{kind}+resize" for kind in KINDS))


def main(words: Sequence[str] | None = None) -> None:
    """Prints a table with a row for each network, width and size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=NETWORKS, help="kind, or kind+resize")
    parser.add_argument("--widths", type=int, nargs="+", default=[8, 16, 32, 64])
    parser.add_argument("--sides", type=int, nargs="+", default=[512, 1024, 2048])
    parser.add_argument("--one", action="store_true", help="print one measured number")
    arguments = parser.parse_args(words)
    cases = list(itertools.product(arguments.networks, arguments.widths, arguments.sides))
    if arguments.one:
        print(_peak(*cases[0]))
        return
    table = Table("network", "width", "side", "measured MB", "expected MB", "expected / measured")
    for network, width, side in cases:
        measured, expected = _measure(network, width, side), _expected(network, width, side)
        megabytes = (f"{number / 1e6:.0f}" for number in (measured, expected))
        table.add_row(network, f"{width}", f"{side}", *megabytes, f"{expected / measured:.2f}")
    Console().print(table)


def _settings(network: str, width: int) -> dict[str, object]:
    kind, _, resize = network.partition("+")
    return {"kind": kind, "width": width, "upsampling": resize or "transposed"}


def _expected(network: str, width: int, side: int) -> float:
    from pix2pix_tf.config.schema import GeneratorConfig
    from pix2pix_tf.inference.memory import peak_memory

    generator = GeneratorConfig.model_validate(_settings(network, width))
    return peak_memory(generator, side, side)


def _measure(network: str, width: int, side: int) -> int:
    words = ["--one", "--networks", network, "--widths", f"{width}", "--sides", f"{side}"]
    command = [sys.executable, "-m", "benchmarks.memory", *words]
    here = Path(__file__).parents[1]
    done = subprocess.run(command, cwd=here, stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout)


def _peak(network: str, width: int, side: int) -> int:
    """Peak memory of a translation in this process, in bytes."""
    from pix2pix_tf.utils.runtime import start_tensorflow

    start_tensorflow()
    import numpy as np

    from pix2pix_tf.config.schema import make_config
    from pix2pix_tf.inference.translation import (
        AnySizeTranslation,
        compile_translation,
        image_seeds,
    )
    from pix2pix_tf.methods.translation import generator_translation

    config = make_config({"data": {"dataset": "sample"}, "generator": _settings(network, width)})
    translate = compile_translation(AnySizeTranslation(generator_translation(config)))
    before = _status("VmRSS")
    translate(np.zeros((1, side, side, 3), np.uint8), image_seeds(0, 1)).numpy()
    return _status("VmHWM") - before


def _status(name: str) -> int:
    found = re.search(rf"{name}:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


if __name__ == "__main__":
    main()
