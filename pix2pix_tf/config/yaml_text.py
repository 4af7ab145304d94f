"""YAML reading guided by a schema: where the schema expects text, values are read literally.

Plain YAML reads 2024 as a number, 0123 as an octal number (83), `yes` as true and 2001-01-01 as a
date, so that folders with such names could not be given. Here such values are kept as written until
their type is known from the schema (a Pydantic model, a TypedDict or a type).
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints, is_typeddict

import yaml
from pydantic import BaseModel

from pix2pix_tf.config.errors import truncate
from pix2pix_tf.utils.errors import UserError

_MAX_VALUES = 10_000  # limit per file; palettes have some hundred
# Characters that YAML takes for line breaks, or that UTF-8 cannot encode.
_ESCAPED = re.compile("[\x85\u2028\u2029\ufeff\ud800-\udfff]")
_NULLS = ("null", "Null", "NULL", "~", "")


def read_yaml(path: Path, schema: Any = Any) -> Any:
    """Reads a YAML file as plain values.

    Args:
        path: The file.
        schema: The expected type. Where it has text (`str`, `str | None`, at any depth), unquoted
            values are read literally. The values are not validated.

    Raises:
        UserError: The file cannot be read, is not YAML, or has a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text: {error}") from None
    return _parse(text, str(path), schema)


def parse_value(text: str, where: str, schema: Any = Any) -> Any:
    """Parses a value typed on a command line.

    Args:
        text: The value as typed.
        where: Name of the value in error messages.
        schema: Type of the value. For a text type, the value is taken literally, except that `null`
            is None if the type allows it, and that quotes around the whole value are removed.
            Values of other types are parsed as YAML.

    Raises:
        UserError: The value is empty, not YAML, or more than one value.
    """
    if not takes_text(schema):
        if schema is not Any and not text.strip():
            raise UserError(f"{where}: has no value; give one, or null for none")
        return _parse(text, where, schema, whole=True)
    if text == "null" and _takes_none(schema):
        return None
    return _unquoted(text)


def to_yaml(tree: Any) -> str:
    """Converts plain values to YAML text, keeping their order."""
    options: dict[str, Any] = {"sort_keys": False, "default_flow_style": None}
    text = yaml.safe_dump(tree, allow_unicode=True, **options)
    return yaml.safe_dump(tree, **options) if _ESCAPED.search(text) else text


def takes_text(schema: Any) -> bool:
    """Whether a type is `str`, or a union of `str` and None."""
    kinds = [kind for kind in _alternatives(schema) if kind is not types.NoneType]
    return kinds == [str]


def _takes_none(schema: Any) -> bool:
    return types.NoneType in _alternatives(schema)


def _alternatives(schema: Any) -> list[Any]:
    """Returns the members of a union, or the type itself, without `Annotated` metadata."""
    if get_origin(schema) is Annotated:
        return _alternatives(get_args(schema)[0])
    if get_origin(schema) in (Union, types.UnionType):
        return [kind for member in get_args(schema) for kind in _alternatives(member)]
    return [schema]


@dataclass(frozen=True, eq=False)
class _Plain:
    """An unquoted value that YAML does not read as text.

    Attributes:
        text: The value as written.
        read: Returns the value as YAML reads it.
    """

    text: str
    read: Callable[[], Any]

    def resolve(self, schema: Any) -> Any:
        """Returns the value in the type that the schema expects."""
        if not takes_text(schema):
            return self.read()
        if self.text in _NULLS and (_takes_none(schema) or not self.text):
            return None
        return self.text


