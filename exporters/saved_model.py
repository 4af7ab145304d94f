"""SavedModels for TensorFlow Serving, with decoding, images of any size, encoding and warm-up.

They have three signatures with named inputs and outputs:

- `serving_default` maps `image_bytes`, string [N], PNG or JPEG files of any sizes, to
  `image_bytes`, string [N], PNG files. For a run of images that PNG cannot hold (floats, signed or
  32-bit integers, more than four channels) it is `images`.
- `images` maps `images`, [N, H, W, C], to `images`, [N, H, W, D], in the types and with the values
  of the files that the run was trained on: uint8 for files of 8 bits, float32 for floats of 32.
- `sample` maps `images` and `seed`, int32 [N], to `images`, with the dropout that the paper applies
  at test time.

With `data.input_range` the values of files are taken as they are, otherwise those of 8 and of 16
bits are scaled by the range of their bits. Each image is normalised by its own statistics, so that
batching by a server or a client does not change the results.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pix2pix_tf.exporters.image_files import translate_encoded
from pix2pix_tf.exporters.parity import EXACT, Variant
from pix2pix_tf.exporters.warmup import WARMUP, write_warmup
from pix2pix_tf.images.png_writer import png_holds
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.models.cpu_convolutions import cpu_convolutions


def write_saved_model(translator: Translator, folder: Path, name: str) -> None:
    """Writes a SavedModel into `folder`.

    Args:
        translator: The translation of a run.
        folder: An empty folder.
        name: Name of the model in the warm-up requests.
    """
    module = tf.Module()
    networks = translator.networks.values()
    module.weights = [variable.value for network in networks for variable in network.variables]
    tf.saved_model.save(module, str(folder), signatures=_signatures(translator))
    write_warmup(folder / WARMUP, name, _warmup_inputs(translator))


def _signatures(translator: Translator) -> dict[str, tf.types.experimental.ConcreteFunction]:
    translation = translator.translation
    channels, _ = translation.translation.channels
    many_files = tf.TensorSpec([None], tf.string, "image_bytes")
    values = translation.values
    many_images = tf.TensorSpec([None, None, None, channels], values.input.dtype, "images")
    many_seeds = tf.TensorSpec([None], tf.int32, "seed")

    @tf.function(input_signature=[many_files], autograph=False)
    def files(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        def translate(image: tf.Tensor) -> tf.Tensor:
            return translation.translate_values(image, None)

        scaled = values.input.range is None
        return {"image_bytes": translate_encoded(image_bytes, channels, translate, scaled=scaled)}

    @tf.function(input_signature=[many_images], autograph=False)
    def images(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"images": translation.translate_values(images, None)}

    @tf.function(input_signature=[many_images, many_seeds], autograph=False)
    def sample(images: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        seeds = tf.stack([seed, tf.zeros_like(seed)], axis=1)  # as `image_seeds` does
        return {"images": translation.translate_values(images, seeds)}

    default = files if _takes_files(translator) else images
    functions = {"serving_default": default, "images": images, "sample": sample}
    # Most servers compute on CPUs; a GPU can run these convolutions too.
    with cpu_convolutions():
        return {name: function.get_concrete_function() for name, function in functions.items()}


def _warmup_inputs(translator: Translator) -> dict[str, dict[str, Any]]:
    """Returns one request to every signature, with an image of the training size.

    Without warm-up, the first requests after a start or a new version wait for initialisation.
    """
    channels, _ = translator.translation.translation.channels
    shape = (1, *translator.config.data.crop_size, channels)
    image = np.full(shape, 127, translator.values.input.dtype)
    default: dict[str, Any] = {"images": image}
    if _takes_files(translator):
        default = {"image_bytes": [tf.io.encode_png(image[0]).numpy()]}
    return {
        "serving_default": default,
        "images": {"images": image},
        "sample": {"images": image, "seed": np.zeros(1, np.int32)},
    }


def _takes_files(translator: Translator) -> bool:
    """Whether PNG files hold the inputs and the targets of the run."""
    sides = (translator.values.input, translator.values.target)
    channels = translator.translation.translation.channels
    return all(png_holds(side.dtype, count) for side, count in zip(sides, channels, strict=True))


def saved_model_variants(translator: Translator, folder: Path) -> list[Variant]:
    """Returns a variant for each signature of a SavedModel, which is loaded from its folder.

    Args:
        translator: The translation of the run.
        folder: The folder of the SavedModel.

    Returns:
        The variants.
    """
    loaded = tf.saved_model.load(str(folder))
    files, images, sample = (
        loaded.signatures[name] for name in ("serving_default", "images", "sample")
    )
    seed, inputs, targets = 1, translator.values.input, translator.values.target

    def by_files(image: np.ndarray) -> np.ndarray:
        png = files(image_bytes=tf.io.encode_png(image)[tf.newaxis])["image_bytes"][0]
        # The number of channels is not given, because `decode_png` does not accept 2.
        return tf.io.decode_png(png, dtype=targets.dtype).numpy()

    def by_images(image: np.ndarray) -> np.ndarray:
        tensor = tf.constant(inputs.unify(image)[np.newaxis])
        return images(images=tensor)["images"].numpy()[0]

    def by_sample(image: np.ndarray) -> np.ndarray:
        tensors = {
            "images": tf.constant(inputs.unify(image)[np.newaxis]),
            "seed": tf.constant([seed]),
        }
        return sample(**tensors)["images"].numpy()[0]

    def translate(image: np.ndarray) -> np.ndarray:
        return translator(image, dropout=False)

    def translate_tensor(image: np.ndarray) -> np.ndarray:
        return translate(inputs.unify(image))

    def translate_sample(image: np.ndarray) -> np.ndarray:
        return translator(inputs.unify(image), seed=seed)

    limit = EXACT.for_values(targets)
    calls = {
        "serving_default": (by_images, translate_tensor),
        "images": (by_images, translate_tensor),
        "sample": (by_sample, translate_sample),
    }
    if _takes_files(translator):
        calls["serving_default"] = (by_files, translate)
    return [Variant(name, *functions, limit, targets) for name, functions in calls.items()]
