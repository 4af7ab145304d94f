"""Runs that start from the weights of another run, and layers that keep them."""

import json

import numpy as np
import pytest
import tensorflow as tf
import yaml
from rich.console import Console

from pix2pix_tf.config.schema import load_config
from pix2pix_tf.images.io import write_image
from pix2pix_tf.runs.checkpoint_files import saved_steps
from pix2pix_tf.runs.checkpoints import StoredWeights
from pix2pix_tf.runs.run import Run
from pix2pix_tf.training import loop, train
from pix2pix_tf.utils.errors import UserError
from tests.conftest import TINIEST, run_eagerly, write_pairs
from tests.training.test_loop import assert_same_weights

pytestmark = pytest.mark.usefixtures("eagerly")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("init_from")


@pytest.fixture(scope="module")
def base(folder):
    """A run of 2 steps at 32×32, whose generator has an average, on pairs of colours."""
    write_pairs(folder / "pairs", size=(36, 36), train=3, val=1)
    settings = {"training.steps": 2, "training.ema_decay": 0.5, **AT_32}
    with run_eagerly():
        trained(config(folder, **settings), folder / "base")
    return folder / "base"


@pytest.fixture
def other_pairs(tmp_path):
    return write_pairs(tmp_path / "other", size=(40, 40), train=4, val=1)


AT_32 = {"data.load_size": 36, "data.crop_size": 32}


def config(root, **settings):
    return load_config(
        "facades",
        {**TINIEST, "data.root": str(root / "pairs"), "training.steps": 2, **settings},
    )


def trained(settings, run, console=None):
    return train(settings, run, console=console or Console(quiet=True))


def start(base, run, monkeypatch=None, **settings):
    """Starts a run from another one, on its pairs by default; with `monkeypatch` makes no step."""
    stored = yaml.safe_load((base / "config.yaml").read_text()) if Run(base).exists() else {}
    same = {"data.root": stored["data"]["root"]} if "data" in stored else {}
    settings = config(base.parent, **{"training.init_from": str(base), **same, **settings})
    if monkeypatch is None:
        return trained(settings, run)
    with monkeypatch.context() as patch:
        patch.setattr(loop._Training, "run_to_end", lambda training: training.method)
        return trained(settings, run)


def stored(run, step=None):
    """All weights of networks by NETWORK/LAYER/NAME."""
    found = {}
    path = (
        run
        / "checkpoints"
        / f"step-{saved_steps(run / 'checkpoints')[-1] if step is None else step}"
    )
    reader = tf.train.load_checkpoint(str(path))
    for name in reader.get_variable_to_shape_map():
        part, _, rest = name.partition("/")
        if rest and part in ("generator", "generator_average", "discriminator"):
            variable = rest.split("/.ATTR")[0].replace(".S", "/")
            found[f"{part}/{variable}"] = reader.get_tensor(name)
    return found


def test_same_networks_have_the_same_weights_and_fresh_optimisers(base, tmp_path, monkeypatch):
    method = start(base, tmp_path / "run", monkeypatch, **AT_32, **{"training.ema_decay": 0.9})
    before, after = stored(base), stored(tmp_path / "run", 0)
    assert before.keys() == after.keys()
    assert {name.split("/")[0] for name in after} == {
        "generator",
        "generator_average",
        "discriminator",
    }
    for name, value in before.items():
        assert np.array_equal(value, after[name]), name
    for each in method.optimizers.values():
        assert all(not np.any(variable.numpy()) for variable in each.state().values())
    record = json.loads((tmp_path / "run" / "init_from.json").read_text())
    assert (record["run"], record["step"], record["new_layers"]) == (str(base), 2, [])
    assert len(record["sha256"]) == 64


def test_the_best_weights_are_averages_if_there_are_none_of_its_own(base, tmp_path, monkeypatch):
    """An average follows the generator's weights where the other run keeps no average."""
    plain = tmp_path / "plain"
    start(base, plain, monkeypatch, **AT_32)  # has no average
    assert not any(name.startswith("generator_average") for name in stored(plain))
    start(plain, tmp_path / "run", monkeypatch, **AT_32, **{"training.ema_decay": 0.9})
    after = stored(tmp_path / "run")
    for name, value in stored(plain).items():
        assert np.array_equal(value, after[name])
        if name.startswith("generator/"):
            assert np.array_equal(value, after[name.replace("generator", "generator_average")])


def new_layers(run):
    return json.loads((run / "init_from.json").read_text())["new_layers"]


def test_other_channels_start_anew_by_name(base, tmp_path, monkeypatch, capsys):
    grey = {"data.input_channels": 1, "data.target_channels": 1}
    start(base, tmp_path / "run", monkeypatch, **AT_32, **grey)
    anew = ["generator/encoder_1", "generator/output", "discriminator/conv_1"]
    assert new_layers(tmp_path / "run") == anew
    before, after = stored(base), stored(tmp_path / "run")
    for name, value in after.items():
        same = before[name].shape == value.shape and np.array_equal(before[name], value)
        assert same == (name.rpartition("/")[0] not in anew), name


@pytest.mark.parametrize("side", [16, 64])
def test_other_sizes_keep_what_is_at_the_same_resolution(base, tmp_path, monkeypatch, side):
    """Layers of a decoder are numbered from its bottleneck, and those near the output are kept."""
    settings = {"data.load_size": side + 2, "data.crop_size": side}
    start(base, tmp_path / "run", monkeypatch, **settings)
    before, after = stored(base), stored(tmp_path / "run")
    if side == 16:  # one level fewer: decoder_3 is at the output, as decoder_4 was
        counterparts = {
            "decoder_3": "decoder_4",
            "decoder_2": "decoder_3",
            "encoder_4": "encoder_4",
        }
        assert new_layers(tmp_path / "run") == ["generator/decoder_1"]
    else:
        counterparts = {
            "decoder_5": "decoder_4",
            "decoder_3": "decoder_2",
            "encoder_5": "encoder_5",
        }
        assert new_layers(tmp_path / "run") == [
            "generator/encoder_5_norm",
            "generator/encoder_6",
            "generator/decoder_1",
            "generator/decoder_1_norm",
            "generator/decoder_2",
        ]
    for layer, there in counterparts.items():
        assert np.array_equal(
            after[f"generator/{layer}/kernel"], before[f"generator/{there}/kernel"]
        )
    assert np.array_equal(
        after["discriminator/conv_2/kernel"], before["discriminator/conv_2/kernel"]
    )


def test_frozen_layers_keep_their_weights_bit_for_bit(base, other_pairs, tmp_path):
    run = tmp_path / "run"
    result = start(
        base,
        run,
        **AT_32,
        **{
            "data.root": str(other_pairs),
            "training.freeze": ["encoder", "discriminator/conv_1", "generator/output"],
            "training.ema_decay": 0.9,
            "training.steps": 3,
        },
    )
    assert result.step == 3
    before, after = stored(base), stored(run)
    frozen = ("generator/encoder", "discriminator/conv_1/", "generator/output")
    for name, value in before.items():
        if name.startswith(frozen):
            assert np.array_equal(value, after[name]), name
        elif name.startswith(("generator/", "discriminator/")):
            assert not np.array_equal(value, after[name]), name
    names = tf.train.load_checkpoint(
        str(run / "checkpoints" / "step-3")
    ).get_variable_to_shape_map()
    moments = [name for name in names if "_optimizer/" in name]
    assert any("decoder_1" in name for name in moments)
    assert not any("encoder_1_" in name or "output_" in name for name in moments)


def test_a_frozen_spectral_norm_keeps_its_vector(base, tmp_path):
    spectral = {"discriminator.spectral_norm": True, **AT_32}
    trained(config(base.parent, **spectral), tmp_path / "base")
    frozen = {"training.freeze": ["discriminator/conv_1"], **spectral}
    start(tmp_path / "base", tmp_path / "run", **frozen)
    before, after = stored(tmp_path / "base"), stored(tmp_path / "run")
    assert np.array_equal(
        before["discriminator/conv_1/vector_u"], after["discriminator/conv_1/vector_u"]
    )
    assert not np.array_equal(
        before["discriminator/conv_2/vector_u"], after["discriminator/conv_2/vector_u"]
    )


def test_a_resumed_run_does_not_read_the_weights_again(base, tmp_path, monkeypatch):
    """Nor is it confused if the other run was trained on, or is gone."""
    whole, parts, source = tmp_path / "whole", tmp_path / "parts", tmp_path / "source"
    start(base, source, monkeypatch, **AT_32)
    root = str(base.parent / "pairs")
    settings = {"training.freeze": ["encoder"], "data.root": root, **AT_32}
    start(source, whole, **{**settings, "training.steps": 3})
    start(source, parts, **{**settings, "training.steps": 1})
    first = (parts / "init_from.json").read_text()
    Run(source).delete()
    start(source, parts, **{**settings, "training.steps": 3})
    assert_same_weights(whole, parts)
    assert (parts / "init_from.json").read_text() == first


