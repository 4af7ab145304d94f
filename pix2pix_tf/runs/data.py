"""The data that a run was trained on: where it lies now, and which of it may be scored."""

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

# What may be said anew of a finished run: where its data lies, and how it is read.
SETTABLE = ("data.root", "data.cache", "data.on_bad_image")


@dataclass(frozen=True)
class ScoredPairs:
    """Pairs of a run's data that are to be scored.

    Attributes:
        pairs: At `data.crop_size`.
        record: Their names and contents.
        root: The dataset's folder; None for the embedded city.
        usual: Whether they are the split that the run itself knows, not one of another dataset.
        notes: What a reader of the scores should know.
    """

    pairs: Pairs
    record: SplitRecord
    root: Path | None
    usual: bool
    notes: list[str]


def run_config(run: Run, overrides: Sequence[str] = ()) -> Config:
    """A run's config, with its data where it lies now.

    A relative `data.root` was meant in the folder that the training was started in: the run
    recorded where that is, so that it is found from any other.

    Args:
        run: The run.
        overrides: As typed, such as `data.root=DIR`, of `SETTABLE` keys.

    Raises:
        UserError: No run there; another key, or a value that it cannot have.
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
    return config if is_overridden(overrides, "data.root") else located(run, config)


def located(run: Run, config: Config) -> Config:
    """The run's own config with the folder that its data was in, where that is still there."""
    record = read_record(run.pairs_file)
    root = None if config.data.dataset == "sample" else data_root(config.data)
    if record is None or record.root is None or root is None or root.is_absolute():
        return config
    if not record.root.is_dir() or Path(os.path.abspath(root)) == record.root:  # noqa: PTH100
        return config
    tail = tuple(part for part in root.parts if part != "..")
    if record.root.parts[len(record.root.parts) - len(tail) :] != tail:  # the config was changed
        return config
    data = config.data.model_copy(update={"root": str(record.root)})
    return config.model_copy(update={"data": data})


def open_scored(run: Run, split: str, overrides: Sequence[str] = ()) -> ScoredPairs:
    """Opens a split of a run's data to be scored, see `pix2pix_tf.data.pairs.open_split`.

    Args:
        run: The run.
        split: `val`, or another folder of the dataset.
        overrides: See `run_config`.

    Raises:
        UserError: There is no such split; or some of it was trained on and it is not `train`.
    """
    config = run_config(run, overrides)
    pairs, root = open_split(config, split), absolute_root(config.data)
    scored, record = split_record(pairs, root), read_record(run.pairs_file)
    usual, notes = not is_overridden(overrides, "data.root"), []
    if record is not None and split.lower() not in ("train", "training"):
        check_never_trained_on(scored, split, record, root, f"run {run.path}")
        if split == "val":
            usual = same_pairs(record.val, scored)
            notes = [] if usual else [_other_pairs(record.val.count, len(pairs))]
    return ScoredPairs(pairs, scored, root, usual, notes)


def _other_pairs(then: int, now: int) -> str:
    scored = "this pair differs" if now == 1 else f"these {now} pairs differ"
    return (
        f"{scored} from the {then} that the training validated on: scores of the two cannot be "
        "compared"
    )
