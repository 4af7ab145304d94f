import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.models.layers import TransposedConvolution
from pix2pix_tf.models.subpixel import convolve_transposed, subpixel_convolutions


def noise(*shape):
    return tf.constant(np.random.default_rng(0).normal(size=shape), tf.float32)


@pytest.mark.parametrize("size", [(1, 1), (3, 5)])
def test_equal_to_tensorflow(size):
    image, kernel = noise(2, *size, 6), noise(4, 4, 3, 6)
    height, width = size
    expected = tf.nn.conv2d_transpose(image, kernel, [2, 2 * height, 2 * width, 3], 2)
    open_sizes = tf.TensorSpec([None, None, None, 6])
    function = tf.function(lambda x: convolve_transposed(x, kernel), input_signature=[open_sizes])
    for found in (convolve_transposed(image, kernel), function(image)):
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_layers_use_it_where_it_is_turned_on():
    layer = TransposedConvolution(3, 4, 2, "same", bias_initializer="ones")
    image = noise(1, 4, 4, 6)
    plain = layer(image)
    with subpixel_convolutions():
        found = tf.function(layer).get_concrete_function(image)
    operations = {operation.type for operation in found.graph.get_operations()}
    assert "DepthToSpace" in operations and "Conv2DBackpropInput" not in operations
    np.testing.assert_allclose(found(image), plain, atol=1e-5)
