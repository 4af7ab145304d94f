"""`pix2pix-tf evaluate` as it is typed."""

import json

import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.images.io import decode_image, write_image
from tests.conftest import typed

pytestmark = pytest.mark.usefixtures("eagerly")


@pytest.fixture
def results(tmp_path):
    """What another program left: its outputs and targets in one folder."""
    folder = tmp_path / "results"
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(3):
        image = random.integers(0, 200, (24, 24, 3), np.uint8)
        write_image(folder / f"{number}_real_B.png", image)
        write_image(folder / f"{number}_fake_B.png", image + np.uint8(10 * number))
    return folder


@pytest.mark.slow("starts the command as a process")
def test_results_of_another_program(results, tmp_path):
    scored = typed(
        *("evaluate", "--outputs", "results/*_fake_B.png", "--targets", "results/*_real_B.png"),
        *("--metrics", "l1, ssim,lab_histogram", "--json", "scores.json", "--report", "page"),
        *("--plot", "lab.png", "--log", "--save", "saved"),
        cwd=tmp_path,
    )
    assert scored.returncode == 0, scored.stderr
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["scores"]["l1"] == pytest.approx(10 / 255)  # of 0, 10 and 20
    assert scores["per_image"]["2"]["l1"] == pytest.approx(20 / 255)
    assert f"{10 / 255:.4f}" in scored.stdout
    assert "3 images" in scored.stdout
    low, high = scores["intervals"]["l1"]
    assert f"{low:.4f} .. {high:.4f}" in scored.stdout
    assert "<html" in (tmp_path / "page/index.html").read_text()
    assert decode_image(tmp_path / "lab.png").shape[1] > 200
    assert sorted(path.name for path in (tmp_path / "saved/outputs").iterdir()) == [
        "0.png",
        "1.png",
        "2.png",
    ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--outputs", "results"], "give --run DIR, or --outputs DIR and --targets DIR"),
        (["--run", "r", "--targets", "t"], "--targets: cannot be combined with --run"),
        (
            ["--outputs", "a", "--targets", "b", "--split", "val"],
            "--split: cannot be combined with",
        ),
        (["--run", "r", "--plot", "p.png"], "add lab_histogram to --metrics"),
        (["--run", "r", "--log"], "--log: needs a plot; give --plot FILE"),
        (["--run", "r", "--metrics", "lab_histogram", "--plot", "p.doc"], "p.doc"),
        (["--run", "r", "--report", "results"], "results: already exists"),
        (["--run", "r", "--metrics", "fit"], "metric fit: expected some of l1, psnr"),
        (["--outputs", "a", "--targets", "b", "--resize", "both"], "--resize both: expected"),
        (
            ["--outputs", "results/1_fake_B.png", "--targets", "results"],
            "results/1_fake_B.png: is a file; expected a folder",
        ),
        (
            ["--outputs", "results", "--targets", "results", "--metrics", "fcn_score"],
            "needs a segmenter",
        ),
        (
            ["--outputs", "results/*_fake_B.png", "--targets", "results"],
            "no image of that name in results",
        ),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(here, results, words, sentence):
    code, _, error = here("evaluate", *words)
    assert code == 2
    assert sentence in error
    assert len(error.strip().splitlines()) == 1


MASKS = """
- {name: background, colour: [0, 0, 0]}
- {name: object, colour: [255, 255, 255]}
"""


@pytest.fixture
def masks(tmp_path):
    """Black and white masks: 6 of 16 pixels are wrong."""
    (tmp_path / "masks.yaml").write_text(MASKS)
    true, made = np.zeros((8, 8, 1), np.uint8), np.zeros((8, 8, 1), np.uint8)
    true[:2], made[2:4], made[0] = 255, 255, 255
    for folder, image in (("true", true), ("made", made)):
        (tmp_path / folder).mkdir()
        write_image(tmp_path / folder / "a.png", image)
    return ["--outputs", "made", "--targets", "true", "--palette", "masks.yaml"]


def iou(here, tmp_path, *words):
    words = [*words, "--metrics", "segmentation", "--json", "s.json"]
    code, _, error = here("evaluate", *words)
    assert code == 0, error
    return json.loads((tmp_path / "s.json").read_text())["scores"]["class_iou"]


def test_masks_of_0_and_255_are_the_palettes_black_and_white(here, masks, tmp_path):
    # object: 8 of 32 pixels; background: 32 of 56.
    by_hand = (8 / (16 + 24 - 8) + 32 / (48 + 40 - 32)) / 2
    assert iou(here, tmp_path, *masks) == pytest.approx(by_hand)
    for folder in ("made", "true"):  # a file with a colour table, that Pillow decodes to grey
        file = tmp_path / folder / "a.png"
        Image.open(file).convert("P").save(file)
    assert iou(here, tmp_path, *masks) == pytest.approx(by_hand)


def test_masks_of_0_and_1_are_class_numbers_where_told(here, masks, tmp_path):
    for folder in ("made", "true"):
        file = tmp_path / folder / "a.png"
        write_image(file, decode_image(file) // 255)
    code, _, error = here("evaluate", *masks, "--metrics", "segmentation")
    assert code == 2
    assert "true/a.png: a grey label image with values from 0 to 1" in error
    by_hand = (8 / (16 + 24 - 8) + 32 / (48 + 40 - 32)) / 2
    assert iou(here, tmp_path, *masks, "--label-ids") == pytest.approx(by_hand)
    assert iou(here, tmp_path, *masks, "--no-label-ids") == 1  # all is black


def test_void_of_outputs_is_no_class_and_only_passes_where_the_truth_has_void(
    here, masks, tmp_path
):
    """0/255 masks that are said to be class numbers: 255 is void in the truth, and no class."""
    for folder in ("made", "true"):
        file = tmp_path / folder / "a.png"
        write_image(file, decode_image(file)[..., :1])
    code, _, error = here("evaluate", *masks, "--metrics", "segmentation", "--label-ids")
    assert code == 2
    assert "a: the output has the value 255 where its target has a class" in error
    assert "Traceback" not in error
    write_image(tmp_path / "made" / "a.png", decode_image(tmp_path / "true" / "a.png"))
    assert iou(here, tmp_path, *masks, "--label-ids") == 1


def write_images(tmp_path, *sizes, same=False):
    for side in ("made", "true"):
        (tmp_path / side).mkdir()
        for number, (height, width) in enumerate(sizes):
            image = np.full((height, width, 3), 90 if same or side == "made" else 141, np.uint8)
            write_image(tmp_path / side / f"{number}.png", image)
    return ["evaluate", "--outputs", "made", "--targets", "true"]


def test_images_too_small_for_a_metric_are_refused_before_the_work_and_scored_by_others(
    here, tmp_path
):
    words = write_images(tmp_path, (8, 8), (9, 6))
    code, out, error = here(*words, "--metrics", "l1,psnr,ssim,sharpness")
    assert (code, out) == (2, "")
    assert error == (
        "pix2pix-tf: true/1.png: is 6×9 pixels (width × height), and ssim compares windows of 7×7 "
        "pixels; it can be scored with --metrics l1,psnr,sharpness\n"
    )
    code, out, error = here(*words, "--metrics", "l1,psnr")
    assert code == 0, error
    assert "0.2000" in out


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (2, 2), (6, 6)])
def test_the_smallest_images_are_scored_by_what_can(here, tmp_path, size):
    words = write_images(tmp_path, size, size)
    code, out, error = here(*words, "--metrics", "l1,psnr,lab_histogram", "--report", "page")
    assert (code, error) == (0, "")
    assert "0.2000 .. 0.2000" in out
    code, _, error = here(*words, "--metrics", "sharpness")
    assert (code == 0) == (min(size) >= 2)
    assert min(size) >= 2 or "sharpness compares neighbouring pixels" in error


