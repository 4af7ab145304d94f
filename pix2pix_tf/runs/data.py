"""The data of a run: its current location, and the splits that can be scored."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pix2pix_tf.config.files import is_overridden
from pix2pix_tf.config.schema import Config, load_config
from pix2pix_tf.data.pair_sequence import Pairs
from pix2pix_tf.data.pairs import data_root, open_split
from pix2pix_tf.runs.pairs_record import (
    SplitRecord,
    absolute_root,
    check_never_trained_on,
    read_record,
    same_pairs,
    split_record,
)
from pix2pix_tf.runs.run import Run
from pix2pix_tf.utils.errors import UserError

# Keys that may be overridden for a trained run: the location of its data, and how it is read.
SETTABLE = ("data.root", "data.cache", "data.on_bad_image")


@dataclass(frozen=True)
class ScoredPairs:
    """A split of a run's data to be scored.

    Attributes:
        pairs: The pairs, at `data.crop_size` or their own size, see `data.scale`.
        record: Names and contents of the pairs.
        root: Folder of the dataset; None for the embedded city.
        own_split: Whether the pairs are the run's own split, not that of another dataset.
        notes: Notes for a reader of the scores.
    """

    pairs: Pairs
    record: SplitRecord
    root: Path | None
    own_split: bool
    notes: list[str]


def run_config(run: Run, overrides: Sequence[str] = (), direction: str | None = None) -> Config:
    """Returns a run's config with the current path of its data.

    A relative `data.root` is relative to the folder in which the training was started. The run has
    recorded that folder, so that the data is found from any other folder.

    Args:
        run: The run.
        overrides: Overrides of `SETTABLE` keys as typed, such as `data.root=DIR`.
        direction: Which side of the pairs is the input, `AtoB` or `BtoA`; by default as in
            training.

    Raises:
        UserError: There is no run, or an override has another key or an invalid value.
    """
    config = run.load_config()
    for text in overrides:
        key = text.partition("=")[0].strip()
        if key not in SETTABLE:
            raise UserError(
                f"--set {key}: a trained run is taken as it was trained; what can be set is where "
                f"its data lies and how it is read: {', '.join(SETTABLE)}"
            )
    if overrides:
        config = load_config(run.config_file, overrides)
    if not is_overridden(overrides, "data.root"):
        config = with_recorded_root(run, config)
    return config if direction is None else config.in_direction(direction)


def with_recorded_root(run: Run, config: Config) -> Config:
    """Returns the run's config with the recorded path of its data, if that still exists."""
    record = read_record(run.pairs_file)
    root = None if config.data.dataset == "sample" else data_root(config.data)
    if record is None or record.root is None or root is None or root.is_absolute():
        return config
    if not record.root.exists() or Path(os.path.abspath(root)) == record.root:  # noqa: PTH100
        return config
    tail = tuple(part for part in root.parts if part != "..")
    if record.root.parts[len(record.root.parts) - len(tail) :] != tail:  # the config was changed
        return config
    data = config.data.model_copy(update={"root": str(record.root)})
    return config.model_copy(update={"data": data})


def open_scored(
    run: Run, split: str, overrides: Sequence[str] = (), direction: str | None = None
) -> ScoredPairs:
    """Opens a split of a run's data to be scored, see `pix2pix_tf.data.pairs.open_split`.

    Args:
        run: The run.
        split: `val`, or another folder of the dataset.
        overrides: Overrides, see `run_config`.
        direction: Which side of the pairs is the input, `AtoB` or `BtoA`; by default as in
            training.

    Raises:
        UserError: There is no such split, or it is not `train` and some of its pairs were trained
            on.
    """
    config = run_config(run, overrides)
    pairs, root = open_split(config, split), absolute_root(config.data)
    scored, record = split_record(pairs, root), read_record(run.pairs_file)
    own_split, notes = not is_overridden(overrides, "data.root"), []
    if record is not None and split.lower() not in ("train", "training"):
        check_never_trained_on(scored, split, record, root, f"run {run.path}")
        if split == "val":
            own_split = same_pairs(record.val, scored)
            notes = [] if own_split else [_other_pairs(record.val.count, len(pairs))]
    if direction not in (None, config.data.direction):  # the record has the direction of training
        pairs = open_split(config.in_direction(direction), split)
    return ScoredPairs(pairs, scored, root, own_split, notes)


def _other_pairs(then: int, now: int) -> str:
    scored = "this pair differs" if now == 1 else f"these {now} pairs differ"
    return (
        f"{scored} from the {then} that the training validated on: scores of the two cannot be "
        "compared"
    )
