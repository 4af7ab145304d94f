"""Tables that list the pairs of a dataset: CSV or JSON lines.

A row is a pair. The columns `input` and `target` (or `A` and `B`) have the paths of its files,
relative to the folder of the table. These columns may be there too:

    split   train, val or test; without it, validation pairs are held out as of any dataset
    name    the name of the pair, which its translation gets; by default the path of the first file
            without suffix
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pix2pix_tf.data.layout.pair_files import PairFiles
from pix2pix_tf.images.folder_names import SPLITS, split_named
from pix2pix_tf.images.listing import composed, image_name
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import expand_home
from pix2pix_tf.utils.tables import TABLE_SUFFIXES, Row, Table, read_table
from pix2pix_tf.utils.text import shorten_list

ROLES = ("input", "target")
_SIDES = ("a", "b")
_OTHERS = ("split", "name")


@dataclass
class TableSplit:
    """The pairs of one split of a table.

    Attributes:
        pairs: The pairs, in the order of their rows.
        problems: One sentence for each row that cannot be used.
    """

    pairs: list[PairFiles] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PairTable:
    """The pairs that a table lists.

    Attributes:
        sides: The headings of the columns of A and B.
        splits: The pairs of each split; all under "" if there is no column of splits.
        notes: Sentences about columns that are not read.
    """

    sides: tuple[str, str]
    splits: dict[str, TableSplit]
    notes: list[str]


def is_table(root: Path) -> bool:
    """Whether the root of a dataset is a table, by its suffix, rather than a folder."""
    return root.suffix.lower() in TABLE_SUFFIXES and not root.is_dir()


def read_pair_table(file: Path) -> PairTable:
    """Reads the pairs that a table lists; no image is opened.

    Args:
        file: The table.

    Returns:
        The pairs of each split. Rows whose files are missing are among the problems of their split.

    Raises:
        UserError: The file cannot be read or is not such a table; a row lacks a cell or names an
            unknown split; two rows are the same pair or have the same name; or a file is in two
            splits or on both sides.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("pairs.csv").write_text("input,target\\nsample/train/city-0.png,missing.png")
        >>> read_pair_table(Path("pairs.csv")).splits[""].problems
        ['pairs.csv, line 2: there is no file missing.png']
    """
    table = read_table(file)
    sides = _sides(table)
    if not table.rows:
        raise UserError(f"{file}: has no row below its headings: each pair is a row")
    splits: dict[str, TableSplit] = {}
    names: dict[str, Row] = {}
    seen = _Seen(table)
    for row in table.rows:
        split_name = _split(table, row)
        split = splits.setdefault(split_name, TableSplit())
        paths = [_path(table, row, side) for side in sides]
        missing = [path for path in paths if not path.is_file()]
        split.problems += [f"{table.place(row)}: there is no file {path}" for path in missing]
        seen.add(row, split_name, paths)
        name = _name(table, row, paths[0])
        other = names.setdefault(name, row)
        if other is not row:
            raise UserError(
                f"{table.place(row)}: has the name {name} of line {other.line}: give each pair a "
                "name of its own in a column name"
            )
        split.pairs.append(PairFiles(name, paths[0], paths[1]))
    return PairTable(sides, _ordered(splits), list(_notes(table, sides)))


class _Seen:
    """The files of earlier rows, of which some may not come again."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._pairs: dict[tuple[str, ...], Row] = {}
        self._uses: dict[str, tuple[Row, str, int]] = {}

    def add(self, row: Row, split: str, paths: Sequence[Path]) -> None:
        """Adds the files of a row.

        Raises:
            UserError: The pair is there already, or one of its files on the other side or in
                another split.
        """
        keys = tuple(os.path.abspath(path) for path in paths)  # noqa: PTH100  links are not resolved
        place = self._table.place(row)
        twin = self._pairs.setdefault(keys, row)
        if twin is not row:
            raise UserError(f"{place}: is the same pair as line {twin.line}: remove one of them")
        for side, key in enumerate(keys):
            other, other_split, other_side = self._uses.setdefault(key, (row, split, side))
            if other_side != side:
                raise UserError(
                    f"{place}: {paths[side]} is on both sides, here and in line {other.line}"
                )
            if other_split != split:
                raise UserError(
                    f"{place}: {paths[side]} is in {split} and, by line {other.line}, in "
                    f"{other_split}: the splits of a dataset share no files"
                )


def _sides(table: Table) -> tuple[str, str]:
    """Returns the headings of the columns of A and B."""
    there = [sides for sides in (ROLES, _SIDES) if set(sides) & set(table.headings)]
    if len(there) == 1 and set(there[0]) <= set(table.headings):
        return there[0]
    raise UserError(
        f"{table.file}: expected two columns of paths, with the headings input and target (or A "
        f"and B), found {shorten_list(table.headings) or 'nothing'}"
    )


def _split(table: Table, row: Row) -> str:
    if "split" not in table.headings:
        return ""
    typed = row.cells.get("split", "")
    split = split_named(typed)
    if split not in SPLITS:
        raise UserError(
            f"{table.place(row)}: split {typed or 'without a value'}: expected train, val or test "
            "in every row"
        )
    return split


def _path(table: Table, row: Row, side: str) -> Path:
    if side not in row.cells:
        raise UserError(f"{table.place(row)}: has no {side}: each row has both files of a pair")
    return table.file.parent / expand_home(row.cells[side])


def _name(table: Table, row: Row, path: Path) -> str:
    if "name" in row.cells:
        return composed(row.cells["name"])
    folder = table.file.parent
    inside = path.is_relative_to(folder) and ".." not in path.relative_to(folder).parts
    return image_name(path, folder if inside else path.parent)


def _ordered(splits: dict[str, TableSplit]) -> dict[str, TableSplit]:
    return {split: splits[split] for split in ("", *SPLITS) if split in splits}


def _notes(table: Table, sides: Sequence[str]) -> Iterator[str]:
    others = [name for name in table.headings if name not in (*sides, *_OTHERS)]
    if others:
        yield f"columns of {table.file.name} that are not read: {shorten_list(others)}"
