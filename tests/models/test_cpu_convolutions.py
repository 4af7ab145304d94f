import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.models import cpu_convolutions
from pix2pix_tf.models.cpu_convolutions import convolve, convolve_in_bands, convolve_transposed
from pix2pix_tf.models.layers import Convolution, SpectralConv2D, TransposedConvolution


@pytest.fixture(params=[False, True], ids=["AVX2", "AVX-512"])
def avx512(request, monkeypatch):
    """Has convolutions computed as on a processor with or without it, whatever runs the test."""
    monkeypatch.setattr(cpu_convolutions, "_avx512", lambda: request.param)
    return request.param


def noise(*shape):
    return tf.constant(np.random.default_rng(sum(shape)).normal(size=shape), tf.float32)


def with_gradients(function, *arguments):
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        result = function(*arguments)
        total = tf.reduce_sum(result * tf.cast(noise(*result.shape), result.dtype))
    return [result, *tape.gradient(total, arguments)]


def assert_equal(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, atol=2e-6 * float(tf.reduce_max(tf.abs(other))))


# Each way that there is, and what lies beside where one begins.
SHAPES = {  # (images, height, width, channels, filters)
    "bands": (1, 32, 36, 9, 8),
    "a batch": (2, 32, 34, 9, 8),
    "few pixels": (1, 8, 16, 6, 7),
    "one pixel": (1, 2, 2, 16, 4),
    "few channels": (2, 40, 36, 3, 5),
    "many filters": (1, 34, 38, 3, 512),
    "many pixels": (1, 66, 64, 3, 12),
}


@pytest.mark.usefixtures("avx512")
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_equal_to_tensorflow_at_stride_2(shape):
    *sides, channels, filters = shape
    x, kernel = noise(*sides, channels), noise(4, 4, channels, filters)
    assert_equal(
        with_gradients(lambda x, kernel: convolve(x, kernel, 2, 1), x, kernel),
        with_gradients(lambda x, kernel: tf.nn.conv2d(x, kernel, 2, "SAME"), x, kernel),
    )
    wide = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
    assert_equal(
        with_gradients(lambda x, kernel: convolve(x, kernel, 2, 0), wide, kernel),
        with_gradients(lambda x, kernel: tf.nn.conv2d(x, kernel, 2, "VALID"), wide, kernel),
    )


@pytest.mark.usefixtures("avx512")
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_equal_to_tensorflow_when_transposed(shape):
    images, height, width, channels, filters = shape
    y, kernel = noise(images, height // 2, width // 2, filters), noise(4, 4, channels, filters)
    size = [images, height, width, channels]
    assert_equal(
        with_gradients(convolve_transposed, y, kernel),
        with_gradients(lambda y, kernel: tf.nn.conv2d_transpose(y, kernel, size, 2), y, kernel),
    )


@pytest.mark.usefixtures("avx512")
@pytest.mark.parametrize(
    "shape",
    [
        (1, 34, 30, 10, 12),
        (1, 35, 22, 10, 12),
        (2, 20, 9, 10, 12),
        (2, 20, 21, 10, 1),
        (1, 36, 40, 10, 12),
    ],
    ids=["bands", "bands of an odd height", "a batch", "one filter", "many pixels"],
)
def test_equal_to_tensorflow_at_stride_1(shape):
    *sides, channels, filters = shape
    x, kernel = noise(*sides, channels), noise(4, 4, channels, filters)
    assert_equal(
        with_gradients(lambda x, kernel: convolve(x, kernel, 1, 0), x, kernel),
        with_gradients(lambda x, kernel: tf.nn.conv2d(x, kernel, 1, "VALID"), x, kernel),
    )


def close_to_float32(found, expected):
    """Within four steps of bfloat16, which has 8 bits, of the largest value."""
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == tf.bfloat16
        one, largest = tf.cast(one, tf.float32), float(tf.reduce_max(tf.abs(other)))
        np.testing.assert_allclose(one, other, atol=4 * largest / 2**8)


@pytest.mark.parametrize("way", sorted(SHAPES.keys() - {"many pixels"}))  # TensorFlow's own way
def test_bfloat16_is_as_exact_as_it_can_be(way, monkeypatch):
    monkeypatch.setattr(cpu_convolutions, "_avx512", lambda: True)
    images, height, width, channels, filters = SHAPES[way]
    rounded = [
        tf.cast(values, tf.bfloat16)
        for values in (
            noise(images, height, width, channels),
            noise(images, height // 2, width // 2, filters),
            noise(4, 4, channels, filters),
        )
    ]
    for own, peer, image in [
        (lambda x, k: convolve(x, k, 2, 1), lambda x, k: tf.nn.conv2d(x, k, 2, "SAME"), 0),
        (
            convolve_transposed,
            lambda y, k: tf.nn.conv2d_transpose(y, k, (images, height, width, channels), 2),
            1,
        ),
    ]:
        arguments = rounded[image], rounded[2]
        exact = with_gradients(peer, *(tf.cast(each, tf.float32) for each in arguments))
        close_to_float32(with_gradients(own, *arguments), exact)


def test_half_precision_is_taken_where_it_is_fast(avx512):
    kernel = noise(4, 4, 3, 5)
    with cpu_convolutions.cpu_convolutions():
        for dtype, taken in [(tf.float32, True), (tf.bfloat16, avx512), (tf.float16, False)]:
            image = tf.zeros([1, 8, 8, 3], dtype)
            assert cpu_convolutions.fits(image, kernel, 2, 1) == taken
            assert cpu_convolutions.fits_transposed(image, kernel, 2) == taken


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Convolution(5, 4, 2, "same"), (1, 8, 8, 3)),
        (Convolution(5, 4, 2, "valid"), (1, 10, 8, 3)),
        (Convolution(1, 4, 1, "valid"), (2, 9, 8, 3)),
        (SpectralConv2D(5, 4, 2, "valid"), (1, 10, 8, 3)),
        (TransposedConvolution(3, 4, 2, "same"), (1, 4, 6, 5)),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_layers_use_them_where_they_are_turned_on(layer, shape, monkeypatch):
    calls = []
    for name in ("convolve", "convolve_transposed"):
        own = getattr(cpu_convolutions, name)
        monkeypatch.setattr(cpu_convolutions, name, lambda *a, own=own: calls.append(1) or own(*a))
    image = noise(*shape)
    plain = layer(image)
    assert not calls
    with cpu_convolutions.cpu_convolutions():
        np.testing.assert_allclose(layer(image), plain, atol=1e-6)
    assert calls


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Convolution(2, 3, 1, "same"), (1, 8, 8, 3)),
        (Convolution(2, 4, 1, "same"), (1, 8, 8, 3)),  # padded by 1 before and 2 after
        (Convolution(2, 4, 2, "same"), (1, 9, 8, 3)),
        (Convolution(2, 4, 2, "valid"), (1, 9, 8, 3)),  # the last row is left out
        (TransposedConvolution(2, 3, 2, "same"), (1, 4, 4, 3)),
        (TransposedConvolution(2, 4, 2, "valid"), (1, 4, 4, 3)),
    ],
)
def test_other_convolutions_stay_tensorflows(layer, shape):
    image = noise(*shape)
    plain = layer(image)
    with cpu_convolutions.cpu_convolutions():
        np.testing.assert_array_equal(layer(image), plain)


@pytest.mark.parametrize(
    "shape",
    [(1, 32, 28, 16, 24), (2, 6, 10, 16, 24), (3, 2, 2, 512, 512)],
    ids=["an even number of rows", "an odd one", "a large kernel"],
)
def test_sizes_may_be_open(shape):
    *sides, channels, filters = shape
    x, kernel = noise(*sides, channels), noise(4, 4, channels, filters)
    open_x, open_y = (tf.TensorSpec([None, None, None, depth]) for depth in (channels, filters))
    down = tf.function(lambda x: convolve_in_bands(x, kernel, 2, "same"), input_signature=[open_x])
    up = tf.function(lambda y: convolve_transposed(y, kernel), input_signature=[open_y])
    y = tf.nn.conv2d(x, kernel, 2, "SAME")
    assert_equal([down(x), up(y)], [y, tf.nn.conv2d_transpose(y, kernel, x.shape, 2)])


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Convolution(5, 4, 2, "same"), (1, 84, 12, 9)),
        (Convolution(5, 4, 2, "same"), (2, 38, 8, 3)),
        (Convolution(5, 3, 2, "same"), (1, 9, 7, 3)),
        (Convolution(5, 3, 1, "same"), (1, 70, 8, 3)),
        (Convolution(5, 7, 1, "valid"), (1, 77, 13, 3)),
        (Convolution(5, 3, 2, "valid"), (1, 66, 8, 3)),
        (Convolution(5, 4, 2, "same"), (1, 2, 2, 3)),
    ],
    ids=str,
)
def test_images_of_open_sizes_are_cut_into_bands(layer, shape, monkeypatch):
    """Several of 16 rows, of which the last may be shorter."""
    image = noise(*shape)
    plain = layer(image)
    batches = []
    own = tf.nn.conv2d

    def watched(x, *args):
        batches.append(x.shape[0])
        return own(x, *args)

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, shape[-1]])])
    def banded(x):
        with cpu_convolutions.cpu_convolutions():
            return layer(x)

    monkeypatch.setattr(tf.nn, "conv2d", watched)
    np.testing.assert_allclose(banded(image), plain, atol=1e-5)
    assert batches == [None]  # as many as there are bands


def test_large_images_are_cut_into_bands_of_at_most_16_rows(monkeypatch, avx512):
    """TensorFlow's of one whole image of 2048×2048 pixels does not end, without AVX-512."""
    shapes = []
    own = tf.nn.conv2d

    def watched(x, *args):
        shapes.append(tuple(x.shape))
        return own(x, *args)

    monkeypatch.setattr(tf.nn, "conv2d", watched)
    with cpu_convolutions.cpu_convolutions():
        Convolution(2, 4, 2, "same")(tf.zeros([1, 512, 512, 3]))
        Convolution(2, 3, 1, "same")(tf.zeros([1, 512, 512, 3]))
    assert shapes == [(1, 514, 514, 3) if avx512 else (16, 34, 514, 3), (32, 18, 514, 3)]
