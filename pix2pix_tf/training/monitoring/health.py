"""Warnings about a training run that fails without stopping, such as collapsed outputs.

The training loop supplies values that it reads anyway: losses at its reports, translations at its
validations. The thresholds are in the section `warnings` of the config. A warning is issued when
its condition has lasted `warnings.patience` steps, and again only after the condition has ended
and returned.
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

_MAX_SAMPLED = 32  # pairs read from each split to find flat images: reading all would take long
_MAX_NAMED = 3  # flat pairs listed by name in a warning
# A loss has recovered when it is above this multiple of its threshold.
_REARM_FACTOR = 2.0


class Warned(NamedTuple):
    """A warning that was issued.

    Attributes:
        key: Key in the section `warnings` of the config that holds its threshold.
        text: The warning, a sentence for the user.
    """

    key: str
    text: str


class Spread:
    """Running statistics of how images differ from each other and within themselves.

    The images are not stored. Grey levels are in [0, 255], whatever the type of images.

    Attributes:
        contrasts: Standard deviation over the pixels of each image, in the channel where it is
            largest: 0 for an image of a single colour.
    """

    def __init__(self) -> None:
        self.contrasts: list[float] = []
        self._mean = self._squares = np.float32(0)

    def add(self, image: np.ndarray) -> None:
        """Adds an image to the statistics.

        Args:
            image: uint8 or uint16 in full scale or floats in 0..1, [H, W, C], of the same size as
                the images before it.
        """
        top = 1 if image.dtype.kind == "f" else np.iinfo(image.dtype).max
        levels = image.astype(np.float32) * np.float32(255 / top)
        self.contrasts.append(float(levels.std(axis=(0, 1)).max()))
        # Welford's algorithm: a difference of sums of squares would lose its digits.
        difference = levels - self._mean
        self._mean = self._mean + difference / len(self.contrasts)
        self._squares = self._squares + difference * (levels - self._mean)

    @property
    def variation(self) -> float:
        """Standard deviation over the images, averaged over all pixels and channels."""
        return float(np.mean(np.sqrt(self._squares / len(self.contrasts))))

    @property
    def contrast(self) -> float:
        """Median of `contrasts`."""
        return float(np.median(self.contrasts))


class ValidationImages:
    """Statistics of the inputs, outputs and targets of one validation.

    Attributes:
        inputs: Statistics of the inputs.
        outputs: Statistics of the outputs.
        targets: Statistics of the targets.
    """

    def __init__(self) -> None:
        self.inputs, self.outputs, self.targets = Spread(), Spread(), Spread()

    def add(self, image: np.ndarray, output: np.ndarray, target: np.ndarray) -> None:
        """Adds one pair and its translation.

        Args:
            image: The input, see `Spread.add`.
            output: The translation of `image`, likewise.
            target: The target, likewise.
        """
        self.inputs.add(image)
        self.outputs.add(output)
        self.targets.add(target)

    def scalars(self) -> dict[str, float]:
        """Returns the scalars for TensorBoard, in grey levels from 0 to 255, by name."""
        return {
            "health/output_variation": self.outputs.variation,
            "health/output_contrast": self.outputs.contrast,
        }


class Health:
    """Watches the training of one session; every method returns the warnings that are new."""

    def __init__(self, config: Config) -> None:
        self._limits = config.warnings
        method = method_of(config)
        self._low_losses = [_LowLoss(rule, config.warnings) for rule in method.warnings(config)]
        self._stabilizing = either(method.stabilizing_settings(config))
        patience = self._limits.patience
        self._flat, self._same = PersistentCondition(patience), PersistentCondition(patience)
        self._underflow: dict[str, PersistentCondition] = {}

    def after_steps(self, first: int, losses: Mapping[str, Sequence[float]]) -> list[Warned]:
        """Checks the losses of consecutive steps.

        Args:
            first: Number of the first step.
            losses: The losses by name, one value for each step.
        """
        return [
            warning
            for low_loss in self._low_losses
            for warning in low_loss.after_steps(first, losses.get(low_loss.rule.loss, ()))
        ]

    def loss_scale(self, step: int, network: str, scale: float) -> list[Warned]:
        """Checks the loss scale of the optimizer of `network` after `step`."""
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

    def after_validation(self, step: int, images: ValidationImages) -> list[Warned]:
        """Checks the images of the validation after `step`."""
        limits, warnings = self._limits, []
        flat = limits.flat_image is not None and (
            images.outputs.contrast < limits.flat_image <= images.targets.contrast
        )
        if self._flat.triggered(step, flat):
            warnings.append(Warned("flat_image", self._flat_text(step, images)))
        same = limits.output_variation is not None and (
            images.outputs.variation
            < limits.output_variation
            <= min(images.inputs.variation, images.targets.variation)
        )
        # Flat outputs do not vary either, and one warning is enough.
        if self._same.triggered(step, same and not flat):
            warnings.append(Warned("output_variation", self._same_text(step, images)))
        return warnings

    def _flat_text(self, step: int, images: ValidationImages) -> str:
        return (
            f"step {step}: the outputs are of a single colour: within them grey levels deviate by "
            f"{images.outputs.contrast:.2f} (in the targets by {images.targets.contrast:.1f}); "
            f"try {self._stabilizing}, and see in samples/ what inputs and targets are"
        )

    def _same_text(self, step: int, images: ValidationImages) -> str:
        return (
            f"step {step}: the output does not vary with its input: from image to image grey "
            f"levels deviate by {images.outputs.variation:.2f} (the targets' by "
            f"{images.targets.variation:.1f}, the inputs' by {images.inputs.variation:.1f}); "
            f"try {self._stabilizing}, and see in samples/ that inputs and targets belong "
            "together"
        )


class _LowLoss:
    """Watches the loss of one rule: its mean over the last `warnings.patience` steps."""

    def __init__(self, rule: LossRule, limits: WarningsConfig) -> None:
        self.rule = rule
        self._limit: float | None = getattr(limits, rule.key)
        self._patience = limits.patience
        self._recent: deque[float] = deque()
        self._recent_sum = 0.0
        self._low = PersistentCondition(0)  # no patience: the mean covers those steps already

    def after_steps(self, first: int, losses: Sequence[float]) -> list[Warned]:
        """Checks the loss at consecutive steps, the first of which is number `first`."""
        warnings = []
        for step, loss in enumerate(losses, first):
            self._recent.append(loss)
            self._recent_sum += loss
            if self._limit is None or len(self._recent) < self._patience:
                continue
            share = self._recent_sum / len(self._recent) / self.rule.reference
            self._recent_sum -= self._recent.popleft()
            limit = self._limit * (_REARM_FACTOR if self._low.reported else 1.0)
            if self._low.triggered(step, share < limit):
                text = self.rule.text(share * self.rule.reference, share)
                warnings.append(Warned(self.rule.key, f"step {step}: {text}"))
        return warnings


class PersistentCondition:
    """A condition that triggers once when it has been present for `patience` steps.

    Attributes:
        reported: Whether it has triggered since it was last absent.
    """

    def __init__(self, patience: int) -> None:
        self.reported = False
        self._patience = patience
        self._since: int | None = None

    def triggered(self, step: int, present: bool) -> bool:
        """Returns whether the condition triggers at this step.

        Args:
            step: Number of the step, larger than at the call before.
            present: Whether the condition is present at this step.
        """
        if not present:
            self._since, self.reported = None, False
            return False
        if self._since is None:
            self._since = step
        if self.reported or step - self._since < self._patience:
            return False
        self.reported = True
        return True


def flat_data(pairs: OpenedPairs, limits: WarningsConfig) -> list[Warned]:
    """Returns warnings about inputs and targets of a single colour: nothing is learnt from them.

    Args:
        pairs: The pairs; at most 32 of each split are read, evenly spaced.
        limits: Thresholds: an image is flat if its contrast is below `flat_image`, and a split is
            warned about if more than the fraction `flat_fraction` of it is flat.

    Raises:
        UserError: An image cannot be read.
    """
    splits = {"training": pairs.train, "validation": pairs.val}
    return [each for split in splits.items() for each in _flat_split(*split, limits)]


def _flat_split(split: str, pairs: Pairs, limits: WarningsConfig) -> list[Warned]:
    if limits.flat_image is None or limits.flat_fraction is None:
        return []
    chosen = evenly_spaced(len(pairs), _MAX_SAMPLED)
    meanings = (pairs.values.input, pairs.values.target)
    contrasts = [
        [
            _contrast(side.full_scale(image))
            for side, image in zip(meanings, pairs[pairs.sound_index(index)], strict=True)
        ]
        for index in chosen
    ]
    warnings = []
    for side, values in zip(("inputs", "targets"), zip(*contrasts, strict=True), strict=True):
        flat = [i for i, value in zip(chosen, values, strict=True) if value < limits.flat_image]
        if len(flat) > limits.flat_fraction * len(chosen):
            names = ", ".join(pairs.names[index] for index in flat[:_MAX_NAMED])
            more = ", ..." if len(flat) > _MAX_NAMED else ""
            text = (
                f"{len(flat)} of {len(chosen)} {split} {side} looked at are of a single colour "
                f"({names}{more}): nothing can be learnt from them; see that data.direction and "
                "the channels are right, and leave such pairs out"
            )
            warnings.append(Warned("flat_fraction", text))
    return warnings


def non_finite(parts: Mapping[str, Mapping[str, tf.Variable]]) -> list[str]:
    """Returns the names of the variables that hold a value that is not finite.

    The values are tested on the device that holds them.

    Args:
        parts: Variables by part and name, as `methods.method.checkpoint_parts` returns them.
    """
    floats = {
        f"{part}/{name}": variable
        for part, variables in parts.items()
        for name, variable in variables.items()
        if variable.dtype.is_floating
    }
    finite = [tf.reduce_all(tf.math.is_finite(variable)) for variable in floats.values()]
    results = tf.stack(finite).numpy()  # one transfer from the device for all variables
    return [name for name, is_finite in zip(floats, results, strict=True) if not is_finite]


def _contrast(image: np.ndarray) -> float:
    spread = Spread()
    spread.add(image)
    return spread.contrast
