from pathlib import Path

import pytest

from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import atomic_directory, check_new_directory


def everything(folder):
    """All below a folder, hidden or not, by relative path."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("target", ["model", "deep/down/model", "made/deep/down/model"])
def test_a_folder_appears_whole(tmp_path, target):
    (tmp_path / "made").mkdir()
    before = everything(tmp_path)
    with atomic_directory(tmp_path / target) as folder:
        assert folder.is_dir()
        assert everything(folder) == []
        (folder / "sub").mkdir()
        (folder / "sub" / "file").write_text("content")
        assert not (tmp_path / target).exists()
        assert folder.name.startswith(".")  # no server or listing takes it for the finished one
        # Nothing but the hidden folder, which lies where the last step is a rename.
        assert [path for path in everything(tmp_path) if ".partial" not in path] == before
    assert (tmp_path / target / "sub" / "file").read_text() == "content"
    assert not folder.exists()
    assert not any(".partial" in path for path in everything(tmp_path))


@pytest.mark.parametrize("error", [UserError("refused"), KeyboardInterrupt(), OSError("any")])
@pytest.mark.parametrize("target", ["model", "deep/down/model", "made/deep/down/model"])
def test_nothing_is_left_after_an_error(tmp_path, target, error):
    (tmp_path / "made").mkdir()
    before = everything(tmp_path)
    with (  # noqa: PT012  the block is what is tested
        pytest.raises(type(error)) as caught,
        atomic_directory(tmp_path / target) as folder,
    ):
        (folder / "sub").mkdir()
        (folder / "sub" / "file").write_text("half")
        raise error
    assert caught.value is error
    assert everything(tmp_path) == before


def test_an_empty_folder_is_replaced(tmp_path):
    (tmp_path / "model").mkdir()
    with atomic_directory(tmp_path / "model") as folder:
        (folder / "file").touch()
    assert everything(tmp_path) == ["model", "model/file"]


def test_an_empty_folder_stays_after_an_error(tmp_path):
    (tmp_path / "model").mkdir()
    with pytest.raises(UserError), atomic_directory(tmp_path / "model"):
        raise UserError("refused")
    assert everything(tmp_path) == ["model"]


def test_what_came_there_meanwhile_is_not_replaced(tmp_path):
    with pytest.raises(OSError), atomic_directory(tmp_path / "model") as folder:  # noqa: PT011, PT012
        (folder / "file").touch()
        (tmp_path / "model").mkdir()
        (tmp_path / "model" / "of another").touch()
    assert everything(tmp_path) == ["model", "model/of another"]


def test_two_at_once_do_not_meet(tmp_path):
    with (
        atomic_directory(tmp_path / "models" / "1") as first,
        atomic_directory(tmp_path / "models" / "2") as second,
    ):
        (first / "first").touch()
        (second / "second").touch()
    assert everything(tmp_path / "models") == ["1", "1/first", "2", "2/second"]


def test_a_relative_target(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with atomic_directory(Path("new/model")) as folder:
        (folder / "file").touch()
    assert everything(tmp_path) == ["new", "new/model", "new/model/file"]


def test_a_folder_that_is_not_there_or_empty_is_new(tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("empty", "none", "none/deep"):
        check_new_directory(tmp_path / name)
    assert everything(tmp_path) == ["empty"]  # it only looks


def test_what_is_there_is_refused(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / ".hidden").touch()
    for name in ("file", "folder"):
        with pytest.raises(UserError) as caught:
            check_new_directory(tmp_path / name)
        assert str(caught.value) == (
            f"{tmp_path / name}: already exists; give a new folder, or remove that one"
        )
    assert everything(tmp_path) == ["file", "folder", "folder/.hidden"]
