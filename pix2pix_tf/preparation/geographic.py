"""Division of pairs by the latitude of their images, with a buffer (paper, section 4, Maps).

Images cut out of one map overlap, so that after a random split training and validation would share
pixels. The paper splits "about the median latitude of the sampling region", with a buffer "to
ensure that no training pixel appeared in the test set".
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pix2pix_tf.data.layout.pair_files import PairFiles
from pix2pix_tf.datasets.sample import METRES_PER_DEGREE_NORTH
from pix2pix_tf.images.formats import without_suffix
from pix2pix_tf.images.listing import is_image
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.tables import read_table
from pix2pix_tf.utils.text import pluralize, shorten_list

_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
_NAMED = 5  # the largest number of names in an error message
# Accepted headings of the columns.
_NAMES = ("name", "file", "filename")
_LATITUDES = ("latitude", "lat")
_LONGITUDES = ("longitude", "lon", "lng", "long")


@dataclass(frozen=True)
class Division:
    """The result of `divide_by_latitude`.

    Attributes:
        splits: The split of each pair outside the buffer, by the name of the pair.
        left_out: The names of the pairs within the buffer.
        lines: The latitudes between the splits in degrees, from south to north.
    """

    splits: dict[str, str]
    left_out: list[str]
    lines: list[float]


@dataclass(frozen=True)
class LatitudeSplit:
    """Settings of `split_folder` for a division by latitude.

    Attributes:
        coordinates: The file with the table of coordinates, see `read_latitudes`.
        buffer: The distance between the splits in degrees, see `divide_by_latitude`.
    """

    coordinates: Path
    buffer: float

    def divide(
        self, pairs: Sequence[PairFiles], val: float, test: float
    ) -> tuple[dict[str, list[str]], list[str]]:
        """Divides pairs by latitude.

        Args:
            pairs: The pairs.
            val: The share of the validation pairs, in 0..1, see `divide_by_latitude`.
            test: The share of the test pairs, in 0..1.

        Returns:
            The names of the pairs in each split, and notes for the user.

        Raises:
            UserError: The table cannot be used, or a split would have no pairs.
        """
        latitudes = read_latitudes(self.coordinates, pairs)
        division = divide_by_latitude(latitudes, val=val, test=test, buffer=self.buffer)
        splits: dict[str, list[str]] = {}
        for name, split in division.splits.items():
            splits.setdefault(split, []).append(name)
        lines = " and ".join(f"{line:.6f}" for line in division.lines)
        return splits, [
            f"divided at latitude {lines}; left out, within {self.buffer / 2:.6f} degrees of "
            f"{'it' if len(division.lines) == 1 else 'them'}: "
            f"{len(division.left_out)} of {len(latitudes)} pairs"
        ]


def divide_by_latitude(
    latitudes: Mapping[str, float], *, val: float, test: float, buffer: float
) -> Division:
    """Divides pairs into test (the southernmost), validation (the next) and training pairs.

    Each dividing latitude lies midway between two neighbouring pairs. Pairs within half the buffer
    of it are left out, so that the centres of pairs of two splits are at least `buffer` apart: if
    that is the height of an image, no pixel is in both.

    Args:
        latitudes: The latitude of each image's centre in degrees, by the name of the pair.
        val: The share of the validation pairs, in 0..1, before any are left out; at least one pair
            unless it is 0.
        test: The share of the test pairs, with the same rules.
        buffer: The distance between the splits in degrees.

    Returns:
        The split of each pair, the pairs that were left out, and the dividing latitudes.

    Raises:
        UserError: The shares or the buffer leave a split without pairs.
    """
    if not (0 <= val < 1 and 0 <= test < 1 and 0 < val + test < 1):
        raise UserError(
            f"--val {val:g}, --test {test:g}: expected shares of at least 0 that are together more "
            "than 0 and less than 1"
        )
    order = sorted(latitudes, key=lambda name: (latitudes[name], name))
    counts = {
        split: max(1, round(len(order) * share)) if share else 0
        for split, share in (("test", test), ("val", val))
    }
    if sum(counts.values()) >= len(order):
        raise UserError(
            f"{pluralize(len(order), 'pair')}: {counts['val']} to validate and "
            f"{counts['test']} to test leave none to train on"
        )
    lines, names, southern = [], [], 0
    for split, count in counts.items():
        if count:
            southern += count
            below, above = latitudes[order[southern - 1]], latitudes[order[southern]]
            lines.append((below + above) / 2)
            names.append(split)
    names.append("train")
    splits, left_out = {}, []
    for name in latitudes:
        latitude = latitudes[name]
        if any(abs(latitude - line) < buffer / 2 for line in lines):
            left_out.append(name)
        else:
            splits[name] = names[sum(latitude >= line for line in lines)]
    _check_no_empty_argument(names, splits, latitudes, buffer)
    return Division(splits, left_out, lines)


def _check_no_empty_argument(
    names: Sequence[str], splits: Mapping[str, str], latitudes: Mapping[str, float], buffer: float
) -> None:
    empty = [name for name in names if name not in splits.values()]
    if empty:
        south, north = min(latitudes.values()), max(latitudes.values())
        raise UserError(
            f"--buffer {buffer:g} degrees leaves no pair in {' and '.join(empty)}: all latitudes "
            f"are between {south:.6f} and {north:.6f}; give a smaller one, or other shares"
        )


def read_latitudes(file: Path, pairs: Sequence[PairFiles]) -> dict[str, float]:
    """Reads the latitude of every pair from a table.

    Args:
        file: A CSV file with a line of headings: `name`, `latitude` and optionally `longitude`, in
            degrees, of each image's centre. A name is the pair's path below its folder, with or
            without the suffix of an image. Commas, semicolons or tabs separate columns.
        pairs: The pairs, each of which must be in the table once.

    Returns:
        The latitudes in degrees by the names of the pairs, in the order of the pairs.

    Raises:
        UserError: The file cannot be read or is not such a table; a pair is missing, unknown or
            listed twice; or a value is not a coordinate.
    """
    names = [pair.name for pair in pairs]
    known = {_normal(name): name for name in names}
    found: dict[str, float] = {}
    lines: dict[str, int] = {}
    unknown: list[str] = []
    for line, entry, latitude in _rows(file):
        name = known.get(_normal(entry)) or known.get(_normal(_bare(entry)))
        if name is None:
            unknown.append(f"{entry} (line {line})")
            continue
        if name in found:
            raise UserError(
                f"{file}, line {line}: {entry} is the pair {name}, whose place line "
                f"{lines[name]} has already; each pair stands once"
            )
        found[name], lines[name] = latitude, line
    missing = [name for name in names if name not in found]
    problems = [
        *([f"names {shorten_list(unknown, _NAMED)}, which no pair has"] if unknown else []),
        *([f"has no line for {shorten_list(missing, _NAMED)}"] if missing else []),
    ]
    if problems:
        raise UserError(f"{file}: {'; '.join(problems)}")
    return {name: found[name] for name in names}


def parse_buffer(text: str) -> float:
    """Parses a buffer such as `0.002` (degrees) or `300m` (metres).

    Returns:
        Degrees of latitude.

    Raises:
        UserError: The text is neither.
    """
    number, metres = text.strip(), False
    if number.endswith("m"):
        number, metres = number[:-1], True
    value = _number(number)
    if not (0 <= value < math.inf):
        raise UserError(
            f"--buffer {text}: expected degrees of latitude such as 0.003, or metres such as 300m"
        )
    return value / METRES_PER_DEGREE_NORTH if metres else value


def _rows(file: Path) -> Iterator[tuple[int, str, float]]:
    """Reads line number, name and latitude of every row."""
    table = read_table(file)
    name, latitude, longitude = (
        table.column(*headings) for headings in (_NAMES, _LATITUDES, _LONGITUDES)
    )
    if name is None or latitude is None:
        raise UserError(
            f"{file}, line 1: expected the headings name,latitude,longitude, found "
            f"{','.join(table.headings) or 'nothing'}"
        )
    for row in table.rows:
        where = table.place(row)
        if name not in row.cells:
            raise UserError(f"{where}: has no name")
        if longitude is not None:
            _degrees(row.cells.get(longitude, ""), 180, f"{where}: longitude")
        degrees = _degrees(row.cells.get(latitude, ""), 90, f"{where}: latitude")
        yield row.line, row.cells[name], degrees


def _degrees(text: str, limit: int, where: str) -> float:
    value = _number(text)
    if not abs(value) <= limit:
        raise UserError(
            f"{where}: {text.strip()!r}: expected degrees from -{limit} to {limit}, such as 40.7128"
        )
    return value


def _number(text: str) -> float:
    """Parses a decimal number; NaN for other texts, even if `float` reads them, such as 4_0."""
    return float(text) if _DECIMAL.fullmatch(text.strip()) else math.nan


def _bare(name: str) -> str:
    """Removes the suffix of any image format, since pairs may have been converted."""
    return without_suffix(name) if is_image(name) else name


def _normal(name: str) -> str:
    """Normalizes a name for comparison: accents in NFC, `/` for backslashes, no leading `./`."""
    return unicodedata.normalize("NFC", name.replace("\\", "/").removeprefix("./"))
