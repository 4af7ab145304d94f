"""Golden files are by tools/torch_peer/make_golden.py: what PyTorch computed with these weights."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.importing import _assign
from pix2pix_tf.importing.authors import IGNORED, recognise_discriminator, recognise_generator
from pix2pix_tf.models import build_discriminator, build_generator
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.torch_file import read_state_dict

GOLDEN = Path(os.environ.get("PIX2PIX_TF_GOLDEN", Path(__file__).with_name("golden")))
CASES = json.loads((GOLDEN / "cases.json").read_text())
FIELDS = {1: 16, 2: 34, 3: 70, 4: 142, 5: 286}
STRIDE = 5

RECOGNISERS = {"generator": recognise_generator, "discriminator": recognise_discriminator}


def recognised(name, part=None):
    part = part or CASES[name]["part"]
    return RECOGNISERS[part](read_state_dict(GOLDEN / f"{name}.pth"), f"{name}.pth")


def config_of(network, case):
    tree = {"data": {"dataset": "sample", "crop_size": case["side"], "load_size": case["side"]}}
    channels = {"input_channels": case["inputs"], "target_channels": case["targets"]}
    tree["data"].update(channels)
    for key, value in {**network.settings, **network.defaults, "training.seed": 1}.items():
        section, name = key.split(".")
        tree.setdefault(section, {})[name] = value
    return make_config(tree)


def seen(case):
    """The images of a case, [-1, 1]: aerial photograph and street map."""
    with np.load(GOLDEN / "city.npz") as city:
        side = case["side"]
        return [
            city[name][np.newaxis, :side, :side, : case[channels]].astype(np.float32) / 127.5 - 1
            for name, channels in (("aerial", "inputs"), ("street_map", "targets"))
        ]


@pytest.mark.parametrize("name", CASES)
def test_imported_networks_compute_what_pytorch_computes(name):
    case, network = CASES[name], recognised(name)
    config = config_of(network, case)
    images = seen(case)
    if case["part"] == "generator":
        model, images = build_generator(config), images[:1]
    else:
        model = build_discriminator(config)
    _assign(model, network.weights)  # fails unless the names are those of the variables

    output = model(images if len(images) > 1 else images[0], training=False).numpy()[0]
    output = output[::STRIDE, ::STRIDE] if case["part"] == "generator" else output
    with np.load(GOLDEN / "outputs.npz") as outputs:
        expected = outputs[name].transpose(1, 2, 0)
    assert expected.std() > 0.01  # else the comparison would say little
    np.testing.assert_allclose(output, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_the_architecture_is_recognised(name):
    case, network = CASES[name], recognised(name)
    settings = network.settings
    part = case["part"]
    assert settings[f"{part}.width"] == case["width"]
    assert settings[f"{part}.norm"] == case["norm"]
    if part == "discriminator":
        assert settings["discriminator.receptive_field"] == FIELDS.get(case.get("layers"), 1)
        assert network.input_channels == case["inputs"] + case["targets"]
        return
    channels = settings["data.input_channels"], settings["data.target_channels"]
    assert channels == (case["inputs"], case["targets"])
    if case["kind"] == "unet":
        assert settings["generator.kind"] == "unet"
        assert network.defaults["data.crop_size"] == 2 ** case["levels"]
        # Its weights do not tell, but that program has none with five halvings.
        assert network.defaults.get("generator.dropout") == (0 if case["levels"] == 5 else None)
    else:
        assert settings["generator.kind"] == f"resnet_{case['blocks']}"
        assert network.defaults == {"generator.dropout": 0.5 if case["dropout"] else 0.0}


@pytest.mark.parametrize("name", CASES)
def test_every_tensor_is_needed_and_none_is_left_over(name):
    recognise = RECOGNISERS[CASES[name]["part"]]
    state = read_state_dict(GOLDEN / f"{name}.pth")
    weights = recognise(state, name).weights
    used = [key for key in state if key.split(".")[-1] not in IGNORED]
    for key in used:
        without = {other: array for other, array in state.items() if other != key}
        with pytest.raises(UserError, match=name):
            recognise(without, name)
    with pytest.raises(UserError, match=r"model.99.weight: not of this network"):
        recognise({**state, "model.99.weight": np.zeros(3)}, name)
    # Each goes to one place of its own; only biases that a norm takes away go nowhere.
    marked = {key: np.full_like(state[key], number) for number, key in enumerate(used, start=2)}
    found = [array.flat[0] for array in recognise(marked, name).weights.values()]
    found = [value for value in found if value > 1]  # not ours: offsets of 0, scales of 1
    normed = sum(key.endswith("_norm/scale") for key in weights)
    dropped = normed if CASES[name]["norm"] == "instance" else 0
    assert len(set(found)) == len(found) == len(used) - dropped


def test_running_statistics_are_left_away():
    state = read_state_dict(GOLDEN / "unet_32_none.pth")  # as instance norm had them before 0.4
    place = "model.model.1.model.2"
    more = {f"{place}.{name}": np.zeros(()) for name in IGNORED}
    weights = recognise_generator({**state, **more}, "net.pth").weights
    assert weights.keys() == recognised("unet_32_none").weights.keys()


@pytest.mark.parametrize(
    ("name", "key", "shape", "message"),
    [
        ("unet_32_batch", "model.model.0.weight", (99999, 3, 4, 4), "has shape"),
        ("unet_32_batch", "model.model.0.weight", (2, 3, 3, 3), "has shape"),
        ("unet_32_batch", "model.model.1.model.2.weight", (5,), "has shape"),
        ("resnet_6_batch", "model.1.weight", (99999, 3, 7, 7), "has shape"),
        ("resnet_6_batch", "model.1.weight", (2, 3), "lacks the convolution model.1.weight"),
        ("layers_3_batch", "model.0.weight", (99999, 6, 4, 4), "has shape"),
        ("pixel_batch", "net.0.weight", (99999, 6, 1, 1), "has shape"),
    ],
)
def test_shapes_that_contradict_each_other_are_refused(name, key, shape, message):
    state = {**read_state_dict(GOLDEN / f"{name}.pth"), key: np.zeros(shape, "f4")}
    with pytest.raises(UserError, match=message):
        RECOGNISERS[CASES[name]["part"]](state, "net.pth")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_numbers_are_refused(value):
    state = read_state_dict(GOLDEN / "pixel_batch.pth")
    state["net.0.bias"] = np.full_like(state["net.0.bias"], value)
    with pytest.raises(UserError, match=r"net.0.bias: holds values that are not finite"):
        recognise_discriminator(state, "net.pth")


def test_half_precision_becomes_float32():
    state = read_state_dict(GOLDEN / "pixel_batch.pth")
    halves = {name: array.astype("f2") for name, array in state.items()}
    weights = recognise_discriminator(halves, "net.pth").weights
    for name, array in recognised("pixel_batch").weights.items():
        assert weights[name].dtype == np.float32
        np.testing.assert_allclose(weights[name], array, rtol=1e-3, atol=1e-5)


def test_other_networks_are_refused():
    with pytest.raises(UserError, match=r"is a discriminator; give the generator"):
        recognised("layers_3_batch", "generator")
    with pytest.raises(UserError, match=r"is a discriminator; give the generator"):
        recognised("pixel_batch", "generator")
    with pytest.raises(UserError, match=r"is a generator; give the discriminator"):
        recognised("unet_32_batch", "discriminator")
    with pytest.raises(UserError, match=r"is a generator; give the discriminator"):
        recognised("resnet_6_batch", "discriminator")
    for part, recognise in RECOGNISERS.items():
        with pytest.raises(UserError, match=f"net.pth: is not a {part} that can be imported"):
            recognise({"conv1.weight": np.zeros((3, 3, 4, 4))}, "net.pth")
    state = read_state_dict(GOLDEN / "resnet_9_instance.pth")
    shorter = {name: array for name, array in state.items() if "model.18." not in name}
    with pytest.raises(UserError, match="6 or 9 blocks; it has 8"):
        recognise_generator(shorter, "net.pth")
