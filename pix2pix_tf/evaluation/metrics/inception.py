"""Image features of the Inception network that FID and KID are published with.

The user provides the file of its weights, one of two that hold the same numbers:

    pt_inception-2015-12-05-6726825d.pth    published with pytorch-fid, and with torch-fidelity as
                                            weights-inception-2015-12-05-6726825d.pth
    inception-2015-12-05.tgz                published by TensorFlow; the FID of Heusel et al. (2017)
                                            is computed with classify_image_graph_def.pb in it,
                                            which is also accepted by itself

Any other file is refused by its SHA-256: the distances are meaningful only in the features of this
network, and results can be compared only between the same features.

The input of the network is that of the published FID and of torch-fidelity: RGB resized to 299×299
by the bilinear interpolation of TensorFlow 1 (corners at 0, no antialiasing), then (x - 128) / 128.
Other programs resize differently and get other results: pytorch-fid with half-pixel centres,
clean-fid bicubically with antialiasing.
"""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from pix2pix_tf.evaluation.metrics.inception_network import SIDE, build_inception, named_weights
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.torch_file import read_state_dict

FEATURES = 2048

STATE_DICT_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
GRAPH_SHA256 = "009d6814d1bc560d4e7b236e170e9b2d5ca6f4b57bd8037f6db05776204415c6"

_GRAPH = "classify_image_graph_def.pb"
_EXPECTED = (
    "expected is pt_inception-2015-12-05-6726825d.pth (of github.com/mseitzer/pytorch-fid, release "
    "fid_weights), or inception-2015-12-05.tgz (of download.tensorflow.org/models/image/imagenet) "
    f"or the {_GRAPH} in it"
)
_MAX_BYTES = 2**27  # bytes; either file has about 96 million
_BATCH = 16  # images per batch, each of some 10 MB in the widest layers of the network


@dataclass(frozen=True)
class FeatureNetwork:
    """The Inception network up to its last pooling.

    Attributes:
        description: Description of the file of its weights.
        run: Function from a batch of images, uint8 [N, H, W, 3], to their features, [N, 2048].
    """

    description: str
    run: Callable[[np.ndarray], np.ndarray]

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Computes the features of any number of RGB images of one size.

        Args:
            images: Images, uint8 [N, H, W, 3].

        Returns:
            The features, float32 [N, 2048].
        """
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3 or not images.size:
            raise ValueError(f"expected uint8 [N, H, W, 3], not {images.dtype} {images.shape}")
        batches = range(0, len(images), _BATCH)
        return np.concatenate([self.run(images[first : first + _BATCH]) for first in batches])


def load_inception(file: str | Path) -> FeatureNetwork:
    """Loads the network from one of the two files that the module docstring names.

    Args:
        file: The file, which may have any name: it is recognized by its content.

    Raises:
        UserError: The file cannot be read, or is neither of the two.
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
            f"begins with {digest[:8]}); {_EXPECTED}"
        )
    return FeatureNetwork(f"{path.name}, the standard Inception network of 2015-12-05", run)


def _read(path: Path) -> bytes:
    """Returns the content of the file, or of the graph in the archive, up to `_MAX_BYTES`."""
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if not packed:
                return file.read(_MAX_BYTES)
            with tarfile.open(fileobj=file, mode="r:gz") as archive:
                member = archive.getmember(_GRAPH)
                graph = archive.extractfile(member) if member.isfile() else None
                return graph.read(_MAX_BYTES) if graph else b""
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, KeyError):
        raise UserError(
            f"{path}: is an archive that is damaged, incomplete or without {_GRAPH}; {_EXPECTED}"
        ) from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}; {_EXPECTED}") from None


def _with_keras(state: dict[str, np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """Returns a feature function that uses the Keras network with the weights of a state dict."""
    model = build_inception()
    for name, variable in named_weights(model).items():
        array = state[name]
        # [out, in, height, width] becomes [height, width, in, out]
        variable.assign(array.transpose(2, 3, 1, 0) if array.ndim == 4 else array)

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8)], autograph=False)
    def features(images: tf.Tensor) -> tf.Tensor:
        return model((tf1_resize(images) - 128) / 128, training=False)

    return lambda images: features(images).numpy()


def tf1_resize(images: tf.Tensor) -> tf.Tensor:
    """Resizes images [N, H, W, 3] to float32 [N, 299, 299, 3] like TensorFlow 1."""
    return tf.raw_ops.ResizeBilinear(
        images=images, size=[SIDE, SIDE], align_corners=False, half_pixel_centers=False
    )


def _with_graph(content: bytes) -> Callable[[np.ndarray], np.ndarray]:
    """Returns a feature function that uses the published graph.

    The graph resizes and scales its input itself. It runs in a session of TensorFlow 1, since some
    of its operations exist only in graphs that declare an old version, which a tf.function of
    TensorFlow 2 does not.
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
