"""`pix2pix-tf train-segmenter`, as a user types it."""

import numpy as np
import pytest

from pix2pix_tf.images.io import write_image

pytestmark = pytest.mark.usefixtures("eagerly")

TINY = ["data.sample_train=4", "data.sample_val=2", "data.crop_size=32", "segmenter.width=2"]
TINY += ["segmenter.head=4", "training.batch_size=2"]


def words(*overrides):
    return [word for override in (*TINY, *overrides) for word in ("--set", override)]


def test_train_once_and_start_over(tmp_path, here):
    again = ["train-segmenter", "--config", "sample", *words("training.epochs=1")]
    code, out, err = here(*again)
    assert (code, err) == (0, "")
    assert "4 training and 2 validation pairs" in out
    assert "epoch 1/1  loss" in out
    assert "per class accuracy" in out
    folder = tmp_path / "segmenters" / "sample"
    assert (folder / "segmenter.weights.h5").is_file()

    code, out, _ = here(*again)
    assert code == 0
    assert "already trained; raise training.epochs to go on" in out

    code, _, err = here(*again, "--set", "segmenter.width=4")
    assert code == 2
    assert "was trained otherwise: segmenter.width = 2 there and 4 here" in err
    (tmp_path / "other.yaml").write_text(
        "[{name: a, colour: [0, 0, 0]}, {name: b, colour: [9, 9, 9]}]"
    )
    code, _, err = here(*again, "--set", "palette=other.yaml")
    assert code == 2
    assert "was trained otherwise: the palette other had other classes or colours" in err
    code, _, err = here(*again, "--fresh")
    assert code == 2
    assert "give --fresh --fresh" in err
    (folder / "mine.txt").write_text("kept")
    code, out, _ = here(*again, "--set", "training.seed=1", "--fresh", "--fresh")
    assert code == 0
    assert "starting of 1 epochs" in out
    assert (folder / "mine.txt").read_text() == "kept"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--config", "cityscape"], "did you mean cityscapes"),
        (["--config", "sample", "--set", "palette=samples"], "did you mean sample?"),
        (["--config", "sample", "--set", "training.epoch=3"], "did you mean training.epochs?"),
        (["--config", "cityscapes"], "--set data.root=FOLDER"),
    ],
)
def test_what_cannot_be_meant_is_one_message(here, tmp_path, arguments, problem):
    code, _, err = here("train-segmenter", *arguments)
    assert code == 2
    assert err.startswith("pix2pix-tf: ")
    assert err.count("\n") == 1
    assert problem.lower() in err.lower()
    assert not any(tmp_path.iterdir())


def test_labels_in_other_colours_are_refused_by_name(here, tmp_path, pairs_folder):
    root = pairs_folder(size=(32, 32))
    data = ["--set", f"data.root={root}", "--set", "data.crop_size=32"]
    code, _, err = here("train-segmenter", "--config", "cityscapes", *data)
    assert code == 2
    assert "its target: " in err
    assert "have none of the colours of the palette cityscapes" in err
    assert err.count("\n") == 1
    assert not (tmp_path / "segmenters").exists()


def test_labels_that_may_be_numbers_or_greys_are_trained_on_as_told(here, tmp_path):
    random = np.random.default_rng(0)
    for split in ("train", "val"):
        for side, high, channels in (("A", 256, 3), ("B", 2, 1)):
            image = random.integers(0, high, (32, 32, channels), np.uint8)
            (tmp_path / "d" / split / side).mkdir(parents=True)
            write_image(tmp_path / "d" / split / side / "1.png", image)
    colours = "- {name: a, colour: [0, 0, 0]}\n- {name: b, colour: [255, 255, 255]}\n"
    (tmp_path / "masks.yaml").write_text(colours)
    words = ["train-segmenter", "--config", "sample", "--output", "s", "--set"]
    words += ["data.dataset=null", "data.root=d", "data.target_channels=1", "palette=masks.yaml"]
    words += ["data.direction=AtoB", "data.crop_size=32", "training.epochs=1"]
    words += ["segmenter.width=2", "segmenter.head=2"]
    code, _, err = here(*words)
    assert code == 2
    assert "(a segmenter's config: label_ids)" in err
    code, _, err = here(*words, "--label-ids")
    assert code == 0, err
    assert "label_ids: true" in (tmp_path / "s" / "segmenter.yaml").read_text()
    code, _, err = here(*words, "--no-label-ids")
    assert code == 2
    assert "label_ids = True there and False here" in err
