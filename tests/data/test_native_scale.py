"""Pairs at the scale of their files: sizes of their own, crops as they are, large files."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.data import source
from pix2pix_tf.data.augment import Window, crop_window, geometric_draws
from pix2pix_tf.data.checking.report import check_dataset
from pix2pix_tf.data.pairs import open_pairs, open_split
from pix2pix_tf.data.pipeline import DataNeeds, training_batches
from pix2pix_tf.images.convert import resize_image
from pix2pix_tf.images.io import write_image
from pix2pix_tf.utils.errors import UserError

SIZES = {"train": [(40, 50), (64, 32), (33, 90)], "val": [(20, 30), (50, 40)]}


def numbered(size, number):
    """Every pixel has its own colour: row, column, number of the image."""
    rows, columns = np.indices(size)
    return np.stack([rows, columns, np.full(size, number)], -1).astype(np.uint8)


@pytest.fixture
def root(tmp_path):
    for side in "AB":
        for split, sizes in SIZES.items():
            for number, size in enumerate(sizes):
                image = numbered(size, number)
                write_image(
                    made(tmp_path / side / split / f"{number}.png"),
                    image if side == "A" else 255 - image,
                )
    return tmp_path


def made(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def config(root, **settings):
    data = {"root": str(root), "scale": "native", "crop_size": 32, "augment": [], **settings}
    return make_config({"data": data, "discriminator": {"receptive_field": 34}})


def first_batches(config, count=6, **needs):
    pairs = open_pairs(config).train
    return list(training_batches(pairs, config, 0, count, DataNeeds(**needs)).as_numpy_iterator())


def colours(images):
    return np.rint((images + 1) * 127.5).astype(int)


def test_pairs_keep_the_sizes_of_their_files(root):
    opened = open_pairs(config(root), check=True)
    assert [opened.train[index][0].shape[:2] for index in range(3)] == SIZES["train"]
    assert [opened.val[index][1].shape[:2] for index in range(2)] == SIZES["val"]
    assert opened.val.size is None
    assert [open_split(config(root), "val").size_of(index) for index in range(2)] == SIZES["val"]
    assert "another size" not in " ".join(opened.notes)  # sizes of their own are no oddity here


def test_crops_are_the_pixels_of_the_files(root):
    for batch in first_batches(config(root)):
        image, target = colours(batch["input"])[0], colours(batch["target"])[0]
        assert np.array_equal(target, 255 - image)
        top, left, number = image[0, 0]
        height, width = SIZES["train"][number]
        assert np.array_equal(
            image, numbered((height, width), number)[top : top + 32, left:][:, :32]
        )


def test_a_factor_resizes_first(root):
    opened = open_pairs(config(root, scale=0.5, crop_size=16))
    assert [opened.train.size_of(index) for index in range(3)] == [(20, 25), (32, 16), (16, 45)]
    assert np.array_equal(opened.train[0][0], resize_image(numbered((40, 50), 0), 20, 25))
    assert open_pairs(config(root, scale=1)).train.size_of(2) == (33, 90)


def test_augment_scale_resizes_windows(root):
    """Twice as large: a window of 16×16 becomes the crop of 32×32."""
    settings = config(root, augment=[{"scale": [2, 2]}])
    pairs = open_pairs(settings).train
    for number, batch in enumerate(first_batches(settings)):
        image, target = colours(batch["input"])[0], colours(batch["target"])[0]
        seed = np.array([0, number], np.int32)
        index = image[..., 2].max()
        draws = geometric_draws(fold(seed)).numpy()
        window = crop_window(draws, settings.data.augment, pairs.size_of(index), (32, 32))
        assert window[2:] == (16, 16)
        part = numbered(pairs.size_of(index), index)[window.top :][:16, window.left :][:, :16]
        assert np.array_equal(image, resize_image(part, 32, 32))
        assert np.array_equal(target, resize_image(255 - part, 32, 32))


def fold(seed):
    import tensorflow as tf

    return tf.random.experimental.stateless_fold_in(tf.constant(seed), 1)


def test_smaller_images_are_refused_by_name_or_padded(root):
    small = config(root, crop_size=48)
    with pytest.raises(UserError) as error:
        open_pairs(small, check=True)
    text = str(error.value)
    assert text.startswith(f"{root}: 3 of 5 pairs cannot be used:")
    assert (
        f"{root}/A/train/1.png is 32×64 (width×height), smaller than the crop, 48×48: "
        "data.pad=reflect pads it, and data.scale=resize takes every size."
    ) in text
    assert "val" not in text  # validation pairs are taken whole
    padded = config(root, crop_size=48, pad="reflect")
    assert len(open_pairs(padded, check=True).train) == 3
    for batch in first_batches(padded):
        image = colours(batch["input"])[0]
        height, width = SIZES["train"][image[0, 0, 2]]
        whole = np.pad(
            numbered((height, width), image[0, 0, 2]),
            [(max(0, 48 - side) // 2, -(max(0, 48 - side) // -2)) for side in (height, width)]
            + [(0, 0)],
            "reflect",
        )
        found = [
            np.array_equal(image, whole[top : top + 48, left : left + 48])
            for top in range(whole.shape[0] - 47)
            for left in range(whole.shape[1] - 47)
        ]
        assert sum(found) == 1


def test_windows_of_a_scale_below_1_need_larger_images(root):
    with pytest.raises(UserError, match=r"smaller than the window of data.augment's scale, 40×40"):
        open_pairs(config(root, augment=[{"scale": [0.8, 1]}]), check=True)
    with pytest.raises(UserError, match=r"is 16×32 \(width×height\) at data.scale=0.5, smaller"):
        open_pairs(config(root, scale=0.5), check=True)


def test_small_images_can_be_skipped_and_data_check_names_them(root):
    skipping = config(root, crop_size=48, on_bad_image="skip")
    with pytest.raises(UserError, match="all 3 pairs of train are bad"):
        open_pairs(skipping, check=True)
    opened = open_pairs(config(root, crop_size=48, on_bad_image="skip", pad="reflect"), check=True)
    assert opened.skipped == []
    report = check_dataset(root, data=config(root, crop_size=48).data)
    assert sum("smaller than the crop" in problem for problem in report.problems) == 3


def test_sides_of_different_sizes_are_refused(root):
    write_image(root / "B" / "train" / "0.png", numbered((20, 25), 0))
    write_image(root / "B" / "val" / "0.png", numbered((40, 60), 0))
    for call in (
        lambda: open_pairs(config(root), check=True),
        lambda: open_split(config(root), "val"),
    ):
        with pytest.raises(UserError, match=r"data.scale=native keeps their sizes, which must be"):
            call()
    assert len(open_pairs(config(root, scale="resize", load_size=40), check=True).train) == 3


def test_halves_of_side_by_side_files(tmp_path):
    image = numbered((40, 36), 5)
    for split in ("train", "val"):
        write_image(made(tmp_path / split / "0.png"), np.concatenate([image, 255 - image], 1))
    settings = config(tmp_path, direction="BtoA", layout="side_by_side")
    opened = open_pairs(settings, check=True)
    assert opened.val.size_of(0) == (40, 36)
    first, second = opened.val[0]
    assert np.array_equal(first, 255 - image)
    assert np.array_equal(second, image)


def test_unpaired_sides_have_geometries_of_their_own(root):
    every = ["mirror", "flip_vertical", "rotate_90", "transpose"]
    settings = config(root, augment=every)
    paired = first_batches(settings, 12)
    assert all(np.allclose(batch["input"], -batch["target"]) for batch in paired)
    apart = first_batches(settings, 12, paired=False)
    inputs = [batch["input"] for batch in apart]
    assert np.array_equal(inputs, [batch["input"] for batch in paired])
    same = [np.allclose(batch["input"][..., :2], -batch["target"][..., :2]) for batch in apart]
    assert sum(same) < 3


def test_inputs_alone_vary_in_their_values(root):
    every = [{"brightness": 0.2}, {"contrast": 0.2}, {"noise": 0.1}, {"blur": 1}]
    plain, varied = first_batches(config(root)), first_batches(config(root, augment=every))
    for one, other in zip(plain, varied, strict=True):
        assert np.array_equal(one["target"], other["target"])
        assert not np.allclose(one["input"], other["input"], atol=0.01)
        assert np.array_equal(one["seed"], other["seed"])


def test_augmented_batches_resume_at_any_step(root):
    every = ["mirror", "rotate_90", {"scale": [1, 2]}, {"noise": 0.1}, {"blur": 1}]
    settings = config(root, augment=every)
    whole = first_batches(settings, 8)
    for first in (1, 5):
        tail = training_batches(open_pairs(settings).train, settings, first, 8)
        for one, other in zip(whole[first:], tail.as_numpy_iterator(), strict=True):
            assert all(np.array_equal(one[part], other[part]) for part in one)


def test_holes_are_placed_relative_to_the_crop(tmp_path):
    for split in ("train", "val"):
        for number in range(2):
            write_image(made(tmp_path / split / f"{number}.png"), np.full((70, 60, 3), 9, np.uint8))
    settings = config(tmp_path, derive="centre_mask", augment=["mirror", "rotate_90"])
    for batch in first_batches(settings):
        holes = (batch["input"][0] == 1).all(-1)
        assert holes[8:24, 8:24].all()
        assert holes.sum() == 16 * 16


def test_derived_inputs_are_cut_from_those_of_whole_images(tmp_path):
    photo = np.random.default_rng(0).integers(0, 256, (60, 70, 3), np.uint8)
    for split in ("train", "val"):
        write_image(made(tmp_path / split / "0.png"), photo)
    settings = config(tmp_path, derive="edges", augment=[])
    pairs = open_pairs(settings).train
    edges, target = pairs[0]
    image, crop = pairs.crop(0, lambda size: Window(3, 5, 32, 32), (32, 32))
    assert np.array_equal(image, edges[3:35, 5:37])
    assert np.array_equal(crop, photo[3:35, 5:37])
    assert np.array_equal(target, photo)


WIDE = (1100, 1200)  # more than a megapixel


def write_large(root, kind):
    random = np.random.default_rng(0)
    for split in ("train", "val"):
        for side in "AB":
            image = random.integers(0, 4096, (*WIDE, 3), np.uint16)
            path = made(root / side / split / f"0{'.npy' if kind == 'npy' else '.tif'}")
            if kind == "npy":
                np.save(path, image)
            elif kind == "png":
                Image.fromarray((image >> 4).astype(np.uint8)).save(path.with_suffix(".png"))
            else:
                tile = {"tile": (256, 256)} if kind == "tiles" else {"rowsperstrip": 1200}
                tifffile.imwrite(path, image, photometric="rgb", compression="zlib", **tile)


@pytest.mark.parametrize(
    ("kind", "by_windows"), [("npy", True), ("tiles", True), ("strip", False), ("png", False)]
)
def test_windows_of_large_files_are_the_same_as_parts_of_the_whole(
    tmp_path, monkeypatch, kind, by_windows
):
    write_large(tmp_path, kind)
    pairs = open_pairs(config(tmp_path, cache=False)).train
    read = []
    whole_read = source.read_pair
    monkeypatch.setattr(source, "read_pair", lambda *args: read.append(1) or whole_read(*args))
    for window in (Window(0, 0, 32, 32), Window(1068, 700, 32, 48), Window(250, 1160, 40, 40)):
        parts = pairs.crop(0, lambda size, window=window: window, window[2:])
        assert (not read) == by_windows
        read.clear()
        whole = pairs[0]
        read.clear()
        for part, image in zip(parts, whole, strict=True):
            top, left, height, width = window
            assert part.dtype == image.dtype
            assert np.array_equal(part, image[top : top + height, left : left + width])


def test_pairs_that_are_kept_are_read_once(tmp_path, monkeypatch):
    write_large(tmp_path, "tiles")
    pairs = open_pairs(config(tmp_path, cache=True)).train
    read = []
    whole_read = source.read_pair
    monkeypatch.setattr(source, "read_pair", lambda *args: read.append(1) or whole_read(*args))
    for left in range(3):
        pairs.crop(0, lambda size, left=left: Window(0, left, 32, 32), (32, 32))
    assert read == [1]


def test_memory_of_pairs_is_that_of_their_own_sizes(root):
    pixels = sum(height * width for sizes in SIZES.values() for height, width in sizes)
    found = open_pairs(config(root, cache=True)).found
    assert found.endswith(f"kept in memory ({pixels * 6 / 1000:.1f} kB)")


def test_a_failed_window_is_left_with_the_pairs(tmp_path):
    write_large(tmp_path, "tiles")
    pairs = open_pairs(config(tmp_path, cache=False)).train
    (tmp_path / "A" / "train" / "0.tif").unlink()
    with pytest.raises(UserError, match=r"0\.tif"):
        pairs.crop(0, lambda size: Window(0, 0, 32, 32), (32, 32))
    assert "0.tif" in str(pairs.failure)
