import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from pix2pix_tf.config.schema import load_config, make_config
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.evaluation.metrics.pixel import score_pairs
from pix2pix_tf.importing import import_weights
from pix2pix_tf.importing.authors import recognise_discriminator, recognise_generator
from pix2pix_tf.inference.translator import Translator
from pix2pix_tf.methods.method import checkpoint_parts, translating_parts
from pix2pix_tf.methods.pix2pix import Pix2Pix
from pix2pix_tf.models import build_generator
from pix2pix_tf.runs.checkpoints import Checkpoints, restore_networks
from pix2pix_tf.runs.run import Run
from pix2pix_tf.training import train
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.torch_file import read_state_dict

pytestmark = pytest.mark.usefixtures("eagerly")

GOLDEN = Path(os.environ.get("PIX2PIX_TF_GOLDEN", Path(__file__).with_name("golden")))
UNET, UNET_256 = GOLDEN / "unet_32_batch.pth", GOLDEN / "unet_256_batch.pth"
RESNET = GOLDEN / "resnet_6_instance_dropout.pth"
DISCRIMINATOR = GOLDEN / "layers_2_batch.pth"

# As typed: a training that takes seconds.
OVERRIDES = ["training.steps=1", "logging.tensorboard=false"]


def values(model):
    return {variable.path: variable.numpy() for variable in model.variables}


def restored(run):
    config = Run(run).load_config()
    method = Pix2Pix(config, 1, None)
    parts, translating = checkpoint_parts(method), translating_parts(method)
    assert Checkpoints(run / "checkpoints", parts, translating, 1).restore() == 0
    return method


def test_an_imported_run_translates_and_trains_on(pairs_folder, tmp_path):
    overrides = [*OVERRIDES, f"data.root={pairs_folder()}", "training.ema_decay=0.9"]
    run = tmp_path / "run"
    imported = import_weights(UNET, run, discriminator_file=DISCRIMINATOR, overrides=overrides)

    assert imported.generator == "unet_32, 2 filters, batch norm"
    assert imported.discriminator == "n_layers 2, 2 filters, batch norm"
    assert not any("discriminator" in note for note in imported.notes)
    config = imported.config
    assert config == Run(run).load_config()
    assert (config.data.crop_size, config.data.load_size) == ((32, 32), (36, 36))
    assert config.data.direction == "BtoA"  # of facades.yaml
    # With five halvings the authors' program has no block left for dropout.
    assert (config.generator.width, config.generator.dropout) == (2, 0)
    assert config.discriminator.receptive_field == 34

    translator = Translator(run)
    assert translator.step == 0
    assert translator(np.zeros((50, 40, 3), np.uint8)).shape == (50, 40, 3)
    scores = score_pairs(partial(translator, seed=config.training.seed), open_pairs(config).val)

    result = train(config, run)
    assert result.step == 1
    assert Run(run).metrics()[0]["step"] == 0  # what it started with scores the same
    assert Run(run).metrics()[0]["scores"] == pytest.approx(scores, rel=1e-4)
    after = build_generator(config)
    restore_networks({"generator": after}, run / "checkpoints", "newest")
    before = values(translator.networks["generator_average"])
    changes = [np.abs(array - before[path]).max() for path, array in values(after).items()]
    assert 0 < max(changes) < 2 * config.training.learning_rate  # Adam's first step


def test_a_new_run_starts_from_imported_weights(pairs_folder, tmp_path):
    settings = [*OVERRIDES, f"data.root={pairs_folder()}"]
    imported = import_weights(UNET, tmp_path / "run", overrides=settings)
    tree = imported.config.model_dump(mode="json")
    tree["training"] |= {"init_from": str(tmp_path / "run"), "freeze": ["encoder"]}
    train(make_config(tree), tmp_path / "tuned", console=Console(quiet=True))
    before = values(restored(tmp_path / "run").generator)
    after = build_generator(imported.config, initial=False)
    restore_networks({"generator": after}, tmp_path / "tuned" / "checkpoints", "newest")
    for name, value in values(after).items():
        assert np.array_equal(value, before[name]) == name.startswith("encoder"), name


def test_without_a_file_the_discriminator_is_said_to_start_fresh(tmp_path):
    imported = import_weights(RESNET, tmp_path / "run", overrides={"data.input_channels": 1})
    assert imported.discriminator is None
    assert imported.notes[0] == "the discriminator starts fresh: no file was given for it"
    config = imported.config
    assert (config.generator.kind, config.generator.norm) == ("resnet_6", "instance")
    assert (config.data.crop_size, config.data.load_size) == ((256, 256), (286, 286))
    networks = restored(tmp_path / "run")
    assert values(networks.discriminator).keys() >= {"conv_1/kernel", "logits/bias"}


