import keras
import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.config.schema import load_config
from pix2pix_tf.models import build_generator
from pix2pix_tf.models.layers import ReflectionPadding2D, dropout_seeds
from pix2pix_tf.models.resnet import build_resnet


def resnet(**words):
    settings = {"blocks": 6, "input_channels": 3, "target_channels": 3, "width": 2, "seed": 0}
    return build_resnet(**{**settings, **words})


@pytest.mark.parametrize(
    ("kind", "count"),
    # 11.383 and 7.841 million, as the published program counts with batch norm.
    [("resnet_9", 11_383_427), ("resnet_6", 7_841_411)],
)
def test_golden_parameter_count(kind, count):
    model = build_generator(load_config("facades", {"generator.kind": kind}))
    assert model.count_params() == count
    assert model.output_shape == (None, 256, 256, 3)


def test_layers():
    model = build_resnet(
        size=(64, 64), blocks=6, input_channels=3, target_channels=3, width=4, seed=0
    )
    convolutions = [x for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    shapes = [(x.filters, x.kernel_size[0], x.strides[0]) for x in convolutions]
    blocks = [(16, 3, 1)] * 12
    assert shapes == [(4, 7, 1), (8, 3, 2), (16, 3, 2), *blocks, (3, 7, 1)]
    assert [x.name for x in convolutions if x.use_bias] == ["output"]


def test_any_multiple_of_four():
    model = build_resnet(
        size=(None, None), blocks=6, input_channels=1, target_channels=2, width=2, seed=0
    )
    assert model(tf.zeros((2, 20, 36, 1))).shape == (2, 20, 36, 2)


def test_identity_goes_through_a_block():
    model = build_resnet(
        size=(16, 16), blocks=6, input_channels=3, target_channels=3, width=2, seed=0
    )
    for layer in model.layers:
        if layer.name.endswith("_b_norm"):
            layer.scale.assign(tf.zeros_like(layer.scale))
    inner = keras.Model(
        model.input,
        [model.get_layer("encoder_3_activation").output, model.get_layer("block_6_sum").output],
    )
    before, after = inner(tf.random.stateless_normal((1, 16, 16, 3), (0, 1)), training=False)
    assert np.array_equal(before, after)


def test_dropout_follows_its_seeds():
    model = build_resnet(
        size=(16, 16), blocks=6, input_channels=3, target_channels=3, width=2, seed=0
    )
    x = tf.random.stateless_normal((1, 16, 16, 3), (0, 1))

    def run(seed):
        with dropout_seeds(tf.constant([[seed, 0]])):
            return model(x, training=False).numpy()

    assert np.array_equal(run(1), run(1))
    assert not np.array_equal(run(1), run(2))


def test_reflection_is_numpys():
    x = np.arange(2 * 5 * 4 * 3, dtype=np.float32).reshape(2, 5, 4, 3)
    padded = ReflectionPadding2D(3)(x).numpy()
    assert np.array_equal(padded, np.pad(x, [(0, 0), (3, 3), (3, 3), (0, 0)], mode="reflect"))
