import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.segmentation.network import (
    MEAN_COLOUR,
    bilinear_kernel,
    build_fcn8s,
    load_trunk_weights,
)
from pix2pix_tf.utils.errors import UserError

# Filters of VGG-16's convolutions in and out, block by block.
VGG = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256)]
VGG += [(256, 512), (512, 512), (512, 512), (512, 512), (512, 512), (512, 512)]


@pytest.fixture
def small():
    """A segmenter of 3 classes with random scores and upsampling, where new ones have zeros."""
    model = build_fcn8s((64, 96), 3, width=2, head=4, seed=1)
    random = np.random.default_rng(0)
    for layer in model.layers:
        if layer.name.startswith(("score", "upscore")):
            layer.set_weights([random.normal(0, 0.5, w.shape) for w in layer.get_weights()])
    return model


def test_golden_parameter_count(monkeypatch):
    # Zeros instead of drawing 134 million random numbers.
    monkeypatch.setattr(keras.initializers, "HeNormal", lambda seed: keras.initializers.Zeros())
    model = build_fcn8s((None, None), 19)
    trunk = sum(9 * a * b + b for a, b in VGG)
    assert trunk == 14_714_688  # as everybody's VGG-16 has it
    head = (49 * 512 * 4096 + 4096) + (4096 * 4096 + 4096)
    scores = sum(filters * 19 + 19 for filters in (4096, 512, 256))
    upsampling = (2 * 4 * 4 + 16 * 16) * 19 * 19
    assert trunk + head + scores + upsampling == 134_456_985
    assert sum(np.prod(v.shape) for v in model.trainable_variables) == 134_456_985


def test_layers_have_the_published_names(small):
    names = [layer.name for layer in small.layers]
    for block, convolutions in enumerate((2, 2, 3, 3, 3), start=1):
        for number in range(1, convolutions + 1):
            assert f"conv{block}_{number}" in names
        assert f"pool{block}" in names
    tail = ["fc6", "drop6", "fc7", "drop7", "score_fr", "upscore2", "score_pool4", "fuse_pool4"]
    assert set(tail) < set(names)
    assert {"upscore_pool4", "score_pool3", "fuse_pool3", "upscore8"} < set(names)


def test_new_segmenter_prefers_no_class():
    model = build_fcn8s((32, 32), 3, width=2, head=4)
    assert not model(np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3))).numpy().any()


def test_same_seed_same_weights():
    first, second, other = (build_fcn8s((32, 32), 2, width=2, head=4, seed=s) for s in (3, 3, 4))
    kernels = [m.get_layer("conv1_1").kernel.numpy() for m in (first, second, other)]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert np.abs(kernels[0] - kernels[2]).max() > 0.1


def upsampled(x, kernel, factor):
    n, h, w, classes = x.shape
    shape = [n, factor * h, factor * w, classes]
    return tf.nn.conv2d_transpose(x, kernel, shape, factor, "SAME")


def plain(model, photo):
    """The published network, written plainly, with the model's weights."""

    def layer(name):
        return [tf.constant(w) for w in model.get_layer(name).get_weights()]

    def conv(x, name):
        kernel, bias = layer(name)
        return tf.nn.conv2d(x, kernel, 1, "SAME") + bias

    x = (photo - tf.constant(MEAN_COLOUR)) / 64
    pools = []
    for block, convolutions in enumerate((2, 2, 3, 3, 3), start=1):
        for number in range(1, convolutions + 1):
            x = tf.nn.relu(conv(x, f"conv{block}_{number}"))
        x = tf.nn.max_pool2d(x, 2, 2, "VALID")
        pools.append(x)
    x = tf.nn.relu(conv(tf.nn.relu(conv(x, "fc6")), "fc7"))
    x = upsampled(conv(x, "score_fr"), layer("upscore2")[0], 2) + conv(pools[3], "score_pool4")
    x = upsampled(x, layer("upscore_pool4")[0], 2) + conv(pools[2], "score_pool3")
    return upsampled(x, layer("upscore8")[0], 8)


