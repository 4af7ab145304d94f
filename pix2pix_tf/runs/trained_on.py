"""The pair records of a run, written in every session and compared with the previous session's.

skipped.txt   the pairs that `data.on_bad_image: skip` left out, with the reasons; missing if there
              are none
pairs.json    the dataset's layout on disk (`layout`), its folder (`root`), the range of aspect
              ratios of side-by-side files, the types of images, and the name and contents of every
              pair, see `pix2pix_tf.runs.pairs_record`
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pix2pix_tf.data.checking.check_pairs import SkippedPair, summarize_skipped
from pix2pix_tf.data.pairs import OpenedPairs
from pix2pix_tf.images.io import image_size
from pix2pix_tf.runs.checkpoint_files import newest_step
from pix2pix_tf.runs.pairs_record import (
    PairsRecord,
    check_resumable_pairs,
    next_record,
    read_record,
    same_pairs,
    shared_contents,
)
from pix2pix_tf.runs.run import Run
from pix2pix_tf.utils.files import write_text, writing
from pix2pix_tf.utils.text import pluralize, shorten_list

_MAX_NAMES = 5  # maximal number of names in a message
_MAX_MEASURED = 100  # maximal number of files whose headers are read


def check_pairs(run: Run, now: PairsRecord, data_changed: bool = False) -> None:
    """Checks that a run may resume on these pairs, see `check_resumable_pairs`.

    Args:
        run: The run.
        now: The current pairs.
        data_changed: Whether the user has confirmed that the pairs have changed.

    Raises:
        UserError: The run may not resume on these pairs.
    """
    check_resumable_pairs(run.pairs_file, now, f"run {run.path}", "--run", data_changed)


def record_pairs(run: Run, now: PairsRecord, pairs: OpenedPairs) -> list[str]:
    """Writes pairs.json and skipped.txt; `check_pairs` must have been called before.

    Args:
        run: The run.
        now: The record of the current pairs.
        pairs: The current pairs.

    Returns:
        Notes for the user.
    """
    step = newest_step(run.checkpoints) or 0
    before = read_record(run.pairs_file)
    record = replace(next_record(before, now, step), proportions=_proportions(pairs))
    skipped = _all_skipped(pairs)
    notes = _skipped_notes(run, skipped)
    if before is None:
        notes += _shared_notes(now) + (_unknown_notes(run, step) if step else [])
    else:
        notes += _change_notes(before, record, step)
    if skipped:
        write_text(run.skipped_file, "".join(map(_skipped_lines, skipped)))
    else:
        run.skipped_file.unlink(missing_ok=True)
    record.write(run.pairs_file)
    return notes


def add_skipped(run: Run, pair: SkippedPair) -> None:
    """Adds a pair to skipped.txt that was found to be bad since `record_pairs`.

    Args:
        run: The run.
        pair: The pair.
    """
    with writing(run.skipped_file), run.skipped_file.open("a", encoding="utf-8") as file:
        file.write(_skipped_lines(pair))


def skipped_before(run: Run) -> set[str]:
    """Returns what may be the names of training pairs in skipped.txt of the last session.

    A name may contain a colon, after which the reason follows: all beginnings are returned.
    """
    try:
        lines = run.skipped_file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return set()
    names = set()
    for line in lines:
        split, _, rest = line.partition("/")
        parts = rest.split(": ")
        if split == "train":
            names |= {": ".join(parts[:count]) for count in range(1, len(parts))}
    return names


def _skipped_lines(pair: SkippedPair) -> str:
    """Returns the lines of skipped.txt about a pair."""
    problems = (" ".join(problem.split()) for problem in pair.problems)
    return "".join(f"{pair.split}/{pair.name}: {problem}\n" for problem in problems)


def _all_skipped(pairs: OpenedPairs) -> list[SkippedPair]:
    pending = pairs.train.pending
    return [*pairs.skipped, *(() if pending is None else pending.new_bad())]


def _proportions(pairs: OpenedPairs) -> tuple[float, float] | None:
    """Range of width / height of the side-by-side training files, from at most 100 of them."""
    if pairs.layout != "side_by_side":
        return None
    files = pairs.train.files[:: -(-len(pairs.train.files) // _MAX_MEASURED)]
    ratios = [
        width / height for height, width in (image_size(path, *pairs.reading) for (path,) in files)
    ]
    return min(ratios), max(ratios)


def _skipped_notes(run: Run, skipped: Sequence[SkippedPair]) -> list[str]:
    if not skipped:
        return []
    words = f"{pluralize(len(skipped), 'bad pair')} skipped, listed in {run.skipped_file}:"
    return [words, *(f"  {line}" for line in summarize_skipped(skipped))]


def _shared_notes(now: PairsRecord) -> list[str]:
    shared = shared_contents(now.train, now.val)
    if not shared:
        return []
    some = shorten_list(shared, _MAX_NAMES)
    return [
        f"warning: {len(shared)} of the {now.val.count} validation pairs are trained on as well, "
        f"their files are the same: {some}; scores of them say nothing about new images"
    ]


def _unknown_notes(run: Run, step: int) -> list[str]:
    return [
        f"{run.pairs_file}: was missing: which pairs the first {step} steps were trained on is "
        "not known and not compared"
    ]


def _change_notes(before: PairsRecord, record: PairsRecord, step: int) -> list[str]:
    notes = []
    same = same_pairs(before.train, record.train), same_pairs(before.val, record.val)
    if not all(same):
        notes.append(
            f"the pairs have changed since the last session ({record.train.count} to train on, "
            f"{before.train.count} then; {record.val.count} to validate on, {before.val.count} "
            "then): the training goes on with them, and its result differs from that of an "
            "uninterrupted one"
        )
    if not same[1] and step:
        notes.append(
            "scores are of other validation pairs from here on: the best score so far is reset"
        )
    return notes
