"""The golden file is by tools/torch_peer/make_inception_golden.py: what torch-fidelity computes.

The standard files have 96 MB each and are not here. Stand-ins take their place: weights that are
drawn, and a small graph with the operations of the standard one.
"""

import hashlib
import io
import os
import runpy
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.evaluation.metrics import inception
from pix2pix_tf.evaluation.metrics.inception import FeatureNetwork, load_inception
from pix2pix_tf.evaluation.metrics.inception_network import build_inception, named_weights
from pix2pix_tf.utils.errors import UserError

GOLDEN = Path(os.environ.get("PIX2PIX_TF_GOLDEN", Path(__file__).with_name("golden")))
TOOLS = Path(__file__).parents[3] / "tools" / "torch_peer"


@pytest.fixture(autouse=True)
def on_the_cpu():
    """Where golden numbers are from: a GPU's convolutions may round to fewer digits."""
    with tf.device("CPU:0"):
        yield


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN / "inception.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def state_file(golden, tmp_path_factory):
    """The golden file's weights as PyTorch saves them; by PyTorch itself in `make test-torch`."""
    if (GOLDEN / "inception.pth").exists():
        return GOLDEN / "inception.pth"
    draw_weight = runpy.run_path(str(TOOLS / "inception_weights.py"))["draw_weight"]
    state = {}
    for name, variable in named_weights(build_inception()).items():
        shape = tuple(variable.shape)
        if len(shape) == 4:
            height, width, taken, given = shape
            shape = given, taken, height, width
        state[name] = draw_weight(name, shape, int(golden["seed"]))
    return write_state(tmp_path_factory.mktemp("inception") / "any name.pth", state)


