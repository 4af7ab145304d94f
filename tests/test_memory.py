from pathlib import Path

import pytest
import tensorflow as tf

from pix2pix_tf import memory
from pix2pix_tf.config import GeneratorConfig
from pix2pix_tf.errors import UserError
from pix2pix_tf.memory import refuse_too_large

FULL_WIDTH = GeneratorConfig()


@pytest.fixture
def one_gigabyte(monkeypatch, tmp_path):
    """A machine of which so much is free, half of it swap."""
    file = tmp_path / "meminfo"
    file.write_text("MemTotal:  9999999 kB\nMemAvailable:  488281 kB\nSwapFree:  488281 kB\n")
    monkeypatch.setattr(memory, "_MEMORY", file)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])


@pytest.mark.usefixtures("one_gigabyte")
def test_only_what_is_too_large_is_refused():
    refuse_too_large(Path("x.png"), 1024, 2048, FULL_WIDTH)  # 7 · 64 bytes a pixel: 0.94 GB
    with pytest.raises(UserError) as error:
        refuse_too_large(Path("x.png"), 2048, 1536, FULL_WIDTH)
    assert str(error.value) == (
        "x.png: has 1536×2048 pixels, whose translation as a whole takes about 1.4 GB of memory, "
        "and 1.0 GB are free; give --tile 512 to translate it in tiles"
    )
    refuse_too_large(Path("x.png"), 2048, 1536, GeneratorConfig(width=32))
    with pytest.raises(UserError):
        refuse_too_large(Path("x.png"), 2048, 1536, GeneratorConfig(width=32, kind="resnet_6"))


@pytest.mark.usefixtures("one_gigabyte")
def test_what_cannot_be_known_is_not_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["one"])
    refuse_too_large(Path("x.png"), 9999, 9999, FULL_WIDTH)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    monkeypatch.setattr(memory, "_MEMORY", tmp_path / "nothing")
    refuse_too_large(Path("x.png"), 9999, 9999, FULL_WIDTH)
