import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.data.images import write_image
from pix2pix_tf.errors import UserError
from pix2pix_tf.translate import Translator, find_inputs, translate_files


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


def test_files_folders_and_patterns(tmp_path, translator):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("a.png", "b.JPG", "deep/c.webp"):
        write_image(tmp_path / "in" / name, picture(20, 24))
    data = translator.config.data
    folder = find_inputs([str(tmp_path / "in")], data)
    assert folder.names == ["a", "b", "deep/c"]
    assert not folder.pairs
    written = translate_files(translator, folder, tmp_path / "out", seed=0)
    assert [p.relative_to(tmp_path / "out").as_posix() for p in written] == [
        "a.png",
        "b.png",
        "deep/c.png",
    ]
    assert Image.open(written[2]).size == (24, 20)
    assert find_inputs([str(tmp_path / "in" / "*.*")], data).names == ["a", "b"]
    assert find_inputs([str(tmp_path / "in" / "a.png")], data).names == ["a"]


def test_pairs_are_known_by_their_proportions(tmp_path, translator, pairs_folder):
    root = pairs_folder()
    data = translator.config.data
    inputs = find_inputs([str(root / "val")], data)
    assert inputs.pairs
    (output, _) = translate_files(translator, inputs, tmp_path / "out", seed=5)
    right_half = np.asarray(Image.open(root / "val" / "0.png"))[:, 36:]  # BtoA
    assert np.array_equal(np.asarray(Image.open(output)), translator(right_half, seed=5))
    assert not find_inputs([str(root / "val")], data, pairs=False).pairs


def test_doubtful_inputs_are_refused(tmp_path, translator):
    (tmp_path / "in").mkdir()
    write_image(tmp_path / "in" / "pair.png", picture(16, 32))
    write_image(tmp_path / "in" / "single.png", picture(16, 16))
    data = translator.config.data
    with pytest.raises(UserError, match="say --pairs or --no-pairs"):
        find_inputs([str(tmp_path / "in")], data)
    write_image(tmp_path / "in" / "single.jpg", picture(16, 16))
    with pytest.raises(UserError, match=r"would both be written as single\.png"):
        find_inputs([str(tmp_path / "in" / "single.*")], data)
    with pytest.raises(UserError, match="no such file or folder in"):
        find_inputs([str(tmp_path / "nowhere*")], data)
    (tmp_path / "void").mkdir()
    with pytest.raises(UserError, match="holds no image; looked for"):
        find_inputs([str(tmp_path / "void")], data)


def test_an_input_is_never_replaced(tmp_path, translator):
    write_image(tmp_path / "mine.png", picture(16, 16))
    inputs = find_inputs([str(tmp_path / "mine.png")], translator.config.data)
    with pytest.raises(UserError, match="replaced by its own translation"):
        translate_files(translator, inputs, tmp_path)


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


def test_files_in_tiles(tmp_path, translator, pairs_folder):
    (tmp_path / "in").mkdir()
    write_image(tmp_path / "in" / "large.png", picture(270, 300))
    write_image(tmp_path / "in" / "small.png", picture(20, 300 // 20))
    inputs = find_inputs([str(tmp_path / "in")], translator.config.data)
    totals = []
    large, small = translate_files(
        translator, inputs, tmp_path / "out", seed=1, tile=256, advance=totals.append
    )
    tiled = translator.tiled(picture(270, 300), 256, seed=1)
    assert np.array_equal(np.asarray(Image.open(large)), tiled)
    assert np.array_equal(np.asarray(Image.open(small)), translator(picture(20, 300 // 20), seed=1))
    assert set(totals) == {len(totals)}

    root = pairs_folder(size=(270, 270))
    pairs = find_inputs([str(root / "val")], translator.config.data)
    (output, _) = translate_files(translator, pairs, tmp_path / "pairs", seed=1, tile=256)
    right_half = np.asarray(Image.open(root / "val" / "0.png"))[:, 270:]  # BtoA
    assert np.array_equal(np.asarray(Image.open(output)), translator.tiled(right_half, 256, seed=1))


def test_what_does_not_fit_into_memory_is_refused_first(tmp_path, monkeypatch, translator):
    write_image(tmp_path / "small.png", picture(16, 16))
    write_image(tmp_path / "x.png", picture(2000, 3000, 1))
    (tmp_path / "meminfo").write_text("MemAvailable:  100000 kB\nSwapFree: 0 kB\n")
    monkeypatch.setattr("pix2pix_tf.memory._MEMORY", tmp_path / "meminfo")
    inputs = find_inputs([str(tmp_path / "*.png")], translator.config.data)
    with pytest.raises(UserError, match=r"x\.png: has 3000×2000 pixels.*give --tile 512"):
        translate_files(translator, inputs, tmp_path / "out")
    assert not (tmp_path / "out").exists()
