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
    with pytest.raises(UserError, match="cannot be read"):
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
