"""Networks wrapped, prefixed and beside others, as programs save them."""

from argparse import Namespace
from collections import Counter, OrderedDict, defaultdict
from pathlib import Path

import numpy as np
import pytest

from pix2pix_tf.importing import import_weights
from pix2pix_tf.importing.finding import find_network
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.torch_file import read_state_dict, read_state_dicts
from tests.utils.torch_saving import save

GOLDEN = Path(__file__).with_name("golden")
UNET, UNET_128 = "unet_32_batch", "unet_128_batch_dropout"
RESNET, PATCHGAN, PIXEL = "resnet_6_instance_dropout", "layers_2_batch", "pixel_batch"


def weights(name):
    return read_state_dict(GOLDEN / f"{name}.pth")


def under(prefix, state):
    return OrderedDict((f"{prefix}{name}", array) for name, array in state.items())


def other(state):
    return {name: array + 1 for name, array in state.items()}


def found(tmp_path, content, part="generator", **words):
    path = save(tmp_path / "net.pth", content)
    return find_network(read_state_dicts(path), part, "net.pth", **words)


def same(network, name):
    expected = {key: array for key, array in weights(name).items() if array.ndim}
    assert network.state.keys() == expected.keys()
    for key, array in network.state.items():
        np.testing.assert_array_equal(array, expected[key])


@pytest.mark.parametrize("name", [UNET, RESNET])
@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "module.",
        "_orig_mod.module.",
        "module._orig_mod.",
        "_orig_mod._orig_mod.",
        "netG.",
        "generator.model.",
        "model.",
        "model.model.",
        "module.netG._orig_mod.module.",
        "pix2pix.nets.G._fsdp_wrapped_module.",
    ],
)
def test_names_may_have_prefixes_in_any_order_and_depth(name, prefix, tmp_path):
    same(found(tmp_path, under(prefix, weights(name))), name)


@pytest.mark.parametrize("name", [PATCHGAN, PIXEL])
@pytest.mark.parametrize("prefix", ["", "module.", "netD.", "model.", "discriminator._orig_mod."])
def test_so_may_those_of_discriminators(name, prefix, tmp_path):
    same(found(tmp_path, under(prefix, weights(name)), "discriminator"), name)


def test_wrappers_within_the_names_are_passed_over(tmp_path):
    state = {
        name.replace("model.model.", "model._orig_mod.model.module.", 1): array
        for name, array in weights(UNET).items()
    }
    same(found(tmp_path, state), UNET)


def optimizer(state):
    moments = {
        number: {"step": np.array(3, "i8"), "exp_avg": array, "exp_avg_sq": array}
        for number, array in enumerate(state.values())
    }
    return {"state": moments, "param_groups": [{"lr": 2e-4, "params": list(range(len(state)))}]}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda g, d: {"state_dict": g},
        lambda g, d: {"model_state_dict": under("module.", g), "optimizer": optimizer(g)},
        lambda g, d: {"netG": g, "netD": d, "epoch": 3, "optimizer_G": optimizer(g)},
        lambda g, d: {"state_dict": {**under("netG.", g), **under("netD.", d)}, "loss": 0.5},
        lambda g, d: {"G": {"state_dict": under("_orig_mod.", g)}, "step": np.array(3, "i8")},
        lambda g, d: {"models": [d, g]},
        lambda g, d: {**under("generator.", g), **under("discriminator.", d)},
        lambda g, d: {**g, "epoch": np.array(7, "i8"), "netD": d},
        lambda g, d: {"params": g, "opt": Namespace(lr=1.0, gpu_ids=[0]), "best": Counter("ab")},
        lambda g, d: {"ckpt": {"weights": {"netG": g}}, "log": defaultdict(list, a=[1])},
        lambda g, d: {"netG": g, "copy": dict(g)},
        lambda g, d: {**under("netG.", g), "criterionGAN.real_label": np.array(1.0, "f4")},
    ],
)
def test_dictionaries_around_and_entries_beside_do_not_matter(wrap, tmp_path):
    content = wrap(weights(UNET), weights(PATCHGAN))
    same(found(tmp_path, content), UNET)


def test_each_side_is_taken_from_one_file(tmp_path):
    content = {"netG": weights(RESNET), "netD": weights(PATCHGAN)}
    assert found(tmp_path, content).key == "netG"
    network = found(tmp_path, content, "discriminator")
    assert network.key == "netD"
    same(network, PATCHGAN)


