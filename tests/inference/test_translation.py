import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.data.representation import representation
from pix2pix_tf.inference.padding import image_padding
from pix2pix_tf.inference.translation import AnySizeTranslation, compile_translation, image_seeds
from pix2pix_tf.methods.translation import GeneratorTranslation, generator_translation
from pix2pix_tf.models import GENERATORS, build_generator


def plain(generator, kind="unet"):
    """The translation by a U-Net of 32×32 images or a ResNet."""
    return AnySizeTranslation(
        GeneratorTranslation(
            part="generator",
            network=generator,
            kind=GENERATORS[kind],
            crop_size=(32, 32),
            channels=(3, 3),
            representation=representation("plain"),
        )
    )


@pytest.mark.parametrize("multiple", [4, 32])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 8), (31, 33), (32, 64)])
def test_reflection_is_numpys(size, multiple):
    images = np.random.default_rng(0).normal(size=(2, *size, 3)).astype(np.float32)
    pads = [(0, 0)]
    for side in size:
        more = -side % multiple
        pads.append((more // 2, more - more // 2))
    expected = np.pad(images, [*pads, (0, 0)], mode="reflect")
    padding = image_padding(tf.constant(images), multiple)
    assert np.array_equal(padding.pad(tf.constant(images)), expected)
    assert np.array_equal(padding.crop(tf.constant(expected)), images)


def test_what_comes_in_at_a_place_comes_out_there():
    def identity(x, training=None):
        assert training is False
        assert x.shape[1] % 32 == x.shape[2] % 32 == 0
        return x

    for size in ((50, 37), (1, 1), (32, 32), (33, 95)):
        images = np.random.default_rng(0).integers(0, 256, (2, *size, 3), np.uint8)
        assert np.array_equal(plain(identity).translate_values(tf.constant(images), None), images)


@pytest.mark.parametrize("kind", ["unet", "resnet_6", "resnet_9"])
def test_images_of_any_size_are_translated(kind):
    sizes = {"dataset": "sample", "load_size": 32, "crop_size": 32}
    network = {"kind": kind, "width": 1}
    config = make_config(
        {"data": sizes, "generator": network, "discriminator": {"receptive_field": 34}}
    )
    network = build_generator(config, any_size=True)
    translate = compile_translation(AnySizeTranslation(generator_translation(config, network)))
    for size in ((1, 1), (1, 9), (4, 4), (8, 3)):
        assert translate(np.zeros((1, *size, 3), np.uint8), None).shape == (1, *size, 3)


def test_16_bits_are_scaled():
    images = tf.constant([0, 32768, 65535], tf.uint16, shape=(1, 1, 3, 1))
    output = plain(lambda x, training: x, "resnet_6").translate_values(images, None)
    assert output.numpy().ravel().tolist() == [0, 128, 255]


@pytest.fixture(scope="module")
def generator():
    sizes = {"dataset": "sample", "load_size": 32, "crop_size": 32}
    tree = {"data": sizes, "generator": {"width": 4}, "discriminator": {"receptive_field": 34}}
    return build_generator(make_config(tree), any_size=True)


def test_alone_and_in_a_batch(generator):
    images = np.random.default_rng(0).integers(0, 256, (4, 40, 33, 3), np.uint8)
    together = plain(generator).translate_values(tf.constant(images), image_seeds(7, 4)).numpy()
    for image, output in zip(images, together, strict=True):
        alone = plain(generator).translate_values(tf.constant(image[None]), image_seeds(7, 1))
        assert np.abs(alone[0].numpy().astype(int) - output).max() <= 1


def test_one_trace_for_all_sizes(generator):
    traces = []

    def counted(x, training=None):
        traces.append(x.shape)
        return generator(x, training=training)

    translate = compile_translation(plain(counted))
    for size in ((32, 32), (40, 33), (64, 100), (5, 6), (70, 70)):
        output = translate(tf.zeros((1, *size, 3), tf.uint8), image_seeds(0, 1))
        assert output.shape == (1, *size, 3)
    assert len(traces) <= 2
