import keras
import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.config.objectives import RECEPTIVE_FIELDS, patch_grid
from pix2pix_tf.config.schema import load_config
from pix2pix_tf.models import build_discriminator
from pix2pix_tf.models.layers import BatchStatisticsNorm
from pix2pix_tf.models.patchgan import build_patchgan


def patchgan(halvings, size=(64, 64), width=2):
    return build_patchgan(
        size=size, input_channels=3, target_channels=3, width=width, downsamplings=halvings, seed=0
    )


def test_golden_parameter_count():
    model = build_discriminator(load_config("facades"))
    assert model.count_params() == 2_768_705
    assert model.output_shape == (None, 30, 30, 1)
    convolutions = [x for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    assert [x.filters for x in convolutions] == [64, 128, 256, 512, 1]
    assert [x.strides[0] for x in convolutions] == [2, 2, 2, 1, 1]
    assert [x.use_bias for x in convolutions] == [True, False, False, False, True]
    norms = [x.name for x in model.layers if isinstance(x, BatchStatisticsNorm)]
    assert norms == ["conv_2_norm", "conv_3_norm", "conv_4_norm"]


@pytest.mark.parametrize("field", RECEPTIVE_FIELDS)
@pytest.mark.parametrize("size", [(256, 256), (128, 192)])
def test_output_grid(field, size):
    model = patchgan(RECEPTIVE_FIELDS[field], size)
    assert model.output_shape == (None, *patch_grid(size, field), 1)


@pytest.mark.parametrize(("field", "halvings"), RECEPTIVE_FIELDS.items())
def test_receptive_field_by_gradient(monkeypatch, field, halvings):
    # Statistics of the whole image would let every pixel matter to every patch.
    monkeypatch.setattr(BatchStatisticsNorm, "call", lambda self, x, training=None: x)
    side = max(2 * field // 32 * 32, 64) + 64
    model = patchgan(halvings, (side, side))
    for variable in model.variables:
        variable.assign(tf.ones(variable.shape) * 0.1)  # nothing cancels
    image = tf.ones((1, side, side, 3))
    target = tf.Variable(image)
    with tf.GradientTape() as tape:
        logits = model([image, target])
        one = logits[0, logits.shape[1] // 2, logits.shape[2] // 2, 0]
    seen = np.abs(tape.gradient(one, target).numpy()).sum(axis=(0, 3)) > 0
    assert seen.any(axis=1).sum() == field
    assert seen.any(axis=0).sum() == field


def test_input_is_a_condition():
    model = patchgan(2)
    images = tf.random.stateless_uniform((2, 1, 64, 64, 3), (0, 1))
    one, other = model([images[0], images[0]]), model([images[1], images[0]])
    assert np.abs(one - other).max() > 0


def test_pixel_discriminator_judges_pixels():
    model = patchgan(0)
    convolutions = [x for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    assert [(x.filters, x.kernel_size, x.use_bias) for x in convolutions] == [
        (2, (1, 1), True),
        (4, (1, 1), False),
        (1, (1, 1), False),
    ]


def test_golden_numbers():
    x = tf.reshape(tf.linspace(-1.0, 1.0, 64 * 64 * 3), (1, 64, 64, 3))
    y = patchgan(2)([x, x * x], training=False).numpy()
    golden = [30.494307, 1.382522, 88.77526, 167.87468]
    np.testing.assert_allclose(y[0, ::4, 3, 0] * 1000, golden, atol=2e-2)
