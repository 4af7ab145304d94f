import json

import pytest

from pix2pix_tf.errors import UserError
from pix2pix_tf.evaluation.evaluate import evaluate


def test_scores_are_those_that_training_printed(tiny_run):
    recorded = json.loads((tiny_run / "metrics.json").read_text())
    result = evaluate(tiny_run)
    assert (result.step, result.split, result.images) == (2, "val", 2)
    assert result.scores == pytest.approx(recorded[-1]["scores"], abs=1e-6)
    again = json.loads((tiny_run / "metrics.json").read_text())
    assert len(again) == len(recorded)  # the same evaluation replaces, others stay
    assert again[0] == recorded[0]


def test_other_splits_and_progress(tiny_run):
    seen = []
    result = evaluate(tiny_run, "train", advance=seen.append)
    assert result.images == 6
    assert seen == [6] * 6
    with pytest.raises(UserError, match="split nowhere"):
        evaluate(tiny_run, "nowhere")
