import ast
import io
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Column, Table

import pix2pix_tf
from pix2pix_tf.utils.console import PlainConsole, print_line

ODD = ["res[/a]", "[final]", "[red]x", ":smile:", "a\x1b[31mb", "\\[b]"]


@pytest.mark.parametrize("name", ODD)
def test_text_from_outside_stands_as_it_is_in_lines_tables_and_rules(name):
    out = io.StringIO()
    console = PlainConsole(file=out, width=200, force_terminal=True, color_system=None)
    table = Table(name, title=name)
    table.add_row(name)
    console.print(table)
    console.rule(name)
    console.print(name)
    print_line(console, name)
    print_line(Console(file=out, width=200), name)
    assert out.getvalue().count(name.replace("\x1b", "\\x1b")) == 7


@pytest.mark.parametrize("width", [20, 30, 45])
def test_names_and_numbers_of_tables_are_never_cut_on_narrow_terminals(width):
    out = io.StringIO()
    columns = [Column("", no_wrap=True), Column("score", no_wrap=True), "meaning"]
    table = Table(*columns)
    table.add_row("sharpness", "12.3456", "a share of the targets' contrast")
    PlainConsole(file=out, width=width).print(table)
    rows = [line.split("│")[1:3] for line in out.getvalue().splitlines() if "│" in line]
    cells = ["".join(cell.strip() for cell in column) for column in zip(*rows, strict=True)]
    assert cells == ["sharpness", "12.3456"]


def test_all_that_is_printed_goes_through_a_plain_console():
    """A `Console` of Rich's own, or a column of a bar with markup, would read names as markup."""
    found = []
    for file in Path(pix2pix_tf.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id == "Console" or (
                node.func.id == "TextColumn"
                and "{" in ast.unparse(node)
                and "markup=False" not in ast.unparse(node)
            ):
                found.append(f"{file.name}:{node.lineno}")
    assert found == []
