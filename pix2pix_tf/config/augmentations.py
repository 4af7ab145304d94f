"""The type of `data.augment`: random changes of training pairs, each with its strength.

In a config file an augmentation is a name, or a name with its strength:
`[mirror, rotate_90, {scale: [0.8, 1.25]}, {brightness: 0.1}]`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from pix2pix_tf.config.errors import EXPECTATION, nearest

GEOMETRIC = ("mirror", "flip_vertical", "rotate_90", "transpose", "scale")
PHOTOMETRIC = ("brightness", "contrast", "noise", "blur")
# Augmentations that exchange height and width.
SWAPPING = ("rotate_90", "transpose")

# The strengths that an augmentation takes: their upper limit, and how a message describes them.
_LIMITS = {"brightness": 1.0, "contrast": 1.0, "noise": 1.0, "blur": 5.0}
_LARGEST_SCALE = 8.0
_EXAMPLES = {
    "scale": "{scale: [0.8, 1.25]}, a range of factors between 1/8 and 8",
    "brightness": "{brightness: 0.1}, a fraction of the range of values, up to 1",
    "contrast": "{contrast: 0.2}, a fraction of the contrast, up to 1",
    "noise": "{noise: 0.05}, a fraction of the range of values, up to 1",
    "blur": "{blur: 1.5}, pixels, up to 5",
}


@dataclass(frozen=True)
class Augmentation:
    """A random change of training pairs.

    Attributes:
        name: One of `GEOMETRIC` or `PHOTOMETRIC`.
        strength: The largest strength of a photometric change, the least and the greatest factor of
            `scale`, or None for those that have no strength.
    """

    name: str
    strength: float | tuple[float, float] | None = None

    def to_plain(self) -> Any:
        """Returns the augmentation as in a config file."""
        if self.strength is None:
            return self.name
        strength = self.strength
        return {self.name: list(strength) if isinstance(strength, tuple) else strength}


class Augmentations(tuple[Augmentation, ...]):
    """The augmentations of a config, each at most once; their order has no meaning."""

    __slots__ = ()

    def has(self, name: str) -> bool:
        """Whether an augmentation is among them."""
        return any(one.name == name for one in self)

    @property
    def scale(self) -> tuple[float, float]:
        """The least and the greatest factor of `scale`; (1, 1) without it."""
        for one in self:
            if isinstance(one.strength, tuple):
                return one.strength
        return (1.0, 1.0)

    def strength(self, name: str) -> float:
        """Returns the strength of a photometric augmentation; 0 without it."""
        for one in self:
            if one.name == name and isinstance(one.strength, float):
                return one.strength
        return 0.0

    @property
    def photometric(self) -> list[str]:
        """The names of those that change the values of inputs."""
        return [one.name for one in self if one.name in PHOTOMETRIC]

    @property
    def swapping(self) -> list[str]:
        """The names of those that exchange height and width."""
        return [one.name for one in self if one.name in SWAPPING]


def _augmentations(value: Any) -> Augmentations:
    """Validates a list of augmentations."""
    if isinstance(value, Augmentations):
        return value
    if not isinstance(value, (list, tuple)):
        raise _expected("a list, such as [mirror, rotate_90], or [] for none")
    found = Augmentations(_augmentation(one) for one in value)
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:
            raise _expected(f"each augmentation once, not {name} twice")
    return found


def _augmentation(value: Any) -> Augmentation:
    if isinstance(value, Augmentation):
        return value
    if isinstance(value, dict) and len(value) == 1:
        ((name, strength),) = value.items()
    else:
        name, strength = value, None
    known = (*GEOMETRIC, *PHOTOMETRIC)
    if not isinstance(name, str) or name not in known:
        near = nearest(name, known) if isinstance(name, str) else None
        hint = f"; did you mean {near}?" if near else ""
        raise _expected(f"augmentations among {', '.join(known)}{hint}")
    if name not in _EXAMPLES:
        if strength is not None:
            raise _expected(f"{name} without a strength")
        return Augmentation(name)
    if name == "scale":
        return Augmentation(name, _scale_range(strength))
    number = _real(strength)
    if number is None or not 0 < number <= _LIMITS[name]:
        raise _expected(f"{name} with its strength, such as {_EXAMPLES[name]}")
    return Augmentation(name, number)


def _scale_range(value: Any) -> tuple[float, float]:
    numbers = [_real(each) for each in value] if isinstance(value, (list, tuple)) else []
    if len(numbers) == 2 and None not in numbers:
        low, high = (float(number) for number in numbers if number is not None)
        if 1 / _LARGEST_SCALE <= low <= high <= _LARGEST_SCALE:
            return low, high
    raise _expected(f"scale with its range, such as {_EXAMPLES['scale']}")


def _real(value: Any) -> float | None:
    if isinstance(value, str):  # YAML 1.1 reads 1e-1 as text
        try:
            value = float(value)
        except ValueError:
            return None
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _to_plain(value: Sequence[Augmentation]) -> list[Any]:
    return [one.to_plain() for one in value]


def _expected(what: str) -> PydanticCustomError:
    return PydanticCustomError(EXPECTATION, "expected {what}", {"what": what})


AugmentSetting = Annotated[
    Augmentations,
    PlainValidator(_augmentations),
    PlainSerializer(_to_plain),
    WithJsonSchema(
        {
            "type": "array",
            "format": "list of names, of which some have a strength: `{NAME: STRENGTH}`",
        }
    ),
]
"""The type of `data.augment`."""
