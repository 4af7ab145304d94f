"""Reading of tables that people write: CSV with a line of headings, and JSON lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pix2pix_tf.utils.errors import UserError

CSV_SUFFIXES, JSON_SUFFIXES = (".csv", ".tsv"), (".jsonl", ".ndjson")
TABLE_SUFFIXES = (*CSV_SUFFIXES, *JSON_SUFFIXES)


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        line: The number of the line in the file that it ends in.
        cells: The cells that are not empty, without spaces around them, by the heading of their
            column in lower case.
    """

    line: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Table:
    """The rows of a table, of which none is empty.

    Attributes:
        file: The file.
        headings: The headings of its columns in lower case, in their order.
        rows: The rows.
    """

    file: Path
    headings: list[str]
    rows: list[Row]

    def place(self, row: Row) -> str:
        """Returns the place of a row for messages: the file and the line."""
        return f"{self.file}, line {row.line}"

    def column(self, *headings: str) -> str | None:
        """Returns the heading of the column that has one of some headings; None if there is none.

        Raises:
            UserError: Several columns have one of them.
        """
        found = [heading for heading in self.headings if heading in headings]
        if len(found) > 1:
            raise UserError(f"{self.file}: has two columns {headings[0]}; expected one")
        return found[0] if found else None


def read_table(file: Path) -> Table:
    """Reads a table in UTF-8.

    Args:
        file: A file of JSON lines (.jsonl, .ndjson), one object a line, or else a CSV file with a
            line of headings, whose columns are separated by commas, semicolons or tabs.

    Raises:
        UserError: The file cannot be read or is not such a table, two columns have the same
            heading, or a row has more cells than there are headings.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            if file.suffix.lower() in JSON_SUFFIXES:
                return _from_json_lines(file, opened)
            return _from_csv(file, opened)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: cannot be read as text: {error}") from None
    except csv.Error as error:
        raise UserError(f"{file}: is not a CSV file: {error}") from None


def _from_csv(file: Path, opened: IO[str]) -> Table:
    heading = opened.readline()
    separator = max(",;\t", key=heading.count)
    opened.seek(0)
    reader = csv.reader(opened, delimiter=separator, strict=True)
    headings = [cell.strip().casefold() for cell in next(reader, [])]
    twice = sorted({heading for heading in headings if headings.count(heading) > 1})
    if twice:
        raise UserError(f"{file}: has two columns {twice[0]}; expected one")
    rows = []
    for cells in reader:
        texts = [cell.strip() for cell in cells]
        if not any(texts):
            continue
        if len(texts) != len(headings):
            raise UserError(
                f"{file}, line {reader.line_num}: has {len(texts)} cells; expected "
                f"{len(headings)}, one for each heading (a cell with a separator in it stands in "
                "quotation marks)"
            )
        named = zip(headings, texts, strict=False)
        rows.append(Row(reader.line_num, {name: text for name, text in named if text}))
    return Table(file, headings, rows)


def _from_json_lines(file: Path, opened: IO[str]) -> Table:
    headings: dict[str, None] = {}
    rows = []
    for number, line in enumerate(opened, 1):
        if not line.strip():
            continue
        row = Row(number, dict(_cells(line, f"{file}, line {number}")))
        headings |= dict.fromkeys(row.cells)
        rows.append(row)
    return Table(file, list(headings), rows)


def _cells(line: str, where: str) -> Iterator[tuple[str, str]]:
    try:
        tree = json.loads(line)
    except ValueError as error:
        raise UserError(f"{where}: is not JSON: {error}") from None
    if not isinstance(tree, dict):
        raise UserError(f'{where}: expected an object such as {{"input": "a.png"}}')
    for name, value in tree.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float | None):
            raise UserError(f"{where}: {name!r} is no text or number")
        if value is not None and str(value).strip():
            yield name.strip().casefold(), str(value).strip()
