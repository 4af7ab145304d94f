import json

import keras
import numpy as np
import pytest

from pix2pix_tf.segmentation.config import load_segmenter_config
from pix2pix_tf.segmentation.folder import SegmenterFolder
from pix2pix_tf.segmentation.segmenter import Segmenter, build_segmenter
from pix2pix_tf.segmentation.shipped import load_palette
from pix2pix_tf.utils.errors import UserError

SMALL = {"segmenter.width": 2, "segmenter.head": 4, "data.crop_size": 32}


@pytest.fixture
def untrained(tmp_path):
    config, palette = load_segmenter_config("sample", SMALL), load_palette("sample")
    stored = SegmenterFolder(tmp_path / "mine")
    stored.save_config(config, palette)
    stored.save_weights(build_segmenter(config, palette))
    return stored


def refusal(folder):
    with pytest.raises(UserError) as caught:
        Segmenter(folder)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_config_and_palette_come_back(untrained):
    config, palette = untrained.load_config()
    assert config == load_segmenter_config("sample", SMALL)
    assert (palette.name, palette.classes) == ("sample", load_palette("sample").classes)
    np.testing.assert_array_equal(palette.void, load_palette("sample").void)
    assert sorted(path.name for path in untrained.path.iterdir()) == [
        "segmenter.weights.h5",
        "segmenter.yaml",
    ]


def test_no_folder_and_no_segmenter(tmp_path):
    assert "nowhere: no such folder" in refusal(tmp_path / "nowhere")
    assert "holds no segmenter.yaml" in refusal(tmp_path)


def test_folder_of_another_format_is_refused_with_the_version_that_reads_it(untrained):
    versions = {"format": 1, "sessions": [{"pix2pix_tf": "0.9"}]}
    untrained.versions_file.write_text(json.dumps(versions))
    message = refusal(untrained.path)
    assert message.startswith(
        f"segmenter {untrained.path}: was made by an older pix2pix-tf (0.9, segmenter format 1; "
    )
    assert message.endswith("use that version, or train the segmenter again with this one")


def test_deleting_leaves_what_is_no_part_of_the_training(untrained):
    for folder in (untrained.checkpoints, untrained.logs):
        folder.mkdir()
    for file in (untrained.versions_file, untrained.metrics_file, untrained.pairs_file):
        file.touch()
    (untrained.path / "notes.txt").touch()
    untrained.delete()
    assert [path.name for path in untrained.path.iterdir()] == ["notes.txt"]


def test_training_that_has_not_come_far(untrained):
    untrained.weights_file.unlink()
    assert "has not come to the end of its first epoch" in refusal(untrained.path)


def test_damaged_weights(untrained):
    whole = untrained.weights_file.read_bytes()
    for damaged in (b"", b"nothing", whole[: len(whole) // 2]):
        untrained.weights_file.write_bytes(damaged)
        message = refusal(untrained.path)
        assert message.startswith(f"{untrained.weights_file}: is damaged")


def test_weights_of_another_network(untrained):
    config = load_segmenter_config("sample", {**SMALL, "segmenter.head": 8})
    untrained.save_config(config, load_palette("sample"))
    assert "or of another network than segmenter.yaml" in refusal(untrained.path)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nonsense: {}", "segmenter.yaml: nonsense: unknown key"),
        ("palette: [", "not valid YAML"),
        ("- 3", "segmenter.yaml, colours, entry 17: expected"),
    ],
)
def test_damaged_config(untrained, line, words):
    untrained.config_file.write_text(untrained.config_file.read_text() + line + "\n")
    assert words in refusal(untrained.path)


def test_config_without_colours(untrained):
    text = untrained.config_file.read_text()
    untrained.config_file.write_text(text[: text.index("colours:")])
    assert "segmenter.yaml, colours: expected a list" in refusal(untrained.path)


def test_failed_writing_leaves_the_weights_that_were_there(untrained, monkeypatch):
    before = untrained.weights_file.read_bytes()
    model = build_segmenter(*untrained.load_config())

    def half(model, path):
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(keras.Model, "save_weights", half)
    with pytest.raises(OSError, match="disk full"):
        untrained.save_weights(model)
    assert untrained.weights_file.read_bytes() == before
    assert len(list(untrained.path.iterdir())) == 2


@pytest.mark.parametrize(
    ("shape", "dtype", "words"),
    [
        ((8, 8, 1), np.uint8, "uint8 of shape (8, 8, 1)"),
        ((8, 8, 3), np.float32, "float32 of shape (8, 8, 3)"),
        ((1, 8, 8, 3), np.uint8, "expected uint8 [H, W, 3]"),
        ((0, 8, 3), np.uint8, "expected uint8 [H, W, 3]"),
    ],
)
def test_what_is_no_photo_is_refused(untrained, shape, dtype, words):
    with pytest.raises(UserError) as caught:
        Segmenter(untrained.path)(np.zeros(shape, dtype))
    assert words in str(caught.value)
