import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.images.display import DisplaySetting
from pix2pix_tf.images.io import read_image, write_image
from pix2pix_tf.study.create import Invitation, create_study
from pix2pix_tf.study.settings import Protocol, load_study
from pix2pix_tf.utils.errors import UserError
from tests.study.participants import QUICK, SHADES, seen, tiny_study, write_sides


def refusal(root, fakes, **words):
    """What making a study of root / "real" is refused with; nothing is left behind."""
    folders = {name: root / folder for name, folder in fakes.items()}
    with pytest.raises(UserError) as error:
        create_study(root / "out", "s", root / "real", folders, protocol=QUICK, **words)
    assert not (root / "out").exists()
    assert not list(root.glob(".*"))
    return str(error.value)


def test_what_was_made_is_what_is_loaded(tmp_path):
    study = tiny_study(tmp_path, about="Ask Ä.")
    assert load_study(tmp_path / "study") == study
    settings = study.settings
    assert settings.algorithms == ("L1", "L1+cGAN")
    assert settings.images == tuple("012345")
    assert (settings.size, settings.protocol, settings.about) == ((8, 8), QUICK, "Ask Ä.")
    for side in SHADES:
        for number in range(6):
            assert seen(study.image_file(side, number).read_bytes()) == (side, number)


def test_files_tell_real_and_fake_apart_by_nothing_but_their_pixels(tmp_path):
    photo = Image.fromarray(np.full((8, 8, 3), 7, np.uint8))
    for folder in ("real", "ours"):
        (tmp_path / folder).mkdir()
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    for name in ("b", "a"):
        photo.save(tmp_path / "real" / f"{name}.jpg", exif=exif, quality=100)
        Image.new("LA", (8, 8), (7, 255)).save(tmp_path / "ours" / f"{name}.png")
    protocol = Protocol(practice=0, trials=2)
    study = create_study(
        tmp_path / "s", "s", tmp_path / "real", {"ours": tmp_path / "ours"}, protocol=protocol
    )
    real, fake = (study.image_file(side, 0).read_bytes() for side in ("real", "ours"))
    assert real == fake
    assert b"camera" not in real
    assert sorted(path.name for path in (tmp_path / "s/images/real").iterdir()) == [
        "00000.png",
        "00001.png",
    ]


def test_real_halves_of_pairs(tmp_path):
    (tmp_path / "pairs").mkdir()
    write_sides(tmp_path, "L1", count=1)
    pair = np.concatenate([np.full((8, 8, 3), 1, np.uint8), np.full((8, 8, 3), 2, np.uint8)], 1)
    write_image(tmp_path / "pairs/0.png", pair)
    for half, level in (("A", 1), ("B", 2)):
        study = create_study(
            tmp_path / half,
            "s",
            tmp_path / "pairs",
            {"L1": tmp_path / "L1"},
            protocol=Protocol(practice=0, trials=1),
            real_half=half,
        )
        assert study.settings.size == (8, 8)
        assert (read_image(study.image_file("real", 0), 3) == level).all()


def test_folders_must_match_and_what_does_not_is_named(tmp_path):
    write_sides(tmp_path)
    (tmp_path / "L1/3.png").rename(tmp_path / "L1/x.png")
    (tmp_path / "real/5.png").unlink()
    message = refusal(tmp_path, {"L1": "L1"})
    assert "--fake L1=" in message
    assert "1 only of real (3.png)" in message
    assert "2 only of L1 (5.png, x.png)" in message
    write_image(tmp_path / "real/0.jpg", np.zeros((8, 8, 3), np.uint8))
    assert "real/0." in refusal(tmp_path, {"L1": "L1"})
    assert "same name without suffix" in refusal(tmp_path, {"L1": "L1"})


def test_missing_and_empty_folders(tmp_path):
    write_sides(tmp_path)
    (tmp_path / "none").mkdir()
    assert "--fake a=" in refusal(tmp_path, {"a": "nowhere"})
    assert "no such folder" in refusal(tmp_path, {"a": "nowhere"})
    assert "--fake a=" in refusal(tmp_path, {"a": "none"})
    assert "no images" in refusal(tmp_path, {"a": "none"})
    (tmp_path / "real").rename(tmp_path / "kept")
    assert "--real" in refusal(tmp_path, {"L1": "L1"})
    (tmp_path / "real").mkdir()
    assert "real: there are no images" in refusal(tmp_path, {"L1": "L1"})


def test_other_sizes_need_a_rule_and_other_shapes_are_refused(tmp_path):
    write_sides(tmp_path, "real", size=(16, 32))
    write_sides(tmp_path, "L1", size=(8, 16))
    message = refusal(tmp_path, {"L1": "L1"})
    assert "32×16" in message
    assert "16×8" in message
    assert "give --size" in message
    assert "another shape" in refusal(tmp_path, {"L1": "L1"}, size=(16, 16))
    study = create_study(
        tmp_path / "out",
        "s",
        tmp_path / "real",
        {"L1": tmp_path / "L1"},
        protocol=QUICK,
        size=(8, 16),
    )
    shapes = {read_image(study.image_file(side, 5), 3).shape for side in ("real", "L1")}
    assert shapes == {(8, 16, 3)}


def test_damaged_images_are_named(tmp_path):
    write_sides(tmp_path)
    (tmp_path / "L1/2.png").write_bytes((tmp_path / "L1/2.png").read_bytes()[:-30])
    assert "L1/2.png is damaged" in refusal(tmp_path, {"L1": "L1"})


