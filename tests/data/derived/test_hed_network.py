"""Edge networks from files, by a stand-in whose map is the blue of the photograph."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.data.derived.edges import hed_edges
from pix2pix_tf.data.derived.hed_network import MEAN, PADDING, load_edge_network, prepare
from pix2pix_tf.utils.errors import UserError


@pytest.fixture
def photo():
    return np.random.default_rng(0).integers(0, 255, (40, 56, 3), np.uint8, endpoint=True)


def save_onnx(path, *, first, taken=3, given=1, size=(None, None), outputs=1, scale=1 / 255):
    """The input's first channel plus the mean of blue, times scale; channels first or last."""
    pytest.importorskip("onnxruntime", reason="the optional onnxruntime is not installed")
    onnx = pytest.importorskip("onnx", reason="onnx, which makes the model, is not installed")
    from onnx import TensorProto, helper

    axis = 1 if first else 3
    names = [n or name for n, name in zip(size, ("height", "width"), strict=True)]

    def declared(name, channels):
        shape = [1, channels, *names] if first else [1, *names, channels]
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    constants = [
        helper.make_tensor("blue", TensorProto.INT64, [given], [0] * given),
        helper.make_tensor("mean", TensorProto.FLOAT, [], [MEAN[0]]),
        helper.make_tensor("scale", TensorProto.FLOAT, [], [scale]),
    ]
    nodes = [
        helper.make_node("Gather", ["photo", "blue"], ["centred"], axis=axis),
        helper.make_node("Add", ["centred", "mean"], ["levels"]),
        *(helper.make_node("Mul", ["levels", "scale"], [f"map{k}"]) for k in range(outputs)),
    ]
    graph = helper.make_graph(
        nodes,
        "stand-in",
        [declared("photo", taken)],
        [declared(f"map{k}", given) for k in range(outputs)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path


class StandIn(tf.Module):
    """The same as a SavedModel; the map can be rolled down and right."""

    def __init__(
        self, first, taken=3, given=1, size=(None, None), outputs=1, scale=1 / 255, roll=0
    ):
        super().__init__()
        self.scale = tf.Variable(scale, dtype=tf.float32)
        shape = [1, taken, *size] if first else [1, *size, taken]
        axis = 1 if first else 3
        places = [2, 3] if first else [1, 2]

        def run(photo):
            levels = tf.gather(photo, [0] * given, axis=axis) + MEAN[0].astype(np.float32)
            levels = tf.roll(levels * self.scale, [roll, roll], places)
            return {f"map{k}": levels for k in range(outputs)}

        self.run = tf.function(run, input_signature=[tf.TensorSpec(shape, tf.float32, "photo")])


def save_tf(path, **words):
    module = StandIn(**words)
    tf.saved_model.save(module, str(path), signatures=module.run)
    return path


def refusal(call, *arguments, **words) -> str:
    with pytest.raises(UserError) as caught:
        call(*arguments, **words)
    return str(caught.value)


# --- what the network sees ---------------------------------------------------------------------


def test_padding_order_and_mean():
    photo = np.random.default_rng(1).integers(0, 255, (200, 150, 3), np.uint8)
    batch = prepare(photo)
    assert batch.dtype == np.float32
    assert batch.shape == (1, 456, 406, 3)
    blue, green, red = (104.00698793, 116.66876762, 122.67891434)
    r, g, b = photo[7, 9].astype(float)
    expected = [b - blue, g - green, r - red]
    np.testing.assert_allclose(batch[0, 128 + 7, 128 + 9], expected, rtol=1e-6)
    # By reflection: the border itself once, so 3 before it is what is 3 behind it.
    assert np.array_equal(batch[0, 125], batch[0, 131])
    assert np.array_equal(batch[0, :, 128 + 149 + 5], batch[0, :, 128 + 149 - 5])


def test_photographs_smaller_than_the_padding():
    assert prepare(np.zeros((3, 1, 3), np.uint8)).shape == (1, 259, 257, 3)


# --- maps --------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [True, False])
def test_onnx(tmp_path, photo, first):
    network = load_edge_network(save_onnx(tmp_path / "net.onnx", first=first))
    edge_map = network(photo)
    assert edge_map.dtype == np.float32
    np.testing.assert_allclose(edge_map, photo[..., 2] / 255, atol=1e-6)
    assert edge_map.min() >= 0
    assert edge_map.max() <= 1
    assert network(photo[:31, :17]).shape == (31, 17)  # any size, one network


@pytest.mark.parametrize("first", [True, False])
def test_saved_model(tmp_path, photo, first):
    network = load_edge_network(save_tf(tmp_path / "net", first=first))
    edge_map = network(photo)
    assert edge_map.dtype == np.float32
    np.testing.assert_allclose(edge_map, photo[..., 2] / 255, atol=1e-6)
    assert network(photo[:31, :17]).shape == (31, 17)
    drawing = hed_edges(edge_map, (64, 64))
    assert np.unique(drawing).tolist() == [0, 255]


def test_a_shifted_map(tmp_path, photo):
    path = save_tf(tmp_path / "net", first=True, roll=35)
    straight = load_edge_network(path, shift=35)(photo)
    np.testing.assert_allclose(straight, photo[..., 2] / 255, atol=1e-6)
    left = load_edge_network(path)(photo)  # 35 columns of the reflection are in it
    np.testing.assert_allclose(left[35:, 35:], photo[:-35, :-35, 2] / 255, atol=1e-6)
    assert "shift of an edge network is 129" in refusal(load_edge_network, path, shift=PADDING + 1)


def test_a_model_of_keras(tmp_path, photo):
    inputs = tf.keras.Input((None, None, 3))
    outputs = tf.keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")(inputs)
    tf.keras.Model(inputs, outputs).export(str(tmp_path / "net"), verbose=False)
    assert load_edge_network(tmp_path / "net")(photo).shape == (40, 56)


def test_only_photographs_are_taken(tmp_path, photo):
    network = load_edge_network(save_tf(tmp_path / "net", first=False))
    with pytest.raises(ValueError, match=r"float64 \(40, 56, 3\)"):
        network(photo / 255)
    with pytest.raises(ValueError, match=r"uint8 \(40, 56, 1\)"):
        network(photo[..., :1])


# --- what is no edge network -------------------------------------------------------------------


def test_nothing_there_and_other_things(tmp_path):
    assert "nowhere.onnx does not exist" in refusal(load_edge_network, tmp_path / "nowhere.onnx")
    assert "a folder without saved_model.pb" in refusal(load_edge_network, tmp_path)
    (tmp_path / "hed.caffemodel").touch()
    assert "is not an .onnx file" in refusal(load_edge_network, tmp_path / "hed.caffemodel")


def test_without_onnxruntime(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (tmp_path / "net.onnx").touch()
    message = refusal(load_edge_network, tmp_path / "net.onnx")
    assert "pip install 'pix2pix-tf[edges]'" in message


def test_damaged_files(tmp_path):
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "saved_model.pb").write_bytes(b"no model")
    assert "is not a SavedModel that TensorFlow" in refusal(load_edge_network, tmp_path / "net")
    pytest.importorskip("onnxruntime", reason="the optional onnxruntime is not installed")
    (tmp_path / "net.onnx").write_bytes(b"no model")
    assert "is not an ONNX model that" in refusal(load_edge_network, tmp_path / "net.onnx")


def test_a_saved_model_without_the_signature(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path / "net"))
    message = refusal(load_edge_network, tmp_path / "net")
    assert "no signature serving_default (its signatures: none)" in message


SAVED = [
    pytest.param(lambda folder, **words: save_tf(folder / "net", **words), id="SavedModel"),
    pytest.param(lambda folder, **words: save_onnx(folder / "net.onnx", **words), id="ONNX"),
]


@pytest.mark.parametrize("save", SAVED)
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({"first": True, "taken": 1}, "has not three channels in second or last place (declared"),
        ({"first": False, "taken": 4}, "(declared shape: [1, ?, ?, 4]): expected is one float32"),
        ({"first": True, "given": 2}, "has not one channel in second or last place (declared"),
        ({"first": False, "size": (64, 80)}, "fixed size (declared shape: [1, 64, 80, 3])"),
        ({"first": True, "outputs": 2}, "has 2 outputs (map0, map1): expected is one"),
    ],
)
def test_declared_otherwise(tmp_path, save, words, complaint):
    assert complaint in refusal(load_edge_network, save(tmp_path, **words))