def test_several_generators_are_refused_by_the_keys_that_name_them(tmp_path):
    state = weights(UNET)
    content = {"netG_A": state, "nets": under("netG_B.module.", other(state)), "epoch": 2}
    with pytest.raises(UserError, match=r"2 generators, netG_A, nets.netG_B; say which with --key"):
        found(tmp_path, content)
    same(found(tmp_path, content, key="netG_A"), UNET)
    network = found(tmp_path, content, key="nets.netG_B")
    first = "model.model.0.weight"
    np.testing.assert_array_equal(network.state[first], state[first] + 1)
    with pytest.raises(UserError, match=r"--key netG_C: .* it has generators: netG_A, nets.netG_B"):
        found(tmp_path, content, key="netG_C")


def test_a_wrong_key_of_a_file_that_is_the_generator_itself_names_it(tmp_path):
    expected = r"--key nothing: .* it has generators: \. \(the file itself\)"
    with pytest.raises(UserError, match=expected):
        found(tmp_path, weights(UNET), key="nothing")
    same(found(tmp_path, weights(UNET), key="."), UNET)


@pytest.mark.parametrize("average", ["netG_ema", "ema", "ema_generator", "netG.avg", "G-EMA"])
def test_an_average_of_the_weights_is_taken_only_if_it_is_named(average, tmp_path):
    state = weights(UNET)
    content = {average: other(state), "netG": state}
    network = found(tmp_path, content)
    assert (network.key, network.beside) == ("netG", (average,))
    same(network, UNET)
    assert found(tmp_path, content, key=average).key == average
    assert found(tmp_path, {average: state}).key == average  # there is no other


def test_a_file_of_another_side_says_what_it_has(tmp_path):
    content = {"netD": weights(PATCHGAN), "optimizer": {"lr": 1}, "ema": weights(PIXEL)}
    with pytest.raises(UserError, match=r"holds no generator .* it has discriminators: netD, ema"):
        found(tmp_path, content)
    with pytest.raises(UserError, match=r"holds no discriminator .* it has tensors in a, b.c"):
        found(
            tmp_path,
            {"a": {"x": np.zeros(2, "f4")}, "b": {"c": {"x": np.ones(2, "f4")}}},
            "discriminator",
        )


def test_layers_beside_those_of_the_network_are_still_refused(tmp_path):
    for prefix in ("", "netG."):
        content = under(prefix, {**weights(UNET), "attention.weight": np.zeros((2, 2), "f4")})
        with pytest.raises(UserError, match=r"attention.weight: not of this network"):
            import_weights(save(tmp_path / "net.pth", content), tmp_path / "run")


def test_names_that_become_one_without_their_wrappers_are_refused(tmp_path):
    state = weights(UNET)
    path = save(tmp_path / "net.pth", {**state, **under("module.", state)})
    with pytest.raises(UserError, match=r"net.pth: holds model.model.0.weight twice, once as"):
        read_state_dicts(path)


def notes(here, tmp_path, *words):
    code, out, err = here("import", *words)
    assert code == 0, err
    return " ".join(out.split())


def test_the_command_says_what_it_assumed_and_how_to_change_it(here, tmp_path):
    save(tmp_path / "net.pth", {"netG": weights(UNET_128), "netD": weights(PATCHGAN)})
    words = ("net.pth", "--run", "run", "--set", "data.root=x", "--set", "data.direction=AtoB")
    out = notes(here, tmp_path, *words)
    assert "generator.dropout=0.5 (--set generator.dropout=0 if it was trained with --no_d" in out
    assert (
        "of the config facades, as far as it fits: data.load_size=[143, 143], data.crop_size="
        in out
    )
    assert "the generator's has netD: give it as --discriminator too" in out
    assert "data.direction" not in out  # it was said, not assumed
    assert "--eval" in out


def test_what_weights_tell_or_the_user_says_is_not_called_assumed(here, tmp_path):
    save(tmp_path / "resnet.pth", weights(RESNET))
    out = notes(here, tmp_path, "resnet.pth", "--run", "a")
    assert "generator.dropout" not in out
    assert "--eval" not in out  # instance norms have no running averages
    save(tmp_path / "unet.pth", weights(UNET_128))
    out = notes(here, tmp_path, "unet.pth", "--run", "b", "--set", "generator.dropout=0")
    assert "dropout" not in out


def test_one_channel_in_and_two_out_is_assumed_to_be_lab(here, tmp_path):
    state = dict(weights(UNET))
    first, last = "model.model.0.weight", "model.model.3.weight"
    state[first], state[last] = state[first][:, :1], state[last][:, :2]
    state["model.model.3.bias"] = state["model.model.3.bias"][:2]
    save(tmp_path / "net.pth", state)
    out = notes(here, tmp_path, "net.pth", "--run", "run")
    assert "data.representation=lab" in out
    assert "representation: lab" in (tmp_path / "run" / "config.yaml").read_text()
    out = notes(here, tmp_path, "net.pth", "--run", "b", "--set", "data.representation=plain")
    assert "lab" not in out
