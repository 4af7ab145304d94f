"""Losses of 20 updates that no rebuilding may change.

The golden file holds those of the program before it had `pix2pix_tf.methods` (commit 09e2d1b),
computed on one CPU: of batches of noise, with two discriminator steps, a moving average and a
learning rate that decays from the start. Processors round differently, which updates amplify.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.methods.test_pix2pix import batch, build

GOLDEN = Path(__file__).with_name("golden") / "pix2pix_losses.json"


def test_losses_of_20_updates(tiny, one_device):
    config = tiny(
        training__steps=20,
        training__batch_size=2,
        training__discriminator_steps=2,
        training__ema_decay=0.9,
        training__decay_from_epoch=1,
    )
    _, update = build(config, one_device, total_updates=20, decay_start=0)
    made = [update(batch(4, number), number) for number in range(20)]
    golden = json.loads(GOLDEN.read_text())
    assert made[0].keys() == golden.keys()
    for name, values in golden.items():
        assert [float(losses[name]) for losses in made] == pytest.approx(values, abs=2e-3), name
        assert np.ptp(values) > 0.01, name  # a training that stood still would be noticed