def test_a_run_that_was_killed_before_its_first_step_goes_on_from_the_same_weights(
    base, tmp_path, monkeypatch
):
    run = tmp_path / "run"
    start(base, run, monkeypatch, **AT_32)
    assert saved_steps(run / "checkpoints") == [0]
    before = stored(run)
    start(base, run, monkeypatch, **AT_32)
    after = stored(run)
    assert all(np.array_equal(value, after[name]) for name, value in before.items())


def test_what_is_said(base, other_pairs, tmp_path, monkeypatch, capsys):
    from pix2pix_tf.utils.console import PlainConsole

    settings = {"data.root": str(other_pairs), "data.input_channels": 1, **AT_32}
    settings |= {"training.init_from": str(base), "training.freeze": ["encoder_2"]}
    monkeypatch.setattr(loop._Training, "run_to_end", lambda training: training.method)
    trained(config(tmp_path, **settings), tmp_path / "run", PlainConsole())
    said = " ".join(capsys.readouterr().out.split())
    assert (
        f"weights: those of {base} at step 2; 2 layers of other channels, of another size or "
        "without a counterpart start anew: generator/encoder_1, discriminator/conv_1"
    ) in said
    assert "frozen (training.freeze): encoder_2" in said
    assert "warning" not in said


def test_validation_pairs_that_the_weights_have_seen_are_named(base, tmp_path, monkeypatch, capsys):
    from pix2pix_tf.utils.console import PlainConsole

    root = tmp_path / "pairs"
    write_pairs(root, size=(36, 36), train=3, val=1)
    seen = (base.parent / "pairs" / "train" / "1.png").read_bytes()
    (root / "val" / "0.png").write_bytes(seen)
    monkeypatch.setattr(loop._Training, "run_to_end", lambda training: training.method)
    trained(
        config(tmp_path, **{"training.init_from": str(base), **AT_32}),
        tmp_path / "run",
        PlainConsole(),
    )
    said = " ".join(capsys.readouterr().out.split())
    assert f"warning: {base} was trained on 1 of the 1 validation pairs: val/0" in said


def refused(base, run, message, **settings):
    with pytest.raises(UserError, match=message):
        start(base, run, **{**AT_32, **settings})
    assert not (run / "config.yaml").exists() or run == base


def test_what_cannot_be_started_from(base, tmp_path):
    run = tmp_path / "run"
    refused(base, base, "training.init_from: .*base: is this run itself")
    refused(tmp_path / "none", run, r"training\.init_from: run .*none: no such folder")
    refused(base.parent / "pairs", run, r"training\.init_from: .*holds no config\.yaml")
    wide = r"is of another architecture: generator\.width = 4 there and 8 here"
    refused(base, run, wide, **{"generator.width": 8})
    kinds = "generator.kind = unet there and resnet_6 here, discriminator.norm = batch there"
    refused(base, run, kinds, **{"generator.kind": "resnet_6", "discriminator.norm": "none"})
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "config.yaml").write_text((base / "config.yaml").read_text())
    refused(empty, run, r"training\.init_from: .*empty.checkpoints: no checkpoint there yet")
    newer = tmp_path / "newer"
    newer.mkdir()
    (newer / "config.yaml").write_text("method: diffusion")
    (newer / "versions.json").write_text('{"format": 99, "sessions": [{"pix2pix_tf": "9.1"}]}')
    refused(newer, run, r"training\.init_from: run .*newer: was made by a newer pix2pix-tf \(9.1")


def test_a_damaged_checkpoint_is_named(base, tmp_path):
    source = tmp_path / "source"
    start(base, source, **{"training.steps": 1, **AT_32})
    data = source / "checkpoints" / "step-1.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[: len(data.read_bytes()) // 3])
    with pytest.raises(UserError, match=r"checkpoint .*step-1: is damaged"):
        start(source, tmp_path / "run", **AT_32)


def test_dropout_and_objective_may_differ(base, tmp_path, monkeypatch):
    settings = {"generator.dropout": 0, "objective.name": "l1", "discriminator.width": 8, **AT_32}
    method = start(base, tmp_path / "run", monkeypatch, **settings)
    assert set(method.networks) == {"generator"}
    start(tmp_path / "run", tmp_path / "other", monkeypatch, **AT_32)
    anew = new_layers(tmp_path / "other")
    assert {name.split("/")[0] for name in anew} == {"discriminator"}
    assert {"discriminator/conv_1", "discriminator/logits"} <= set(anew)


