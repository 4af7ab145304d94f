"""How much memory a translation takes, and how much there is."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from pix2pix_tf.config.schema import GeneratorConfig
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.system import available_memory

# Bytes at the peak of a translation on the CPU, measured by `python -m benchmarks.memory`: of any
# network and image; then of each pixel, and of each pixel for each filter of the first layer.
# `+resize` is a kind with that upsampling.
_OF_ANY = 85e6
_OF_PIXELS = {
    "unet": (110, 3.7),
    "encoder_decoder": (140, 1.3),
    "resnet": (0, 24.5),
    "unet+resize": (10, 29.3),
    "encoder_decoder+resize": (20, 15),
    "resnet+resize": (0, 34.1),
}


def refuse_too_large(path: Path, height: int, width: int, generator: GeneratorConfig) -> None:
    """Checks that a picture can be translated whole, where that can be known.

    That is without a GPU, whose memory TensorFlow itself finds too small in time, and on systems
    that tell how much is free. Linux would end the program without a word.

    Raises:
        UserError: It takes more memory than there is.
    """
    available = available_memory()
    if available is None or tf.config.list_physical_devices("GPU"):
        return
    needed = translation_bytes(generator, height, width)
    if needed > available:
        raise UserError(
            f"{path}: has {width}×{height} pixels, whose translation as a whole takes about "
            f"{needed / 1e9:.1f} GB of memory, and {available / 1e9:.1f} GB are free; give "
            "--tile 512 to translate it in tiles"
        )


def translation_bytes(generator: GeneratorConfig, height: int, width: int) -> float:
    """Bytes that the translation of an image as a whole takes on the CPU, within 30 %."""
    kind: str = "resnet" if generator.kind.startswith("resnet") else generator.kind
    if generator.upsampling == "resize":
        kind += "+resize"
    of_each, of_filters = _OF_PIXELS[kind]
    return _OF_ANY + (of_each + of_filters * generator.width) * height * width