def test_a_network_of_another_type(tmp_path):
    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 3], tf.uint8, "photo")])
    def serving_default(photo):
        return {"map": tf.cast(photo[..., :1], tf.float32) / 255}

    tf.saved_model.save(tf.Module(), tmp_path / "hed", {"serving_default": serving_default})
    message = refusal(load_edge_network, tmp_path / "hed")
    assert (
        f"The input photo of {tmp_path / 'hed'} is not float32: expected is one float32" in message
    )


@pytest.mark.parametrize("save", SAVED)
@pytest.mark.parametrize(("scale", "range_"), [(1.0, "0 to 255"), (float("nan"), "nan to nan")])
def test_maps_out_of_range(tmp_path, save, scale, range_, photo):
    photo[0, 0, 2], photo[0, 1, 2] = 0, 255
    network = load_edge_network(save(tmp_path, first=True, scale=scale))
    message = refusal(network, photo)
    assert f"values from {range_}" in message
    assert "last sigmoid" in message


class Wrong(tf.Module):
    """Halves the map, or fails."""

    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 3], tf.float32)])
    def half(self, photo):
        return photo[:, ::2, ::2, :1]

    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 3], tf.float32)])
    def fail(self, photo):
        return tf.reshape(photo, [1, 7, -1, 1])


def test_networks_that_fail_on_a_photograph(tmp_path, photo):
    module = Wrong()
    tf.saved_model.save(module, str(tmp_path / "half"), signatures=module.half)
    message = refusal(load_edge_network(tmp_path / "half"), photo)
    assert "gives [1, 148, 156, 1] for a photograph padded to 296×312 (height×width)" in message
    tf.saved_model.save(module, str(tmp_path / "fail"), signatures=module.fail)
    message = refusal(load_edge_network(tmp_path / "fail"), photo[:, :55])
    assert "fails on a photograph padded to 296×311 (height×width): Input to reshape is" in message