def test_both_networks_are_restored_as_they_were_in_the_files(tmp_path):
    import_weights(UNET, tmp_path / "run", discriminator_file=DISCRIMINATOR)
    networks = restored(tmp_path / "run")
    for network, recognise, file in (
        (networks.generator, recognise_generator, UNET),
        (networks.discriminator, recognise_discriminator, DISCRIMINATOR),
    ):
        expected, found = recognise(read_state_dict(file), "").weights, values(network)
        assert found.keys() == expected.keys()
        for name, array in found.items():
            np.testing.assert_array_equal(array, expected[name])
    assert networks.optimizers.keys() == {"generator", "discriminator"}
    for optimized in networks.optimizers.values():
        assert all(not np.any(variable.numpy()) for variable in optimized.optimizer.state)


def test_an_objective_without_a_discriminator_needs_no_file(tmp_path):
    imported = import_weights(UNET, tmp_path / "run", overrides=["objective.name=l1"])
    assert imported.discriminator is None
    assert not any("discriminator" in note for note in imported.notes)


def test_a_config_of_the_right_depth_keeps_its_sizes(tmp_path):
    sizes = ["data.crop_size=[256, 768]", "data.load_size=[300, 800]"]
    imported = import_weights(UNET_256, tmp_path / "run", config="maps", overrides=sizes)
    assert imported.config.data.crop_size == (256, 768)
    assert imported.config.data.load_size == (300, 800)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("generator.kind=resnet_9", r"generator.kind: resnet_9: contradicts .*unet_32_batch.pth"),
        ("generator.width=64", r"generator.width: 64: contradicts .*, which has 2; leave it out"),
        ("generator.bottleneck_norm=true", r"generator.bottleneck_norm: True: contradicts"),
        ("data.target_channels=1", r"data.target_channels: 1: contradicts"),
        ("discriminator.spectral_norm=true", r"discriminator.spectral_norm: True: contradicts"),
        ("discriminator.receptive_field=70", r"receptive_field: 70: contradicts .*layers_2"),
        ("data.crop_size=256", r"data.crop_size: \[256, 256\]: can be halved 8 times .* halves 5"),
        ("data.crop_size=16", r"data.crop_size: \[16, 16\]: can be halved 4 times .* halves 5"),
        ("objective.name=l1", r"objective.name: l1: has no discriminator; leave out"),
        ("objective.name=l1+gan", r"sees 6 channels, which needs .*objective.name=l1\+cgan"),
        ("generator.heigth=3", r"heigth"),
    ],
)
def test_what_contradicts_the_weights_is_refused_and_nothing_written(override, message, tmp_path):
    with pytest.raises(UserError, match=message):
        import_weights(
            UNET, tmp_path / "run", discriminator_file=DISCRIMINATOR, overrides=[override]
        )
    assert not (tmp_path / "run").exists()


def test_a_discriminator_of_other_images_is_refused(tmp_path):
    file = GOLDEN / "layers_3_none.pth"
    with pytest.raises(UserError, match=r"sees 3 channels, which needs .*objective.name=l1\+gan"):
        import_weights(UNET, tmp_path / "run", discriminator_file=file)
    imported = import_weights(
        UNET,
        tmp_path / "run",
        discriminator_file=file,
        overrides={"objective.name": "l1+gan"},
    )
    assert imported.config.discriminator.norm == "none"
    with pytest.raises(UserError, match=r"sees 6 channels, which fits neither the .* \(4\) nor"):
        import_weights(RESNET, tmp_path / "other", discriminator_file=DISCRIMINATOR)


def test_a_run_that_is_there_is_left_alone(tmp_path):
    import_weights(UNET, tmp_path / "run")
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with pytest.raises(UserError, match="holds a training already; choose another --run"):
        import_weights(RESNET, tmp_path / "run")
    assert files == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}


def test_the_configuration_asked_for_is_the_one_named(tmp_path):
    imported = import_weights(UNET_256, tmp_path / "run", config="maps")
    assert imported.config.data == load_config("maps").data


def test_a_key_of_no_file_is_refused(tmp_path):
    with pytest.raises(UserError, match="--discriminator-key netD: needs --discriminator FILE"):
        import_weights(UNET, tmp_path / "run", discriminator_key="netD")
    assert not (tmp_path / "run").exists()