class _Loader(yaml.SafeLoader):
    """A SafeLoader that leaves unquoted values unresolved and refuses duplicate keys."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if not self._is_unresolved(node):
            return super().construct_object(node, deep)
        construct = super().construct_object
        return _Plain(node.value, lambda: construct(node, deep))

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(
                    problem="a list or a section cannot be a key", problem_mark=key_node.start_mark
                )
            if key_node.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key_node.value} is given twice",
                    problem_mark=key_node.start_mark,
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merges the mappings of <<, with a limit since their size may grow exponentially."""
        super().flatten_mapping(node)
        if len(node.value) > _MAX_VALUES:
            raise yaml.MarkedYAMLError(problem="<< puts in too much", problem_mark=node.start_mark)

    def _is_unresolved(self, node: yaml.Node) -> bool:
        """Whether a value is unquoted, has no tag such as !!int, and is not text in YAML."""
        return (
            isinstance(node, yaml.ScalarNode)
            and node.style is None
            and node.tag != "tag:yaml.org,2002:str"
            and node.tag == self.resolve(yaml.ScalarNode, node.value, (True, False))
        )


def _parse(text: str, where: str, schema: Any, whole: bool = False) -> Any:
    try:
        tree = _load(text, whole)
        _check_size(tree, where)
        return _resolve(tree, schema)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UserError(
            f"{where}{place}: not valid YAML: {error.problem or error.context}"
        ) from None
    except yaml.YAMLError as error:
        raise UserError(f"{where}: not valid YAML: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise UserError(f"{where}: not valid YAML: nested too deeply") from None
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        # PyYAML raises these errors for values that look like dates or numbers but are invalid.
        raise UserError(f"{where}: not valid YAML: a value cannot be read: {error}") from None


def _load(text: str, whole: bool) -> Any:
    """Loads a YAML document, with unquoted values as `_Plain` objects.

    Args:
        text: The text.
        whole: Whether to refuse text after the value, such as a comment.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        rest = text[node.end_mark.index :].strip() if whole else ""
        if rest:
            raise yaml.MarkedYAMLError(
                problem=f"the value ends before {truncate(rest)}", problem_mark=node.end_mark
            )
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _resolve(value: Any, schema: Any) -> Any:
    """Converts the unquoted values of a tree to the types that the schema expects."""
    if isinstance(value, _Plain):
        return value.resolve(schema)
    if isinstance(value, dict):
        items = [(_resolve(key, Any), inner) for key, inner in value.items()]
        mapping = {key: _resolve(inner, _schema_of(schema, key)) for key, inner in items}
        if len(mapping) < len(items):  # such as the keys 16 and 0x10
            raise yaml.MarkedYAMLError(problem="two keys are the same value")
        return mapping
    if isinstance(value, (list, tuple, set)):
        return type(value)(_resolve(inner, _schema_of(schema, None)) for inner in value)
    return value


def _schema_of(schema: Any, key: Any) -> Any:
    """Returns the type of a mapping's value at `key`, or of a list's items; Any if unknown."""
    for kind in _alternatives(schema):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = kind.model_fields.get(key) if isinstance(key, str) else None
            return Any if field is None else field.annotation
        if is_typeddict(kind):
            return get_type_hints(kind).get(key, Any)
        if get_origin(kind) in (list, tuple, set, frozenset):
            return get_args(kind)[0]
        if get_origin(kind) is dict:
            return get_args(kind)[1]
    return Any


def _check_size(tree: Any, where: str) -> None:
    """Checks the number of values: aliases can be recursive, or expand a few lines to billions."""
    count, pending = 0, [tree]
    while pending:
        value = pending.pop()
        count += 1
        if isinstance(value, dict):
            pending += value.values()
        elif isinstance(value, (list, tuple, set)):
            pending += value
        if count + len(pending) > _MAX_VALUES:
            raise UserError(
                f"{where}: holds more than {_MAX_VALUES} values: too many, or aliases (*NAME) "
                "that repeat them without end"
            )


def _unquoted(text: str) -> str:
    """Removes quotes that enclose a whole text."""
    if len(text) < 2 or text[0] not in "'\"" or text[-1] != text[0]:
        return text
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return text
    if isinstance(node, yaml.ScalarNode) and node.end_mark.index == len(text):
        return node.value
    return text
