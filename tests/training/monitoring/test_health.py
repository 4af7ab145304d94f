"""What is said of a training that goes wrong: each thing provoked, and what is not said."""

import io
import math

import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console

from pix2pix_tf.config.schema import WarningsConfig, make_config
from pix2pix_tf.data.pairs import open_pairs
from pix2pix_tf.evaluation.metrics.pixel import score_pairs
from pix2pix_tf.images.io import write_image
from pix2pix_tf.inference.translation import AnySizeTranslation, image_function
from pix2pix_tf.methods.translation import generator_translation
from pix2pix_tf.models import build_generator
from pix2pix_tf.training import train
from pix2pix_tf.training.monitoring.health import (
    Health,
    Spread,
    ValidationImages,
    flat_data,
    non_finite,
)
from pix2pix_tf.utils.errors import UserError
from tests.conftest import TINY


def config(**sections):
    return make_config({"data": {"dataset": "sample"}, **sections})


def keys(warnings):
    return [warning.key for warning in warnings]


@pytest.fixture
def trained(tmp_path, pairs_folder, tiny):
    """Trains on a folder of pairs; what the terminal was told, and the texts in TensorBoard."""

    def run(root=None, **overrides):
        settings = {key.replace(".", "__"): value for key, value in {**TINY, **overrides}.items()}
        settings |= {"data__dataset": None, "data__root": str(root or pairs_folder())}
        told = io.StringIO()
        train(tiny(**settings), tmp_path / "run", console=Console(file=told, width=1000))
        texts = {}
        for file in (tmp_path / "run" / "logs" / "train").glob("events*"):
            for record in tf.data.TFRecordDataset(str(file)):
                event = tf.compat.v1.Event.FromString(record.numpy())
                for value in event.summary.value:
                    if value.tag.startswith("warnings/"):
                        said = value.tensor.string_val[0].decode()
                        texts.setdefault(value.tag.removeprefix("warnings/"), []).append(said)
        warned = [line for line in told.getvalue().splitlines() if line.startswith("warning: ")]
        assert sorted(warned) == sorted(
            f"warning: {text}" for said in texts.values() for text in said
        )
        return texts

    return run


# ---- provoked


def test_generator_cut_off_from_its_input_lets_the_discriminator_win_and_both_are_said(trained):
    texts = trained(
        **{
            "generator.kind": "encoder_decoder",
            "generator.bottleneck_norm": True,  # of one value, so that nothing passes
            "training.steps": 60,
            "training.learning_rate": 5e-3,
            "objective.l1_weight": 0,
            "warnings.patience": 20,
            "warnings.discriminator_loss": 0.2,
        }
    )
    assert set(texts) == {"discriminator_loss", "flat_image"}
    (won,), (flat,) = texts["discriminator_loss"], texts["flat_image"]
    assert "the discriminator has won: its loss was 0.1" in won
    assert "on average over 20 steps" in won
    assert "try discriminator.spectral_norm=true, objective.gan_loss=least_squares or a" in won
    assert "the outputs are of a single colour: within them grey levels deviate by 0." in flat
    assert "generator.bottleneck_norm=false, objective.l1_weight=100 or a lower" in flat


def test_output_that_does_not_vary_with_its_input_is_said(tiny):
    settings = tiny(
        generator__kind="encoder_decoder",
        generator__bottleneck_norm=True,
        warnings__patience=100,
        data__sample_val=4,
    )
    generator = build_generator(settings)
    random = np.random.default_rng(0)
    for variable in generator.variables:  # offsets that differ: not of a single colour any more
        variable.assign(variable + random.normal(0, 0.3, variable.shape))
    translate = image_function(
        AnySizeTranslation(generator_translation(settings, generator)), seed=0
    )
    seen = ValidationImages()
    score_pairs(translate, open_pairs(settings).val, seen.add)
    assert seen.scalars()["health/output_contrast"] > 5
    assert seen.scalars()["health/output_variation"] == pytest.approx(0, abs=1e-3)
    health = Health(settings)
    assert not health.after_validation(0, seen)
    assert keys(health.after_validation(100, seen)) == ["output_variation"]


