"""Finding, reading, overriding and validating of config files."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from pix2pix_tf.config.errors import (
    annotation_of,
    error_messages,
    format_value,
    is_value,
    nearest_key,
    truncate,
)
from pix2pix_tf.config.yaml_text import parse_value, read_yaml
from pix2pix_tf.utils.errors import UserError

Model = TypeVar("Model", bound=BaseModel)
Overrides = Mapping[str, Any] | Sequence[str]


def shipped_files(folder: str = "") -> dict[str, Path]:
    """Returns the configs that come with the package, by name.

    Args:
        folder: A sub-folder, such as that of the segmenters' configs; by default the main folder.
    """
    import pix2pix_tf.configs

    directory = Path(pix2pix_tf.configs.__path__[0]) / folder
    return {path.stem: path for path in sorted(directory.glob("*.yaml"))}


def read_config(
    path_or_name: str | Path,
    shipped: Mapping[str, Path],
    model: type[Model],
    overrides: Overrides,
    choose: Callable[[Mapping[str, Any]], type[Model]] | None = None,
) -> Model:
    """Reads a config file, applies overrides, and validates the whole.

    Args:
        path_or_name: A file; or the name of a shipped config, with or without `.yaml`. A local file
            comes first.
        shipped: The shipped configs by name.
        model: The root model, whose fields are sections of keys.
        overrides: `{"training.steps": 2000}`, or as typed: `["training.steps=2000"]`. Typed values
            are parsed by `parse_value`: as text if the key takes text, else as YAML.
        choose: Returns the subclass of `model` that validates the values; by default `model`.

    Returns:
        The validated config.

    Raises:
        UserError: There is no such file or name; it is not YAML; keys are unknown; values have the
            wrong type, are invalid or contradict each other.
    """
    tree = read_sections(_find(path_or_name, shipped), model)
    for key, value in _override_items(overrides, model):
        _set(tree, key, value, model)
    return validated(choose(tree) if choose else model, tree, str(path_or_name))


def is_overridden(overrides: Sequence[str], key: str) -> bool:
    """Whether one of the overrides, as typed (`KEY=VALUE`), sets a key."""
    return any(text.partition("=")[0].strip() == key for text in overrides)


def validated(model: type[Model], tree: Mapping[str, Any], source: str) -> Model:
    """Validates plain values and returns them as a config.

    Args:
        model: The root model.
        tree: Sections of plain values.
        source: Name of the values in error messages.

    Raises:
        UserError: The values are not valid.
    """
    try:
        return model.model_validate(dict(tree))
    except ValidationError as error:
        raise UserError(
            "\n".join(f"{source}: {line}" for line in error_messages(model, error))
        ) from None


def read_sections(path: Path, model: type[BaseModel]) -> dict[str, Any]:
    """Reads the sections of a config file without validating them.

    Args:
        path: The file.
        model: The root model; values of its text keys are read literally, others as YAML.

    Raises:
        UserError: The file cannot be read, is not YAML or has no sections.
    """
    tree = read_yaml(path, model)
    if not isinstance(tree, dict):
        raise UserError(
            f"{path}: expected sections such as data: and training:, found {format_value(tree)}"
        )
    return tree


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


def _override_items(overrides: Overrides, model: type[BaseModel]) -> list[tuple[str, Any]]:
    if isinstance(overrides, Mapping):
        return list(overrides.items())
    items = []
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals:
            raise UserError(
                f"--set {truncate(text)}: expected KEY=VALUE, for example training.steps=2000"
            )
        key = key.strip()
        value = parse_value(value, f"--set {truncate(text)}", annotation_of(model, key))
        items.append((key, value))
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
    if isinstance(branch, dict):  # otherwise the validation raises an error
        tree[section] = {**branch, name: value}
