"""Quality at a fixed budget: what is compared, and the pairs that the peer trains on."""

import json

import numpy as np
from rich.console import Console

from benchmarks.quality import PROGRAMS, main, table, write_batches
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.data.pipeline import training_batches


def test_table_of_means_and_spreads_by_hand():
    ours, peer = [{"l1": 0.2}, {"l1": 0.3}], [{"l1": 0.26}, {"l1": 0.28}]
    row = table({PROGRAMS[0]: ours, PROGRAMS[1]: peer}).splitlines()[-1]
    assert row == ("| l1 | 0.2500 (0.2000, 0.3000) | 0.2700 (0.2600, 0.2800) | -0.0200 | 0.1000 |")


def test_the_peer_sees_the_pairs_of_our_training(tiny, tmp_path):
    config, file = tiny(), tmp_path / "batches.npy"
    write_batches(config, file, Console(quiet=True))
    written = np.load(file)
    assert written.shape == (4, 2, 32, 32, 3)
    train = open_pairs(config).train
    for both, batch in zip(written, training_batches(train, config, 0, 4), strict=True):
        np.testing.assert_allclose(both, [batch["input"][0], batch["target"][0]], atol=0.001)
    assert not np.array_equal(written[0], written[1])


def test_goes_on_where_it_was_stopped(tmp_path, capsys):
    """Trainings whose scores are there are not made again: here there is nothing to train on."""
    for seed in (3, 4):
        folder = tmp_path / f"64-10-{seed}"
        folder.mkdir()
        for shift, program in enumerate(PROGRAMS):
            (folder / f"{program}.json").write_text(json.dumps({"ssim": (seed + shift) / 10}))
    data = tmp_path / "facades"
    words = ["--data", data, "--size", 64, "--steps", 10, "--output", tmp_path, "--seeds", 3, 4]
    main([str(word) for word in words])
    printed = capsys.readouterr().out
    assert "| ssim | 0.3500 (0.3000, 0.4000) | 0.4500 (0.4000, 0.5000) |" in printed
    assert (tmp_path / "quality-64.md").read_text() in printed
