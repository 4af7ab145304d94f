"""Which runs a reproduction takes up, and what its seeds share; nothing is trained here."""

from types import SimpleNamespace

import numpy as np
import pytest

from pix2pix_tf.config.schema import load_config
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.reproduce import runner
from pix2pix_tf.reproduce.render import (
    comparison_table,
    rename_results_of_other_runs,
    write_results,
)
from pix2pix_tf.reproduce.runner import Experiment, Reproduction, Row, reproduce, variant_config
from pix2pix_tf.reproduce.tables import FCN, TABLES
from pix2pix_tf.runs.pairs_record import record_of
from pix2pix_tf.utils.errors import UserError
from tests.conftest import write_pairs


@pytest.fixture
def reproduced(tmp_path, monkeypatch):
    """`reproduced(table, seeds, *overrides)`: the folders of its runs, and what came of it."""
    root = write_pairs(tmp_path / "pairs", train=12)
    (root / "train").rename(tmp_path / "flat")
    runs = []

    def train(config, run, console):
        runs.append(run)
        return SimpleNamespace(interrupted=None)

    def evaluate(run, request):
        scores = dict.fromkeys(("l1", "per_pixel_accuracy", "lab_l", "lab_a", "lab_b"), 0.1)
        scores |= dict.fromkeys(FCN, 0.5)
        truth = 0.8 if run.name == "seed-0" else 0.6
        scores |= {name.replace("fcn_", "fcn_truth_"): truth for name in FCN}
        return SimpleNamespace(scores=scores, images=1)

    monkeypatch.setattr(runner, "train", train)
    monkeypatch.setattr(runner, "evaluate", evaluate)
    monkeypatch.setattr(runner, "check_metric_request", lambda request, dataset: None)
    monkeypatch.setattr(runner, "_keep_examples", lambda evaluation, row, result: None)

    def made(table, *overrides, seeds=1, segmenter=None):
        runs.clear()
        settings = [f"data.root={tmp_path / 'flat'}", "training.steps=2", *overrides]
        experiment = Experiment(
            TABLES[table], "facades", settings, seeds, tmp_path / "out", segmenter, None
        )
        result = reproduce(experiment)
        return experiment, list(runs), result

    return made


def test_only_runs_of_the_same_settings_and_pairs_are_taken_up(reproduced, tmp_path):
    _, first, _ = reproduced("1")
    _, again, _ = reproduced("1", "logging.keep=9")
    assert again == first
    _, longer, _ = reproduced("1", "training.steps=4")
    _, slower, _ = reproduced("1", "training.learning_rate=0.1")
    write_pairs(tmp_path / "new", train=1, size=(50, 50))
    (tmp_path / "new/train/0.png").rename(tmp_path / "flat/another.png")
    _, more, _ = reproduced("1")
    assert len({*first, *longer, *slower, *more}) == 4 * len(first)


def test_tables_that_share_a_variant_share_its_run(reproduced):
    _, objectives, _ = reproduced("1", "training.batch_size=1")
    _, fields, _ = reproduced("3", "training.batch_size=1")
    assert len({*objectives} & {*fields}) == 1  # L1+cGAN is 70×70


def test_all_seeds_are_validated_on_the_same_images(reproduced):
    experiment, runs, _ = reproduced("1", seeds=3)
    assert sorted({run.name for run in runs}) == ["seed-0", "seed-1", "seed-2"]
    held_out = set()
    for seed in range(3):
        config = variant_config(experiment, experiment.table.variants[0], seed)
        held_out.add(tuple(open_pairs(config).val.names))
    assert len(held_out) == 1


def test_the_row_of_the_true_photographs_is_the_mean_over_seeds(reproduced):
    experiment, _, result = reproduced("1", seeds=2)
    assert result.truth == {name: [0.8, 0.6] for name in FCN}
    cells = [list(column.cells) for column in comparison_table(experiment, result).columns]
    row = cells[0].index("Ground truth")
    assert cells[1][row] == "0.700 ± 0.141 (0.80)"


def test_a_segmenter_that_was_trained_on_what_is_scored_is_refused(reproduced, tmp_path):
    settings = [f"data.root={tmp_path / 'flat'}", "data.split_seed=1"]
    (tmp_path / "segmenter").mkdir()
    config = load_config("facades", settings)
    record_of(open_pairs(config), config.data).write(tmp_path / "segmenter/pairs.json")
    with pytest.raises(UserError, match=r"segmenter .*: was trained on 1 of the 1 pairs of val"):
        reproduced("1", segmenter=tmp_path / "segmenter")
    reproduced("1", "data.split_seed=1", segmenter=tmp_path / "segmenter")


def test_results_of_other_settings_are_kept_under_another_name(tmp_path):
    image = np.zeros((16, 16, 3), np.uint8)

    def written(run):
        row = Row(TABLES["6"].variants[0], [tmp_path / run])
        row.outputs = [image]
        result = Reproduction([row], 1, [image], [image])
        experiment = Experiment(TABLES["6"], "any", [], 1, tmp_path, None, None)
        kept = rename_results_of_other_runs(experiment, result, "table-6")
        write_results(experiment, result, "table-6")
        return kept

    assert written("a") == written("a") == []
    before = {end: (tmp_path / f"table-6{end}").read_bytes() for end in (".png", ".json")}
    kept = written("b")
    assert [path.read_bytes() for path in kept] == list(before.values())
    assert written("b") == []
    (tmp_path / "table-6.json").write_text("mine")
    assert written("b")[-1].read_text() == "mine"
