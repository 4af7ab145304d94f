"""Base class of the config sections, and types of their keys."""

from __future__ import annotations

import math
import sys
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from pix2pix_tf.config.errors import EXPECTATION
from pix2pix_tf.utils.files import expand_home

_LARGEST = sys.float_info.max
_LARGEST_VALUE = 1e30  # float32, in which the networks compute, goes to 3.4e38


def _pair(value: Any) -> Any:
    """Converts a single number to a square size, and a YAML list to a tuple."""
    if isinstance(value, int) and not isinstance(value, bool):
        return (value, value)
    return tuple(value) if isinstance(value, list) else value


def _number(value: Any) -> Any:
    """Converts text such as 2e-4 to a number; YAML 1.1 reads it as text, since it has no dot."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _value_range(value: Any) -> Any:
    """Converts [low, high], or a list of these, to tuples of floats; checks their values."""
    if value in ("dtype", "data"):
        return value
    if not isinstance(value, (list, tuple)) or not value:
        raise _expected("dtype, data, [low, high], or a list of [low, high], one for each channel")
    if isinstance(value[0], (list, tuple)):
        return tuple(_bounds(bounds) for bounds in value)
    return _bounds(value)


def _bounds(value: Any) -> tuple[float, float]:
    numbers = [_number(number) for number in value] if isinstance(value, (list, tuple)) else []
    real = [isinstance(number, (int, float)) and type(number) is not bool for number in numbers]
    if len(numbers) != 2 or not all(real):
        raise _expected("[low, high], two numbers")
    low, high = map(float, numbers)
    if not (abs(low) <= _LARGEST_VALUE and abs(high) <= _LARGEST_VALUE):  # nor NaN
        raise _expected(f"finite numbers, of {_LARGEST_VALUE:g} at most")
    if not low < high:
        raise _expected("[low, high] with the smaller number first")
    return low, high


def _nodata(value: Any) -> Any:
    """Converts a value that stands for no data, or two, to plain values."""
    if isinstance(value, (list, tuple)):
        if len(value) != 2:
            raise _expected("one value, or [of inputs, of targets]")
        return tuple(map(_one_nodata, value))
    return _one_nodata(value)


def _one_nodata(value: Any) -> Any:
    """Converts a number; NaN, which equals nothing, stands as text, so that configs compare."""
    if value is None or (isinstance(value, str) and value == "file"):
        return value
    number = _number(value)
    if type(number) is bool or not isinstance(number, (int, float)) or abs(number) > _LARGEST:
        raise _expected("file, null, a finite number, or nan")
    return "nan" if math.isnan(number) else number


def _data_scale(value: Any) -> Any:
    """Checks a value of `data.scale`."""
    if value in ("resize", "native"):
        return value
    number = _number(value)
    if isinstance(number, (int, float)) and type(number) is not bool and 0 < number <= 8:
        return float(number)
    raise _expected("resize, native, or a factor above 0 such as 0.5, at most 8")


def _layer_names(value: Any) -> Any:
    """Converts a list of names to a tuple."""
    names = value if isinstance(value, (list, tuple)) else [None]
    if not all(isinstance(name, str) and name for name in names):
        raise _expected("a list of names, such as [encoder], or [] for none")
    return tuple(names)


def _percentiles(value: Any) -> Any:
    """Converts [low, high] to a tuple of floats in 0..100."""
    low, high = _bounds(value)
    if low < 0 or high > 100:
        raise _expected("[low, high] in 0 to 100")
    return low, high


def _display(value: Any) -> Any:
    """Converts a channel or a list of channels to a tuple; checks how many there are."""
    if value is None:
        return None
    channels = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    if len(channels) not in (1, 3):
        raise _expected("one channel, or [red, green, blue]")
    for channel in channels:
        if type(channel) is not int or channel < 1:
            raise _expected("the numbers of channels, from 1")
    return channels


def _expected(what: str) -> PydanticCustomError:
    return PydanticCustomError(EXPECTATION, "expected {what}", {"what": what})


def _not_empty(value: str) -> str:
    if not value:
        raise PydanticCustomError("empty", "expected text that is not empty")
    return value


NonEmptyStr = Annotated[str, AfterValidator(_not_empty)]
PathStr = Annotated[NonEmptyStr, AfterValidator(expand_home)]
PositiveInt = Annotated[int, Field(gt=0, lt=2**31)]  # fits int32
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Real = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
ImageSize = Annotated[
    tuple[PositiveInt, PositiveInt], BeforeValidator(_pair), PlainSerializer(list)
]
_RANGE_FORMAT = "`[low, high]` or a list of these"
Bounds = tuple[float, float]  # the smallest and the largest value
RangeSetting = Annotated[
    Literal["dtype", "data"] | Bounds | tuple[Bounds, ...],
    BeforeValidator(_value_range),
    WithJsonSchema(
        {"anyOf": [{"enum": ["dtype", "data"]}, {"type": "array", "format": _RANGE_FORMAT}]}
    ),
]
LayerNames = Annotated[
    tuple[str, ...],
    BeforeValidator(_layer_names),
    PlainSerializer(list),
    WithJsonSchema({"type": "array", "format": "list of names"}),
]
Nodata = Literal["file", "nan"] | int | float | None  # the value that stands for no data
NodataSetting = Annotated[
    Nodata | tuple[Nodata, Nodata],
    BeforeValidator(_nodata),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["file", "nan"]},
                {"type": "number"},
                {"type": "null"},
                {"type": "array", "format": "`[of inputs, of targets]`"},
            ]
        }
    ),
]
DataScale = Annotated[
    Literal["resize", "native"] | float,
    BeforeValidator(_data_scale),
    WithJsonSchema({"anyOf": [{"enum": ["resize", "native"]}, {"type": "number", "gt": 0}]}),
]
Percentiles = Annotated[
    Bounds,
    BeforeValidator(_percentiles),
    WithJsonSchema({"type": "array", "format": "`[low, high]`"}),
]
DisplayedChannels = Annotated[
    tuple[int, ...] | None,
    BeforeValidator(_display),
    WithJsonSchema({"type": "array", "format": "a channel or `[red, green, blue]`"}),
]
Interval = Literal["epoch"] | PositiveInt
Norm = Literal["batch", "instance", "none"]


class Section(BaseModel):
    """Base class of config sections, which are immutable and reject unknown keys.

    The docstring below a key is its description in the documentation.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )
