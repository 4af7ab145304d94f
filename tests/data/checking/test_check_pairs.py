import os
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.data.checking import inspection as judging
from pix2pix_tf.data.pairs import open_pairs, open_split
from pix2pix_tf.utils.errors import UserError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def opened(monkeypatch):
    """Names of the files that are decoded to be judged."""
    names = []

    def decode(path, *reading):
        names.append(f"{path.parent.name}/{path.name}")
        return inspect_image(path, *reading)

    inspect_image = judging.inspect_image
    monkeypatch.setattr(judging, "inspect_image", decode)
    return names


def config(root, **data):
    tree = {"data": {"root": str(root), "load_size": 40, "crop_size": 32, **data}}
    return make_config({**tree, "discriminator": {"receptive_field": 34}})


def check(root, **data):
    return open_pairs(config(root, **data), check=True)


def refusal(root, **data):
    with pytest.raises(UserError) as error:
        check(root, **data)
    return str(error.value)


def age(root, seconds=60):
    """Files as if they had been written a while ago: those of this very moment are not kept."""
    then = time.time() - seconds
    for path in root.rglob("*.*"):
        os.utime(path, (then, then))


def test_all_bad_files_of_train_and_val_are_named_at_once(pairs_folder):
    root = pairs_folder(train=4, val=2)
    (root / "train" / "1.png").write_bytes(b"")
    Image.new("RGB", (71, 36)).save(root / "train" / "2.png")
    (root / "val" / "0.png").write_text("<html>")
    said = refusal(root)
    assert said.startswith(f"{root}: 3 of 6 pairs cannot be used:\n")
    for words in ("train/1.png is empty", "train/2.png is 71 pixels wide", "val/0.png is not an"):
        assert words in said
    assert said.endswith("--set data.on_bad_image=skip")


def test_of_many_bad_files_ten_are_named_and_the_others_counted(pairs_folder):
    root = pairs_folder(train=14, val=1)
    for number in range(13):
        (root / "train" / f"{number}.png").write_bytes(b"")
    said = refusal(root)
    assert said.count("is empty") == 10
    assert "  and 3 more\n" in said


def test_mates_that_do_not_fit_are_bad_too(tmp_path):
    for side, width in (("A", 10), ("B", 20)):
        for number in range(3):
            (tmp_path / side).mkdir(exist_ok=True)
            size = (width if number == 1 else 10, 10)
            Image.new("RGB", size).save(tmp_path / side / f"{number}.png")
    assert "their shapes differ by more than 2%" in refusal(tmp_path)
    assert check(tmp_path, on_bad_image="skip").skipped[0].name == "1"


def test_skipped_pairs_are_told_with_their_reasons(pairs_folder):
    root = pairs_folder(train=4, val=2)
    (root / "train" / "1.png").write_bytes(b"")
    (root / "val" / "1.png").write_bytes(b"")
    opened = check(root, on_bad_image="skip")
    assert opened.train.names == ["0", "2", "3"]
    assert opened.val.names == ["0"]
    assert [(one.split, one.name) for one in opened.skipped] == [("train", "1"), ("val", "1")]
    assert opened.skipped[0].problems[0].startswith(f"{root / 'train' / '1.png'} is empty")
    assert "3 training and 1 validation pairs; 72×36 8 bit RGB; 2 bad pairs skipped" in opened.found
    assert open_split(config(root, on_bad_image="skip"), "val").names == ["0"]  # to be scored


def test_file_that_goes_bad_moves_no_other_into_validation(pairs_folder):
    root = pairs_folder(train=20)
    before = open_pairs(config(root))
    lost = before.val.names[0]
    (root / "train" / f"{lost}.png").write_bytes(b"")
    after = check(root, on_bad_image="skip")
    assert after.train.names == before.train.names
    assert after.val.names == before.val.names[1:]


