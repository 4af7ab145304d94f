"""Which files are translated: what a user names, without what lies in the output folder."""

import os
import unicodedata

import numpy as np
import pytest

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.data.input_source import InputForm, InputSource
from pix2pix_tf.images.io import write_image
from pix2pix_tf.inference.inputs import find_inputs
from pix2pix_tf.utils.errors import UserError


def source(layout="side_by_side", **data):
    return InputSource(make_config({"data": {"root": "x", **data}}), layout)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Writes images of a name each, 16×16, and works in their folder."""
    monkeypatch.chdir(tmp_path)

    def write(*names, size=(16, 16)):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, np.zeros((*size, 3), np.uint8))
        return tmp_path

    return write


def test_files_folders_and_patterns(place):
    place("in/a.png", "in/b.JPG", "in/deep/c.webp")
    assert find_inputs(["in"], source()).names == ["a", "b", "deep/c"]
    assert find_inputs(["in/*.*"], source()).names == ["a", "b"]
    assert find_inputs(["in/a.png", "in/deep"], source()).names == ["c", "a"]


@pytest.mark.parametrize("folder", ["scans[1]", "all*", "what?", "[final]/b[2]"])
def test_folders_whose_names_look_like_patterns_are_taken_as_typed(place, folder):
    place(f"{folder}/a.png", f"{folder}/b[3].png", f"{folder}/out/c.png", "allx/d.png")
    root = place("scans1/e.png")
    assert find_inputs([f"{folder}/*.png"], source()).names == ["a", "b[3]"]
    assert find_inputs([f"{root}/{folder}/?.png"], source()).names == ["a"]
    assert find_inputs([f"{folder}/**/*.png"], source(), output=root / folder / "out").names == [
        "a",
        "b[3]",
    ]


def test_brackets_are_a_wildcard_where_no_folder_has_them_in_its_name(place):
    place("scans1/a.png", "scans2/b.png", "scans3/c.png")
    assert find_inputs(["scans[12]/*.png"], source()).names == ["a", "b"]


def test_what_a_folder_holds_besides_images_is_said(place):
    root = place("in/a.png", "in/@eaDir/a.png/thumb.jpg")
    (root / "in" / "notes.txt").touch()
    inputs = find_inputs(["in"], source(), output=root / "out")
    assert inputs.names == ["a"]
    assert inputs.notes == [
        "not images by their suffix: 1 .txt",
        "passed over, as systems make them or hide them: @eaDir",
    ]


def test_names_that_differ_only_in_composition_are_refused(place):
    place("in/é.png", "in/" + unicodedata.normalize("NFD", "é.png"))
    with pytest.raises(UserError, match=r"would both be written as é\.png"):
        find_inputs(["in"], source())


def test_what_is_not_there_or_twice_is_refused(place):
    place("in/single.png", "in/single.jpg")
    with pytest.raises(UserError, match=r"would both be written as single\.png"):
        find_inputs(["in/single.*"], source())
    with pytest.raises(UserError, match="no such file or folder in"):
        find_inputs(["nowhere*"], source())
    (place() / "void").mkdir()
    with pytest.raises(UserError, match="holds no image; looked for"):
        find_inputs(["void"], source())


def test_the_same_file_named_twice_counts_once(place):
    root = place("in/a.png")
    assert find_inputs(["in", "in/", str(root / "in"), "in/a.png"], source()).names == ["a"]


@pytest.mark.parametrize(
    "patterns",
    [
        ["in"],
        ["./in/"],
        ["in/**/*.png"],
        ["in/*", "in/*/*"],
        ["in/a.png", "in/out/a.png", "in/out/deep/b.png"],  # as a shell expands in/**
        ["in", "in"],
        ["link"],
        ["in/../in"],
    ],
)
def test_files_below_the_output_folder_are_no_inputs(place, patterns):
    root = place("in/a.png", "in/out/a.png", "in/out/deep/b.png")
    (root / "link").symlink_to(root / "in")
    inputs = find_inputs(patterns, source(), output=root / "in" / "out")
    assert [path.resolve() for path in inputs.paths] == [root / "in" / "a.png"]
    assert "in the output folder" in inputs.notes[0]


def test_links_into_the_output_folder_are_no_inputs(place):
    root = place("in/a.png", "elsewhere/out/b.png", "elsewhere/out/deep/c.png")
    (root / "in" / "linked").symlink_to(root / "elsewhere")
    (root / "in" / "d.png").symlink_to(root / "elsewhere" / "out" / "b.png")
    inputs = find_inputs(["in"], source(), output=root / "elsewhere" / "out")
    assert inputs.names == ["a"]
    assert inputs.notes[0].startswith("left out: 3 images that lie in the output folder")


def test_an_output_folder_that_is_an_input_folder_is_refused(place):
    root = place("in/a.png", "more/b.png")
    (root / "link").symlink_to(root / "in")
    for output in ("in", "link"):
        with pytest.raises(UserError, match="is the folder that is read"):
            find_inputs(["more", "in"], source(), output=root / output)
    for patterns in (["in/*.png"], ["in/a.png"]):
        with pytest.raises(UserError, match="all of it lies in the output folder"):
            find_inputs(patterns, source(), output=root / "in")


def test_an_output_folder_around_the_inputs_leaves_nothing_out(place):
    root = place("in/a.png", "in/deep/b.png", "in2/c.png")
    inputs = find_inputs(["in", "in2/c.png"], source(), output=root)
    assert inputs.names == ["a", "deep/b", "c"]
    assert inputs.notes == []


def test_what_becomes_of_side_by_side_pairs_is_said(place):
    place("in/a.png", "in/b.png", size=(16, 32))
    for direction, half in (("AtoB", "left"), ("BtoA", "right")):
        inputs = find_inputs(["in"], source(direction=direction))
        said = f"2 side-by-side pairs: translating their {half} halves (--no-pairs translates"
        assert inputs.notes[0].startswith(said)
    (note,) = find_inputs(["in"], source(), pairs=True).notes
    assert note == "2 side-by-side pairs: translating their left halves"
    assert find_inputs(["in"], source(), pairs=False).notes == []


def test_wide_images_that_are_not_halved_are_mentioned(place):
    place("in/a.png", "in/b.png", size=(16, 32))
    inputs = find_inputs(["in"], source("folders"))
    assert inputs.form == InputForm(None, derive=False)
    assert inputs.notes[0].startswith("2 images of twice an input's width: translated whole")


@pytest.mark.parametrize(
    ("derive", "asked", "words"),
    [
        ("lightness", False, "making inputs of it as in training (lightness)"),
        ("grey", False, "making inputs of it as in training (grey)"),
        ("edges", False, "taken for inputs as they are, drawings (--derive"),
        ("edges", True, "making inputs of it as in training (edges)"),
        ("random_mask", False, "taken for inputs as they are, photographs with holes (--derive"),
        ("centre_mask", True, "making inputs of it as in training (centre_mask)"),
    ],
)
def test_what_is_made_of_photographs_is_said(place, derive, asked, words):
    place("in/a.png")
    (note,) = find_inputs(["in"], source("photographs", derive=derive), derive=asked).notes
    assert words in note


def test_pairs_of_a_run_that_derives_from_one_half_are_said_to_be(place):
    place("in/a.png", size=(16, 32))
    (note,) = find_inputs(["in"], source(derive="edges", photo="B")).notes
    assert note.startswith("1 side-by-side pair: making inputs of its right half as in training")


def test_names_of_all_kinds_are_found(place):
    odd = ["in/res[1].png", "in/a b #2.png", os.fsdecode(b"in/\xff.png")]
    place(*odd)
    assert sorted(find_inputs(["in"], source()).names) == sorted(name[3:-4] for name in odd)
    assert find_inputs(["in/res[1].png"], source()).names == ["res[1]"]
