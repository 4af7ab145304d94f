import unicodedata

import numpy as np
import pytest

from pix2pix_tf.evaluation.folder_values import FolderSetting
from pix2pix_tf.evaluation.items import FolderItems, LabelDecoding
from pix2pix_tf.images.io import write_image
from pix2pix_tf.segmentation.shipped import load_palette
from pix2pix_tf.utils.errors import UserError

ROAD, SKY, PINK = (128, 64, 128), (70, 130, 180), (255, 0, 255)


def write(folder, colour=(9, 9, 9), size=(8, 8), **names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or {"1": 0, "2": 0}:
        write_image(folder / f"{name}.png", np.full((*size, 3), colour, np.uint8))
    return folder


def opened(outputs, targets, *, labels=None, palette=None, class_maps=(), resize=None):
    decoding = None if palette is None else LabelDecoding(palette)
    return FolderItems(
        outputs,
        targets,
        labels,
        decoding,
        class_maps=class_maps,
        resize=resize,
        setting=FolderSetting(),
    )


def test_pictures_are_matched_by_name_with_sub_folders_and_any_suffix(tmp_path):
    write(tmp_path / "made" / "town", (1, 2, 3), a=0)
    true = tmp_path / "true"
    write_image_at = true / "town"
    write_image_at.mkdir(parents=True)
    write_image(write_image_at / "a.bmp", np.full((8, 8, 3), 5, np.uint8))
    found = opened(tmp_path / "made", true)
    assert found.names == ["town/a"]
    assert found[0].output[0, 0].tolist() == [1, 2, 3]
    assert found[0].target[0, 0].tolist() == [5, 5, 5]


def test_names_match_whether_composed_or_decomposed(tmp_path):
    image = np.zeros((8, 8, 3), np.uint8)
    for form in ("NFC", "NFD"):
        (tmp_path / form).mkdir()
        for name in ("façade", "über_fake"):
            write_image(tmp_path / form / unicodedata.normalize(form, f"{name}.png"), image)
    outputs, targets = tmp_path / "NFC", tmp_path / "NFD"
    assert list(opened(outputs, targets).names) == ["façade", "über_fake"]
    assert list(opened(outputs / "*_fake.png", targets / "*_fake.png").names) == ["über"]


def test_patterns_as_other_programs_name_their_results(tmp_path):
    write(tmp_path / "r", (1, 1, 1), **{"7_fake_B": 0, "8_fake_B": 0})
    write(tmp_path / "r", (2, 2, 2), **{"7_real_B": 0, "8_real_B": 0, "7_real_A": 0})
    found = opened(str(tmp_path / "r/*_fake_B.png"), str(tmp_path / "r/*_real_B.png"))
    assert found.names == ["7", "8"]
    assert found[1].output.max() == 1
    assert found[1].target.max() == 2


@pytest.mark.parametrize(
    ("outputs", "targets", "words"),
    [
        ("made", "other", "3.png: no image of that name in .*made"),
        ("other", "made", "3.png: no image of that name in .*made"),
        ("empty", "made", "empty: no image there"),
        ("nowhere", "made", "nowhere: no such folder"),
        ("made/*.gif", "made", "no image there"),
        ("*/a*b*.png", "made", "one \\* in its last part"),
        ("large", "made", "large/1.png: is 16×8 pixels .*made/1.png 8×8; say with --resize"),
    ],
)
def test_folders_that_do_not_match_are_refused_by_name(tmp_path, outputs, targets, words):
    write(tmp_path / "made")
    write(tmp_path / "other", **{"1": 0, "2": 0, "3": 0})
    write(tmp_path / "large", size=(8, 16))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=words):
        opened(tmp_path / outputs, tmp_path / targets)


def test_what_lies_in_the_folders_and_is_not_read_is_said(tmp_path):
    for side in ("made", "other"):
        write(tmp_path / side)
        (tmp_path / side / "2.exr").touch()
        (tmp_path / side / "@eaDir").mkdir()
    assert opened(tmp_path / "made", tmp_path / "other").notes() == [
        "not images by their suffix: 2 .exr",
        "passed over, as systems make them or hide them: @eaDir (2×)",
    ]


def test_missing_mates_name_the_file_that_would_fit_but_for_its_suffix_or_case(tmp_path):
    write(tmp_path / "made", **{"1": 0, "x": 0})
    write(tmp_path / "other", **{"1": 0})
    (tmp_path / "other" / "x.exr").touch()
    with pytest.raises(UserError, match=r"x\.exr is there, but files ending \.exr are not read"):
        opened(tmp_path / "made", tmp_path / "other")
    write(tmp_path / "other", X=0)
    (tmp_path / "other" / "x.exr").unlink()
    with pytest.raises(UserError, match=r"X\.png differs in upper and lower case"):
        opened(tmp_path / "made", tmp_path / "other")


def test_sizes_follow_the_rule_that_was_asked_for(tmp_path):
    made, true = write(tmp_path / "made", size=(8, 16)), write(tmp_path / "true", size=(4, 8))
    assert opened(made, true, resize="outputs")[0].output.shape == (4, 8, 3)
    assert opened(made, true, resize="targets")[0].target.shape == (8, 16, 3)


def test_label_pictures_become_classes_at_the_size_of_the_outputs(tmp_path):
    palette = load_palette("cityscapes")
    made = write(tmp_path / "made", (71, 131, 181))
    true = write(tmp_path / "true", SKY)
    labels = write(tmp_path / "labels", ROAD, size=(16, 16))
    class_maps = {"output", "target", "source"}
    item = opened(made, true, labels=labels, palette=palette, class_maps=class_maps)[0]
    sky, road = palette.classes.index("sky"), palette.classes.index("road")
    assert (item.class_maps["output"] == sky).all()
    assert (item.class_maps["target"] == sky).all()
    assert item.class_maps["source"].shape == (8, 8)
    assert (item.class_maps["source"] == road).all()


def test_unknown_colours_of_outputs_are_counted_and_of_truth_refused(tmp_path):
    palette = load_palette("cityscapes")
    made, true = write(tmp_path / "made", PINK), write(tmp_path / "true", SKY)
    found = opened(made, true, palette=palette, class_maps={"output", "target"})
    assert [item.class_maps["output"].shape for item in found] == [(8, 8)] * 2
    assert found.notes() == [
        "100.0% of the pixels of the outputs have none of the palette's colours and count as the "
        "nearest (jpeg blurs the borders of classes)"
    ]
    swapped = opened(true, made, palette=palette, class_maps={"target"})
    with pytest.raises(UserError, match=r"made/1.png: 100% .*\[255, 0, 255\]"):
        swapped[0]
