"""How a run derives its inputs: what the config says, decided in one object."""

import numpy as np
import pytest

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.data.derived.derivation import derivation
from pix2pix_tf.data.derived.inputs import make_input

PHOTO = np.random.default_rng(0).integers(0, 250, (40, 40, 3), np.uint8)


def config(**data):
    return make_config({"data": {"root": "x", **data}, "training": {"seed": 3}})


def test_pairs_derive_nothing():
    assert derivation(config()) is None


@pytest.mark.parametrize("kind", ["grey", "lightness", "edges", "centre_mask", "random_mask"])
def test_what_is_derived_again_and_what_is_cut_into_crops(kind):
    derived = derivation(config(derive=kind))
    assert derived.masks == (kind in ("centre_mask", "random_mask"))
    assert derived.idempotent == (kind in ("grey", "lightness"))
    assert derived.input_of(PHOTO, "x").shape == (40, 40, 3)
    if derived.idempotent:
        made = derived.input_of(PHOTO, "x")
        assert np.array_equal(derived.input_of(made, "x"), made)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_targets_of_grey_inputs_may_have_any_channels(channels):
    derived = derivation(config(derive="grey", input_channels=1, target_channels=channels))
    photo = derived.photograph(PHOTO)
    assert (photo.shape, photo.dtype) == ((40, 40, channels), np.uint8)
    # luma of the photograph, whatever the target has of it
    assert np.array_equal(derived.input_of(photo, ""), make_input("grey", PHOTO))


def test_photographs_of_16_bits_become_targets_of_8():
    deep = np.array([[[0], [128], [129], [65535]]], np.uint16)
    derived = derivation(config(derive="grey", input_channels=1, target_channels=1))
    assert derived.photograph(deep)[0, :, 0].tolist() == [0, 0, 1, 255]


def test_no_mask_of_a_validation_image_is_one_of_training(monkeypatch):
    seeds = []
    monkeypatch.setattr(
        "pix2pix_tf.data.derived.inputs.random_mask",
        lambda photo, seed: seeds.append(seed) or photo,
    )
    derived = derivation(config(derive="random_mask"))
    for number in range(500):
        derived.input_of_crop(PHOTO, number)
    training, seeds[:] = set(seeds), []
    for number in range(500):
        derived.input_of(PHOTO, str(number))
    assert len(training) == len(set(seeds)) == 500
    assert max(training) < 2**31 <= min(seeds)  # never any of the others
