"""Config files: finding and reading them, applying what the command line overrides, validating."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from pix2pix_tf.config_errors import is_value, nearest_key, sentences, shortened, shown
from pix2pix_tf.errors import UserError

Model = TypeVar("Model", bound=BaseModel)
_VALUES_AT_MOST = 10_000  # of a file; palettes have some hundred
# Characters that YAML takes for line breaks, or that no file can hold as they are.
_ESCAPED = re.compile("[\x85\u2028\u2029\ufeff\ud800-\udfff]")
Overrides = Mapping[str, Any] | Sequence[str]


def shipped_files(folder: str = "") -> dict[str, Path]:
    """The configs that come with the package, by name; `folder` is one below those of tasks."""
    import pix2pix_tf.configs

    place = Path(pix2pix_tf.configs.__path__[0]) / folder
    return {path.stem: path for path in sorted(place.glob("*.yaml"))}


def read_config(
    path_or_name: str | Path, shipped: Mapping[str, Path], model: type[Model], overrides: Overrides
) -> Model:
    """Reads a config file, applies overrides, and validates the whole.

    Args:
        path_or_name: A file; or the name of a shipped config, with or without `.yaml`. A local file
            comes first.
        shipped: The shipped ones.
        model: What the file's sections are of.
        overrides: `{"training.steps": 2000}`, or as typed: `["training.steps=2000"]`, the value
            then being YAML.

    Raises:
        UserError: No such file or name, not YAML, unknown keys, wrong types or values,
            contradictions.
    """
    tree = read_sections(_find(path_or_name, shipped))
    for key, value in _override_items(overrides):
        _set(tree, key, value, model)
    return validated(model, tree, str(path_or_name))


def validated(model: type[Model], tree: Mapping[str, Any], source: str) -> Model:
    """Validates plain values into a config; `source` names them in errors."""
    try:
        return model.model_validate(dict(tree))
    except ValidationError as error:
        raise UserError(
            "\n".join(f"{source}: {line}" for line in sentences(model, error))
        ) from None


def to_yaml(tree: Any) -> str:
    """Plain values as YAML text, in their order."""
    options: dict[str, Any] = {"sort_keys": False, "default_flow_style": None}
    text = yaml.safe_dump(tree, allow_unicode=True, **options)
    return yaml.safe_dump(tree, **options) if _ESCAPED.search(text) else text


def read_sections(path: Path) -> dict[str, Any]:
    """The sections that a config file has.

    Raises:
        UserError: It cannot be read, is not YAML or has no sections.
    """
    tree = read_yaml(path)
    if not isinstance(tree, dict):
        raise UserError(
            f"{path}: expected sections such as data: and training:, found {shown(tree)}"
        )
    return tree


def read_yaml(path: Path) -> Any:
    """What a YAML file holds.

    Raises:
        UserError: It cannot be read, is not YAML, or gives a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text: {error}") from None
    return _parse_yaml(text, str(path))


def _find(path_or_name: str | Path, shipped: Mapping[str, Path]) -> Path:
    local = Path(path_or_name)
    if local.is_file():
        return local
    name = str(path_or_name).removesuffix(".yaml")
    if name in shipped:
        return shipped[name]
    near = difflib.get_close_matches(name, shipped, n=1)
    hint = f" Did you mean {near[0]}.yaml?" if near else ""
    raise UserError(
        f"config {path_or_name}: no such file in {Path.cwd()}, and no shipped config of that name; "
        f"shipped are {', '.join(shipped)}.{hint}"
    )


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice, where plain YAML silently takes the last."""

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
        """Puts in what << names: each may name several, of which each names several."""
        super().flatten_mapping(node)
        if len(node.value) > _VALUES_AT_MOST:
            raise yaml.MarkedYAMLError(problem="<< puts in too much", problem_mark=node.start_mark)


def _parse_yaml(text: str, where: str) -> Any:
    try:
        tree = yaml.load(text, Loader=_Loader)  # noqa: S506  # a SafeLoader
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
        # PyYAML lets them out for values that are no dates or numbers and look like them.
        raise UserError(f"{where}: not valid YAML: a value cannot be read: {error}") from None
    _refuse_boundless(tree, where)
    return tree


def _refuse_boundless(tree: Any, where: str) -> None:
    """Aliases can name what they are part of, or multiply a few lines into billions of values."""
    count, left = 0, [tree]
    while left:
        value = left.pop()
        count += 1
        if isinstance(value, dict):
            left += value.values()
        elif isinstance(value, (list, tuple, set)):
            left += value
        if count + len(left) > _VALUES_AT_MOST:
            raise UserError(
                f"{where}: holds more than {_VALUES_AT_MOST} values: too many, or aliases (*NAME) "
                "that repeat them without end"
            )


def _override_items(overrides: Overrides) -> list[tuple[str, Any]]:
    if isinstance(overrides, Mapping):
        return list(overrides.items())
    items = []
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals:
            raise UserError(
                f"--set {shortened(text)}: expected KEY=VALUE, for example training.steps=2000"
            )
        items.append((key.strip(), _parse_yaml(value, f"--set {shortened(text)}")))
    return items


def _set(tree: dict[str, Any], key: str, value: Any, model: type[BaseModel]) -> None:
    section, dot, name = key.partition(".")
    if is_value(model, section):
        if dot:
            raise UserError(f"--set {key}: unknown key; {section} is a value itself")
        tree[section] = value
        return
    if not dot:
        near = nearest_key(model, key)
        raise UserError(
            f"--set {key}: a key has the form SECTION.NAME{f', such as {near}' if near else ''}"
        )
    branch = tree.setdefault(section, {})
    if isinstance(branch, dict):  # where it is something else, validation says so
        tree[section] = {**branch, name: value}
