"""How much memory a translation takes, and how much there is."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from pix2pix_tf.config import GeneratorConfig
from pix2pix_tf.errors import UserError

# Bytes a pixel, for each filter of the first layer, at the peak of a translation on the CPU;
# `resize` is any kind of generator with that upsampling. Measured, and rounded down.
_BYTES_A_PIXEL = {"encoder_decoder": 5, "unet": 7, "resnet_6": 14, "resnet_9": 14, "resize": 14}

_MEMORY = Path("/proc/meminfo")


def refuse_too_large(path: Path, height: int, width: int, generator: GeneratorConfig) -> None:
    """Checks that a picture can be translated whole, where that can be known.

    That is without a GPU, whose memory TensorFlow itself finds too small in time, and on Linux,
    which would end the program without a word.

    Raises:
        UserError: It takes more memory than there is.
    """
    available = _available()
    if available is None or tf.config.list_physical_devices("GPU"):
        return
    kind = generator.kind if generator.upsampling == "transposed" else "resize"
    needed = _BYTES_A_PIXEL[kind] * generator.width * height * width
    if needed > available:
        raise UserError(
            f"{path}: has {width}×{height} pixels, whose translation as a whole takes about "
            f"{needed / 1e9:.1f} GB of memory, and {available / 1e9:.1f} GB are free; give "
            "--tile 512 to translate it in tiles"
        )


def _available() -> int | None:
    """Bytes that can still be had, of memory and swap; None where that is not known."""
    try:
        lines = dict(line.split(":") for line in _MEMORY.read_text().splitlines())
        return sum(int(lines[name].split()[0]) * 1024 for name in ("MemAvailable", "SwapFree"))
    except (OSError, KeyError, ValueError):
        return None
