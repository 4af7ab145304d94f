"""Whether an export computes what `translate` computes: the same images through both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pix2pix_tf.evaluation.metrics.pixel import image_scores
from pix2pix_tf.utils.errors import UserError

Translate = Callable[[np.ndarray], np.ndarray]  # [H, W, C] to uint8 [H, W, D]


@dataclass(frozen=True)
class Limit:
    """How far an export may be from `translate`.

    Attributes:
        max_error: Grey levels (of 255) that no pixel may differ by more than; None for no such
            limit.
        ssim: What the mean SSIM must reach.
    """

    max_error: int | None
    ssim: float

    def __str__(self) -> str:
        if self.max_error is None:
            return f"SSIM ≥ {self.ssim}"
        return f"max ≤ {self.max_error}"


EXACT = Limit(max_error=1, ssim=0.99)  # rounding: a grey level may fall on either side of a half


@dataclass(frozen=True)
class Variant:
    """One way to call an export, and the way of `translate` that it must agree with."""

    name: str
    exported: Translate
    reference: Translate
    limit: Limit


@dataclass(frozen=True)
class Parity:
    """How one variant compares, over `images` images.

    Attributes:
        variant: Its name.
        images: Images compared.
        max_error: The largest difference of any pixel, in grey levels.
        mean_error: The mean difference, in grey levels.
        ssim: The mean SSIM.
        milliseconds: The export's median time for an image, on this machine.
        translate_milliseconds: The same of `translate`.
        limit: What was allowed.
    """

    variant: str
    images: int
    max_error: int
    mean_error: float
    ssim: float
    milliseconds: float
    translate_milliseconds: float
    limit: Limit

    @property
    def passed(self) -> bool:
        """Whether it is within its limit."""
        small = self.limit.max_error is None or self.max_error <= self.limit.max_error
        return small and self.ssim >= self.limit.ssim

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**vars(self), "limit": str(self.limit), "passed": self.passed}


def compare(
    variant: Variant, images: Sequence[np.ndarray], advance: Callable[[], None] = lambda: None
) -> Parity:
    """Puts every image through a variant and its reference; `advance` is called after each."""
    variant.exported(images[0])  # the first call of each compiles or allocates
    variant.reference(images[0])
    errors, ssims, times, reference_times = [], [], [], []
    for image in images:
        output, seconds = _timed(variant.exported, image)
        expected, reference_seconds = _timed(variant.reference, image)
        errors.append(np.abs(output.astype(np.int16) - expected))
        ssims.append(image_scores(output, expected)["ssim"])
        times.append(seconds)
        reference_times.append(reference_seconds)
        advance()
    return Parity(
        variant=variant.name,
        images=len(images),
        max_error=int(max(error.max() for error in errors)),
        mean_error=float(np.mean([error.mean() for error in errors])),
        ssim=float(np.mean(ssims)),
        milliseconds=1000 * statistics.median(times),
        translate_milliseconds=1000 * statistics.median(reference_times),
        limit=variant.limit,
    )


def refuse_failures(parities: Sequence[Parity]) -> None:
    """Raises a `UserError` that names every variant outside its limit."""
    failed = [parity for parity in parities if not parity.passed]
    if failed:
        found = "; ".join(
            f"{parity.variant}: max {parity.max_error} grey levels, SSIM {parity.ssim:.4f}, "
            f"allowed {parity.limit}"
            for parity in failed
        )
        raise UserError(
            f"the export does not compute what translate does, so it was removed ({found}); "
            "another --precision may be closer"
        )


def _timed(translate: Translate, image: np.ndarray) -> tuple[np.ndarray, float]:
    start = time.perf_counter()
    output = translate(image)
    return output, time.perf_counter() - start
