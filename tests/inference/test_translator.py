import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.utils.errors import UserError

pytestmark = pytest.mark.usefixtures("eagerly")


@pytest.fixture
def translator(tiny_run):
    return Translator(tiny_run)


def picture(height, width, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


@pytest.mark.parametrize("size", [(32, 32), (50, 37), (7, 5), (1, 1), (100, 64)])
def test_any_size(translator, size):
    output = translator(picture(*size))
    assert output.shape == (*size, 3)
    assert output.dtype == np.uint8


def test_seed_repeats_and_dropout_matters(translator):
    image = picture(32, 32)
    assert np.array_equal(translator(image, seed=1), translator(image, seed=1))
    assert not np.array_equal(translator(image, seed=1), translator(image, seed=2))
    assert not np.array_equal(translator(image), translator(image))  # each its own seed
    still = translator(image, dropout=False)
    assert np.array_equal(still, translator(image, dropout=False))


def test_an_image_alone_and_in_a_batch_of_others(translator):
    batch = np.stack([picture(40, 33, seed=seed) for seed in range(5)])
    together = translator(batch, seed=3)
    for image, output in zip(batch, together, strict=True):
        alone = translator(image, seed=3)
        assert np.abs(alone.astype(int) - output).max() <= 1


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((4, 4, 3), np.float32), "type float32; expected uint8 or uint16"),
        (np.zeros((4, 4), np.uint8), r"shape \(4, 4\); expected \[H, W, 3\]"),
        (np.zeros((4, 4, 1), np.uint8), r"expected \[H, W, 3\]"),
        (np.zeros((0, 4, 3), np.uint8), "shape"),
    ],
)
def test_other_arrays_are_refused(translator, images, words):
    with pytest.raises(UserError, match=words):
        translator(images)


def test_best_checkpoint(tiny_run):
    assert Translator(tiny_run, checkpoint="best").step == 2


def test_a_direction_that_the_run_does_not_have_is_refused_with_those_it_has(tiny_run):
    assert Translator(tiny_run, direction="BtoA").direction == Translator(tiny_run).direction
    for direction in ("AtoB", "both"):
        sentence = rf"direction {direction}: run .*tiny_run translates BtoA only"
        with pytest.raises(UserError, match=sentence):
            Translator(tiny_run, direction=direction)


def test_no_run_and_no_checkpoint(tmp_path, tiny_run):
    with pytest.raises(UserError, match=r"no such folder.*runs beside it are .*tiny_run"):
        Translator(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"holds no config\.yaml"):
        Translator(tmp_path / "empty")
    for file in (tiny_run / "checkpoints").glob("*"):
        if file.is_file():
            file.unlink()
    with pytest.raises(UserError, match="no checkpoint there yet"):
        Translator(tiny_run)


def test_checkpoint_of_other_networks_or_damaged(tiny_run):
    text = (tiny_run / "config.yaml").read_text()
    (tiny_run / "config.yaml").write_text(text.replace("width: 4", "width: 8"))
    with pytest.raises(UserError, match="of other networks than"):
        Translator(tiny_run)
    (tiny_run / "config.yaml").write_text(text)
    data = next((tiny_run / "checkpoints").glob("*.data*"))
    data.write_bytes(data.read_bytes()[:1000])
    with pytest.raises(UserError, match="step-2: is damaged"):
        Translator(tiny_run)


def test_tiles(translator):
    image = picture(270, 300)
    whole = translator(image, dropout=False)
    tiled = translator.tiled(image, 256, dropout=False)
    assert np.abs(tiled.astype(int) - whole).mean() < 2
    assert np.array_equal(
        translator.tiled(image, 256, seed=1), translator.tiled(image, 256, seed=1)
    )
    assert not np.array_equal(translator.tiled(image, 256), translator.tiled(image, 256))


def test_a_picture_of_one_tile_is_translated_whole(translator):
    image, steps = picture(256, 200), []
    tiled = translator.tiled(image, 256, seed=1, advance=steps.append)
    assert np.array_equal(tiled, translator(image, seed=1))
    assert steps == [translator.steps(256, 200, 256)] == [1]


def test_tiles_of_one_picture_at_a_time(translator):
    with pytest.raises(UserError, match=r"shape \(2, 300, 300, 3\); tiles are of one"):
        translator.tiled(np.zeros((2, 300, 300, 3), np.uint8), 256)
    with pytest.raises(UserError, match="tile 100: expected"):
        translator.tiled(picture(16, 16), 100)


def test_more_images_than_memory_holds_is_one_sentence(finished_run, monkeypatch):
    def exhausted(*_):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")

    translator = Translator(finished_run)
    monkeypatch.setattr(translator, "_translate", exhausted)
    with pytest.raises(UserError, match=r"images: \(3, 32, 32, 3\) are more than fit into memory"):
        translator(np.zeros((3, 32, 32, 3), np.uint8))
