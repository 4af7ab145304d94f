"""Base class of the config sections, and types of their keys."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
)
from pydantic_core import PydanticCustomError

from pix2pix_tf.utils.files import expand_home


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
Interval = Literal["epoch"] | PositiveInt
Norm = Literal["batch", "instance", "none"]


class Section(BaseModel):
    """Base class of config sections, which are immutable and reject unknown keys.

    The docstring below a key is its description in the documentation.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )
