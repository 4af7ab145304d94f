"""Warnings of the training of pix2pix, besides those of all methods, and settings to try."""

from __future__ import annotations

from pix2pix_tf.config.schema import Config
from pix2pix_tf.methods.losses import CHANCE_LEVEL
from pix2pix_tf.methods.method import LossRule
from pix2pix_tf.utils.text import either


def warnings(config: Config) -> list[LossRule]:
    """Returns the rule for a discriminator that has won: its loss is far below chance level."""
    objective = config.objective
    if not objective.adversarial:
        return []
    chance = CHANCE_LEVEL[objective.gan_loss]

    def text(loss: float, share: float) -> str:
        settings = [
            ("training.discriminator_steps=1", config.training.discriminator_steps > 1),
            ("discriminator.spectral_norm=true", not config.discriminator.spectral_norm),
            ("objective.gan_loss=least_squares", objective.gan_loss == "vanilla"),
            ("a smaller discriminator.width or receptive_field", True),
        ]
        return (
            f"the discriminator has won: its loss was {loss:.4f} on "
            f"average over {config.warnings.patience} steps, {share:.1%} of the {chance:.2f} "
            "where it cannot tell real from fake, and the generator learns little from it; "
            f"try {either(_fitting(settings))}, and see in samples/ that inputs and targets belong "
            "together"
        )

    line = "ln2" if objective.gan_loss == "vanilla" else None
    return [LossRule("discriminator_loss", "discriminator/loss", chance, text, line)]


def stabilizing_settings(config: Config) -> list[str]:
    """Returns settings to try if outputs are of a single colour or do not vary with the input."""
    objective = config.objective
    weak_l1 = objective.distance is not None and objective.adversarial and objective.l1_weight < 100
    return _fitting(
        [
            # Normalising a single value, as at the bottleneck, gives 0; see the paper's errata.
            ("generator.bottleneck_norm=false", config.generator.bottleneck_norm),
            ("objective.name=l1+cgan", objective.distance is None),
            ("objective.l1_weight=100", weak_l1),
            ("a lower training.learning_rate", True),
        ]
    )


def _fitting(settings: list[tuple[str, bool]]) -> list[str]:
    return [setting for setting, fits in settings if fits]
