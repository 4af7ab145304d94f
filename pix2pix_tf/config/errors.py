"""Error messages of invalid configs: Pydantic's errors in the terms of the config file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

_MAX_CHARACTERS = 200  # of a value in a message
CONTRADICTION = "contradiction"  # type of errors whose message is already complete


def error_messages(config: type[BaseModel], error: ValidationError) -> list[str]:
    """One message per problem, with the key, the value and what was expected.

    Args:
        config: The root model, of sections of keys.
        error: The error of its validation.
    """
    found: dict[str, str] = {}
    for problem in error.errors(include_url=False):
        key = ".".join(str(part) for part in problem["loc"][:2])
        message = _message(config, key, problem)
        # A union raises an error for each of its types: they are one problem.
        found.setdefault(message if problem["type"] == CONTRADICTION else key, message)
    return list(found.values())


def format_value(value: Any) -> str:
    """Formats a value for a message: its repr, truncated."""
    try:
        return truncate(repr(value))
    except (
        ValueError,
        RecursionError,
    ):  # of a number of thousands of digits, or nesting without end
        return f"a value ({type(value).__name__}) too large to show"


def truncate(text: str) -> str:
    """Truncates a long text for a message."""
    return text if len(text) <= _MAX_CHARACTERS else f"{text[:_MAX_CHARACTERS]}..."


def nearest_key(config: type[BaseModel], key: str) -> str | None:
    """The valid key (`section.name`) most similar to an unknown one, also in another section."""
    section, name = _section(key), key.rpartition(".")[2]
    elsewhere = {path.rpartition(".")[2]: path for path in _keys(config)}
    here = {path.rpartition(".")[2]: path for path in _keys(config) if _section(path) == section}
    return here.get(nearest(name, here) or "") or elsewhere.get(nearest(name, elsewhere) or "")


def annotation_of(config: type[BaseModel], key: str) -> Any:
    """The type of a key (`section.name`, or a value of the root model's own); Any if unknown."""
    return _annotation(config, key) if key in _keys(config) else Any


def is_value(config: type[BaseModel], key: str) -> bool:
    """Whether a key of the root model is itself a value, not a section of keys."""
    return key in config.model_fields and not _leaves(config, key)


def _message(config: type[BaseModel], key: str, problem: Any) -> str:
    kind, value = problem["type"], problem["input"]
    if kind == CONTRADICTION:
        return problem["msg"]
    if kind in ("extra_forbidden", "invalid_key"):
        return f"{key}: unknown key{_instead(config, key)}"
    if kind == "missing":
        example = "; it says where the pairs are, for example data: {root: my_pairs}"
        return f"{key}: missing{example if key == 'data' else ''}"
    if kind in ("model_type", "model_attributes_type"):
        return f"{key}: {format_value(value)}: expected a section of keys"
    annotation = _annotation(config, key)
    choices = _choices(annotation)
    if choices:
        near = nearest(format_value(value).strip("'\""), choices)
        hint = f"; did you mean {near}?" if near else ""
        return f"{key}: {format_value(value)} is not one of {', '.join(choices)}{hint}"
    if get_origin(annotation) is tuple:
        expected = "pixels, one positive whole number or [height, width]"
        return f"{key}: {format_value(value)}: expected {expected}"
    message = problem["msg"].replace("a valid integer", "a whole number")
    return f"{key}: {format_value(value)}: {message[0].lower()}{message[1:]}"


def _instead(config: type[BaseModel], key: str) -> str:
    section, dot, _ = key.partition(".")
    near = nearest_key(config, key) if dot else nearest(key, config.model_fields)
    if near:
        return f"; did you mean {near}?"
    known = [path for path in _keys(config) if path.startswith(f"{section}.")]
    return f"; known are {', '.join(known or config.model_fields)}"


def _keys(config: type[BaseModel]) -> list[str]:
    sections = {section: _leaves(config, section) for section in config.model_fields}
    values = [section for section, leaves in sections.items() if not leaves]
    return values + [f"{section}.{leaf}" for section, leaves in sections.items() for leaf in leaves]


def _section(key: str) -> str:
    """The section a key is of; none for what is a value itself."""
    return key.rpartition(".")[0]


def _leaves(config: type[BaseModel], section: str) -> Iterable[str]:
    """The keys of a section; none of what is a value itself."""
    return getattr(config.model_fields[section].annotation, "model_fields", {})


def _annotation(config: type[BaseModel], key: str) -> Any:
    section, dot, name = key.partition(".")
    model: Any = config.model_fields[section].annotation
    return model.model_fields[name].annotation if dot else model


def _choices(annotation: Any) -> list[str]:
    """What a key that takes one of a few values takes: a `Literal`, alone or beside a number."""
    parts = [annotation] if get_origin(annotation) is Literal else get_args(annotation)
    literals = [part for part in parts if get_origin(part) is Literal]
    choices = [_as_yaml(value) for part in literals for value in get_args(part)]
    if literals and len(literals) < len(parts):
        choices.append("a positive whole number")
    return choices


def _as_yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def nearest(word: str, among: Iterable[str]) -> str | None:
    """The word most like another one, or None where none is."""
    among = list(among)
    if among and word.isdecimal() and all(other.isdecimal() for other in among):
        return min(among, key=lambda other: abs(int(other) - int(word)))
    among = [other for other in among if word in other] or among  # float16: mixed_float16
    return next(iter(difflib.get_close_matches(word, among, n=1)), None)