@pytest.mark.parametrize("split", ["train", "val"])
def test_skipping_all_is_refused(pairs_folder, split):
    root = pairs_folder(train=2, val=2)
    for path in (root / split).iterdir():
        path.write_bytes(b"")
    said = refusal(root, on_bad_image="skip")
    assert f"all 2 pairs of {split} are bad" in said
    assert "0.png is empty" in said


def test_skipping_the_only_pair_is_refused(pairs_folder):
    root = pairs_folder(train=2, val=1)
    (root / "val" / "0.png").write_bytes(b"")
    assert "the only pair of val is bad, and" in refusal(root, on_bad_image="skip")


def test_photographs_need_no_even_width(tmp_path):
    for number in range(3):
        Image.new("RGB", (41, 40)).save(tmp_path / f"{number}.png")
    data = {"derive": "grey", "input_channels": 1}
    assert len(check(tmp_path, **data).train) == 2
    message = refusal(tmp_path, photo="A", layout="side_by_side", **data)
    assert "41 pixels wide" in message


def test_depth_of_sound_images_is_known_from_the_check(tmp_path):
    deep = np.full((32, 64), 40_000, np.uint16)
    for split, pixels in (("train", deep), ("val", (deep // 257).astype(np.uint8))):
        (tmp_path / split).mkdir()
        Image.fromarray(pixels).save(tmp_path / split / "1.png")
    opened = check(tmp_path)
    train, val = opened.train.values, opened.val.values
    assert (train.input.dtype, val.input.dtype) == (np.uint16, np.uint8)
    assert train == open_pairs(config(tmp_path)).train.values


def test_second_start_opens_what_has_changed_and_what_is_bad(pairs_folder, opened):
    root = pairs_folder(train=3, val=1)
    (root / "train" / "0.png").write_bytes(b"")
    age(root)
    counted = []
    settings = config(root, on_bad_image="skip")
    open_pairs(settings, check=True, advance=counted.append)
    assert sorted(opened) == ["train/0.png", "train/1.png", "train/2.png", "val/0.png"]
    assert counted == [4] * 4
    opened.clear(), counted.clear()
    shutil.copy(root / "val" / "0.png", root / "train" / "2.png")
    checked = open_pairs(settings, check=True, advance=counted.append)
    assert sorted(opened) == ["train/0.png", "train/2.png"]
    assert counted == [2] * 2
    assert [one.name for one in checked.skipped] == ["0"]


def test_same_size_and_another_time_is_another_file(pairs_folder, opened):
    root = pairs_folder(train=2, val=1)
    age(root)
    check(root)
    opened.clear()
    changed = root / "train" / "0.png"
    content = bytearray(changed.read_bytes())
    content[len(content) // 2] ^= 0xFF
    changed.write_bytes(content)
    assert "train/0.png is damaged" in refusal(root)
    assert opened == ["train/0.png"]


def test_files_of_this_very_moment_are_opened_again(pairs_folder, opened):
    root = pairs_folder(train=2, val=1)
    check(root), check(root)
    assert len(opened) == 6


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"files": 3}',
        b'{"made by": ["0", "0"], "files": {}}',
        b"[" * 100_000,
    ],
)
def test_damaged_cache_costs_time_only(pairs_folder, opened, cache, content):
    root = pairs_folder(train=2, val=1)
    age(root)
    check(root)
    (known,) = (cache / "pix2pix-tf").iterdir()
    known.write_bytes(content)
    check(root)
    assert len(opened) == 6
    check(root)
    assert len(opened) == 6


def test_cache_that_cannot_be_written_costs_time_only(pairs_folder, opened, cache):
    root = pairs_folder(train=2, val=1)
    age(root)
    cache.write_text("a file where the folder should be")
    check(root), check(root)
    assert len(opened) == 6


def test_nothing_is_written_into_the_dataset(pairs_folder):
    root = pairs_folder(train=2, val=1)
    age(root)
    before = sorted(root.rglob("*"))
    check(root)
    assert sorted(root.rglob("*")) == before
