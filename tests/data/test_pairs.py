import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.data.held_out import held_out
from pix2pix_tf.data.pair_sequence import Pairs
from pix2pix_tf.data.pairs import open_pairs, open_split
from pix2pix_tf.images.io import write_image
from pix2pix_tf.utils.errors import UserError


def config(root, **data):
    sizes = {"load_size": 40, "crop_size": 32}
    return make_config(
        {
            "data": {"root": str(root), **sizes, **data},
            "discriminator": {"receptive_field": 34},
        }
    )


def test_direction_says_which_half_is_the_input(pairs_folder):
    root = pairs_folder(size=(32, 32))
    both = np.asarray(Image.open(root / "val" / "0.png"))
    for direction, (first, second) in {"AtoB": (0, 32), "BtoA": (32, 0)}.items():
        image, target = open_pairs(config(root, direction=direction)).val[0]
        assert np.array_equal(image, both[:, first : first + 32])
        assert np.array_equal(target, both[:, second : second + 32])


def test_training_pairs_come_at_load_size_and_validation_at_crop_size(pairs_folder):
    opened = open_pairs(config(pairs_folder(), load_size=[48, 40]))
    assert opened.train[0][0].shape == (48, 40, 3)
    assert opened.val[0][1].shape == (32, 32, 3)
    assert "6 training and 2 validation pairs" in opened.found


def test_without_val_a_share_is_held_out(pairs_folder):
    root = pairs_folder(train=20)
    opened = open_pairs(config(root))
    assert len(opened.train) + len(opened.val) == 20
    assert set(opened.val.names) == held_out([str(number) for number in range(20)], 0.1, 0)
    count = len(opened.val)
    assert f"(no val/ folder: {count} of 20 held out)" in opened.found


def test_the_training_seed_holds_out_no_others(pairs_folder):
    root = pairs_folder(train=20)

    def val(**settings):
        tree = {"data": {"root": str(root), "load_size": 40, "crop_size": 32}}
        for key, value in settings.items():
            section, name = key.split("__")
            tree.setdefault(section, {})[name] = value
        tree["discriminator"] = {"receptive_field": 34}
        return open_pairs(make_config(tree)).val.names

    assert val() == val(training__seed=7)
    assert val() != val(data__split_seed=7)


def test_the_train_split_has_no_pair_that_is_held_out(pairs_folder):
    for root in (pairs_folder(train=20), pairs_folder("flat", train=20) / "train"):
        train, val = (open_split(config(root), split).names for split in ("train", "val"))
        assert len(train) + len(val) == 20
        assert not set(train) & set(val)


def test_flat_folder_is_enough(pairs_folder):
    root = pairs_folder(train=10) / "train"
    opened = open_pairs(config(root))
    assert len(opened.train) + len(opened.val) == 10


def test_two_folders_of_grey_16_bits(tmp_path):
    for side, top in (("A", 65535), ("B", 255)):
        (tmp_path / side / "train").mkdir(parents=True)
        (tmp_path / side / "val").mkdir()
        kind = np.uint16 if side == "A" else np.uint8
        for split in ("train", "val"):
            pixels = np.linspace(0, top, 32 * 32).reshape(32, 32).round().astype(kind)
            Image.fromarray(pixels).save(tmp_path / side / split / "x.png")
    image, target = open_pairs(config(tmp_path, input_channels=1, target_channels=1)).val[0]
    assert image.dtype == target.dtype == np.uint16
    assert image.max() == target.max() == 65535  # each scaled by its own type
    assert np.abs(image.astype(int) - target).max() <= 129  # half a step of 8 bits


def test_cache_reads_once(monkeypatch):
    reads = []

    def read(index):
        reads.append(index)
        return np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 3), np.uint8)

    for keep, expected in ((2, [0, 1]), (1, [0, 1, 1]), (0, [0, 1, 0, 1])):
        reads.clear()
        pairs = Pairs(["x", "y"], read, (4, 4), np.dtype(np.uint8), keep=keep)
        for index in (0, 1, 0, 1):
            image, target = pairs[index]
            assert image.shape == target.shape == (4, 4, 3)
        assert reads == expected


# Six pairs of 40×40 and two of 32×32, six channels a pixel: 69,888 bytes in all.
@pytest.mark.parametrize(
    ("memory", "cache", "kept", "words"),
    [
        (140_000, "auto", (6, 2), "; kept in memory (69.9 kB)"),
        (60_000, "auto", (1, 2), "; 3 of 8 kept in memory, the others are read in each epoch (all"),
        (1_000, "auto", (0, 0), "; 0 of 8 kept in memory, the others are read in each epoch (all"),
        (None, "auto", (6, 2), "; kept in memory ("),
        (100_000, True, (6, 2), "; kept in memory ("),
        (1_000_000, False, (0, 0), "; all are read in each epoch"),
    ],
)
def test_pairs_that_fit_in_half_of_the_memory_are_kept(
    pairs_folder, monkeypatch, memory, cache, kept, words
):
    monkeypatch.setattr("pix2pix_tf.data.pairs.total_memory", lambda: memory)
    opened = open_pairs(config(pairs_folder(), cache=cache))
    assert (opened.train.keep, opened.val.keep) == kept
    assert words in opened.found


def test_all_pairs_are_kept_or_refused(pairs_folder, monkeypatch):
    monkeypatch.setattr("pix2pix_tf.data.pairs.total_memory", lambda: 80_000)
    with pytest.raises(UserError, match=r"data\.cache=true: 8 decoded pairs take .*=auto keeps"):
        open_pairs(config(pairs_folder(), cache=True))


def test_missing_dataset_says_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"datasets/maps, which is not there.*data\.root=FOLDER"):
        open_pairs(make_config({"data": {"dataset": "maps"}}))


def test_val_without_train_and_single_pairs_are_refused(pairs_folder):
    with pytest.raises(UserError, match="has val/ but no train/"):
        open_pairs(config(pairs_folder("one", val=2)))
    with pytest.raises(UserError, match="needs at least two"):
        open_pairs(config(pairs_folder("two", train=1)))


def test_other_splits_can_be_opened(pairs_folder):
    root = pairs_folder(train=3, val=2, test=4)
    assert len(open_split(config(root), "test")) == 4
    with pytest.raises(UserError, match="split nowhere: there is no"):
        open_split(config(root), "nowhere")


def test_sample_city_is_a_dataset():
    settings = make_config(
        {
            "data": {"dataset": "sample", "load_size": 40, "crop_size": 32, "direction": "BtoA"}
            | {"sample_train": 3, "sample_val": 2},
            "discriminator": {"receptive_field": 34},
        }
    )
    opened = open_pairs(settings)
    from pix2pix_tf.datasets.sample_city import render_city

    image, target = opened.train[1]
    city = render_city(1, 40, 40)
    assert np.array_equal(image, city.street_map)
    assert np.array_equal(target, city.aerial)
    assert len(opened.val) == 2
    assert not set(opened.val.names) & set(opened.train.names)


def test_written_sample_can_be_trained_on(tmp_path):
    from pix2pix_tf.datasets.sample import write_sample
    from pix2pix_tf.datasets.sample_city import CLASSES

    write_sample(tmp_path / "city", train=2, val=1, size=(32, 32))
    opened = open_pairs(config(tmp_path / "city"))
    assert (opened.train.names, len(opened.val)) == (["city-0", "city-1"], 1)
    classes = np.asarray(Image.open(tmp_path / "city" / "classes" / "train" / "city-0.png"))
    assert classes.shape == (32, 32)
    assert classes.max() < len(CLASSES)
    with pytest.raises(UserError, match="already exists"):
        write_sample(tmp_path / "city", train=1, val=1, size=(32, 32))


def test_write_image_keeps_pairs_exact(tmp_path):
    pixels = np.arange(32 * 64 * 3, dtype=np.uint32).reshape(32, 64, 3).astype(np.uint8)
    (tmp_path / "train").mkdir()
    for name in "ab":
        write_image(tmp_path / "train" / f"{name}.png", pixels)
    image, _ = open_pairs(config(tmp_path, load_size=32)).train[0]
    assert np.array_equal(image, pixels[:, :32])


def test_what_is_read_is_said_in_one_line(pairs_folder):
    root = pairs_folder(train=9, val=2, test=3, size=(36, 36))
    write_image(root / "train" / "0.png", np.zeros((18, 36, 3), np.uint8))
    (root / "train" / "notes.txt").touch()
    (root / "classes").mkdir()
    opened = open_pairs(config(root), check=True)
    assert opened.found == (
        f"{root}: side-by-side pairs, 9 training and 2 validation pairs, 3 test pairs; "
        "72×36 8 bit RGB (10), 36×18 8 bit RGB (1); left out: 1 folder (classes); "
        "not images by their suffix: 1 .txt; kept in memory (98.7 kB)"
    )
    note, *_ = opened.notes
    assert "1 of 11 images have another size than the others" in note


def test_a_test_split_that_cannot_be_used_stops_no_training_but_is_said(pairs_folder):
    root = pairs_folder(train=4, val=2)
    (root / "test").mkdir()
    write_image(root / "test" / "single.png", np.zeros((36, 36, 3), np.uint8))
    found = open_pairs(config(root), check=True).found
    assert "0 test pairs (not all can be used: see data check)" in found
    with pytest.raises(UserError, match="not twice as wide as high"):
        open_split(config(root), "test")


def test_files_that_vanish_while_training_are_named(pairs_folder):
    root = pairs_folder()
    train = open_pairs(config(root, cache=False)).train
    train[0]
    (root / "train" / "0.png").unlink()
    with pytest.raises(UserError, match=r"0\.png does not exist: an image file was expected") as e:
        train[0]
    assert train.failure is e.value  # what the training then ends with


def test_pairs_know_the_files_they_are_read_from(pairs_folder):
    root = pairs_folder(train=1, val=1)
    opened = open_pairs(config(root, derive="centre_mask"))
    assert opened.train.files == [(root / "train" / "0.png",)]
    assert opened.val.files == [(root / "val" / "0.png",)]  # masked, which wraps them
    assert open_pairs(make_config({"data": {"dataset": "sample"}})).train.files == []
