"""The command reference, from the command line itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer

from pix2pix_tf.cli.main import app

# What Typer writes of an option that names no value of its own: what its value is.
_VALUES = {"int": "N", "int range": "N", "float": "NUMBER", "float range": "NUMBER", "str": "TEXT"}
_TYPE = re.compile(r" ?<([^>]+)>$")
# What it writes after an option's help: its default, its range, whether it is required.
_REMARKS = re.compile(r"\s{2}\[(.+)\]$")


def commands() -> dict[str, Any]:
    """Every command of the command line by its words, such as `pix2pix-tf data check`, in order."""
    return dict(_walk("pix2pix-tf", typer.main.get_command(app)))


def markdown(_: str = "") -> str:
    """A section for every command: what it does, how it is called, its options."""
    sections = []
    for words, command in commands().items():
        context = typer.Context(command, info_name=words)
        pieces = " ".join(command.collect_usage_pieces(context))
        rows = [
            _row(record)
            for option in command.params
            if not getattr(option, "hidden", False) and (record := option.get_help_record(context))
        ]
        sections += [f"## {words}", _paragraphs(command.help), f"    {words} {pieces}"]
        if rows:
            sections.append(
                "\n".join(["| option | meaning | default, limits |", "|---|---|---|", *rows])
            )
    return "\n\n".join(sections)


def _walk(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield words, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from _walk(f"{words} {name}", inner)


def _row(record: tuple[str, str]) -> str:
    option, text = record
    remarks = _REMARKS.search(text)
    meaning = _cell(_REMARKS.sub("", text))
    return f"| {_code(_named(option))} | {meaning} | {_cell(remarks[1]) if remarks else ''} |"


def _named(option: str) -> str:
    kind = _TYPE.search(option)
    if kind is None:
        return option
    option = option[: kind.start()]
    return option if not option.startswith("-") else f"{option} {_VALUES.get(kind[1], kind[1])}"


def _paragraphs(text: str | None) -> str:
    return "\n\n".join(" ".join(part.split()) for part in (text or "").split("\n\n"))


def _code(text: str) -> str:
    return ", ".join(f"`{_cell(part)}`" for part in text.split(", "))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("*", "\\*").replace("<", "\\<")
