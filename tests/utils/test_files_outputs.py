"""What a command is to write is checked before the work that it is to write."""

import errno
import os
from pathlib import Path

import pytest

from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import check_new_directory, check_output_directory, check_output_files


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("kept")


def everything(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("folder", "--json folder: is a folder; expected the name of a file"),
        ("no/where.json", "--json no/where.json: no: no such folder; make that folder first"),
        ("file/a.json", "--json file/a.json: file: is a file"),
        ("/dev/null", "--json /dev/null: is a device"),
        ("n" * 300, "cannot be written: File name too long"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused(tmp_path, target, words):
    before = everything(tmp_path)
    with pytest.raises(UserError) as caught:
        check_output_files(json=Path(target), csv=None)
    assert words in str(caught.value)
    assert everything(tmp_path) == before


def test_a_file_may_be_new_or_be_replaced_and_is_not_touched(tmp_path):
    before = everything(tmp_path)
    check_output_files(json=tmp_path / "new.json", csv=tmp_path / "file")
    assert everything(tmp_path) == before
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize(
    ("mark", "name"),
    [
        ("config.yaml", "config.yaml"),
        ("config.yaml", "metrics.json"),
        ("config.yaml", "checkpoints/step-2.json"),
        ("segmenter.yaml", "pairs.json"),
        ("study.yaml", "answers.sqlite"),
    ],
)
def test_no_report_replaces_a_part_of_a_run_a_segmenter_or_a_study(tmp_path, mark, name):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / mark).write_text("kept")
    (tmp_path / "made" / name).parent.mkdir(exist_ok=True)
    (tmp_path / "made" / name).write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "made" / name)
    for target in (Path("made") / name, Path("link")):
        with pytest.raises(UserError, match=r"is a part of the .*made; give another name"):
            check_output_files(json=target)
    check_output_files(json=tmp_path / "made" / "scores.json")
    check_output_files(json=tmp_path / Path(name).name)  # elsewhere the name is anybody's


def test_two_options_that_name_the_same_file_are_refused(tmp_path):
    with pytest.raises(UserError, match="--json and --csv: are both"):
        check_output_files(json=tmp_path / "a", csv=tmp_path / "folder" / ".." / "a")


@pytest.mark.parametrize("check", [check_new_directory, check_output_directory])
def test_a_folder_that_cannot_be_made_is_refused(tmp_path, check):
    for target, words in (
        ("file/deep/new", f"{tmp_path / 'file'} is a file; expected a folder"),
        ("n" * 300, "File name too long"),
        ("/proc/new", "cannot be written"),
    ):
        with pytest.raises(UserError, match=words):
            check(tmp_path / target)
    assert everything(tmp_path) == ["file", "folder"]


def test_a_folder_that_cannot_be_written_into_is_named_itself(tmp_path, monkeypatch):
    def refuse(path, *_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(UserError) as caught:
        check_output_directory(tmp_path / "folder")
    assert str(caught.value) == f"{tmp_path / 'folder'} cannot be written: Read-only file system"


def test_only_what_must_be_new_must_not_be_there(tmp_path):
    (tmp_path / "folder" / "a").touch()
    check_output_directory(tmp_path / "folder")
    check_output_directory(tmp_path / "new" / "deep")
    check_new_directory(tmp_path / "new" / "deep")
    with pytest.raises(UserError, match="folder: already exists"):
        check_new_directory(tmp_path / "folder")
    with pytest.raises(UserError, match="file: is a file; expected a folder"):
        check_output_directory(tmp_path / "file")
    assert everything(tmp_path) == ["file", "folder", "folder/a"]


@pytest.mark.parametrize(
    "words",
    [
        ["benchmark", "--json", "no/b.json", "--seconds", "0"],
        ["study", "report", "--study", "any", "--csv", "no/t.csv"],
        ["study", "report", "--study", "any", "--answers", "no/t.csv"],
        ["evaluate", "--run", "any", "--json", "no/s.json"],
        ["evaluate", "--run", "any", "--metrics", "lab_histogram", "--plot", "no/p.png"],
        ["evaluate", "--run", "any", "--report", "file/page"],
        ["evaluate", "--run", "any", "--save", "file/saved"],
        ["evaluate", "--run", "any", "--save", "same", "--report", "same"],
        ["reproduce", "--small", "--output", "file"],
        ["reproduce", "--small", "--output", "file/deep"],
        ["import", "any.pth", "--run", "file/run"],
        ["data", "pair", "--a", "any", "--b", "other", "--output", "file/pairs"],
        ["data", "split", "folder", "--output", "file/split"],
        ["data", "sample", "--output", "file/city"],
        ["data", "derive", "grey", "--input", "folder", "--output", "file/grey"],
        ["data", "edges", "--input", "folder", "--output", "file/edges"],
        ["data", "sketch", "--input", "folder", "--output", "file/sketch"],
        ["data", "download", "facades", "--output", "file"],
        ["study", "new", "--name=s", "--real=folder", "--fake=a=folder", "--output", "file/study"],
        ["train-segmenter", "--config", "sample", "--output", "file"],
        ["train", "--config", "sample", "--run", "file/run"],
    ],
    ids=lambda words: "-".join(words[:2] + words[-2:]).replace("/", "_"),
)
def test_every_command_refuses_its_target_before_all_else(here, words):
    code, _, error = here(*words)
    assert code == 2, error
    assert len(error.strip().splitlines()) == 1
    assert any(
        reason in error
        for reason in ("is a file", "no such folder; make", "are both", "already exists")
    ), error
