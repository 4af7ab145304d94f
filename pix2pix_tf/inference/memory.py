"""How much memory a translation takes, and how much there is."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from pix2pix_tf.config.schema import GeneratorConfig
from pix2pix_tf.models.generators import GENERATORS
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.system import available_memory

# Bytes at the peak of a translation on the CPU whatever the image, measured by
# `python -m benchmarks.memory`; each kind of generator adds its own for each pixel.
_BASE_BYTES = 85e6


def refuse_too_large(path: Path, height: int, width: int, generator: GeneratorConfig) -> None:
    """Checks that an image can be translated whole, where that can be known.

    That is without a GPU, whose memory TensorFlow itself finds too small in time, and on systems
    that tell how much is free. Linux would end the program without a word.

    Raises:
        UserError: It takes more memory than there is.
    """
    available = available_memory()
    if available is None or tf.config.list_physical_devices("GPU"):
        return
    needed = peak_memory(generator, height, width)
    if needed > available:
        raise UserError(
            f"{path}: has {width}×{height} pixels, whose translation as a whole takes about "
            f"{needed / 1e9:.1f} GB of memory, and {available / 1e9:.1f} GB are free; give "
            "--tile 512 to translate it in tiles"
        )


def peak_memory(generator: GeneratorConfig, height: int, width: int) -> float:
    """Returns the bytes that translating an image whole takes on the CPU, within 30 %."""
    per_pixel = GENERATORS[generator.kind].bytes_per_pixel(generator)
    return _BASE_BYTES + per_pixel * height * width
