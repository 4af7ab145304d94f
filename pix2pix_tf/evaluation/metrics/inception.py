"""Features of pictures by the Inception network that FID and KID are published with.

Its weights come from a file of the user's, either of two that hold the same numbers:

    pt_inception-2015-12-05-6726825d.pth    published with pytorch-fid, and with torch-fidelity as
                                            weights-inception-2015-12-05-6726825d.pth
    inception-2015-12-05.tgz                published by TensorFlow; the FID of Heusel et al. (2017)
                                            is computed with classify_image_graph_def.pb in it,
                                            which is also taken by itself

Any other file is refused by its SHA-256: the distances mean something only in this network's
features, and figures can be compared only between the same features.

What the network sees is what the published FID gives it, and torch-fidelity: RGB resized to 299×299
by TensorFlow 1's bilinear interpolation (corners at 0, no smoothing when it shrinks), then
(x - 128) / 128. Others resize in other ways and get other figures: pytorch-fid with half-pixel
centres, clean-fid bicubically with smoothing.
"""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.torch_file import read_state_dict

FEATURES = 2048
SIDE = 299  # pixels, of what the network sees

STATE_DICT_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
GRAPH_SHA256 = "009d6814d1bc560d4e7b236e170e9b2d5ca6f4b57bd8037f6db05776204415c6"

_GRAPH = "classify_image_graph_def.pb"
_WANTED = (
    "expected is pt_inception-2015-12-05-6726825d.pth (of github.com/mseitzer/pytorch-fid, release "
    "fid_weights), or inception-2015-12-05.tgz (of download.tensorflow.org/models/image/imagenet) "
    f"or the {_GRAPH} in it"
)
_LARGEST = 2**27  # bytes; either file has about 96 million
_BATCH = 16  # pictures at a time, each of some 10 MB in the network's widest layers