def with_flat_halves(root, half, numbers):
    """Makes half 0 (left) or 1 of some training pairs a single colour."""
    for number in numbers:
        pair = np.random.default_rng(number).integers(0, 256, (36, 72, 3), np.uint8)
        pair[:, 36 * half : 36 * half + 36] = 90
        write_image(root / "train" / f"{number}.png", pair)
    return root


@pytest.mark.parametrize(("half", "side"), [(0, "targets"), (1, "inputs")])
def test_single_coloured_pictures_of_the_data_are_said_by_name(pairs_folder, half, side):
    root = with_flat_halves(pairs_folder(train=12, val=2), half, (1, 4))
    data = {"root": str(root), "direction": "BtoA"}

    def warnings(share):
        settings = make_config({"data": data, "warnings": {"flat_fraction": share}})
        return flat_data(open_pairs(settings), settings.warnings)

    (warning,) = warnings(0.16)
    assert warning.key == "flat_fraction"
    assert f"2 of 12 training {side} looked at are of a single colour (1, 4): no" in warning.text
    assert not warnings(2 / 12)


@pytest.mark.usefixtures("eagerly")
def test_overflow_that_losses_do_not_show_yet_stops_before_a_checkpoint(tmp_path, trained):
    # Gradients of 1e30 are squared into Adam's second moment; the next step would see it.
    with pytest.raises(
        UserError,
        match=r"step 1: generator_optimizer/adam/.*velocity.* more became non-finite.*lower",
    ):
        trained(**{"training.steps": 1, "objective.l1_weight": 1e30})
    assert not list((tmp_path / "run").glob("checkpoints/**/*.index"))


def test_gradients_that_float16_cannot_hold_are_said_and_so_is_flat_data(trained, pairs_folder):
    texts = trained(
        with_flat_halves(pairs_folder(), 1, (0, 3)),
        **{
            "training.steps": 18,
            "objective.l1_weight": 1e30,
            "training.precision": "mixed_float16",
        },
    )
    assert set(texts) == {"loss_scale", "flat_fraction"}
    (text,) = texts["loss_scale"]
    assert "the loss scale of the generator fell to 0." in text
    assert "training.precision=mixed_bfloat16 or float32" in text


# ---- said once, and when


@pytest.mark.parametrize(
    ("kind", "chance"), [("vanilla", math.log(2)), ("least_squares", 0.25), ("hinge", 1.0)]
)
def test_discriminator_wins_by_the_scale_of_its_own_loss(kind, chance):
    settings = config(
        objective={"gan_loss": kind}, warnings={"patience": 4, "discriminator_loss": 0.1}
    )
    above, below = Health(settings), Health(settings)
    assert not above.after_steps(1, {"discriminator/loss": [0.11 * chance] * 50})
    assert keys(below.after_steps(1, {"discriminator/loss": [0.09 * chance] * 50})) == [
        "discriminator_loss"
    ]


def test_discriminator_that_has_won_is_said_once_until_it_has_lost_again():
    settings = config(warnings={"patience": 4, "discriminator_loss": 0.1})
    health, chance = Health(settings), math.log(2)

    def after(first, *shares):
        losses = {"discriminator/loss": [share * chance for share in shares]}
        return [warning.text.partition(":")[0] for warning in health.after_steps(first, losses)]

    assert after(1, 0.05, 0.05, 0.05) == []
    assert after(4, 0.05, 0.05) == ["step 4"]  # the mean of four steps, whatever the report
    assert after(6, 0.15, 0.15, 0.15, 0.15, 0.05, 0.05) == []  # not really better
    assert after(12, 0.9, 0.05, 0.05, 0.05) == []
    assert after(16, 0.05, 0.05) == ["step 16"]


def test_single_steps_without_loss_are_no_victory():
    health = Health(config(warnings={"patience": 10}))
    assert not health.after_steps(1, {"discriminator/loss": [0.0, 0.0, 0.0, 0.0, 0.7] * 20})


def picture(*levels):
    """Two rows, of the first and the second level."""
    return np.repeat(np.array(levels, np.uint8), 2).reshape(2, 2, 1)


