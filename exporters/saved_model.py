"""SavedModels for TensorFlow Serving, with decoding, images of any size, encoding and warm-up.

They have three signatures with named inputs and outputs:

- `serving_default` maps `image_bytes`, string [N], PNG or JPEG files of any sizes, to
  `image_bytes`, string [N], PNG files.
- `images` maps `images`, uint8 [N, H, W, C], to `images`, uint8 [N, H, W, D]. Images of 16 bits
  must be reduced to 8 bits for it; as files they keep their precision.
- `sample` maps `images` and `seed`, int32 [N], to `images`, with the dropout that the paper applies
  at test time.

Each image is normalised by its own statistics, so that batching by a server or a client does not
change the results.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pix2pix_tf.exporters.image_files import translate_encoded
from pix2pix_tf.exporters.parity import EXACT, Variant
from pix2pix_tf.exporters.warmup import WARMUP, write_warmup
from pix2pix_tf.images.convert import to_8bit
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
    many_images = tf.TensorSpec([None, None, None, channels], tf.uint8, "images")
    many_seeds = tf.TensorSpec([None], tf.int32, "seed")

    @tf.function(input_signature=[many_files], autograph=False)
    def serving_default(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        def translate(image: tf.Tensor) -> tf.Tensor:
            return translation.translate_integers(image, None)

        return {"image_bytes": translate_encoded(image_bytes, channels, translate)}

    @tf.function(input_signature=[many_images], autograph=False)
    def images(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"images": translation.translate_integers(images, None)}

    @tf.function(input_signature=[many_images, many_seeds], autograph=False)
    def sample(images: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        seeds = tf.stack([seed, tf.zeros_like(seed)], axis=1)  # as `image_seeds` does
        return {"images": translation.translate_integers(images, seeds)}

    functions = {"serving_default": serving_default, "images": images, "sample": sample}
    # Most servers compute on CPUs; a GPU can run these convolutions too.
    with cpu_convolutions():
        return {name: function.get_concrete_function() for name, function in functions.items()}


def _warmup_inputs(translator: Translator) -> dict[str, dict[str, Any]]:
    """Returns one request to every signature, with an image of the training size.

    Without warm-up, the first requests after a start or a new version wait for initialisation.
    """
    channels, _ = translator.translation.translation.channels
    image = np.full((1, *translator.config.data.crop_size, channels), 127, np.uint8)
    return {
        "serving_default": {"image_bytes": [tf.io.encode_png(image[0]).numpy()]},
        "images": {"images": image},
        "sample": {"images": image, "seed": np.zeros(1, np.int32)},
    }


def saved_model_variants(translator: Translator, folder: Path) -> list[Variant]:
    """Returns a variant for each signature of a SavedModel, which is loaded from its folder.

    Images of 16 bits are passed unchanged in files. For the signatures that take tensors, which are
    uint8, both the export and `translate` take them reduced to 8 bits.

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
    seed = 1

    def by_files(image: np.ndarray) -> np.ndarray:
        png = tf.io.encode_png(image)[tf.newaxis]
        # The number of channels is not given, because `decode_png` does not accept 2.
        return tf.io.decode_png(files(image_bytes=png)["image_bytes"][0]).numpy()

    def by_images(image: np.ndarray) -> np.ndarray:
        return images(images=tf.constant(to_8bit(image)[np.newaxis]))["images"].numpy()[0]

    def by_sample(image: np.ndarray) -> np.ndarray:
        inputs = {"images": tf.constant(to_8bit(image)[np.newaxis]), "seed": tf.constant([seed])}
        return sample(**inputs)["images"].numpy()[0]

    def translate(image: np.ndarray) -> np.ndarray:
        return translator(image, dropout=False)

    def translate_tensor(image: np.ndarray) -> np.ndarray:
        return translator(to_8bit(image), dropout=False)

    def translate_sample(image: np.ndarray) -> np.ndarray:
        return translator(to_8bit(image), seed=seed)

    return [
        Variant("serving_default", by_files, translate, EXACT),
        Variant("images", by_images, translate_tensor, EXACT),
        Variant("sample", by_sample, translate_sample, EXACT),
    ]
