"""Warnings of a training that goes wrong without stopping, and what to try.

Fed by the loop with what it reads anyway: losses at its reports, translations at its validations.
Thresholds are the config's section `warnings`. A warning is said when what it is about has lasted
`warnings.patience` steps, and again only after that has ended and come back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from pix2pix_tf.config.schema import Config, WarningsConfig
from pix2pix_tf.data.pair_sequence import Pairs
from pix2pix_tf.data.pairs import OpenedPairs
from pix2pix_tf.methods import method_of
from pix2pix_tf.methods.method import LossRule
from pix2pix_tf.utils.sampling import evenly_spaced
from pix2pix_tf.utils.text import either

_SAMPLED = 32  # pairs of a split that are looked at for flat pictures: reading all would take long
_NAMED = 3  # of them that are named
# How far above its threshold a loss must rise to have recovered.
_REARM_FACTOR = 2.0


class Warned(NamedTuple):
    """A warning: the key of the config's `warnings` that it goes by, and a sentence."""

    key: str
    text: str


class Spread:
    """How pictures differ from each other and within themselves, without keeping them.

    Levels are grey levels of 255, also of 16 bits.

    Attributes:
        contrasts: Of each picture, the standard deviation over its pixels, in the channel where it
            is largest: 0 for a single colour.
    """

    def __init__(self) -> None:
        self.contrasts: list[float] = []
        self._mean = self._squares = np.float32(0)

    def add(self, picture: np.ndarray) -> None:
        """Takes in a picture, uint8 or uint16 [H, W, C], of the same size as those before."""
        levels = picture.astype(np.float32) * np.float32(255 / np.iinfo(picture.dtype).max)
        self.contrasts.append(float(levels.std(axis=(0, 1)).max()))
        # By Welford: squares of differences, not differences of squares, which cancel.
        difference = levels - self._mean
        self._mean = self._mean + difference / len(self.contrasts)
        self._squares = self._squares + difference * (levels - self._mean)

    @property
    def variation(self) -> float:
        """The standard deviation over pictures at a pixel and channel, on average over them."""
        return float(np.mean(np.sqrt(self._squares / len(self.contrasts))))

    @property
    def contrast(self) -> float:
        """The median of `contrasts`."""
        return float(np.median(self.contrasts))


class ValidationImages:
    """The inputs, outputs and targets of one validation, taken in as they are scored."""

    def __init__(self) -> None:
        self.inputs, self.outputs, self.targets = Spread(), Spread(), Spread()

    def add(self, image: np.ndarray, output: np.ndarray, target: np.ndarray) -> None:
        """Takes in one pair and its translation, uint8 or uint16 [H, W, C] each."""
        self.inputs.add(image)
        self.outputs.add(output)
        self.targets.add(target)

    def scalars(self) -> dict[str, float]:
        """What can be plotted, in grey levels."""
        return {
            "health/output_variation": self.outputs.variation,
            "health/output_contrast": self.outputs.contrast,
        }


class Health:
    """A training's health in this session; every method returns warnings that are new."""

    def __init__(self, config: Config) -> None:
        self._limits = config.warnings
        method = method_of(config)
        self._low_losses = [_LowLoss(rule, config.warnings) for rule in method.warnings(config)]
        self._stabilizing = either(method.stabilizing_settings(config))
        patience = self._limits.patience
        self._flat, self._same = PersistentCondition(patience), PersistentCondition(patience)
        self._underflow: dict[str, PersistentCondition] = {}

    def after_steps(self, first: int, losses: Mapping[str, Sequence[float]]) -> list[Warned]:
        """Takes in the losses of consecutive steps, of which `first` is the first."""
        return [
            warning
            for low_loss in self._low_losses
            for warning in low_loss.after_steps(first, losses.get(low_loss.rule.loss, ()))
        ]

    def loss_scale(self, step: int, network: str, scale: float) -> list[Warned]:
        """Takes in the loss scale that `network`'s optimiser has after `step`."""
        limit = self._limits.loss_scale
        condition = self._underflow.setdefault(network, PersistentCondition(0))
        if limit is None or not condition.triggered(step, scale < limit):
            return []
        text = (
            f"step {step}: the loss scale of the {network} fell to {scale:.3g}: most of its "
            "gradients are not finite in float16, and those updates are left out; try "
            "training.precision=mixed_bfloat16 or float32 (in a new run), or a lower "
            "training.learning_rate"
        )
        return [Warned("loss_scale", text)]

    def after_validation(self, step: int, seen: ValidationImages) -> list[Warned]:
        """Takes in the pictures of a validation after `step`."""
        limits, warnings = self._limits, []
        flat = limits.flat_image is not None and (
            seen.outputs.contrast < limits.flat_image <= seen.targets.contrast
        )
        if self._flat.triggered(step, flat):
            warnings.append(Warned("flat_image", self._flat_words(step, seen)))
        same = limits.output_variation is not None and (
            seen.outputs.variation
            < limits.output_variation
            <= min(seen.inputs.variation, seen.targets.variation)
        )
        if self._same.triggered(step, same and not flat):  # flat outputs are one thing to be told
            warnings.append(Warned("output_variation", self._same_words(step, seen)))
        return warnings

    def _flat_words(self, step: int, seen: ValidationImages) -> str:
        return (
            f"step {step}: the outputs are of a single colour: within them grey levels deviate by "
            f"{seen.outputs.contrast:.2f} (in the targets by {seen.targets.contrast:.1f}); "
            f"try {self._stabilizing}, and see in samples/ what inputs and targets are"
        )

    def _same_words(self, step: int, seen: ValidationImages) -> str:
        return (
            f"step {step}: the output does not vary with its input: from picture to picture grey "
            f"levels deviate by {seen.outputs.variation:.2f} (the targets' by "
            f"{seen.targets.variation:.1f}, the inputs' by {seen.inputs.variation:.1f}); "
            f"try {self._stabilizing}, and see in samples/ that inputs and targets belong "
            "together"
        )


class _LowLoss:
    """Watches the loss of one rule: its mean over the last steps, `warnings.patience` of them."""

    def __init__(self, rule: LossRule, limits: WarningsConfig) -> None:
        self.rule = rule
        self._limit: float | None = getattr(limits, rule.key)
        self._patience = limits.patience
        self._recent: deque[float] = deque()
        self._recent_sum = 0.0
        self._low = PersistentCondition(0)  # the mean is over the steps of the patience already

    def after_steps(self, first: int, losses: Sequence[float]) -> list[Warned]:
        """Takes in the loss of consecutive steps, of which `first` is the first."""
        warnings = []
        for step, loss in enumerate(losses, first):
            self._recent.append(loss)
            self._recent_sum += loss
            if self._limit is None or len(self._recent) < self._patience:
                continue
            share = self._recent_sum / len(self._recent) / self.rule.reference
            self._recent_sum -= self._recent.popleft()
            limit = self._limit * (_REARM_FACTOR if self._low.said else 1.0)
            if self._low.triggered(step, share < limit):
                text = self.rule.text(share * self.rule.reference, share)
                warnings.append(Warned(self.rule.key, f"step {step}: {text}"))
        return warnings


class PersistentCondition:
    """A condition that triggers once when it has lasted `patience` steps, until it ends."""

    def __init__(self, patience: int) -> None:
        self.said = False
        self._patience = patience
        self._since: int | None = None

    def triggered(self, step: int, present: bool) -> bool:
        """Whether it triggers at this step, at which it is present or not."""
        if not present:
            self._since, self.said = None, False
            return False
        if self._since is None:
            self._since = step
        if self.said or step - self._since < self._patience:
            return False
        self.said = True
        return True


def flat_data(pairs: OpenedPairs, limits: WarningsConfig) -> list[Warned]:
    """Warnings of inputs and of targets of a single colour, from which nothing can be learnt.

    Args:
        pairs: At most 32 of each split are read, evenly spread.
        limits: `flat_image` says what is flat, `flat_fraction` how many may be.

    Raises:
        UserError: One of them cannot be read.
    """
    splits = {"training": pairs.train, "validation": pairs.val}
    return [each for split in splits.items() for each in _flat_split(*split, limits)]


def _flat_split(split: str, pairs: Pairs, limits: WarningsConfig) -> list[Warned]:
    if limits.flat_image is None or limits.flat_fraction is None:
        return []
    chosen = evenly_spaced(len(pairs), _SAMPLED)
    contrasts = [[_contrast(picture) for picture in pairs[index]] for index in chosen]
    warnings = []
    for side, values in zip(("inputs", "targets"), zip(*contrasts, strict=True), strict=True):
        flat = [i for i, value in zip(chosen, values, strict=True) if value < limits.flat_image]
        if len(flat) > limits.flat_fraction * len(chosen):
            names = ", ".join(pairs.names[index] for index in flat[:_NAMED])
            more = ", ..." if len(flat) > _NAMED else ""
            text = (
                f"{len(flat)} of {len(chosen)} {split} {side} looked at are of a single colour "
                f"({names}{more}): nothing can be learnt from them; see that data.direction and "
                "the channels are right, and leave such pairs out"
            )
            warnings.append(Warned("flat_fraction", text))
    return warnings


def non_finite(parts: Mapping[str, Mapping[str, tf.Variable]]) -> list[str]:
    """Names of the variables that hold a number that is not finite, tested on their device.

    Args:
        parts: Variables by part and name, as `methods.method.checkpoint_parts` gives them.
    """
    floats = {
        f"{part}/{name}": variable
        for part, variables in parts.items()
        for name, variable in variables.items()
        if variable.dtype.is_floating
    }
    finite = [tf.reduce_all(tf.math.is_finite(variable)) for variable in floats.values()]
    read = tf.stack(finite).numpy()  # one read of all of them
    return [name for name, good in zip(floats, read, strict=True) if not good]


def _contrast(picture: np.ndarray) -> float:
    spread = Spread()
    spread.add(picture)
    return spread.contrast
