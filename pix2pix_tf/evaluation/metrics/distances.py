"""Distances between two sets of images, computed from their features: FID and KID.

Fréchet inception distance (Heusel et al. 2017): the distance between two normal distributions with
the means and covariances of the sets. Kernel inception distance (Bińkowski et al. 2018): the
squared maximum mean discrepancy with a polynomial kernel. Features come from `inception`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pix2pix_tf.utils.errors import UserError

# The number of features of an image: the covariance of fewer images is singular.
MINIMUM_IMAGES = 2048


@dataclass(frozen=True)
class KernelDistance:
    """A kernel inception distance.

    Attributes:
        mean: Mean over subsets, an unbiased estimate of the squared distance: near 0, and possibly
            negative, if both sets have the same distribution. Often published times 1000.
        std: Standard deviation over subsets (divisor: their number).
        subsets: Number of subsets; 1, with a std of 0, if a subset consists of all images.
        subset_size: Number of images of each set in a subset.
        note: A sentence if the subsets are smaller than requested, else None.
    """

    mean: float
    std: float
    subsets: int
    subset_size: int
    note: str | None


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Returns the FID: |μ1 - μ2|² + tr(C1 + C2 - 2 (C1 C2)^½), C with the divisor N - 1.

    The root of C1 C2 is not computed itself, since it has large rounding errors if a C is singular.
    With C = RᵀR, the eigenvalues of C1 C2 are the squared singular values of R1 R2ᵀ, so the trace
    of the root is the sum of these singular values. The result is the published distance for any
    number of images; see `frechet_note`.

    Args:
        first: Features [N, D], N at least 2.
        second: Features [M, D], M at least 2.

    Raises:
        UserError: A set has fewer than 2 images, or features that are not finite.
    """
    first, second = _checked(first, second)
    difference = first.mean(axis=0) - second.mean(axis=0)
    root_1, root_2 = _covariance_root(first), _covariance_root(second)
    shared = np.linalg.svd(root_1 @ root_2.T, compute_uv=False).sum()
    distance = difference @ difference + np.sum(root_1**2) + np.sum(root_2**2) - 2 * shared
    return max(float(distance), 0.0)  # negative only by rounding errors


def frechet_note(first: int, second: int) -> str | None:
    """Returns a note if a set has too few images for a comparable FID, else None.

    Args:
        first: Number of images of one set.
        second: Number of images of the other set.
    """
    fewer = min(first, second)
    if fewer >= MINIMUM_IMAGES:
        return None
    return (
        f"FID from {fewer} images, fewer than {MINIMUM_IMAGES}, is too high by an amount that "
        "depends on their number: compare it only with FIDs of as many images, or use KID"
    )


def kernel_distance(
    first: np.ndarray,
    second: np.ndarray,
    subsets: int = 100,
    subset_size: int = 1000,
    seed: int = 2020,
    advance: Callable[[int], None] = lambda total: None,
) -> KernelDistance:
    """Returns the KID: the unbiased squared maximum mean discrepancy, kernel (x·y / D + 1)³.

    It is the mean over random subsets of both sets, drawn without repetition. The subsets are those
    that torch-fidelity draws with the same seed, of which 2020 is its default.

    Args:
        first: Features [N, D], N at least 2.
        second: Features [M, D], M at least 2.
        subsets: Number of subsets.
        subset_size: Number of images of each set in a subset, lowered to N or M if these are less.
        seed: Random seed of the subsets.
        advance: Called after each subset with the number of all subsets.

    Raises:
        UserError: A set has fewer than 2 images, or features that are not finite.
    """
    if subsets < 1 or subset_size < 2:
        raise ValueError(f"{subsets} subsets of {subset_size}: expected 1 of 2 at least")
    first, second = _checked(first, second)
    size = min(subset_size, len(first), len(second))
    if size == len(first) == len(second):
        subsets = 1  # any further subset would be the same images in another order
    random = np.random.RandomState(seed)  # gives the same numbers in every version of NumPy
    distances = []
    for _ in range(subsets):
        x = first[random.choice(len(first), size, replace=False)]
        y = second[random.choice(len(second), size, replace=False)]
        distances.append(_squared_discrepancy(x, y))
        advance(subsets)
    note = (
        f"KID from subsets of {size} images, as there are no more, not of {subset_size}: its "
        "standard deviation over subsets is too small, or 0"
    )
    return KernelDistance(
        float(np.mean(distances)),
        float(np.std(distances)),
        subsets,
        size,
        note if size < subset_size else None,
    )


def _squared_discrepancy(x: np.ndarray, y: np.ndarray) -> float:
    """Returns the discrepancy of two sets of equal size; no image is compared with itself."""
    count = len(x)
    within = _kernel(x, x).sum() - _kernel_diagonal(x) + _kernel(y, y).sum() - _kernel_diagonal(y)
    return within / (count * (count - 1)) - 2 * _kernel(x, y).mean()


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x @ y.T / x.shape[1] + 1) ** 3


def _kernel_diagonal(x: np.ndarray) -> float:
    return np.sum((np.sum(x * x, axis=1) / x.shape[1] + 1) ** 3)


def _covariance_root(features: np.ndarray) -> np.ndarray:
    """Returns a matrix R [min(N, D), D] such that RᵀR is the covariance of features [N, D]."""
    count, dimensions = features.shape
    root = features - features.mean(axis=0)
    if count > dimensions:
        root = np.linalg.qr(root, mode="r")
    return root / np.sqrt(count - 1)


def _checked(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Checks two sets of features and converts them to float64."""
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ValueError(f"features have shapes {first.shape} and {second.shape}, not [N, D]")
    for features in (first, second):
        if len(features) < 2:
            raise UserError(f"FID and KID compare sets of images, not {len(features)}: 2 or more")
        if not np.isfinite(features).all():
            raise UserError("FID and KID: the features hold values that are not finite")
    return first.astype(np.float64), second.astype(np.float64)
