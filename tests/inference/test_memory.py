from pathlib import Path

import pytest
import tensorflow as tf

from pix2pix_tf.config.schema import GeneratorConfig
from pix2pix_tf.inference import memory
from pix2pix_tf.inference.memory import peak_memory, refuse_too_large
from pix2pix_tf.utils.errors import UserError

FULL_WIDTH = GeneratorConfig()


# Peaks in MB that `python -m benchmarks.memory` measured, by network, width and side.
MEASURED = {
    ("unet", 64, 1024): 513,
    ("encoder_decoder", 64, 1024): 350,
    ("resnet_9", 64, 1024): 1928,
    ("unet+resize", 64, 1024): 2228,
    ("resnet_9+resize", 64, 1024): 2386,
    ("unet", 8, 1024): 255,
    ("encoder_decoder", 8, 1024): 273,
    ("resnet_9", 8, 1024): 311,
    ("unet+resize", 8, 1024): 378,
    ("resnet_9+resize", 8, 1024): 401,
    ("unet", 24, 1024): 306,
    ("encoder_decoder", 24, 1024): 232,
    ("resnet_9", 24, 1024): 660,
    ("unet+resize", 24, 1024): 764,
    ("resnet_9+resize", 24, 1024): 837,
    ("unet", 64, 2048): 1823,
    ("encoder_decoder", 64, 2048): 1036,
    ("resnet_9", 64, 2048): 7756,
    ("unet+resize", 64, 2048): 9302,
    ("resnet_9+resize", 64, 2048): 9599,
    ("unet", 8, 2048): 824,
    ("encoder_decoder", 8, 2048): 820,
    ("resnet_9", 8, 2048): 934,
    ("unet+resize", 8, 2048): 1266,
    ("resnet_9+resize", 8, 2048): 1301,
    ("unet", 24, 2048): 723,
    ("encoder_decoder", 24, 2048): 732,
    ("resnet_9", 24, 2048): 2301,
    ("unet+resize", 24, 2048): 2727,
    ("resnet_9+resize", 24, 2048): 3205,
    ("unet", 64, 512): 201,
    ("encoder_decoder", 64, 512): 156,
    ("resnet_9", 64, 512): 460,
    ("unet+resize", 64, 512): 600,
    ("resnet_9+resize", 64, 512): 740,
    ("unet", 8, 512): 133,
    ("encoder_decoder", 8, 512): 132,
    ("resnet_9", 8, 512): 143,
    ("unet+resize", 8, 512): 151,
    ("resnet_9+resize", 8, 512): 163,
    ("unet", 24, 512): 136,
    ("encoder_decoder", 24, 512): 133,
    ("resnet_9", 24, 512): 261,
    ("unet+resize", 24, 512): 233,
    ("resnet_9+resize", 24, 512): 266,
    ("encoder_decoder+resize", 64, 512): 278,
    ("resnet_6", 64, 512): 386,
    ("encoder_decoder+resize", 8, 512): 115,
    ("resnet_6", 8, 512): 130,
    ("encoder_decoder+resize", 64, 1024): 1131,
    ("resnet_6", 64, 1024): 1938,
    ("encoder_decoder+resize", 8, 1024): 236,
    ("resnet_6", 8, 1024): 290,
}


@pytest.mark.parametrize(("case", "megabytes"), MEASURED.items(), ids=str)
def test_expected_is_within_30_percent_of_what_was_measured(case, megabytes):
    network, width, side = case
    kind, _, upsampling = network.partition("+")
    generator = GeneratorConfig(kind=kind, width=width, upsampling=upsampling or "transposed")
    assert peak_memory(generator, side, side) / 1e6 == pytest.approx(megabytes, rel=0.3)


@pytest.fixture
def one_gigabyte(monkeypatch):
    """So much can still be had, on the CPU."""
    monkeypatch.setattr(memory, "available_memory", lambda: 10**9)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])


@pytest.mark.usefixtures("one_gigabyte")
def test_only_what_is_too_large_is_refused():
    # 85 MB and 110 + 64 · 3.7 bytes a pixel: 0.81 GB
    refuse_too_large(Path("x.png"), 1024, 2048, FULL_WIDTH)
    with pytest.raises(UserError) as error:
        refuse_too_large(Path("x.png"), 2048, 1536, FULL_WIDTH)
    assert str(error.value) == (
        "x.png: has 1536×2048 pixels, whose translation as a whole takes about 1.2 GB of memory, "
        "and 1.0 GB are free; give --tile 512 to translate it in tiles"
    )
    refuse_too_large(Path("x.png"), 2048, 1536, GeneratorConfig(width=16))
    with pytest.raises(UserError):
        refuse_too_large(Path("x.png"), 2048, 1536, GeneratorConfig(width=16, kind="resnet_6"))


@pytest.mark.usefixtures("one_gigabyte")
def test_what_cannot_be_known_is_not_refused(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["one"])
    refuse_too_large(Path("x.png"), 9999, 9999, FULL_WIDTH)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    monkeypatch.setattr(memory, "available_memory", lambda: None)
    refuse_too_large(Path("x.png"), 9999, 9999, FULL_WIDTH)
