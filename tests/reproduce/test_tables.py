from pathlib import Path

import numpy as np
import pytest

from pix2pix_tf.config.schema import load_config
from pix2pix_tf.reproduce.render import comparison_table
from pix2pix_tf.reproduce.runner import Experiment, Reproduction, small_settings
from pix2pix_tf.reproduce.tables import TABLES, run_name


def configs(table, *more):
    for variant in TABLES[table].variants:
        settings = [f"{key}={value}" for key, value in variant.settings.items()]
        yield load_config("cityscapes", [*settings, *more])


def names(table, *more):
    return [run_name(config) for config in configs(table, *more)]


def test_runs_are_named_by_what_is_not_the_papers_default():
    assert names("1") == ["l1", "gan", "cgan", "l1+gan", "l1+cgan"]
    assert names("2") == [
        "l1-encoder_decoder-batch10",
        "l1+cgan-encoder_decoder-batch10",
        "l1-batch10",
        "l1+cgan-batch10",
    ]
    assert names("3") == ["l1+cgan-1x1", "l1+cgan-16x16", "l1+cgan", "l1+cgan-286x286"]


def test_tables_share_the_runs_of_variants_they_share():
    assert set(names("histogram")) == {"l1", "cgan", "l1+cgan", "l1+cgan-1x1"}
    assert set(names("2", "training.batch_size=1")) >= {"l1", "l1+cgan"}


@pytest.mark.parametrize("table", TABLES)
def test_a_small_table_has_the_batch_of_the_papers_and_the_steps_of_the_sample(table):
    for variant in TABLES[table].variants:
        settings = [f"{key}={value}" for key, value in variant.settings.items()]
        config = load_config("sample", [*settings, *small_settings(table)])
        assert config.training.batch_size == (10 if table == "2" else 1)
        assert config.training.steps == 1600


@pytest.mark.parametrize("table", TABLES)
def test_nothing_but_the_tables_keys_differs(table):
    plain = [config.model_dump() for config in configs(table)]
    keys = {key for variant in TABLES[table].variants for key in variant.settings}
    for config in plain:
        for key in keys:
            section, name = key.split(".")
            config[section].pop(name, None)
    assert all(config == plain[0] for config in plain)


def test_the_size_that_fcn_scores_are_read_at_stands_below_the_table():
    result = Reproduction([], targets=[np.zeros((128, 96, 3), np.uint8)])
    for name in TABLES:
        experiment = Experiment(TABLES[name], "sample", [], 1, Path("any"), None, None)
        caption = comparison_table(experiment, result).caption
        if name in ("1", "2", "3"):
            assert caption == (
                "FCN-scores are read at the training size, 128×96 (height×width); the authors "
                "enlarge photos to 1024×2048 first"
            )
        else:
            assert caption is None
