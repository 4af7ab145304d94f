"""Conversion to standard JSON, without the NaN, Infinity and lone surrogates of Python's own."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

from pix2pix_tf.utils.text import readable


def strict_json(value: Any, indent: int | None = 1) -> str:
    """Converts plain values to JSON text.

    Numbers that are not finite become null; bytes of names that are not UTF-8 are escaped, see
    `pix2pix_tf.utils.text.readable`.

    Args:
        value: Nested dictionaries, lists and tuples of strings, numbers and None.
        indent: Spaces per level; None puts everything on one line.

    Returns:
        The JSON text.

    Example:
        >>> strict_json({"l1": 0.5, "psnr": float("inf")}, indent=None)
        '{"l1": 0.5, "psnr": null}'
    """
    return json.dumps(_strict(value), indent=indent, allow_nan=False)


def _strict(value: Any) -> Any:
    if isinstance(value, Real) and not isinstance(value, Integral):  # includes NumPy's numbers
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, Mapping):
        return {_strict(key): _strict(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(part) for part in value]
    return value
