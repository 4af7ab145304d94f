"""The work of the networks, counted by hand."""

import keras
import pytest

from pix2pix_tf.config.schema import load_config
from pix2pix_tf.methods.pix2pix import Pix2Pix
from pix2pix_tf.models.flops import forward_flops


def test_convolutions_by_hand():
    image = keras.Input((8, 6, 3))
    x = keras.layers.Conv2D(5, 4, 2, "same")(image)  # 4×3 pixels of 4·4·3·5
    x = keras.layers.ReLU()(x)
    x = keras.layers.Conv2DTranspose(2, 4, 2, "same")(x)  # from each of 4×3 pixels, 4·4·5·2
    assert forward_flops(keras.Model(image, x)) == 2 * 12 * 240 + 2 * 12 * 160


def test_open_sizes_are_refused():
    image = keras.Input((None, None, 3))
    with pytest.raises(ValueError, match="must be known"):
        forward_flops(keras.Model(image, keras.layers.Conv2D(5, 4, 2)(image)))


def papers(**settings):
    return Pix2Pix(load_config("facades", {"data.root": "none", **settings}), 1, None)


def test_the_papers_networks_and_update():
    method = papers()
    generator, discriminator = method.generator, method.discriminator
    # Multiplications of 4×4 kernels: encoder by its outputs' pixels, decoder by its inputs'.
    filters = [64, 128, 256, 512, 512, 512, 512, 512]
    encoder = sum(
        (128 >> level) ** 2 * 16 * before * after
        for level, (before, after) in enumerate(zip([3, *filters], filters, strict=False))
    )
    decoder = 1 * 16 * 512 * 512  # from the bottleneck; then from twice as many channels
    for level, after in enumerate([512, 512, 512, 256, 128, 64, 3], start=1):
        decoder += 4**level * 16 * 2 * filters[7 - level] * after
    judged = 128**2 * 6 * 64 + 64**2 * 64 * 128 + 32**2 * 128 * 256
    judged = 16 * (judged + 31**2 * 256 * 512 + 30**2 * 512)
    assert forward_flops(generator) == 2 * (encoder + decoder)
    assert forward_flops(discriminator) == 2 * judged
    assert forward_flops(generator) / 1e9 == pytest.approx(12.1, abs=0.05)
    assert forward_flops(discriminator) / 1e9 == pytest.approx(6.4, abs=0.05)
    assert method.update_flops() / 1e9 == pytest.approx(87.5, abs=0.1)
    assert papers(**{"objective.name": "l1"}).update_flops() == 3 * 2 * (encoder + decoder)
    # Two discriminator steps: 4 G, 2 · 6 D and 2 D.
    expected = 4 * 2 * (encoder + decoder) + 14 * 2 * judged
    assert papers(**{"training.discriminator_steps": 2}).update_flops() == expected