def seen(outputs, targets=((0, 9), (90, 200)), inputs=((0, 9), (90, 200))):
    pictures = ValidationImages()
    for image, output, target in zip(inputs, outputs, targets, strict=True):
        pictures.add(picture(*image), picture(*output), picture(*target))
    return pictures


SAME, FLAT, WELL = ((50, 90), (50, 90)), ((50, 50), (90, 90)), ((1, 9), (80, 190))


def test_state_must_last_and_is_said_again_only_when_it_came_back():
    health = Health(config(warnings={"patience": 100}))
    said = [
        keys(health.after_validation(step, seen(outputs)))
        for step, outputs in (
            (0, SAME),
            (60, SAME),
            (120, SAME),
            (180, SAME),
            (240, WELL),
            (300, SAME),
            (400, SAME),
        )
    ]
    assert said == [[], [], ["output_variation"], [], [], [], ["output_variation"]]


def test_single_colours_are_one_thing_to_be_told():
    health = Health(config(warnings={"patience": 1}))
    health.after_validation(0, seen(((50, 50), (50, 50))))
    assert keys(health.after_validation(1, seen(((50, 50), (50, 50))))) == ["flat_image"]


@pytest.mark.parametrize(
    ("outputs", "words"),
    [(SAME, {"targets": SAME}), (SAME, {"inputs": SAME}), (FLAT, {"targets": FLAT})],
)
def test_outputs_are_not_blamed_for_what_the_data_is(outputs, words):
    health = Health(config(warnings={"patience": 1}))
    assert not health.after_validation(0, seen(outputs, **words))
    assert not health.after_validation(1, seen(outputs, **words))


def test_null_turns_a_warning_off(pairs_folder, tiny):
    thresholds = WarningsConfig.model_fields.keys() - {"patience"}
    settings = config(warnings={**dict.fromkeys(thresholds), "patience": 1})
    health = Health(settings)
    assert not health.after_steps(1, {"discriminator/loss": [0.0] * 9})
    assert not health.loss_scale(1, "generator", 1e-9)
    for outputs in (SAME, FLAT):
        assert not health.after_validation(0, seen(outputs))
        assert not health.after_validation(9, seen(outputs))
    root = with_flat_halves(pairs_folder(), 0, (0, 1, 2))
    pairs = open_pairs(tiny(data__dataset=None, data__root=str(root)))
    assert not flat_data(pairs, settings.warnings)


def test_objective_without_a_discriminator_has_none_that_wins():
    health = Health(config(objective={"name": "l1"}, warnings={"patience": 1}))
    assert not health.after_steps(1, {"generator/l1": [0.0] * 9})


# ---- measured


def test_spread_of_pictures():
    spread = Spread()
    for levels in ((10, 30), (10, 70), (40, 80)):
        spread.add(picture(*levels))
    assert spread.contrasts == [10, 30, 20]
    assert spread.contrast == 20
    rows = np.std([10, 10, 40]), np.std([30, 70, 80])
    assert spread.variation == pytest.approx(np.mean(rows), rel=1e-6)


def test_sixteen_bits_count_as_the_same_grey_levels():
    eight, sixteen = Spread(), Spread()
    for levels in ((10, 30), (10, 70)):
        eight.add(picture(*levels))
        sixteen.add(picture(*levels).astype(np.uint16) * 257)
    assert sixteen.contrast == pytest.approx(eight.contrast, rel=1e-6)
    assert sixteen.variation == pytest.approx(eight.variation, rel=1e-6)


def test_contrast_is_that_of_the_most_lively_channel():
    spread = Spread()
    spread.add(np.concatenate([picture(9, 9), picture(0, 40)], axis=-1))
    assert spread.contrast == 20


def test_variables_that_are_not_finite_are_named(tiny):
    generator = build_generator(tiny())
    parts = {"generator": {each.path: each.value for each in generator.variables}}
    assert not non_finite(parts)
    kernel = generator.variables[2]
    values = kernel.numpy()
    values.flat[1] = np.inf
    kernel.assign(values)
    assert non_finite(parts) == [f"generator/{kernel.path}"]
