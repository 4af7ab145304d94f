import pytest

from pix2pix_tf.config.schema import BOTTLENECK_KINDS, GeneratorConfig
from pix2pix_tf.models import GENERATORS
from pix2pix_tf.models.generators import UNetKind
from pix2pix_tf.models.unet import unet_levels


def test_kinds_are_those_of_the_config():
    assert list(GENERATORS) == list(GeneratorConfig.model_fields["kind"].annotation.__args__)
    unets = [name for name, kind in GENERATORS.items() if isinstance(kind, UNetKind)]
    assert unets == list(BOTTLENECK_KINDS)


@pytest.mark.parametrize(
    ("size", "levels"),
    [
        ((256, 256), 8),
        ((64, 64), 6),
        ((128, 512), 7),
        ((384, 384), 7),
        ((48, 48), 4),
        ((1024, 1024), 10),
    ],
)
def test_levels_of_a_unet_follow_from_the_size(size, levels):
    assert unet_levels(size) == levels
    assert GENERATORS["unet"].size_multiple(size) == 2**levels
    assert GENERATORS["encoder_decoder"].smallest_size(size) == 2**levels


@pytest.mark.parametrize("kind", ["resnet_6", "resnet_9"])
def test_a_resnet_takes_multiples_of_4_from_8_on_whatever_it_was_trained_at(kind):
    for size in ((48, 48), (256, 512)):
        assert GENERATORS[kind].num_downsamplings(size) == 2
        assert GENERATORS[kind].size_multiple(size) == 4
        assert GENERATORS[kind].smallest_size(size) == 8