def test_computes_the_published_network(small):
    photo = np.random.default_rng(1).uniform(0, 255, (2, 64, 96, 3)).astype(np.float32)
    logits = small(photo).numpy()
    assert logits.shape == (2, 64, 96, 3)
    assert np.abs(logits).max() > 0.1
    np.testing.assert_allclose(logits, plain(small, photo), atol=1e-4)


def test_upsampling_is_bilinear_at_first():
    line = [0.25, 0.75, 0.75, 0.25]
    np.testing.assert_allclose(bilinear_kernel(2, 1)[..., 0, 0], np.outer(line, line))
    ramp = np.tile(np.arange(6, dtype=np.float32), (6, 1))
    image = np.stack([ramp, ramp.T], axis=-1)[np.newaxis]
    for factor in (2, 8):
        done = upsampled(image, bilinear_kernel(factor, 2), factor).numpy()[0]
        inside = slice(factor, -factor)  # the rim mixes with zeros outside
        at = (np.arange(6 * factor) + 0.5) / factor - 0.5
        across = np.tile(at, (6 * factor, 1))
        expected = np.stack([across, across.T], axis=-1)
        np.testing.assert_allclose(done[inside, inside], expected[inside, inside], atol=1e-5)


def published_vgg(file):
    """A file laid out as Keras published VGG-16 without top, of random numbers."""
    random = np.random.default_rng(0)
    names = [f"block{b}_conv{n}" for b, c in enumerate((2, 2, 3, 3, 3), 1) for n in range(1, c + 1)]
    kernels = {}
    with h5py.File(file, "w") as h5:
        h5.attrs["layer_names"] = [name.encode() for name in names]
        for name, (a, b) in zip(names, VGG, strict=True):
            group = h5.create_group(name)
            kernels[name] = random.normal(size=(3, 3, a, b), scale=0.01).astype(np.float32)
            group.attrs["weight_names"] = [f"{name}_W_1:0".encode(), f"{name}_b_1:0".encode()]
            group[f"{name}_W_1:0"] = kernels[name]
            group[f"{name}_b_1:0"] = np.full(b, 0.5, np.float32)
    return kernels


def test_trunk_starts_from_published_weights(tmp_path):
    kernels = published_vgg(tmp_path / "vgg.h5")
    model = build_fcn8s((None, None), 2, head=4)
    load_trunk_weights(model, tmp_path / "vgg.h5")
    for name, kernel in list(kernels.items())[1:]:
        ours = model.get_layer(name.replace("block", "conv").replace("_conv", "_"))
        np.testing.assert_array_equal(ours.kernel, kernel)
        assert ours.bias.numpy().tolist() == [0.5] * kernel.shape[-1]

    # The first sees what it saw: BGR in grey levels, less the mean.
    photo = np.random.default_rng(2).uniform(0, 255, (1, 8, 8, 3)).astype(np.float32)
    seen = (photo - np.float32(MEAN_COLOUR))[..., ::-1]
    expected = tf.nn.relu(tf.nn.conv2d(seen, kernels["block1_conv1"], 1, "SAME") + 0.5)
    first = model.get_layer("conv1_1")(model.get_layer("colour")(photo))
    np.testing.assert_allclose(first, expected, atol=1e-3)


@pytest.mark.parametrize("content", [None, b"not HDF5", "other"])
def test_trunk_weights_of_something_else_are_refused(tmp_path, content):
    file = tmp_path / "vgg.h5"
    if content == "other":
        with h5py.File(file, "w") as h5:
            h5.attrs["layer_names"] = [b"dense"]
            h5.create_group("dense").attrs["weight_names"] = []
    elif content is not None:
        file.write_bytes(content)
    model = build_fcn8s((None, None), 2, width=2, head=4)
    with pytest.raises(UserError, match=r"segmenter\.trunk_weights: .*vgg\.h5: is not a file with"):
        load_trunk_weights(model, file)