@dataclass(frozen=True)
class FeatureNetwork:
    """The Inception network up to its last pooling.

    Attributes:
        description: The file it is from, for people.
        run: Features [N, 2048] of a batch, uint8 [N, H, W, 3].
    """

    description: str
    run: Callable[[np.ndarray], np.ndarray]

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Features of any number of RGB pictures of one size.

        Args:
            images: uint8 [N, H, W, 3].

        Returns:
            float32 [N, 2048].
        """
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3 or not images.size:
            raise ValueError(f"expected uint8 [N, H, W, 3], not {images.dtype} {images.shape}")
        batches = range(0, len(images), _BATCH)
        return np.concatenate([self.run(images[first : first + _BATCH]) for first in batches])


def load_inception(file: str | Path) -> FeatureNetwork:
    """Loads the network from either of the files that the module names.

    Args:
        file: Under whatever name: it is known by its content.

    Raises:
        UserError: The file cannot be read, or is another.
    """
    path = Path(file)
    content = _read(path)
    digest = hashlib.sha256(content).hexdigest()
    if digest == STATE_DICT_SHA256:
        run = _with_keras(read_state_dict(path))
    elif digest == GRAPH_SHA256:
        run = _with_graph(content)
    else:
        raise UserError(
            f"{path}: is not the Inception network of FID and KID, or is incomplete (its SHA-256 "
            f"begins with {digest[:8]}); {_WANTED}"
        )
    return FeatureNetwork(f"{path.name}, the standard Inception network of 2015-12-05", run)


def _read(path: Path) -> bytes:
    """What the file holds, or the graph in the archive; cut off where it cannot be either."""
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if not packed:
                return file.read(_LARGEST)
            with tarfile.open(fileobj=file, mode="r:gz") as archive:
                member = archive.getmember(_GRAPH)
                graph = archive.extractfile(member) if member.isfile() else None
                return graph.read(_LARGEST) if graph else b""
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, KeyError):
        raise UserError(
            f"{path}: is an archive that is damaged, incomplete or without {_GRAPH}; {_WANTED}"
        ) from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}; {_WANTED}") from None


# The network of Szegedy et al. 2015 ("Rethinking the Inception architecture"), as it was published:
# the blocks on 35×35 keep a 5×5 convolution beside the two 3×3 of figure 5, and the last block has
# a maximum where the one before it has an average. Names are those in the state dict.


class _Conv(NamedTuple):
    """A convolution without bias, batch normalisation, ReLU.

    Zeros are put around what it sees unless it halves the size, or `padded` says otherwise.
    """

    name: str
    filters: int
    size: int | tuple[int, int] = 1  # height, width
    stride: int = 1
    padded: bool = True


class _Pool(NamedTuple):
    """The mean or maximum of 3×3; beyond the border is nothing, not zeros."""

    layer: type[layers.Layer]
    stride: int


class _Fork(NamedTuple):
    """Branches beside each other, concatenated; `name` and a dot begin the names in them."""

    name: str | None
    branches: Sequence[Sequence[_Step]]


_Step = _Conv | _Pool | _Fork


_AVERAGE = _Pool(layers.AveragePooling2D, 1)
_MAXIMUM = _Pool(layers.MaxPooling2D, 1)
_HALVE = _Pool(layers.MaxPooling2D, 2)


def _block_35(name: str, pooled: int) -> _Fork:
    """Figure 5."""
    return _Fork(
        name,
        [
            [_Conv("branch1x1", 64)],
            [_Conv("branch5x5_1", 48), _Conv("branch5x5_2", 64, 5)],
            [
                _Conv("branch3x3dbl_1", 64),
                _Conv("branch3x3dbl_2", 96, 3),
                _Conv("branch3x3dbl_3", 96, 3),
            ],
            [_AVERAGE, _Conv("branch_pool", pooled)],
        ],
    )


def _block_17(name: str, width: int) -> _Fork:
    """Figure 6, with n = 7."""
    return _Fork(
        name,
        [
            [_Conv("branch1x1", 192)],
            [
                _Conv("branch7x7_1", width),
                _Conv("branch7x7_2", width, (1, 7)),
                _Conv("branch7x7_3", 192, (7, 1)),
            ],
            [
                _Conv("branch7x7dbl_1", width),
                _Conv("branch7x7dbl_2", width, (7, 1)),
                _Conv("branch7x7dbl_3", width, (1, 7)),
                _Conv("branch7x7dbl_4", width, (7, 1)),
                _Conv("branch7x7dbl_5", 192, (1, 7)),
            ],
            [_AVERAGE, _Conv("branch_pool", 192)],
        ],
    )


def _block_8(name: str, pool: _Pool) -> _Fork:
    """Figure 7."""

    def across(branch: str) -> _Fork:
        return _Fork(None, [[_Conv(f"{branch}a", 384, (1, 3))], [_Conv(f"{branch}b", 384, (3, 1))]])

    return _Fork(
        name,
        [
            [_Conv("branch1x1", 320)],
            [_Conv("branch3x3_1", 384), across("branch3x3_2")],
            [
                _Conv("branch3x3dbl_1", 448),
                _Conv("branch3x3dbl_2", 384, 3),
                across("branch3x3dbl_3"),
            ],
            [pool, _Conv("branch_pool", 192)],
        ],
    )


_TO_17 = _Fork(
    "Mixed_6a",
    [
        [_Conv("branch3x3", 384, 3, 2)],
        [
            _Conv("branch3x3dbl_1", 64),
            _Conv("branch3x3dbl_2", 96, 3),
            _Conv("branch3x3dbl_3", 96, 3, 2),
        ],
        [_HALVE],
    ],
)
_TO_8 = _Fork(
    "Mixed_7a",
    [
        [_Conv("branch3x3_1", 192), _Conv("branch3x3_2", 320, 3, 2)],
        [
            _Conv("branch7x7x3_1", 192),
            _Conv("branch7x7x3_2", 192, (1, 7)),
            _Conv("branch7x7x3_3", 192, (7, 1)),
            _Conv("branch7x7x3_4", 192, 3, 2),
        ],
        [_HALVE],
    ],
)

_NETWORK: list[_Step] = [
    _Conv("Conv2d_1a_3x3", 32, 3, 2),
    _Conv("Conv2d_2a_3x3", 32, 3, padded=False),
    _Conv("Conv2d_2b_3x3", 64, 3),
    _HALVE,
    _Conv("Conv2d_3b_1x1", 80),
    _Conv("Conv2d_4a_3x3", 192, 3, padded=False),
    _HALVE,
    _block_35("Mixed_5b", 32),
    _block_35("Mixed_5c", 64),
    _block_35("Mixed_5d", 64),
    _TO_17,
    _block_17("Mixed_6b", 128),
    _block_17("Mixed_6c", 160),
    _block_17("Mixed_6d", 160),
    _block_17("Mixed_6e", 192),
    _TO_8,
    _block_8("Mixed_7b", _AVERAGE),
    _block_8("Mixed_7c", _MAXIMUM),
]


def build_inception() -> keras.Model:
    """Builds the network, without weights worth anything: [N, 299, 299, 3] to [N, 2048]."""
    image = keras.Input((SIDE, SIDE, 3), name="image")
    x = _through(image, _NETWORK, "")
    return keras.Model(image, layers.GlobalAveragePooling2D(name="features")(x), name="inception")


def _through(x: keras.KerasTensor, steps: Sequence[_Step], place: str) -> keras.KerasTensor:
    for step in steps:
        if isinstance(step, _Fork):
            inside = place if step.name is None else f"{place}{step.name}."
            x = layers.Concatenate()([_through(x, branch, inside) for branch in step.branches])
        elif isinstance(step, _Pool):
            x = step.layer(3, step.stride, "same" if step.stride == 1 else "valid")(x)
        else:
            x = _convolved(x, step, f"{place}{step.name}")
    return x


def _convolved(x: keras.KerasTensor, step: _Conv, name: str) -> keras.KerasTensor:
    padding = "same" if step.padded and step.stride == 1 else "valid"
    x = layers.Conv2D(
        step.filters,
        step.size,
        step.stride,
        padding,
        use_bias=False,
        kernel_initializer="zeros",  # which takes no time
        name=f"{name}.conv",
    )(x)
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}.bn")(x)
    return layers.ReLU()(x)


def weight_names(model: keras.Model) -> dict[str, keras.Variable]:
    """The variables of `build_inception` by their names in the state dict."""
    named = {}
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            named[f"{layer.name}.weight"] = layer.kernel
        elif isinstance(layer, layers.BatchNormalization):
            named[f"{layer.name}.weight"] = layer.gamma
            named[f"{layer.name}.bias"] = layer.beta
            named[f"{layer.name}.running_mean"] = layer.moving_mean
            named[f"{layer.name}.running_var"] = layer.moving_variance
    return named


def _with_keras(state: dict[str, np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """Features by our network with the weights of a state dict; its classifier is left away."""
    model = build_inception()
    for name, variable in weight_names(model).items():
        array = state[name]
        # [out, in, height, width] becomes [height, width, in, out]
        variable.assign(array.transpose(2, 3, 1, 0) if array.ndim == 4 else array)

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8)], autograph=False)
    def features(images: tf.Tensor) -> tf.Tensor:
        return model((tf1_resize(images) - 128) / 128, training=False)

    return lambda images: features(images).numpy()


def tf1_resize(images: tf.Tensor) -> tf.Tensor:
    """float32 [N, 299, 299, 3] of [N, H, W, 3], as TensorFlow 1 interpolates; see the module."""
    return tf.raw_ops.ResizeBilinear(
        images=images, size=[SIDE, SIDE], align_corners=False, half_pixel_centers=False
    )


def _with_graph(content: bytes) -> Callable[[np.ndarray], np.ndarray]:
    """Features by the published graph, which resizes and scales for itself.

    It runs in a session of its own, as of old: it has operations that exist only in graphs which
    declare themselves as old as it, and functions of TensorFlow 2 do not.
    """
    definition = tf.compat.v1.GraphDef.FromString(content)
    with tf.Graph().as_default() as graph:
        images = tf.compat.v1.placeholder(tf.float32, [None, None, None, 3])
        (pooled,) = tf.graph_util.import_graph_def(
            definition, {"ExpandDims:0": images}, ["pool_3:0"], name=""
        )
    session = tf.compat.v1.Session(graph=graph)

    def features(batch: np.ndarray) -> np.ndarray:
        return session.run(pooled, {images: batch}).reshape(len(batch), FEATURES)

    return features
