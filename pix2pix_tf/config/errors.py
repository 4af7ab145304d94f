"""Error messages for invalid configs, made from Pydantic's errors."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

_MAX_CHARACTERS = 200  # maximal length of a value in a message
CONTRADICTION = "contradiction"  # type of errors whose message is already complete
EXPECTATION = "expectation"  # type of errors whose message says what was expected of the value


def error_messages(config: type[BaseModel], error: ValidationError) -> list[str]:
    """Returns a message for each problem, with the key, the value and what was expected.

    Args:
        config: The root model, whose fields are sections of keys.
        error: The error of its validation.
    """
    messages: dict[str, str] = {}
    for problem in error.errors(include_url=False):
        key = ".".join(str(part) for part in problem["loc"][:2])
        message = _message(config, key, problem)
        # A union raises an error for each of its types; they are reported as one problem.
        messages.setdefault(message if problem["type"] == CONTRADICTION else key, message)
    return list(messages.values())


def format_value(value: Any) -> str:
    """Formats a value for a message as its truncated repr."""
    try:
        return truncate(repr(value))
    # Raised for a number of thousands of digits, and for endless nesting.
    except (ValueError, RecursionError):
        return f"a value ({type(value).__name__}) too large to show"


def truncate(text: str) -> str:
    """Truncates a long text for a message."""
    return text if len(text) <= _MAX_CHARACTERS else f"{text[:_MAX_CHARACTERS]}..."


def nearest_key(config: type[BaseModel], key: str) -> str | None:
    """Returns the valid key (`section.name`) most similar to an unknown one, in any section.

    Args:
        config: The root model.
        key: The unknown key.

    Returns:
        The key, preferably of the same section; None if none is similar.
    """
    section, name = _section(key), key.rpartition(".")[2]
    elsewhere = {path.rpartition(".")[2]: path for path in _keys(config)}
    here = {path.rpartition(".")[2]: path for path in _keys(config) if _section(path) == section}
    return here.get(nearest(name, here) or "") or elsewhere.get(nearest(name, elsewhere) or "")


def annotation_of(config: type[BaseModel], key: str) -> Any:
    """Returns the type of a key (`section.name`, or a value of the root model); Any if unknown."""
    return _annotation(config, key) if key in _keys(config) else Any


def is_value(config: type[BaseModel], key: str) -> bool:
    """Whether a key of the root model is a value and not a section of keys."""
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
    if kind == EXPECTATION:
        return f"{key}: {format_value(value)}: {problem['msg']}"
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
    """Returns the section of a key; an empty string for a value of the root model."""
    return key.rpartition(".")[0]


def _leaves(config: type[BaseModel], section: str) -> Iterable[str]:
    """Returns the keys of a section; an empty collection for a value of the root model."""
    return getattr(config.model_fields[section].annotation, "model_fields", {})


def _annotation(config: type[BaseModel], key: str) -> Any:
    section, dot, name = key.partition(".")
    model: Any = config.model_fields[section].annotation
    return model.model_fields[name].annotation if dot else model


def _choices(annotation: Any) -> list[str]:
    """Returns the choices of a key whose type is a `Literal`, alone or with a number."""
    parts = [annotation] if get_origin(annotation) is Literal else get_args(annotation)
    literals = [part for part in parts if get_origin(part) is Literal]
    choices = [_as_yaml(value) for part in literals for value in get_args(part)]
    if literals and len(literals) < len(parts):
        choices.append("a positive whole number")
    return choices


def _as_yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def nearest(word: str, among: Iterable[str]) -> str | None:
    """Returns the word that is most similar to `word`; None if none is similar.

    Args:
        word: The word to compare with.
        among: The words to choose from.
    """
    among = list(among)
    if among and word.isdecimal() and all(other.isdecimal() for other in among):
        return min(among, key=lambda other: abs(int(other) - int(word)))
    # A word that contains the other one is preferred, such as mixed_float16 for float16.
    among = [other for other in among if word in other] or among
    return next(iter(difflib.get_close_matches(word, among, n=1)), None)
