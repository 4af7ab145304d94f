"""Which pairs a run trains on, kept in it: what was left out, and whether they are still the same.

skipped.txt   every pair that `data.on_bad_image: skip` left out, and why; not there if none
pairs.json    how the dataset lies on disk (`layout`), which proportions its side-by-side files
              have, and of each split how many pairs there are and a digest of their names
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from pix2pix_tf.data.images import image_size
from pix2pix_tf.data.pairs import OpenedPairs
from pix2pix_tf.data.sifting import some_skipped
from pix2pix_tf.runs import Run
from pix2pix_tf.staging import write_text
from pix2pix_tf.strict_json import strict_json

_MEASURED_AT_MOST = 100  # files whose headers are read


def record_pairs(run: Run, pairs: OpenedPairs) -> list[str]:
    """Writes both files; returns what the user should know.

    A run whose pairs are others than in its last session goes on, since one may well add pairs or
    lose a file; but it does not end as if it had never stopped, and that is said.
    """
    notes = [*_skipped_notes(run, pairs), *_change_notes(run, pairs)]
    if pairs.skipped:
        lines = (
            f"{one.split}/{one.name}: {' '.join(problem.split())}\n"
            for one in pairs.skipped
            for problem in one.problems
        )
        write_text(run.skipped_file, "".join(lines))
    else:
        run.skipped_file.unlink(missing_ok=True)
    described = {
        "layout": pairs.layout,
        "proportions": _proportions(pairs),
        **_described(pairs),
    }
    write_text(run.pairs_file, strict_json(described) + "\n")
    return notes


def _skipped_notes(run: Run, pairs: OpenedPairs) -> list[str]:
    if not pairs.skipped:
        return []
    count = len(pairs.skipped)
    words = f"{count} bad pair{'s' if count > 1 else ''} skipped, listed in {run.skipped_file}:"
    return [words, *(f"  {line}" for line in some_skipped(pairs.skipped))]


def _change_notes(run: Run, pairs: OpenedPairs) -> list[str]:
    try:
        before = json.loads(run.pairs_file.read_text(encoding="utf-8"))
        changed = [
            f"{split} ({now['pairs']} pairs, {before[split]['pairs']} then)"
            for split, now in _described(pairs).items()
            if now != before[split]
        ]
    except (OSError, ValueError, LookupError, TypeError):  # a new run, or one made before there was
        return []
    if not changed:
        return []
    return [
        f"the pairs of {' and '.join(changed)} are others than in the last session: the training "
        "goes on with them, and ends otherwise than one that was never stopped"
    ]


def _described(pairs: OpenedPairs) -> dict[str, dict[str, Any]]:
    return {
        split: {"pairs": len(names), "names_sha256": _digest(names)}
        for split, names in (("train", pairs.train.names), ("val", pairs.val.names))
    }


def _proportions(pairs: OpenedPairs) -> tuple[float, float] | None:
    """Least and greatest width / height of side-by-side training files: of 100 at most."""
    if pairs.layout != "side_by_side":
        return None
    files = pairs.train.files[:: -(-len(pairs.train.files) // _MEASURED_AT_MOST)]
    ratios = [width / height for height, width in (image_size(path) for (path,) in files)]
    return min(ratios), max(ratios)


def _digest(names: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(names).encode(errors="surrogateescape")).hexdigest()
