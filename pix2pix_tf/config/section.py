"""Base class of a config's sections and the types of their keys."""

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
    """Makes one number a square, and a list, as YAML has it, a tuple."""
    if isinstance(value, int) and not isinstance(value, bool):
        return (value, value)
    return tuple(value) if isinstance(value, list) else value


def _number(value: Any) -> Any:
    """Reads 2e-4 (without a dot) as a number; YAML 1.1 makes it a string."""
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
    """A section of a config: immutable, without unknown keys.

    The docstring below a key is its description in the documentation.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )
