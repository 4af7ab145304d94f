"""Random weights of the Inception network that are the same on every machine.

Used by make_inception_golden.py and by tests/evaluation/metrics/test_inception.py, without PyTorch.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np


def draw_weight(name: str, shape: Sequence[int], seed: int) -> np.ndarray:
    """Draws a tensor of the state dict from its name and a seed.

    Kernels keep the variance through a ReLU, and normalisations have values like those of a trained
    network, so that no activation vanishes or overflows and every weight matters.

    Args:
        name: Name of the tensor, such as `Mixed_5b.branch1x1.bn.running_var`.
        shape: Shape in PyTorch's order.
        seed: Random seed.

    Returns:
        float32, of that shape.
    """
    # NumPy's legacy generator: its numbers are the same in every version.
    random = np.random.RandomState([zlib.crc32(name.encode()), seed])
    numbers = random.random_sample(shape).astype(np.float32)
    kind = name.rpartition(".")[2]
    if kind in ("running_var", "weight") and len(shape) == 1:
        return numbers + np.float32(0.5)
    if len(shape) > 1:
        return (2 * numbers - 1) * np.float32((6 / np.prod(shape[1:])) ** 0.5)
    return numbers - np.float32(0.5)
