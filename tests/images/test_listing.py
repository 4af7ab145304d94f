"""What lies below a folder: images, other files, what systems make, links."""

import unicodedata

import pytest

from pix2pix_tf.images.formats import IMAGE_SUFFIXES
from pix2pix_tf.images.listing import (
    image_name,
    list_folder,
    list_folders,
    list_images,
    listing_notes,
)
from pix2pix_tf.utils.errors import UserError


def touch(root, *names):
    """Empty files: listing opens none."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def below(root, paths):
    return [path.relative_to(root).as_posix() for path in paths]


def test_images_come_in_natural_order_at_any_depth(tmp_path):
    names = ["img10.png", "img2.png", "img1.png", "img01.png", "sub10/a.png", "sub9/b/c.png"]
    found = below(tmp_path, list_images(touch(tmp_path, *names)))
    assert found == [
        "img01.png",
        "img1.png",
        "img2.png",
        "img10.png",
        "sub9/b/c.png",
        "sub10/a.png",
    ]


@pytest.mark.parametrize("suffix", [s for lower in IMAGE_SUFFIXES for s in (lower, lower.upper())])
def test_every_suffix_in_either_case_is_listed(tmp_path, suffix):
    assert list_images(touch(tmp_path, f"x{suffix}", "x.txt")) == [tmp_path / f"x{suffix}"]


def test_listing_no_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"none cannot be listed: No such file or directory"):
        list_images(tmp_path / "none")


def test_what_is_no_image_is_counted_by_suffix(tmp_path):
    touch(tmp_path, "1.png", "1.txt", "a/2.TXT", "a/3.xcf", "LICENSE")
    (note,) = listing_notes([list_folder(tmp_path)])
    assert note == "not images by their suffix: 2 .txt, 1 .xcf, 1 without a suffix"


@pytest.mark.parametrize(
    "made",
    [
        "@eaDir/1.png/SYNOPHOTO_THUMB_XL.jpg",
        "sub/@eaDir/1.png/SYNOPHOTO_THUMB_XL.jpg",
        ".cache/1.png",
        "a/.ipynb_checkpoints/1-checkpoint.png",
        "__MACOSX/1.png",
        "$RECYCLE.BIN/1.png",
        "System Volume Information/1.png",
        "lost+found/1.png",
        ".Trash-1000/files/1.png",
        "#recycle/1.png",
        "#snapshot/daily/1.png",
        "@Recycle/1.png",
        ".@__thumb/1.png",
        "._1.png",
        ".thumbnails/1.jpg",
        "~snapshot/daily/1.png",
        "found.007/1.png",
        "_gsdata_/1.png",
        "~$1.png",
        "1.png:Zone.Identifier",
    ],
)
def test_what_systems_make_is_passed_over_and_said(tmp_path, made):
    listing = list_folder(touch(tmp_path, "1.png", made))
    assert below(tmp_path, listing.images) == ["1.png"]
    (note,) = listing_notes([listing])
    name = next(part for part in made.split("/") if part not in ("sub", "a"))
    assert note == f"passed over, as systems make them or hide them: {name}"


def test_files_that_systems_make_are_not_counted_as_others(tmp_path):
    listing = list_folder(touch(tmp_path, "1.png", "Thumbs.db", "a/Thumbs.db", "desktop.ini"))
    assert listing.others == []
    (note,) = listing_notes([listing])
    assert note.endswith(": Thumbs.db (2×), desktop.ini")


def test_a_folder_linked_into_itself_counts_once(tmp_path):
    root = touch(tmp_path / "root", "y.png", "deep/z.png")
    (root / "up").symlink_to(root)
    (root / "deep" / "above").symlink_to(tmp_path)
    listing = list_folder(root)
    assert below(root, listing.images) == ["deep/z.png", "y.png"]
    (note,) = listing_notes([listing])
    assert "counted once" in note
    assert all(str(root / link) in note for link in ("up", "deep/above"))


@pytest.mark.parametrize("link", ["a", "z"])  # before its target and after it
def test_a_folder_linked_beside_its_target_counts_once(tmp_path, link):
    touch(tmp_path, "m/1.png")
    (tmp_path / link).symlink_to(tmp_path / "m")
    listing = list_folder(tmp_path)
    assert below(tmp_path, listing.images) == ["m/1.png"]
    assert listing.repeated == [tmp_path / link]


def test_a_folder_linked_from_elsewhere_is_entered_once(tmp_path):
    touch(tmp_path, "elsewhere/x.png", "root/y.png")
    root = tmp_path / "root"
    (root / "first").symlink_to(tmp_path / "elsewhere")
    (root / "second").symlink_to(tmp_path / "elsewhere")
    listing = list_folder(root)
    assert below(root, listing.images) == ["first/x.png", "y.png"]
    assert below(root, listing.repeated) == ["second"]


def test_two_folders_share_nothing_by_links(tmp_path):
    touch(tmp_path, "train/1.png", "val/2.png")
    (tmp_path / "train" / "more").symlink_to(tmp_path / "val")
    train, val = list_folders([tmp_path / "train", tmp_path / "val"])
    assert (below(tmp_path, train.images), below(tmp_path, val.images)) == (
        ["train/1.png"],
        ["val/2.png"],
    )
    assert train.repeated == [tmp_path / "train" / "more"]


def test_an_image_linked_beside_its_target_is_said(tmp_path):
    touch(tmp_path, "1.png")
    (tmp_path / "2.png").symlink_to(tmp_path / "1.png")
    (note,) = listing_notes([list_folder(tmp_path)])
    assert note.endswith(f"count twice: {tmp_path / '2.png'}")


def test_links_that_lead_nowhere_are_listed_for_their_reader_to_refuse(tmp_path):
    (tmp_path / "x.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "y.png").symlink_to(tmp_path / "y.png")
    assert below(tmp_path, list_images(tmp_path)) == ["x.png", "y.png"]


def test_names_are_the_same_for_composed_and_decomposed_accents(tmp_path):
    for form in ("NFC", "NFD"):
        path = tmp_path / "ü".join(unicodedata.normalize(form, each) for each in ("é", "b.c.png"))
        assert image_name(path, tmp_path) == "éüb.c"


def test_a_double_suffix_is_no_part_of_the_name(tmp_path):
    """As OME writes them: cell.ome.tif goes with cell.png."""
    names = [image_name(tmp_path / name, tmp_path) for name in ("a/c.1.OME.tiff", "c.ome.png")]
    assert names == ["a/c.1", "c.ome"]
