import numpy as np
import pytest
import tifffile
from PIL import Image

from pix2pix_tf.data.layout.layout import find_layout
from pix2pix_tf.data.layout.pair_files import read_pair
from pix2pix_tf.data.layout.pair_spec import PairSpec, Side
from pix2pix_tf.images.io import decode_image, image_tags, write_image
from pix2pix_tf.preparation import pairing
from pix2pix_tf.preparation.pairing import pair_folders
from pix2pix_tf.utils.errors import UserError

RGB = PairSpec(Side("A", 3), Side("B", 3), 3)


def image(path, height=6, width=10, channels=3, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    write_image(path, image)
    return image


def refusal(*arguments, **words):
    with pytest.raises(UserError) as caught:
        pair_folders(*arguments, **words)
    return str(caught.value)


def nothing_but(folder, *names):
    return sorted(path.name for path in folder.iterdir()) == sorted(names)


def test_pairs_are_what_the_two_folders_were(tmp_path):
    a, b, output = tmp_path / "a", tmp_path / "b", tmp_path / "new" / "pairs"
    first = image(a / "train" / "img.1.png", seed=1), image(b / "train" / "img.1.bmp", seed=2)
    image(a / "val" / "deep" / "2.png"), image(b / "val" / "deep" / "2.png")
    advanced = []
    assert pair_folders(a, b, output, advance=advanced.append).count == 2
    assert advanced == [2, 2]
    (pair,) = find_layout(output, "side_by_side").pairs("train")
    assert pair.a == output / "train" / "img.1.png"
    for made, was in zip(read_pair(pair, RGB), first, strict=True):
        np.testing.assert_array_equal(made, was)
    assert [pair.name for pair in find_layout(output, "side_by_side").pairs("val")] == ["deep/2"]
    assert nothing_but(tmp_path / "new", "pairs")


@pytest.mark.parametrize(
    ("of_a", "of_b", "together"), [(1, 1, 1), (1, 3, 3), (4, 1, 4), (2, 3, 4), (2, 1, 2)]
)
def test_channels_hold_both_sides(tmp_path, of_a, of_b, together):
    a = image(tmp_path / "a" / "1.png", channels=of_a)
    b = image(tmp_path / "b" / "1.png", channels=of_b)
    pair_folders(tmp_path / "a", tmp_path / "b", tmp_path / "ab")
    made = decode_image(tmp_path / "ab" / "1.png")
    assert made.shape == (6, 20, together)
    np.testing.assert_array_equal(made[:, :10, 0], a[..., 0])
    np.testing.assert_array_equal(made[:, 10:, 0], b[..., 0])
    if together in (2, 4) and of_b in (1, 3):
        assert made[:, 10:, -1].min() == 255


def test_sizes_must_match_unless_resized(tmp_path):
    a, b, output = tmp_path / "a", tmp_path / "b", tmp_path / "ab"
    for number in range(12):
        image(a / f"{number}.png", 6, 10), image(b / f"{number}.png", 12, 20)
    lines = refusal(a, b, output).splitlines()
    assert len(lines) == 12
    assert f"{a / '0.png'} is 10×6 (width×height) and its mate {b / '0.png'} is 20×12" in lines[0]
    assert "--resize" in lines[0]
    assert nothing_but(tmp_path, "a", "b")
    pair_folders(a, b, output, resize=True)
    original = Image.open(b / "3.png").resize((10, 6), Image.Resampling.BICUBIC)
    made = decode_image(output / "3.png")
    np.testing.assert_array_equal(made[:, 10:], np.array(original))


def test_all_names_without_a_mate_are_listed(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    for number in range(15):
        image(a / f"{number}.png")
    image(b / "0.png"), image(b / "x.png"), image(b / "0.jpg")
    lines = refusal(a, b, tmp_path / "ab").splitlines()
    assert len(lines) == 16
    assert f"{a / '14.png'} has no mate in {b}" in lines
    assert f"{b / 'x.png'} has no mate in {a}" in lines
    assert f"{b / '0.png'} has the same name without suffix as 0.jpg: remove one of them" in lines


def test_damage_is_refused_by_name(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    image(a / "1.png"), image(b / "1.png")
    (b / "1.png").write_bytes(b"")
    assert f"{b / '1.png'} is empty" in refusal(a, b, tmp_path / "ab")


@pytest.mark.parametrize("deep", ["a", "b"])
def test_16_bits_of_either_side_are_kept(tmp_path, deep):
    shallow = image(tmp_path / ("b" if deep == "a" else "a") / "1.png", channels=1)
    values = np.random.default_rng(1).integers(0, 65536, (6, 10), np.uint16)
    (tmp_path / deep).mkdir()
    Image.fromarray(values).save(tmp_path / deep / "1.png")
    pair_folders(tmp_path / "a", tmp_path / "b", tmp_path / "ab")
    made = decode_image(tmp_path / "ab" / "1.png")
    assert made.dtype == np.uint16
    sides = dict(zip("ab", (made[:, :10], made[:, 10:]), strict=True))
    np.testing.assert_array_equal(sides.pop(deep)[..., 0], values)
    np.testing.assert_array_equal(sides.popitem()[1], shallow.astype(np.uint16) * 257)


@pytest.mark.parametrize("kind", ["u1", "i2", "u4", "f4", "f8"])
@pytest.mark.parametrize("bands", [1, 5])
def test_bands_are_written_as_they_are(tmp_path, kind, bands):
    shape = (6, 10, bands) if bands > 1 else (6, 10)
    values = (np.random.default_rng(2).normal(size=(2, *shape)) * 100).astype(kind)
    for folder in "ab":
        (tmp_path / folder).mkdir()
    options = {"planarconfig": "contig"} if bands > 1 else {}
    tifffile.imwrite(tmp_path / "a" / "1.tif", values[0], photometric="minisblack", **options)
    np.save(tmp_path / "b" / "1.npy", values[1])
    if kind == "u1" and bands == 1:  # grey, and an array that is no colour
        message = refusal(tmp_path / "a", tmp_path / "b", tmp_path / "ab")
        assert "has colours of uint8 and its mate" in message
        assert "1 band of uint8, which one file cannot hold: leave them in two folders" in message
        return
    pair_folders(tmp_path / "a", tmp_path / "b", tmp_path / "ab", axes="YXC")
    spec = PairSpec(Side("A", bands), Side("B", bands), bands)
    (pair,) = find_layout(tmp_path / "ab", "side_by_side").pairs("")
    for made, was in zip(read_pair(pair, spec), values, strict=True):
        assert made.dtype == kind
        np.testing.assert_array_equal(made, was.reshape(6, 10, bands))


def test_values_that_stand_for_no_data_are_kept(tmp_path):
    values = np.full((6, 10), -9999, np.float32)
    values[:, 3:] = 5
    tag = [(42113, "s", 0, "-9999", True)]  # GDAL_NODATA
    for folder in "ab":
        (tmp_path / folder).mkdir()
        tifffile.imwrite(tmp_path / folder / "1.tif", values, extratags=tag)
    pair_folders(tmp_path / "a", tmp_path / "b", tmp_path / "ab")
    written = tifffile.imread(tmp_path / "ab" / "1.tif")
    np.testing.assert_array_equal(written, np.concatenate([values, values], axis=1))
    assert image_tags(tmp_path / "ab" / "1.tif").nodata == -9999
    tifffile.imwrite(tmp_path / "b" / "1.tif", values)  # where -9999 is a value
    message = refusal(tmp_path / "a", tmp_path / "b", tmp_path / "other")
    assert "has 1 band of float32 (no data: -9999) and its mate" in message


def test_other_bands_are_refused_by_name(tmp_path):
    for folder, bands in (("a", 5), ("b", 6)):
        (tmp_path / folder).mkdir()
        np.save(tmp_path / folder / "1.npy", np.zeros((4, 4, bands), np.float32))
    message = refusal(tmp_path / "a", tmp_path / "b", tmp_path / "ab", axes="YXC")
    assert "has 5 bands of float32 and its mate" in message
    assert "6 bands of float32, which one file cannot hold" in message
    assert nothing_but(tmp_path, "a", "b")


def test_nothing_is_left_of_a_failure(tmp_path, monkeypatch):
    a, b = tmp_path / "a", tmp_path / "b"
    for number in range(3):
        image(a / f"{number}.png"), image(b / f"{number}.png")
    damaged = (b / "2.png").read_bytes()
    (b / "2.png").write_bytes(damaged[:-40])  # its header is sound
    assert "2.png is damaged or cut short" in refusal(a, b, tmp_path / "ab")
    assert nothing_but(tmp_path, "a", "b")
    (b / "2.png").write_bytes(damaged)

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(pairing, "write_image", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pair_folders(a, b, tmp_path / "ab")
    assert nothing_but(tmp_path, "a", "b")


def test_folders_that_cannot_be_paired(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    a.mkdir(), b.mkdir()
    assert "No image pairs were found" in refusal(a, b, tmp_path / "ab")
    assert "expected two folders" in refusal(a, a, tmp_path / "ab")
    assert "--b " in refusal(a, tmp_path / "c", tmp_path / "ab")
    image(a / "1.png"), image(b / "1.png")
    assert "already exists" in refusal(a, b, b)
