"""Notes on values that stand for no data, and on pairs of which one side has a georeference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pix2pix_tf.data.checking.inspection import ImageInfo, missing_of_side
from pix2pix_tf.data.layout.pair_files import PairFiles, split_sides
from pix2pix_tf.utils.text import pluralize, shorten_list

_NAMED_AT_MOST = 5
PairInfos = Sequence[tuple[PairFiles, Mapping[str, ImageInfo]]]


def nodata_notes(pairs: PairInfos) -> list[str]:
    """Returns a sentence for each side that has values that stand for no data.

    Args:
        pairs: The files of each pair, and what they hold by the keys of `PairFiles.sides`.
    """
    found: dict[str, dict[str, int]] = {}
    for files, infos in pairs:
        for side, path in split_sides(files.sides).items():
            count = missing_of_side(infos, side)
            if count:
                found.setdefault(side, {})[str(path)] = count
    return [
        f"no data: {_values(sum(counts.values()))}{_of(side)} in {len(counts)} of "
        f"{pluralize(len(pairs), 'image')}, which the networks see as the low end of the range: "
        + shorten_list([f"{path} ({count:,})" for path, count in counts.items()], _NAMED_AT_MOST)
        for side, counts in sorted(found.items())
    ]


def georeference_notes(pairs: PairInfos) -> list[str]:
    """Returns a sentence if pairs have a georeference on one side alone, which is not compared.

    Args:
        pairs: The files of each pair, and what they hold by the keys of `PairFiles.sides`.
    """
    alone: list[str] = []
    for files, infos in pairs:
        if files.b is not None:
            placed = [side for side in "AB" if infos[side].georeference is not None]
            if len(placed) == 1:
                alone.append(str(files.sides[placed[0]]))
    if not alone:
        return []
    verb = "has" if len(alone) == 1 else "have"
    return [
        f"{len(alone)} of {pluralize(len(pairs), 'pair')} {verb} a georeference in one file alone, "
        "so that nothing tells whether both files show the same ground: "
        + shorten_list(alone, _NAMED_AT_MOST)
    ]


def _of(side: str) -> str:
    return "" if side == "photo" else f" of {side}"


def _values(count: int) -> str:
    return f"{count:,} {'value' if count == 1 else 'values'}"