def write_state(path, state):
    """A state dict in PyTorch's zip format, its pickle written by hand."""

    def text(word):
        return b"X" + struct.pack("<I", len(word)) + word.encode()

    def numbers(*values):
        return b"(" + b"".join(b"J" + struct.pack("<i", value) for value in values) + b"t"

    entries = b""
    for key, (name, array) in enumerate(state.items()):
        strides = [stride // array.itemsize for stride in array.strides]
        storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(str(key)) + text("cpu")
        storage += numbers(array.size)[1:] + b"Q"
        rest = b"K\0" + numbers(*array.shape) + numbers(*strides) + b"\x89}t"
        entries += text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + rest + b"R"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", b"\x80\x02}(" + entries + b"u.")
        for key, array in enumerate(state.values()):
            archive.writestr(f"x/data/{key}", array.tobytes())
    return path


def as_the_standard(monkeypatch, name, content):
    monkeypatch.setattr(inception, name, hashlib.sha256(content).hexdigest())


def graph_file(path):
    """What classify_image_graph_def.pb does to colours, less the network; and its weights.

    It has the same names, and an operation that TensorFlow runs only in graphs as old as it says.
    """
    graph = tf.compat.v1.GraphDef(versions={"producer": 8})
    real = {"type": tf.float32.as_datatype_enum}

    def node(name, operation, *inputs, **attributes):
        made = graph.node.add(name=name, op=operation, input=inputs)
        for key, value in attributes.items():
            made.attr[key].CopyFrom(tf.compat.v1.AttrValue(**value))

    def constant(name, value):
        value = tf.make_tensor_proto(value)
        node(name, "Const", dtype={"type": value.dtype}, value={"tensor": value})

    random = np.random.default_rng(0)
    kernel = random.normal(size=(3, 1024)).astype(np.float32)
    mean, variance, beta, gamma = random.uniform(0.5, 2, (4, 1024)).astype(np.float32)

    constant("DecodeJpeg/contents", b"")
    node("DecodeJpeg", "DecodeJpeg", "DecodeJpeg/contents", channels={"i": 3})
    node("Cast", "Cast", "DecodeJpeg", SrcT={"type": tf.uint8.as_datatype_enum}, DstT=real)
    constant("ExpandDims/dim", np.int32(0))
    node("ExpandDims", "ExpandDims", "Cast", "ExpandDims/dim", T=real)
    constant("ResizeBilinear/size", np.int32([299, 299]))
    node("ResizeBilinear", "ResizeBilinear", "ExpandDims", "ResizeBilinear/size", T=real)
    constant("Sub/y", np.float32(128))
    node("Sub", "Sub", "ResizeBilinear", "Sub/y", T=real)
    constant("Mul/y", np.float32(1 / 128))
    node("Mul", "Mul", "Sub", "Mul/y", T=real)
    ones, side = {"list": {"i": [1, 1, 1, 1]}}, {"list": {"i": [1, 299, 299, 1]}}
    valid = {"s": b"VALID"}
    node("pool", "AvgPool", "Mul", T=real, ksize=side, strides=ones, padding=valid)
    constant("conv/conv2d_params", kernel[np.newaxis, np.newaxis])
    node("conv/Conv2D", "Conv2D", "pool", "conv/conv2d_params", T=real, strides=ones, padding=valid)
    parts = {"moving_mean": mean, "moving_variance": variance, "beta": beta, "gamma": gamma}
    for part, value in parts.items():
        constant(f"conv/batchnorm/{part}", value)
    node(
        "conv/batchnorm",
        "BatchNormWithGlobalNormalization",
        "conv/Conv2D",
        *(f"conv/batchnorm/{part}" for part in parts),
        T=real,
        variance_epsilon={"f": 0.001},
        scale_after_normalization={"b": True},
    )
    node("conv/CheckNumerics", "CheckNumerics", "conv/batchnorm", T=real, message={"s": b""})
    node("conv/wait", "Identity", "conv/batchnorm", "^conv/CheckNumerics", T=real)
    node("conv", "Relu", "conv/wait", T=real)
    constant("join/concat_dim", np.int32(3))
    node("join", "Concat", "join/concat_dim", "conv", "conv", T=real, N={"i": 2})
    node("pool_3", "MaxPool", "join", ksize=ones, strides=ones, padding=valid)
    constant("pool_3/_reshape/shape", np.int32([1, 2048]))
    node("pool_3/_reshape", "Reshape", "pool_3", "pool_3/_reshape/shape", T=real)
    path.write_bytes(graph.SerializeToString())

    def expected(colours):
        seen = (np.asarray(colours) - 128) / 128 @ kernel
        half = np.maximum((seen - mean) / np.sqrt(variance + 0.001) * gamma + beta, 0)
        return np.concatenate([half, half], axis=1)

    return expected


def pack(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def refusal(path):
    with pytest.raises(UserError) as caught:
        load_inception(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    for published in (
        "pt_inception-2015-12-05-6726825d.pth (of github.com/mseitzer/pytorch-fid",
        "inception-2015-12-05.tgz (of download.tensorflow.org/",
    ):
        assert published in message
    assert "\n" not in message
    return message


# --- the state dict ----------------------------------------------------------------------------


def test_features_are_those_of_torch_fidelity(golden, state_file, monkeypatch):
    # Right names and shapes do not make it the standard file: these weights nobody has trained.
    assert "is not the Inception network of FID and KID" in refusal(state_file)

    as_the_standard(monkeypatch, "STATE_DICT_SHA256", state_file.read_bytes())
    network = load_inception(state_file)
    assert network.description.startswith(f"{state_file.name}, the standard Inception network")
    found = [network(golden[name][np.newaxis]) for name in ("small", "large")]
    assert all(each.shape == (1, 2048) and each.dtype == np.float32 for each in found)
    expected = golden["features"]
    assert np.abs(expected[0] - expected[1]).max() > 1  # else pictures would hardly count
    np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-4, atol=1e-4)


def test_pictures_are_interpolated_between_points_without_smoothing():
    steps = np.arange(299)
    two = np.zeros((1, 1, 2, 3), np.uint8)
    two[:, :, 1] = 200
    row = inception.tf1_resize(two).numpy()[0, 150, :, 0]
    np.testing.assert_allclose(row, 200 * np.minimum(steps * 2 / 299, 1), atol=1e-3)
    wide = np.random.default_rng(0).integers(0, 256, (1, 299, 598, 3), np.uint8)
    assert np.array_equal(inception.tf1_resize(wide).numpy(), wide[:, :, ::2])


def test_other_files_are_refused_whatever_their_name(tmp_path):
    web_page = tmp_path / "pt_inception-2015-12-05-6726825d.pth"
    web_page.write_bytes(b"<!DOCTYPE html>")
    digest = hashlib.sha256(b"<!DOCTYPE html>").hexdigest()
    assert f"its SHA-256 begins with {digest[:8]}" in refusal(web_page)


def test_what_cannot_be_opened_is_refused(tmp_path):
    assert "cannot be read: No such file" in refusal(tmp_path / "none.pth")
    assert "cannot be read: Is a directory" in refusal(tmp_path)


# --- the graph ---------------------------------------------------------------------------------

COLOURS = [[0, 128, 255], [10, 20, 30], [200, 100, 50]]


def plain(height, width):
    """A image of each colour."""
    pictures = np.array(COLOURS, np.uint8)[:, np.newaxis, np.newaxis]
    return np.broadcast_to(pictures, (3, height, width, 3))


def test_the_graph_is_fed_as_published(tmp_path, monkeypatch):
    path = tmp_path / "renamed"
    expected = graph_file(path)
    as_the_standard(monkeypatch, "GRAPH_SHA256", path.read_bytes())
    network = load_inception(path)
    assert network.description.startswith("renamed, the standard")
    for size in ((5, 7), (299, 299), (310, 400)):
        found = network(plain(*size))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected(COLOURS), rtol=1e-4, atol=1e-4)


def test_the_graph_is_found_in_its_archive(tmp_path, monkeypatch):
    expected = graph_file(tmp_path / "graph")
    content = (tmp_path / "graph").read_bytes()
    as_the_standard(monkeypatch, "GRAPH_SHA256", content)
    name = "classify_image_graph_def.pb"
    packed = pack(tmp_path / "i.tgz", {"LICENSE": b"Apache", name: content, "after.txt": b""})
    found = load_inception(packed)(plain(4, 4))
    np.testing.assert_allclose(found, expected(COLOURS), rtol=1e-4, atol=1e-4)

    whole = packed.read_bytes()
    (tmp_path / "half.tgz").write_bytes(whole[: len(whole) // 2])
    assert "is an archive that is damaged, incomplete or without" in refusal(tmp_path / "half.tgz")
    assert "or without" in refusal(pack(tmp_path / "other.tgz", {"LICENSE": b"Apache"}))
    assert "is not the Inception" in refusal(pack(tmp_path / "changed.tgz", {name: content[:-1]}))


def test_another_graph_and_half_of_one_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "graph.pb"
    graph_file(path)
    assert "is not the Inception network" in refusal(path)
    content = path.read_bytes()
    as_the_standard(monkeypatch, "GRAPH_SHA256", content)
    path.write_bytes(content[:-1])
    assert "or is incomplete" in refusal(path)


# --- pictures ----------------------------------------------------------------------------------


def test_many_pictures_go_through_in_batches():
    seen = []

    def run(batch):
        seen.append(len(batch))
        return batch[:, 0, 0].astype(np.float32)

    pictures = np.random.default_rng(0).integers(0, 256, (40, 2, 2, 3), np.uint8)
    assert np.array_equal(FeatureNetwork("a stand-in", run)(pictures), pictures[:, 0, 0])
    assert max(seen) < 40
    assert sum(seen) == 40


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((1, 4, 4, 3), np.float32),
        np.zeros((4, 4, 3), np.uint8),
        np.zeros((1, 4, 4, 1), np.uint8),
        np.zeros((0, 4, 4, 3), np.uint8),
    ],
    ids=["float", "one", "grey", "none"],
)
def test_only_rgb_pictures_are_taken(images):
    with pytest.raises(ValueError, match="expected uint8"):
        FeatureNetwork("a stand-in", lambda batch: batch)(images)