def test_one_image_has_no_interval_and_identical_ones_no_psnr(here, tmp_path):
    words = write_images(tmp_path, (8, 8), same=True)
    code, out, error = here(*words, "--json", "s.json", "--report", "page")
    assert (code, error) == (0, "")
    assert "all 1 outputs are identical" in out
    assert " .. " not in out
    plain = json.loads((tmp_path / "s.json").read_text())
    assert plain["intervals"] == {}
    assert plain["scores"] == {"l1": 0.0, "psnr": None, "ssim": 1.0}
    assert plain["identical"] == 1
    page = (tmp_path / "page/index.html").read_text()
    assert "0.0000 to 0.0000" not in page


def test_masks_without_any_class_are_said_to_have_no_scores(here, tmp_path):
    (tmp_path / "p.yaml").write_text(MASKS + "- {void: true, colour: [141, 141, 141]}\n")
    words = [*write_images(tmp_path, (8, 8), (8, 8)), "--palette", "p.yaml"]
    code, out, error = here(*words, "--metrics", "segmentation", "--no-label-ids")
    assert (code, error) == (0, "")
    assert "segmentation scores are undefined: no pixel of the true labels has a class" in out
    assert "nan" not in out


def test_distances_of_one_image_are_refused_before_the_work(here, tmp_path, monkeypatch):
    monkeypatch.setattr("pix2pix_tf.evaluation.context.load_inception", lambda file: object())
    words = write_images(tmp_path, (8, 8))
    code, _, error = here(*words, "--metrics", "kid", "--features", "any.pth")
    assert code == 2
    assert "KID and FID compare sets of images, and there is only 1: 2 or more" in error


def test_scores_that_are_null_in_metrics_json_are_read_as_undefined(here, tiny_run):
    file = tiny_run / "metrics.json"
    entries = json.loads(file.read_text())
    for entry in entries:
        entry["scores"]["psnr"] = None
    file.write_text(json.dumps(entries))
    code, _, error = here("evaluate", "--run", "tiny_run", "--metrics", "l1", "--report", "page")
    assert (code, error) == (0, "")
    assert json.loads(file.read_text())[-1]["scores"]["psnr"] is None
    code, out, error = here("train", "--run", "tiny_run")
    assert (code, error) == (0, "")
    assert "psnr" in out
    assert "nan" not in out
