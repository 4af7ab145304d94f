"""`pix2pix-tf evaluate` as it is typed."""

import json

import numpy as np
import pytest
from conftest import typed

from pix2pix_tf.data.images import decode_image, write_image


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
    assert scores["each"]["2"]["l1"] == pytest.approx(20 / 255)
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
        (["--run", "r", "--targets", "t"], "--targets: goes not together with --run"),
        (["--outputs", "a", "--targets", "b", "--split", "val"], "--split: goes not together with"),
        (["--run", "r", "--plot", "p.png"], "add lab_histogram to --metrics"),
        (["--run", "r", "--log"], "--log: is of the drawn histograms; give --plot FILE"),
        (["--run", "r", "--metrics", "lab_histogram", "--plot", "p.doc"], "p.doc"),
        (["--run", "r", "--report", "results"], "results: is there already"),
        (["--run", "r", "--metrics", "fit"], "metric fit: expected some of l1, psnr"),
        (["--outputs", "a", "--targets", "b", "--resize", "both"], "--resize both: expected"),
        (
            ["--outputs", "results", "--targets", "results", "--metrics", "fcn_score"],
            "needs a segmenter",
        ),
        (
            ["--outputs", "results/*_fake_B.png", "--targets", "results"],
            "no picture of that name in results",
        ),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(here, results, words, sentence):
    code, _, error = here("evaluate", *words)
    assert code == 2
    assert sentence in error
    assert len(error.strip().splitlines()) == 1
