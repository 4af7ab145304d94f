import pytest

from pix2pix_tf.exporters.versions import next_version
from pix2pix_tf.utils.errors import UserError
from tests.utils.test_files import everything


def test_versions_count_from_1(tmp_path):
    model = tmp_path / "models" / "maps"
    assert next_version(model) == model / "1"
    assert everything(tmp_path) == []  # it only looks
    model.mkdir(parents=True)
    assert next_version(model) == model / "1"
    for number in range(1, 12):
        assert next_version(model) == model / str(number)  # 10 after 9
        (model / str(number)).mkdir()


def test_a_removed_version_is_not_given_again_while_a_later_one_is_there(tmp_path):
    for name in ("2", "7"):
        (tmp_path / name).mkdir()
    assert next_version(tmp_path) == tmp_path / "8"


def test_other_names_are_no_versions(tmp_path):
    for name in ("3", "11.old", "v12", "-13", " 14", "1e3", ".15.0123.partial", "assets"):
        (tmp_path / name).mkdir()
    (tmp_path / "16").touch()  # a file
    assert next_version(tmp_path) == tmp_path / "4"


@pytest.mark.parametrize("inside", [None, "readme.txt", "1/saved_model.pb"])
def test_a_model_without_versions_is_refused(tmp_path, inside):
    model = tmp_path / "maps"
    if inside is None:
        model.touch()
    elif inside.startswith("1/"):  # a folder called 1, which is a file
        model.mkdir()
        (model / "1").touch()
    else:
        model.mkdir()
        (model / inside).touch()
    before = everything(tmp_path)
    with pytest.raises(UserError) as caught:
        next_version(model)
    assert str(caught.value) == (
        f"{model}: already exists and holds no versions of a served model; "
        "choose another --output or --name"
    )
    assert everything(tmp_path) == before
