import pytest

from pix2pix_tf.study.settings import load_study
from pix2pix_tf.utils.errors import UserError
from tests.study.participants import tiny_study


def refusal(folder):
    with pytest.raises(UserError) as error:
        load_study(folder)
    return str(error.value)


def test_no_study(tmp_path):
    assert "no such folder" in refusal(tmp_path / "nowhere")
    assert "holds no study.yaml" in refusal(tmp_path)
    assert "study new" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("seconds: 0.05", "seconds: 0", "protocol.seconds: "),
        ("seconds: 0.05", "second: 1.0", "protocol.second: "),
        ("inputs: different", "inputs: other", "protocol.inputs: "),
        ("trials: 3", "trials: '3'", "protocol.trials: "),
        ("[L1, L1+cGAN]", "[../L1]", "algorithms.0: "),
        ("[L1, L1+cGAN]", "[L1, real]", "algorithms: "),
        ("[8, 8]", "[8]", "size"),
        ("name: tiny", "name: [", "not valid YAML"),
    ],
)
def test_study_yaml_that_cannot_be_meant(tmp_path, old, new, said):
    study = tiny_study(tmp_path)
    file = study.folder / "study.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    assert "study.yaml" in refusal(study.folder)
    assert said in refusal(study.folder)


def test_codes_are_known_whatever_their_case_and_another_study_knows_others(tmp_path):
    first, second = (tiny_study(tmp_path / name).settings for name in "ab")
    assert first.digest(" Code7x ") == first.digest("code7X")
    assert first.digest("code7x") != first.digest("code7y")
    assert first.digest("code7x") != second.digest("code7x")
