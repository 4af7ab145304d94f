import ast
import io
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

import pix2pix_tf
from pix2pix_tf.lines import PlainConsole, say

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
    say(console, name)
    say(Console(file=out, width=200), name)
    assert out.getvalue().count(name.replace("\x1b", "\\x1b")) == 7


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