def test_freezing_what_cannot_be(base, tmp_path):
    run = tmp_path / "run"
    unknown = (
        "training.freeze: encodr: is no network or layer of this run; there are generator, "
        "discriminator, encoder, decoder, output, conv, logits, and layers such as "
        "generator/encoder_1"
    )
    refused(base, run, unknown, **{"training.freeze": ["encodr"]})
    anew = (
        "training.freeze: encoder: generator/encoder_1 start anew, .* would stay random; name the "
        "others instead: generator/encoder_2, "
    )
    refused(base, run, anew, **{"training.freeze": ["encoder"], "data.input_channels": 1})
    everything = "training.freeze: generator leaves nothing of generator to train"
    refused(base, run, everything, **{"training.freeze": ["generator"]})
    with pytest.raises(UserError, match=r"training.freeze: encoder: keeps the weights of"):
        config(tmp_path, **{"training.freeze": ["encoder"]})
    for value in ("encoder", [3], [""]):
        with pytest.raises(UserError, match=r"training.freeze: .*expected a list of names"):
            config(tmp_path, **{"training.freeze": value, "training.init_from": "x"})


def test_an_existing_run_is_not_started_again(base, tmp_path, monkeypatch):
    run, other = tmp_path / "run", tmp_path / "other"
    start(base, run, monkeypatch, **AT_32)
    start(base, other, monkeypatch, **AT_32)
    with pytest.raises(
        UserError, match=r"run .*run: began from the weights of .*base, and .* --fresh"
    ):
        start(other, run, **AT_32)
    with pytest.raises(UserError, match=r"to resume it, say --init-from .*base again, or --run"):
        trained(config(base.parent, **AT_32), run)
    with pytest.raises(UserError, match=r"began without training\.init_from"):
        start(run, base, **AT_32, **{"training.ema_decay": 0.5})


def test_by_the_command(base, other_pairs, tmp_path, here):
    settings = {**TINIEST, **AT_32, "data.root": other_pairs, "training.steps": 1}
    sets = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    words = ("train", "--config", "facades", "--run", "run", "--init-from", base, *sets)
    code, out, err = here(*words, "--set", "training.freeze=[encoder]")
    assert (code, err) == (0, "")
    assert f"weights: those of {base} at step 2" in " ".join(out.split())
    assert Run(tmp_path / "run").load_config().training.freeze == ("encoder",)
    code, out, _ = here("train", "--run", "run", "--set", "training.steps=2")
    assert code == 0
    assert "resuming at step 1 of 2" in out
    assert "weights: those of" not in out
    code, _, err = here("train", "--run", "run", "--init-from", "run", "--fresh", "--fresh")
    assert code == 2
    assert "training.init_from: run: is this run itself" in err
    assert (tmp_path / "run" / "config.yaml").exists()
    code, _, err = here(*words, "--set", "generator.width=8")
    assert code == 2
    assert "Traceback" not in err


def test_stored_weights_are_read_by_part_and_name(base):
    weights = StoredWeights(base / "checkpoints")
    assert weights.step == 2
    assert weights.shape("generator", "encoder_1/kernel") == (4, 4, 3, 4)
    assert weights.shape("generator", "encoder_9/kernel") is None
    assert weights.has_part("discriminator")
    assert not weights.has_part("encoder")
    expected = stored(base)["generator/encoder_1/kernel"]
    assert np.array_equal(weights.value("generator", "encoder_1/kernel"), expected)


def test_other_data_of_another_depth(base, tmp_path):
    """16-bit greys in .tif: nothing of the other run's data is asked for."""
    for split in ("train", "val"):
        for side in "AB":
            (tmp_path / "pairs" / side / split).mkdir(parents=True)
            image = np.random.default_rng(len(side)).integers(0, 65536, (36, 36, 1), np.uint16)
            write_image(tmp_path / "pairs" / side / split / "0.png", image)
    result = start(base, tmp_path / "run", **AT_32, **{"data.root": str(tmp_path / "pairs")})
    assert result.step == 2


def test_replicas_start_from_the_same_weights(base, tmp_path, two_replicas):
    settings = {"training.init_from": str(base), "training.batch_size": 2, "training.steps": 1}
    settings |= {"training.freeze": ["encoder"], **AT_32}
    train(
        config(base.parent, **settings),
        tmp_path / "run",
        strategy=two_replicas,
        console=Console(quiet=True),
    )
    before, first, last = stored(base), stored(tmp_path / "run", 0), stored(tmp_path / "run")
    for name, value in first.items():
        assert np.array_equal(before[name], value), name
        frozen = name.startswith("generator/encoder")
        assert np.array_equal(last[name], value) == frozen, name
