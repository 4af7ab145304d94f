"""Odd datasets given to all that reads them: what is read is right, what is not read is said.

`make fuzz` tries more, others each time.
"""

import os
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.data.checking.report import check_dataset
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.utils.errors import UserError
from tests.fuzz.odd_folders import SIDE, odd_folders

pytestmark = pytest.mark.slow("tries many cases")

CASES = int(os.environ.get("PIX2PIX_TF_FUZZ", "0"))
FEW = 60
NEAR = 12  # grey levels: GIF and JPEG 2000 are not exact; other colours are farther


def config(root):
    data = {"root": str(root), "load_size": SIDE, "crop_size": SIDE, "augment": []}
    return make_config({"data": data, "discriminator": {"receptive_field": 16}})


def colours(pair):
    """The mean colours of A and B, of 255."""
    return [
        image.reshape(-1, 3).mean(axis=0) / (257 if image.dtype == np.uint16 else 1)
        for image in pair
    ]


def opened_or_none(folder, root):
    try:
        return open_pairs(config(root), check=True)
    except UserError as error:
        if folder.sound:
            raise AssertionError(f"{folder.what}: a sound dataset is refused") from error
    return None


def read_right(folder, opened):
    """Every pair that was opened is one that was written, in its own split."""
    for split, pairs in (("train", opened.train), ("val", opened.val)):
        written = folder.pairs.get(split)
        if written is None:  # held out of all, or of those to train on
            written = folder.pairs.get("") or folder.pairs["train"]
        for place, name in enumerate(pairs.names):
            assert name in written, f"{split} has {name}, which is no pair of it"
            found = colours(pairs[place])
            assert np.allclose(found, written[name], atol=NEAR), f"{split}/{name}: {found}"


@settings(
    max_examples=CASES or FEW,
    derandomize=not CASES,
    phases=[Phase.generate, Phase.shrink],
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(folder=odd_folders())
def test_datasets_are_read_right_or_refused(tmp_path_factory, folder):
    root = tmp_path_factory.mktemp("odd") / "dataset"
    try:
        folder.write(root)
        opened = opened_or_none(folder, root)
        if opened is None:
            return
        read_right(folder, opened)
        for words in folder.left_out:
            assert words in opened.found, f"{folder.what}: {words} is not said: {opened.found}"
        held_out = {*opened.train.names} & {*opened.val.names}
        if "val" not in folder.pairs:
            assert not held_out, "trained on and validated on"
        if folder.sound:
            names = {name for split in ("", "train", "val") for name in folder.pairs.get(split, ())}
            assert {*opened.train.names, *opened.val.names} == names
            checked = check_dataset(root)
            assert not checked.problems
            assert sum(checked.pairs.values()) == sum(map(len, folder.pairs.values()))
    finally:
        shutil.rmtree(root.parent)


@settings(
    max_examples=max(CASES // 20, 6),
    derandomize=not CASES,
    phases=[Phase.generate],
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(folder=odd_folders())
def test_the_commands_end_with_words(here, tmp_path_factory, folder):
    root = tmp_path_factory.mktemp("odd") / "dataset"
    folder.write(root)
    code, out, err = here("data", "check", root)
    assert code in (0, 2)
    assert "Traceback" not in out + err
    if folder.sound:
        assert code == 0, out + err
    code, out, err = here("data", "split", root, "--output", root.parent / "split", "--val", "0.4")
    assert code in (0, 2)
    if code == 0 and folder.sound:
        every = folder.pairs.get("") or folder.pairs["train"]  # which is divided where it is alone
        assert sum(check_dataset(root.parent / "split").pairs.values()) == len(every)
    shutil.rmtree(root.parent)
