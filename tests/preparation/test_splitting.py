import shutil

import pytest

from pix2pix_tf.data.layout.layout import find_layout
from pix2pix_tf.preparation import splitting
from pix2pix_tf.preparation.splitting import split_folder
from pix2pix_tf.utils.errors import UserError


def flat(root, count=20, sides=("",), suffixes=(".png", ".jpg")):
    """Files whose content is their path: splitting opens no image."""
    for side, suffix in zip(sides, suffixes, strict=False):
        for number in range(count):
            path = root / side / f"sub{number % 2}" / f"{number}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(path.relative_to(root).as_posix())
    return root


def files(root):
    return {p.relative_to(root).as_posix(): p.read_text() for p in root.rglob("*") if p.is_file()}


def refusal(*arguments, **words):
    with pytest.raises(UserError) as caught:
        split_folder(*arguments, **words)
    return str(caught.value)


def test_copies_of_side_by_side_files(tmp_path):
    root, output = flat(tmp_path / "flat"), tmp_path / "new" / "split"
    before = files(root)
    advanced = []
    counts = split_folder(root, output, val=0.2, test=0.1, advance=advanced.append).counts
    assert counts == {"train": 15, "val": 4, "test": 1}  # by the hashes of the names
    assert advanced == [20] * 20
    assert files(root) == before
    assert len(find_layout(output).pairs("train")) == 15
    placed = files(output)
    assert {name.split("/", 1)[1]: text for name, text in placed.items()} == before
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["split"]


def test_mates_of_two_folders_stay_together(tmp_path):
    root = flat(tmp_path / "flat", sides=("A", "B"))
    counts = split_folder(root, tmp_path / "split", val=0.25).counts
    assert sum(counts.values()) == 20
    for split, count in counts.items():
        pairs = find_layout(tmp_path / "split").pairs(split)
        assert len(pairs) == count
        assert all((p.a.suffix, p.b.suffix) == (".png", ".jpg") for p in pairs)


def test_the_seed_alone_decides(tmp_path):
    def val(root, seed, name):
        split_folder(root, tmp_path / name, val=0.3, seed=seed)
        return sorted(pair.name for pair in find_layout(tmp_path / name).pairs("val"))

    root = flat(tmp_path / "flat")
    first = val(root, 0, "first")
    assert first == ["sub0/18", "sub0/4", "sub0/8", "sub1/11", "sub1/7"]
    assert val(flat(tmp_path / "copy"), 0, "again") == first
    assert val(root, 1, "other") != first


def test_moving_within_the_folder(tmp_path):
    root = flat(tmp_path / "flat", sides=("A", "B"))
    before = files(root)
    (root / "notes.txt").write_text("mine")
    split_folder(root, None, move=True)
    layout = find_layout(root)
    assert len(layout.pairs("train")) + len(layout.pairs("val")) == 20
    after = files(root)
    assert after.pop("notes.txt") == "mine"
    assert sorted(after.values()) == sorted(before.values())
    assert sorted(path.name for path in (root / "A").iterdir()) == ["train", "val"]


def test_moving_elsewhere(tmp_path):
    root = flat(tmp_path / "flat")
    before = files(root)
    split_folder(root, tmp_path / "split", move=True)
    assert sorted(files(tmp_path / "split").values()) == sorted(before.values())
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("elsewhere", [True, False])
def test_an_interrupted_move_goes_back(tmp_path, monkeypatch, elsewhere):
    root = flat(tmp_path / "flat")
    before, move, calls = files(root), shutil.move, []

    def interrupted(source, goal):
        calls.append(goal)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return move(source, goal)

    monkeypatch.setattr(splitting.shutil, "move", interrupted)
    output = tmp_path / "split" if elsewhere else None
    with pytest.raises(KeyboardInterrupt):
        split_folder(root, output, move=True)
    assert files(root) == before
    assert sorted(path.name for path in root.iterdir()) == ["sub0", "sub1"]
    assert [path.name for path in tmp_path.iterdir()] == ["flat"]


def test_links_are_copied_not_moved(tmp_path):
    root = flat(tmp_path / "flat", 4)
    (root / "sub9").symlink_to(flat(tmp_path / "elsewhere", 1))
    assert "is a link or lies behind one" in refusal(root, None, move=True)
    split_folder(root, tmp_path / "split")
    assert len(files(tmp_path / "split")) == 5
    assert not any(path.is_symlink() for path in (tmp_path / "split").rglob("*"))


def test_nothing_is_overwritten(tmp_path):
    root = flat(tmp_path / "flat")
    assert "already exists" in refusal(root, flat(tmp_path / "old"))
    assert "give a new folder for the copies, or --move" in refusal(root, None)
    (root / "val").mkdir()
    assert "is split already: there is val" in refusal(root, tmp_path / "split")


@pytest.mark.parametrize("shares", [(0, 0), (1, 0), (0.6, 0.4), (-0.1, 0.5), (float("nan"), 0)])
def test_shares_that_make_no_sense(tmp_path, shares):
    val, test = shares
    assert "expected shares" in refusal(flat(tmp_path / "flat"), tmp_path / "s", val=val, test=test)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (("training",), ("train", "val")),
        (("train/A", "train/B"), ("train/A", "train/B", "val/A", "val/B")),
        (("A/train", "B/train"), ("A/train", "A/val", "B/train", "B/val")),
        (("trainA", "trainB"), ("trainA", "trainB", "valA", "valB")),
        (("X_train", "y_train"), ("X_train", "X_val", "y_train", "y_val")),
        (
            ("Train Images", "Train Masks"),
            tuple(f"{s} {t}" for s in ("train", "val") for t in ("Images", "Masks")),
        ),
    ],
)
@pytest.mark.parametrize("move", [False, True])
def test_a_train_split_alone_is_divided_beside_itself(tmp_path, before, after, move):
    root = flat(tmp_path / "root", sides=before)
    split_folder(root, tmp_path / "new", val=0.3, move=move)
    layout = find_layout(tmp_path / "new")
    found = [folder for split in layout.splits.values() for folder in split.folders]
    assert sorted(path.relative_to(layout.root).as_posix() for path in found) == sorted(after)
    assert sum(len(split.pairs) for split in layout.splits.values()) == 20


def test_a_train_split_is_divided_in_its_place(tmp_path):
    root = flat(tmp_path / "root", sides=("trainA", "trainB"))
    before = files(root)
    split_folder(root, None, val=0.3, move=True)
    assert sorted(path.name for path in root.iterdir()) == ["trainA", "trainB", "valA", "valB"]
    assert sorted(files(root).values()) == sorted(before.values())


def test_small_folders(tmp_path):
    root = flat(tmp_path / "flat", 2)
    counts = split_folder(root, tmp_path / "split", val=0.01).counts
    assert counts == {"train": 1, "val": 1}
    message = refusal(root, tmp_path / "more", val=0.1, test=0.1)
    assert "2 pairs: not enough for one each in val, test, train" in message
    (tmp_path / "empty").mkdir()
    assert "No image pairs" in refusal(tmp_path / "empty", tmp_path / "more")
