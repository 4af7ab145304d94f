import keras
import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.config.schema import load_config
from pix2pix_tf.models import build_generator
from pix2pix_tf.models.layers import BatchStatisticsNorm, Convolution, SeededDropout
from pix2pix_tf.models.unet import build_unet


def unet(**words):
    settings = {
        "size": (32, 32),
        "levels": 5,
        "input_channels": 3,
        "target_channels": 3,
        "width": 4,
        "bottleneck_norm": False,
        "dropout": 0.5,
        "seed": 0,
    }
    return build_unet(**{**settings, **words})


@pytest.fixture(scope="module")
def papers():
    return build_generator(load_config("facades"))


def test_golden_parameter_count(papers):
    assert papers.count_params() == 54_413_955
    assert papers.output_shape == (None, 256, 256, 3)


def test_layers_of_the_appendix(papers):
    down = [x for x in papers.layers if type(x) is Convolution]
    up = [x for x in papers.layers if isinstance(x, keras.layers.Conv2DTranspose)]
    assert [x.filters for x in down] == [64, 128, 256, 512, 512, 512, 512, 512]
    assert [x.filters for x in up] == [512, 512, 512, 512, 256, 128, 64, 3]
    assert {(x.kernel_size, x.strides) for x in down + up} == {((4, 4), (2, 2))}
    assert [x.name for x in down + up if x.use_bias] == ["output"]
    norms = {x.name for x in papers.layers if isinstance(x, BatchStatisticsNorm)}
    assert norms == {f"encoder_{k}_norm" for k in range(2, 8)} | {
        f"decoder_{k}_norm" for k in range(1, 8)
    }
    drops = [x for x in papers.layers if isinstance(x, SeededDropout)]
    assert [(x.name, x.output.shape[1], x.rate) for x in drops] == [
        ("decoder_1_dropout", 2, 0.5),
        ("decoder_2_dropout", 4, 0.5),
        ("decoder_3_dropout", 8, 0.5),
    ]
    leaks = [x for x in papers.layers if isinstance(x, keras.layers.LeakyReLU)]
    assert {round(x.negative_slope, 6) for x in leaks} == {0.2}


def instance(x, model, name):
    layer = model.get_layer(name)
    mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
    return (x - mean) / tf.sqrt(variance + 1e-5) * layer.scale + layer.offset


def forward(model, x, levels):
    """The published programs' U-Net, written plainly, with the model's weights; dropout off."""
    pad = [[0, 0], [1, 1], [1, 1], [0, 0]]
    features = []
    for level in range(1, levels + 1):
        if level > 1:
            x = tf.where(x > 0, x, 0.2 * x)
        kernel = model.get_layer(f"encoder_{level}").kernel.value
        x = tf.nn.conv2d(tf.pad(x, pad), kernel, 2, "VALID")
        if 1 < level < levels:
            x = instance(x, model, f"encoder_{level}_norm")
        features.append(x)
    features.pop()
    for block in range(1, levels + 1):
        name = "output" if block == levels else f"decoder_{block}"
        kernel = model.get_layer(name).kernel.value
        n, h, w, _ = x.shape
        shape = [n, 2 * h, 2 * w, kernel.shape[2]]
        x = tf.nn.conv2d_transpose(tf.maximum(x, 0), kernel, shape, 2, "SAME")
        if block < levels:
            x = tf.concat([features.pop(), instance(x, model, f"{name}_norm")], -1)
    return tf.tanh(x + model.get_layer("output").bias)


def test_computes_what_the_published_programs_compute():
    model = unet()
    for variable in model.trainable_variables:  # larger than initial, so that every path counts
        random = np.random.default_rng(len(variable.path))
        variable.assign(variable + random.normal(0, 0.1, variable.shape))
    x = tf.constant(np.random.default_rng(1).uniform(-1, 1, (2, 32, 32, 3)), tf.float32)
    np.testing.assert_allclose(model(x, training=False), forward(model, x, 5), atol=1e-5)


@pytest.mark.parametrize(
    ("size", "levels"), [((64, 64), 6), ((32, 64), 5), ((48, 48), 4), ((16, 16), 4)]
)
@pytest.mark.parametrize("channels", [(1, 3), (4, 2)])
def test_sizes_and_channels(size, levels, channels):
    model = unet(
        size=size, levels=levels, input_channels=channels[0], target_channels=channels[1], width=2
    )
    output = model(tf.zeros((1, *size, channels[0])))
    assert output.shape == (1, *size, channels[1])


def test_normalised_bottleneck_is_zeroed_at_batch_one():
    """The errata: what the innermost convolution computes cannot matter, its norm erases it."""
    x = tf.constant(np.random.default_rng(1).uniform(-1, 1, (1, 32, 32, 3)), tf.float32)
    for bottleneck_norm in (True, False):
        model = unet(bottleneck_norm=bottleneck_norm)
        before = model(x, training=False)
        innermost = model.get_layer("encoder_5")
        innermost.kernel.assign(innermost.kernel * -3 + 0.1)
        same = np.array_equal(before, model(x, training=False))
        assert same is bottleneck_norm


def test_initial_weights():
    model = unet(width=32)
    kernels = np.concatenate([v.numpy().ravel() for v in model.variables if v.name == "kernel"])
    assert abs(kernels.mean()) < 1e-4
    assert abs(kernels.std() - 0.02) < 1e-4
    again, other = unet(width=32), unet(width=32, seed=1)
    for a, b, c in zip(model.variables, again.variables, other.variables, strict=True):
        assert np.array_equal(a, b)
        assert np.array_equal(a, c) == (a.name in ("bias", "offset"))
    first, second = (model.get_layer(f"encoder_{k}").kernel.numpy() for k in (4, 5))
    assert not np.array_equal(first[..., :16], second[..., :16])


def test_any_size_has_the_same_weights(tiny):
    fixed, free = build_generator(tiny()), build_generator(tiny(), any_size=True)
    for a, b in zip(fixed.variables, free.variables, strict=True):
        assert np.array_equal(a, b)
    x = tf.random.stateless_uniform((1, 32, 32, 3), (1, 2))
    assert np.array_equal(fixed(x, training=False), free(x, training=False))
    assert free(tf.zeros((1, 64, 96, 3))).shape == (1, 64, 96, 3)


@pytest.mark.parametrize("kind", ["unet", "resnet_6"])
def test_without_initial_weights(tiny, kind):
    config = tiny(generator__kind=kind)
    drawn, empty = build_generator(config), build_generator(config, initial=False)
    assert [v.path for v in empty.variables] == [v.path for v in drawn.variables]
    assert all(np.any(v) for v in drawn.variables if v.name == "kernel")
    assert not any(np.any(v) for v in empty.variables if v.name == "kernel")


def test_golden_numbers():
    x = tf.reshape(tf.linspace(-1.0, 1.0, 32 * 32 * 3), (1, 32, 32, 3))
    y = unet()(x, training=False).numpy()
    golden = [-60.94582, 39.182312, 14.105613, 107.244484]
    np.testing.assert_allclose(y[0, ::9, 5, 1] * 1000, golden, atol=2e-2)
