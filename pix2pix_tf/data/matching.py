"""The pictures of two folders brought together by their names, with everything that does not fit.

By the rules of `pix2pix_tf.data.files`, which stops at the first misfit; here all are listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pix2pix_tf.data.files import PairFiles, list_images


@dataclass(frozen=True)
class Matched:
    """What two folders have in common, and what not.

    Attributes:
        pairs: In natural order of their names.
        only_a: Pictures of A that have no mate.
        only_b: Pictures of B that have no mate.
        doubles: Pictures whose path without suffix another of their folder has already.
    """

    pairs: list[PairFiles]
    only_a: list[Path]
    only_b: list[Path]
    doubles: list[Path]

    def problems(self, folder_a: Path, folder_b: Path) -> list[str]:
        """A sentence about each picture that does not fit."""
        return [
            *(f"{path} has no mate in {folder_b}" for path in self.only_a),
            *(f"{path} has no mate in {folder_a}" for path in self.only_b),
            *(same_name(path) for path in self.doubles),
        ]


def match(folder_a: Path, folder_b: Path) -> Matched:
    """Matches pictures, at any depth, that have the same path without suffix.

    Raises:
        UserError: A folder cannot be listed.
    """
    a, doubles_a = by_name(folder_a)
    b, doubles_b = by_name(folder_b)
    return Matched(
        pairs=[PairFiles(name, path, b[name]) for name, path in a.items() if name in b],
        only_a=[path for name, path in a.items() if name not in b],
        only_b=[path for name, path in b.items() if name not in a],
        doubles=doubles_a + doubles_b,
    )


def by_name(folder: Path) -> tuple[dict[str, Path], list[Path]]:
    """Pictures by path without suffix, '/'-separated, and those whose name was taken already."""
    named: dict[str, Path] = {}
    doubles = []
    for path in list_images(folder):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in named:
            doubles.append(path)
        else:
            named[name] = path
    return named, doubles


def same_name(path: Path) -> str:
    """The sentence about a picture whose name without suffix was taken already."""
    return f"{path} has the same name without suffix as another"
