"""Weights for the Inception network that are the same on every machine; worth nothing else.

Used by make_inception_golden.py and by tests/evaluation/metrics/test_inception.py, without PyTorch.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np


def draw_weight(name: str, shape: Sequence[int], seed: int) -> np.ndarray:
    """A tensor of the state dict, float32: uniform numbers that depend on name and seed alone.

    Kernels keep the variance through a ReLU, and normalisations are those of a network at work, so
    that no activation vanishes or overflows and every weight counts.

    Args:
        name: Such as `Mixed_5b.branch1x1.bn.running_var`.
        shape: As PyTorch has it.
        seed: Another gives other weights.
    """
    # Of old NumPy: its numbers are the same in every version.
    random = np.random.RandomState([zlib.crc32(name.encode()), seed])
    numbers = random.random_sample(shape).astype(np.float32)
    kind = name.rpartition(".")[2]
    if kind in ("running_var", "weight") and len(shape) == 1:
        return numbers + np.float32(0.5)
    if len(shape) > 1:
        return (2 * numbers - 1) * np.float32((6 / np.prod(shape[1:])) ** 0.5)
    return numbers - np.float32(0.5)
