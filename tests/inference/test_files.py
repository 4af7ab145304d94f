"""A folder translated: bad files keep none of the others, and what is there is not made again."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.images.io import write_image
from pix2pix_tf.inference.files import translate_files
from pix2pix_tf.inference.inputs import find_inputs
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.runs.run import Run
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import WriteError


@pytest.fixture(scope="session")
def session_translator(finished_run):
    return Translator(finished_run)


@pytest.fixture
def translator(session_translator):
    return session_translator


def picture(height, width, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


@pytest.fixture
def photos(tmp_path):
    """Five images, of which f2 is cut short."""
    for number in range(5):
        path = tmp_path / "in" / f"f{number}.png"
        path.parent.mkdir(exist_ok=True)
        write_image(path, picture(20, 24, seed=number))
    whole = (tmp_path / "in" / "f2.png").read_bytes()
    (tmp_path / "in" / "f2.png").write_bytes(whole[: len(whole) * 2 // 3])
    return tmp_path / "in"


def translate(translator, folder, output="out", **words):
    inputs = find_inputs([str(folder)], translator.source, pairs=words.pop("pairs", None))
    return translate_files(translator, inputs, folder.parent / output, **{"seed": 1, **words})


def names(paths):
    return [path.name for path in paths]


def test_each_file_becomes_its_own_translation(tmp_path, translator):
    for name in ("a.png", "b.JPG", "deep/c.webp"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True, parents=True)
        write_image(tmp_path / "in" / name, picture(20, 24))
    written = translate(translator, tmp_path / "in", seed=0).written
    out = tmp_path / "out"
    assert written == [out / "a.png", out / "b.png", out / "deep" / "c.png"]
    assert Image.open(written[2]).size == (24, 20)
    expected = translator(picture(20, 24), seed=0)
    assert np.array_equal(np.asarray(Image.open(written[0])), expected)


def test_halves_of_pairs_are_translated(tmp_path, translator, pairs_folder):
    root = pairs_folder()
    (output, _) = translate(translator, root / "val", seed=5).written
    right_half = np.asarray(Image.open(root / "val" / "0.png"))[:, 36:]  # BtoA
    assert np.array_equal(np.asarray(Image.open(output)), translator(right_half, seed=5))


def test_files_in_tiles(tmp_path, translator, pairs_folder):
    (tmp_path / "in").mkdir()
    write_image(tmp_path / "in" / "large.png", picture(270, 300))
    write_image(tmp_path / "in" / "small.png", picture(20, 15))
    totals = []
    large, small = translate(translator, tmp_path / "in", tile=256, advance=totals.append).written
    tiled = translator.tiled(picture(270, 300), 256, seed=1)
    assert np.array_equal(np.asarray(Image.open(large)), tiled)
    assert np.array_equal(np.asarray(Image.open(small)), translator(picture(20, 15), seed=1))
    assert set(totals) == {len(totals)}
    root = pairs_folder(size=(270, 270))
    (output, _) = translate(translator, root / "val", tile=256).written
    right_half = np.asarray(Image.open(root / "val" / "0.png"))[:, 270:]  # BtoA
    assert np.array_equal(np.asarray(Image.open(output)), translator.tiled(right_half, 256, seed=1))


def test_a_bad_file_keeps_none_of_the_others_from_being_translated(photos, translator):
    (photos / "f4.png").write_bytes(b"")
    done = translate(translator, photos)
    assert names(done.written) == ["f0.png", "f1.png", "f3.png"]
    assert len(done.problems) == 2
    assert "f4.png is empty" in done.problems[0]  # its header tells, before any work
    assert "f2.png is damaged or cut short" in done.problems[1]
    assert sorted(names((photos.parent / "out").iterdir())) == ["f0.png", "f1.png", "f3.png"]


def test_where_nothing_can_be_translated_all_is_refused(photos, translator):
    for number in (0, 1, 3, 4):
        (photos / f"f{number}.png").write_bytes(b"no image")
    with pytest.raises(UserError) as caught:
        translate(translator, photos)
    assert all(f"f{number}.png" in str(caught.value) for number in range(5))


def test_the_same_again_makes_only_what_is_missing(photos, translator):
    first = translate(translator, photos)
    stamps = {path: path.stat().st_mtime_ns for path in first.written}
    (photos.parent / "out" / "f1.png").unlink()
    write_image(photos / "f2.png", picture(20, 24, seed=2))
    again = translate(translator, photos)
    assert names(again.written) == ["f1.png", "f2.png"]
    assert names(again.kept) == ["f0.png", "f3.png", "f4.png"]
    assert again.notes == ["3 of 5 already exist: kept (--overwrite translates all again)"]
    assert all(path.stat().st_mtime_ns == stamps[path] for path in again.kept)


def test_overwrite_makes_all_anew(photos, translator):
    translate(translator, photos)
    again = translate(translator, photos, overwrite=True)
    assert len(again.written) == 4
    assert (again.kept, again.notes) == ([], [])


def test_what_was_made_of_another_input_or_otherwise_is_made_anew(photos, translator):
    (photos / "f2.png").unlink()
    translate(translator, photos)
    write_image(photos / "f1.png", picture(20, 24, seed=9))
    os.utime(photos / "f1.png", (1, 1))  # its content counts, not its time
    os.utime(photos / "f0.png")
    again = translate(translator, photos)
    assert names(again.written) == ["f1.png"]
    assert "1 of 4 were there, made of another input" in again.notes[1]
    (f1,) = again.written
    expected = translator(picture(20, 24, seed=9), seed=1)
    assert np.array_equal(np.asarray(Image.open(f1)), expected)
    for settings in ({"seed": 2}, {"seed": 2, "dropout": False}, {"seed": 2}):
        assert len(translate(translator, photos, **settings).written) == 4
    assert len(translate(translator, photos, seed=2).kept) == 4
    assert len(translate(translator, photos, seed=None).kept) == 4  # any noise will do


def test_a_seed_makes_anew_what_was_made_without(photos, translator):
    translate(translator, photos, seed=None)
    assert len(translate(translator, photos, seed=1).written) == 4


def test_what_other_weights_made_is_made_anew(photos, translator, tiny_run):
    translate(translator, photos)
    other = Translator(tiny_run)
    assert len(translate(other, photos).kept) == 4  # a copy of the same run
    variable = other.networks["generator"].weights[0]
    variable.assign(variable * 1.5)
    del other.fingerprint  # of what it was
    again = translate(other, photos)
    assert len(again.written) == 4


def test_what_was_translated_whole_does_for_tiles_but_not_the_other_way(tmp_path, translator):
    (tmp_path / "in").mkdir()
    write_image(tmp_path / "in" / "large.png", picture(270, 300))
    assert translate(translator, tmp_path / "in", tile=256).written
    assert translate(translator, tmp_path / "in", tile=256).kept
    assert translate(translator, tmp_path / "in").written
    assert translate(translator, tmp_path / "in", tile=256).kept


def test_a_file_that_says_nothing_of_itself_is_kept_and_mentioned(photos, translator):
    (photos.parent / "out").mkdir()
    write_image(photos.parent / "out" / "f0.png", picture(3, 3))
    done = translate(translator, photos)
    assert names(done.kept) == ["f0.png"]
    assert done.notes[0] == "1 of 5 already exists: kept (--overwrite translates all again)"
    assert "1 file of those kept does not say what" in done.notes[1]


@pytest.mark.parametrize("kind", ["JPEG", "text"])
def test_a_file_of_another_kind_at_a_translations_place_is_kept_and_mentioned(
    photos, translator, kind
):
    mine = photos.parent / "out" / "f0.png"
    mine.parent.mkdir()
    if kind == "JPEG":
        Image.fromarray(picture(30, 30)).save(mine, format="JPEG")
    else:
        mine.write_text("what I wrote about f0\n")
    before = mine.read_bytes()
    done = translate(translator, photos)
    assert names(done.kept) == ["f0.png"]
    assert mine.read_bytes() == before
    assert "1 file of those kept does not say what" in done.notes[1]


def test_a_translation_of_zeros_as_crashes_leave_is_made_anew(photos, translator):
    (f0, *_) = translate(translator, photos).written
    f0.write_bytes(bytes(f0.stat().st_size))
    assert translate(translator, photos).written == [f0]


@pytest.mark.parametrize("left", [0, 5, 40, -30, -1])
def test_a_damaged_translation_is_made_anew(photos, translator, left):
    (f0, *_) = translate(translator, photos).written
    f0.write_bytes(f0.read_bytes()[:left])
    done = translate(translator, photos)
    assert done.written == [f0]
    assert "1 of 5 were there and damaged" in done.notes[1]


def test_a_translation_of_any_size_is_known_again(tmp_path, translator, monkeypatch):
    (tmp_path / "in").mkdir()
    write_image(tmp_path / "in" / "a.png", picture(64, 64))
    assert translate(translator, tmp_path / "in").written
    monkeypatch.setattr("PIL.Image.open", lambda *_, **__: pytest.fail("decoded"))
    monkeypatch.setattr(translator.source, "size_of", lambda *_: (64, 64))
    assert translate(translator, tmp_path / "in", pairs=False).kept


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_a_pipe_where_a_translation_belongs_is_refused(photos, translator):
    (photos.parent / "out").mkdir()
    os.mkfifo(photos.parent / "out" / "f1.png")
    with pytest.raises(UserError, match=r"f1\.png: is a pipe, a device or the like, where"):
        translate(translator, photos)


@pytest.mark.parametrize("output", ["file", "file/deep", "/proc/nowhere"])
def test_an_output_folder_that_cannot_be_made_is_refused_before_the_first_translation(
    photos, translator, monkeypatch, output
):
    (photos.parent / "file").write_text("kept")
    monkeypatch.setattr(
        "pix2pix_tf.inference.files._translate", lambda *_: pytest.fail("translated")
    )
    with pytest.raises(UserError, match=r"expected a folder|cannot be written"):
        translate(translator, photos, output)
    assert (photos.parent / "file").read_text() == "kept"


def test_an_input_is_never_replaced(tmp_path, translator):
    for folder in ("in", "out"):
        (tmp_path / folder).mkdir()
    write_image(tmp_path / "in" / "mine.png", picture(16, 16))
    os.link(tmp_path / "in" / "mine.png", tmp_path / "out" / "mine.png")
    with pytest.raises(UserError, match="replaced by its own translation"):
        translate(translator, tmp_path / "in")


def test_a_folder_where_a_translation_belongs_is_refused_first(photos, translator):
    (photos.parent / "out" / "f3.png").mkdir(parents=True)
    with pytest.raises(UserError, match=r"f3\.png: is a folder, where the translation of"):
        translate(translator, photos)
    assert names((photos.parent / "out").iterdir()) == ["f3.png"]


def test_what_is_too_large_keeps_none_of_the_others(tmp_path, monkeypatch, translator):
    (tmp_path / "in").mkdir()
    write_image(tmp_path / "in" / "large.png", picture(2000, 3000, 1))
    monkeypatch.setattr("pix2pix_tf.inference.memory.available_memory", lambda: 100_000 * 1024)
    with pytest.raises(UserError, match=r"large\.png: has 3000×2000 pixels.*give --tile 512"):
        translate(translator, tmp_path / "in")
    assert not (tmp_path / "out").exists()
    write_image(tmp_path / "in" / "small.png", picture(16, 16))
    done = translate(translator, tmp_path / "in")
    assert names(done.written) == ["small.png"]
    assert "give --tile 512" in done.problems[0]


def test_a_full_disk_ends_it_with_all_that_is_known(photos, monkeypatch, translator):
    wrote = []

    def write(path, image, **words):
        if len(wrote) == 2:
            raise WriteError(f"{path} cannot be written: No space left on device")
        wrote.append(path)
        write_image(path, image, **words)

    monkeypatch.setattr("pix2pix_tf.inference.files.write_image", write)
    with pytest.raises(UserError) as caught:
        translate(translator, photos)
    first, second = str(caught.value).splitlines()
    assert "f2.png is damaged" in first
    assert "No space left on device; 2 of 5 are translated, the same command goes on" in second
    monkeypatch.undo()
    assert names(translate(translator, photos).written) == ["f3.png", "f4.png"]


def test_masks_of_photographs_are_those_of_validation(tmp_path, translator, tiny_run):
    text = Run(tiny_run).config_file.read_text()
    Run(tiny_run).config_file.write_text(text.replace("derive: pair", "derive: random_mask"))
    Run(tiny_run).pairs_file.unlink()
    for split, count in (("train", 2), ("val", 3)):
        for number in range(count):
            path = tmp_path / "photos" / split / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, picture(32, 32, seed=number) // 2)
    other = Translator(tiny_run)
    data = {**other.config.data.model_dump(), "root": str(tmp_path / "photos")}
    val = open_pairs(other.config.model_copy(update={"data": type(other.config.data)(**data)})).val
    inputs = find_inputs([str(tmp_path / "photos" / "val")], other.source, derive=True)
    written = translate_files(other, inputs, tmp_path / "out", seed=1).written
    for (masked, _), path in zip(val, written, strict=True):
        assert np.array_equal(np.asarray(Image.open(path)), other(masked, seed=1))


# --- as a user types it ------------------------------------------------------------------------


def test_bad_files_are_listed_at_the_end_with_exit_code_1(here, photos, tiny_run):
    words = ("translate", "--run", tiny_run, "--input", "in", "--output", "out", "--seed", 1)
    code, out, err = here(*words)
    assert (code, err) == (1, "")
    assert "4 translations of step 2 in out" in out
    assert "1 of 5 could not be translated:\n  in/f2.png is damaged or cut short" in out
    code, out, _ = here(*words)
    assert code == 1
    assert "4 of 5 already exist: kept" in out
    write_image(photos / "f2.png", picture(20, 24))
    code, out, _ = here(*words)
    assert code == 0
    assert "1 translation of step 2 in out" in out
    code, out, _ = here(*words, "--overwrite")
    assert "5 translations of step 2 in out" in out


def test_translations_are_never_translated_again(here, photos, tiny_run):
    (photos / "f2.png").unlink()
    words = ("translate", "--run", tiny_run, "--input", "in", "--output", "in/out", "--seed", 1)
    assert here(*words)[0] == 0
    code, out, _ = here(*words)
    assert code == 0
    assert "left out: 4 images that lie in the output folder in/out" in out
    assert "4 of 4 already exist" in out
    assert len(list(photos.rglob("*.png"))) == 8
    code, _, err = here(*words[:5], "--output", "in")
    assert code == 2
    assert "in: is the folder that is read" in err


def test_images_of_brackets_and_markup_are_translated(here, tmp_path, tiny_run):
    for name in ("res[a].png", "[final].png", "[bold]x.png"):
        (tmp_path / "in").mkdir(exist_ok=True)
        write_image(tmp_path / "in" / name, picture(16, 16))
    (tmp_path / "in" / "[red]bad.png").write_bytes(b"x")
    code, out, _ = here("translate", "--run", tiny_run, "--input", "in", "--output", "out[1]")
    assert code == 1
    assert "in/[red]bad.png is not an image" in out
    assert "3 translations of step 2 in out[1]" in out


def test_a_run_on_folders_translates_wide_images_whole(here, tmp_path, tiny_run):
    pairs = Run(tiny_run).pairs_file
    pairs.write_text(pairs.read_text().replace('"side_by_side"', '"folders"'))
    (tmp_path / "in").mkdir()
    write_image(tmp_path / "in" / "wide.png", picture(16, 32))
    words = ("translate", "--run", tiny_run, "--input", "in", "--output", "out")
    code, out, _ = here(*words)
    assert code == 0
    assert "translated whole" in out
    assert Image.open(tmp_path / "out" / "wide.png").size == (32, 16)
    code, out, _ = here(*words, "--pairs")
    assert "1 side-by-side pair: translating its right half" in out
    assert Image.open(tmp_path / "out" / "wide.png").size == (16, 16)  # made anew
    shutil.rmtree(tmp_path / "out")
    pairs.unlink()
    code, _, err = here(*words)
    assert code == 2
    assert "no record of the files that it was trained on; say --pairs or --no-pairs" in err
