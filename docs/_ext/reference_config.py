"""Every key of a config file with its type, default and meaning, from the schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from pix2pix_tf.config.schema import Config
from pix2pix_tf.segmentation.config import SegmenterConfig

SCHEMAS: dict[str, type[BaseModel]] = {"experiment": Config, "segmenter": SegmenterConfig}
_LARGEST = 2**31  # counters are 32 bits wide: a limit of all numbers that says nothing of one


def markdown(name: str) -> str:
    """A list of keys for every section of a config file.

    Args:
        name: `experiment`, or `segmenter`: its sections that an experiment has not.
    """
    schema = SCHEMAS[name].model_json_schema()
    same = {} if name == "experiment" else SCHEMAS["experiment"].model_json_schema()["$defs"]
    sections = []
    top = []
    for key, value in schema["properties"].items():
        section = _section(value, schema)
        if section is None:
            top.append(_entry(key, key, value, key in schema.get("required", ())))
        elif schema["$defs"][section] != same.get(section):
            sections.append(_list(key, schema["$defs"][section]))
    if top:
        sections.insert(0, "\n".join(top))
    return "\n\n".join(sections)


def _section(value: dict[str, Any], schema: dict[str, Any]) -> str | None:
    name = value.get("$ref", "").rpartition("/")[2]
    return name if schema["$defs"].get(name, {}).get("properties") else None


def _list(key: str, section: dict[str, Any]) -> str:
    entries = [
        _entry(name, f"{key}.{name}", value, name in section.get("required", ()))
        for name, value in section["properties"].items()
    ]
    words = " ".join(section.get("description", "").split())
    return "\n".join([f"## {key}", "", words, "", *entries])


def _entry(name: str, path: str, value: dict[str, Any], required: bool) -> str:
    meaning = " ".join(value.get("description", "").split())
    if not meaning:
        raise ValueError(f"{path}: a key of the config without a description")
    default = "required" if required else f"default `{_yaml(value['default'])}`"
    return f"`{name}` – {', '.join(_types(value))}; {default}\n: {meaning}\n"


def _yaml(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _types(value: dict[str, Any]) -> Iterator[str]:
    if "anyOf" in value:
        for one in value["anyOf"]:
            yield from _types(one)
    elif "enum" in value or "const" in value:
        for one in value.get("enum", [value.get("const")]):
            yield f"`{_yaml(one)}`"
    elif value["type"] == "null":
        yield "`null`"
    elif value["type"] == "array":
        yield value.get("format", "integer or `[height, width]`")
    else:
        yield " ".join([value["type"], *_limits(value)])


def _limits(value: dict[str, Any]) -> Iterator[str]:
    low = value.get("minimum", value.get("ge"))
    high = value.get("maximum", value.get("le"))
    above = value.get("exclusiveMinimum", value.get("gt"))
    below = value.get("exclusiveMaximum", value.get("lt"))
    bounds = (("≥", low), (">", above), ("≤", high), ("<", below))
    limits = [f"{sign} {bound:g}" for sign, bound in bounds if bound not in (None, _LARGEST)]
    if limits:
        yield " and ".join(limits)
