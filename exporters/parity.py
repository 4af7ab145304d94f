"""Comparison of an export with `translate` on the same images, in the numbers of the data."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pix2pix_tf.evaluation.metrics.pixel import image_scores
from pix2pix_tf.images.value_range import EIGHT_BIT, ImageValues
from pix2pix_tf.utils.errors import UserError

# From an image of the data to its translation, [H, W, D], of the type and with the numbers of the
# targets.
Translate = Callable[[np.ndarray], np.ndarray]


_ROUNDING = 1e-3  # of errors that are computed from fractions of a range


@dataclass(frozen=True)
class Limit:
    """Largest accepted difference of an export from `translate`.

    Attributes:
        max_error: Largest accepted difference of a pixel, in grey levels of 255; None for no such
            limit.
        ssim: Smallest accepted mean SSIM.
    """

    max_error: float | None
    ssim: float

    def for_values(self, values: ImageValues) -> Limit:
        """Returns the limit for images of integers in steps of more than a grey level.

        A value close to a half may be rounded either way, which is a difference of a whole step.
        """
        if self.max_error is None or values.dtype.kind == "f":
            return self
        span = values.of(values.dtype)
        widest = max(255 / (high - low) for low, high in zip(span.low, span.high, strict=True))
        return self if widest <= 1 else replace(self, max_error=self.max_error * widest)

    def __str__(self) -> str:
        if self.max_error is None:
            return f"SSIM ≥ {self.ssim}"
        return f"max ≤ {self.max_error:.3g}"


EXACT = Limit(max_error=1, ssim=0.99)  # values close to a half may be rounded either way


@dataclass(frozen=True)
class Variant:
    """One way to call an export, with the call of `translate` that it must agree with.

    Attributes:
        name: Name of the variant.
        exported: The export as a function of an image.
        reference: The corresponding call of `translate`.
        limit: Largest accepted difference.
        targets: The type and the meaning of the values of translations.
    """

    name: str
    exported: Translate
    reference: Translate
    limit: Limit
    targets: ImageValues = EIGHT_BIT.target


@dataclass(frozen=True)
class Parity:
    """Result of comparing one variant with `translate`.

    Attributes:
        variant: Name of the variant.
        images: Number of images that were compared.
        max_error: The largest difference of a pixel, in grey levels of 255; a whole number for
            images of 8 bits.
        mean_error: The mean difference, in grey levels of 255.
        max_difference: The largest difference of a value, in the numbers of the targets.
        mean_difference: The mean difference, likewise.
        ssim: The mean SSIM.
        milliseconds: Median time of the export for an image, on this machine.
        translate_milliseconds: Median time of `translate` for an image, on this machine.
        limit: Largest accepted difference.

    Example:
        >>> from pix2pix_tf import export
        >>> (parity,) = export("runs/sample", "tflite", "phone").parity
        >>> parity.images, parity.max_error <= 1, parity.passed
        (2, True, True)
    """

    variant: str
    images: int
    max_error: float
    mean_error: float
    max_difference: float
    mean_difference: float
    ssim: float
    milliseconds: float
    translate_milliseconds: float
    limit: Limit

    @property
    def passed(self) -> bool:
        """Whether the difference is within the limit."""
        limit = self.limit.max_error
        small = limit is None or self.max_error <= limit + _ROUNDING
        return small and self.ssim >= self.limit.ssim

    def limit_in(self, targets: ImageValues) -> str:
        """Describes the limit, in the numbers of targets if all channels have one range.

        Args:
            targets: The type and the meaning of the values of translations.

        Returns:
            The limit in words, such as `≤ 1`.
        """
        span, level = targets.of(targets.dtype), self.limit.max_error
        if targets == EIGHT_BIT.target or level is None or len(span.low) > 1:
            return str(self.limit)
        return f"≤ {level * (span.high[0] - span.low[0]) / 255:.3g}"

    def as_dict(self) -> dict[str, Any]:
        """Converts the result to values for JSON.

        Returns:
            The fields by name, and whether the comparison `passed`.
        """
        return {**vars(self), "limit": str(self.limit), "passed": self.passed}


def compare(
    variant: Variant, images: Sequence[np.ndarray], advance: Callable[[], None] = lambda: None
) -> Parity:
    """Compares a variant with its reference on every image.

    Args:
        variant: The variant.
        images: The images, [H, W, C] of the type of the data.
        advance: Called after each image.

    Returns:
        The result.
    """
    variant.exported(images[0])  # the first call compiles or allocates and is not timed
    variant.reference(images[0])
    scale = variant.targets.full_scale
    errors, differences, ssims, times, reference_times = [], [], [], [], []
    for image in images:
        output, seconds = _timed(variant.exported, image)
        expected, reference_seconds = _timed(variant.reference, image)
        differences.append(np.abs(_signed(output) - _signed(expected)))
        output, expected = scale(output), scale(expected)
        errors.append(np.abs(_levels(output) - _levels(expected)))
        ssims.append(image_scores(output, expected)["ssim"])
        times.append(seconds)
        reference_times.append(reference_seconds)
        advance()
    return Parity(
        variant=variant.name,
        images=len(images),
        max_error=max(error.max() for error in errors).item(),
        mean_error=float(np.mean([error.mean() for error in errors])),
        max_difference=max(difference.max() for difference in differences).item(),
        mean_difference=float(np.mean([difference.mean() for difference in differences])),
        ssim=float(np.mean(ssims)),
        milliseconds=1000 * statistics.median(times),
        translate_milliseconds=1000 * statistics.median(reference_times),
        limit=variant.limit,
    )


def refuse_failures(parities: Sequence[Parity]) -> None:
    """Checks that every variant is within its limit.

    Args:
        parities: The results of all variants.

    Raises:
        UserError: Some variants are not; the error names them.
    """
    failed = [parity for parity in parities if not parity.passed]
    if failed:
        found = "; ".join(
            f"{parity.variant}: max {parity.max_error:.3g} grey levels of 255, SSIM "
            f"{parity.ssim:.4f}, allowed {parity.limit}"
            for parity in failed
        )
        raise UserError(
            f"the export does not compute what translate does, so it was removed ({found}); "
            "another --precision may be closer"
        )


def _signed(image: np.ndarray) -> np.ndarray:
    """Returns the numbers of an image in a type that holds their differences."""
    return image.astype(np.int64 if image.dtype.kind in "iu" else np.float64)


def _levels(image: np.ndarray) -> np.ndarray:
    """Returns an image in grey levels of 255, as integers if it has 8 bits."""
    if image.dtype == np.uint8:
        return image.astype(np.int16)
    return image * (255.0 if image.dtype.kind == "f" else 255.0 / np.iinfo(image.dtype).max)


def _timed(translate: Translate, image: np.ndarray) -> tuple[np.ndarray, float]:
    start = time.perf_counter()
    output = translate(image)
    return output, time.perf_counter() - start