def test_16_bits_are_shown_in_full_scale(tmp_path):
    write_sides(tmp_path)
    deep = np.full((8, 8), 51 * 257, np.uint16)
    Image.fromarray(deep).save(tmp_path / "L1/2.png")
    folders = {"L1": tmp_path / "L1"}
    study = create_study(tmp_path / "out", "s", tmp_path / "real", folders, protocol=QUICK)
    assert np.unique(read_image(study.image_file("L1", 2), 3)).tolist() == [51]


def write_bands(folder, *images):
    folder.mkdir()
    for number, image in enumerate(images):
        np.save(folder / f"{number}.npy", image)


def test_bands_are_shown_by_the_display_stretched_like_the_real_ones(tmp_path):
    """The real ones go from 100 to 200 in band 3; the fakes are 25 higher in it."""
    real = np.zeros((8, 8, 5), np.float32)
    real[..., 2] = np.linspace(100, 200, 8)[:, None]
    fake = real + np.float32(25)
    write_bands(tmp_path / "real", *[real] * 6)
    write_bands(tmp_path / "ours", *[fake] * 6)
    study = create_study(
        tmp_path / "out",
        "s",
        tmp_path / "real",
        {"ours": tmp_path / "ours"},
        protocol=QUICK,
        axes="YXC",
        display=DisplaySetting((3,), (0, 100)),
    )
    shown = [read_image(study.image_file(side, 0), 3)[:, 0, 0] for side in ("real", "ours")]
    expected = (np.linspace(100, 200, 8) - 100) / 100 * 255
    assert np.abs(shown[0] - expected).max() <= 0.51
    assert np.abs(shown[1] - np.minimum(expected + 255 / 4, 255)).max() <= 0.51


def test_other_bands_are_refused_by_name(tmp_path):
    bands = np.zeros((8, 8, 5), np.float32)
    write_bands(tmp_path / "real", *[bands] * 6)
    write_bands(tmp_path / "ours", *[bands[..., :4]] * 6)
    words = {"axes": "YXC"}
    message = refusal(tmp_path, {"ours": "ours"}, **words)
    assert "ours/0.npy has 4 bands and " in message
    assert "real/0.npy 5 bands: the images of a study must have the same" in message
    message = refusal(tmp_path, {"ours": "ours"}, display=DisplaySetting((9,)), **words)
    assert "--display 9: " in message
    assert "has 5 bands, counted from 1" in message
    assert "channels may be the first axis or the last" in refusal(tmp_path, {"ours": "ours"})
    write_sides(tmp_path, "L1")
    assert "L1/0.png has 3 channels" in refusal(tmp_path, {"L1": "L1"}, **words)


def test_too_few_images_for_a_session(tmp_path):
    write_sides(tmp_path, count=4)
    message = refusal(tmp_path, {"L1": "L1"})
    assert "has 4 images" in message
    assert "needs 5" in message
    assert "--trials" in message


@pytest.mark.parametrize("name", ["", "real", "Real", "a/b", "..", ".hidden", "a" * 65, "a\n"])
def test_names_that_cannot_be(tmp_path, name):
    write_sides(tmp_path)
    assert "--fake" in refusal(tmp_path, {name: "L1"})


def test_two_names_that_some_file_systems_take_for_one(tmp_path):
    write_sides(tmp_path)
    assert "taken" in refusal(tmp_path, {"L1": "L1", "l1": "L1+cGAN"})
    assert "--fake" in refusal(tmp_path, {})


def test_invite_codes(tmp_path):
    write_sides(tmp_path)
    fakes = {"L1": "L1"}
    assert "--invite" in refusal(tmp_path, fakes, invitation=Invitation(shared_code="short"))
    both = Invitation(shared_code="long enough", one_time_codes=3)
    assert "--invites" in refusal(tmp_path, fakes, invitation=both)
    folders = {"L1": tmp_path / "L1"}
    study = create_study(
        tmp_path / "out",
        "s",
        tmp_path / "real",
        folders,
        protocol=QUICK,
        invitation=Invitation(one_time_codes=20),
    )
    codes = study.invites_file.read_text().split()
    assert len(set(codes)) == 20
    assert study.settings.invite == "single"
    stored = study.answers_file.read_bytes() + (study.folder / "study.yaml").read_bytes()
    assert not [code for code in codes if code.encode() in stored]


def test_what_is_there_stays(tmp_path):
    write_sides(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    with pytest.raises(UserError, match="already exists"):
        create_study(tmp_path / "out", "s", tmp_path / "real", {"L1": tmp_path / "L1"})
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_pairs_of_an_odd_width_have_no_halves(tmp_path):
    write_sides(tmp_path)
    for file in (tmp_path / "real").iterdir():
        write_image(file, np.zeros((8, 17, 3), np.uint8))
    message = refusal(tmp_path, {"L1": "L1"}, real_half="A")
    assert "0.png is 17 pixels wide: a pair has an even width" in message


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "x" * 65])
def test_names_must_do_for_folders(tmp_path, name):
    write_sides(tmp_path)
    message = refusal(tmp_path, {name: "L1"})
    assert message.startswith(f"--fake {name}: ")
    assert "begins with a letter or digit and has at most 64" in message
