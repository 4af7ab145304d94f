"""Check that the memory of this machine suffices for a translation."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from pix2pix_tf.config.schema import GeneratorConfig
from pix2pix_tf.models.generators import GENERATORS
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.system import available_memory

# Peak memory in bytes of a translation on the CPU that does not depend on the size of the image,
# measured by `python -m benchmarks.memory`. The bytes per pixel depend on the kind of generator.
_BASE_BYTES = 85e6


def refuse_too_large(path: Path, height: int, width: int, generator: GeneratorConfig) -> None:
    """Checks that there is enough memory to translate an image whole.

    Without this check, Linux would kill the program without an error message. Nothing is checked
    on systems that do not report their free memory, or with a GPU, where TensorFlow itself raises
    an error if memory is short.

    Args:
        path: The file of the image, for the error message.
        height: Height of the image in pixels.
        width: Width of the image in pixels.
        generator: Config of the generator.

    Raises:
        UserError: The translation takes more memory than is free.
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
    """Returns the memory, in bytes, that translating a whole image takes on the CPU, within 30 %.

    Args:
        generator: Config of the generator.
        height: Height of the image in pixels.
        width: Width of the image in pixels.

    Returns:
        The peak memory in bytes.
    """
    per_pixel = GENERATORS[generator.kind].bytes_per_pixel(generator)
    return _BASE_BYTES + per_pixel * height * width
