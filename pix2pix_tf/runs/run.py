"""A run directory: the only thing that passes from training to everything after it.

config.yaml    everything needed to rebuild the networks and the data
checkpoints/   both networks, both optimisers, step and best score: the newest ones;
               best/ has the best generator
logs/          TensorBoard
samples/       sheets of input | output | target
metrics.json   every evaluation made of this run
versions.json  the seed, and the packages of every session
reference_batch.npz  a batch by whose statistics images are translated, of runs that need one, see
               `pix2pix_tf.inference.reference_batch`
pairs.json     which pairs it trains on; skipped.txt those that are bad and left out
.lock          held while a training runs, see `pix2pix_tf.runs.lock`; .metrics.lock likewise
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from pix2pix_tf.config.schema import Config, load_config
from pix2pix_tf.runs.folder import TrainingFolder
from pix2pix_tf.runs.lock import metrics_lock
from pix2pix_tf.runs.pairs_record import read_record
from pix2pix_tf.runs.versions import check_format
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import write_text
from pix2pix_tf.utils.strict_json import strict_json


@dataclass(frozen=True)
class Measurement:
    """What an entry of metrics.json is of: only scores of one and the same stand together.

    Attributes:
        step: Of the training.
        split: Of the data.
        checkpoint: `newest` or `best`.
        data: A digest of the pairs, see `pix2pix_tf.runs.pairs_record.SplitRecord.digest`.
        tools: What some scores depend on besides: a palette, a segmenter, a network of features.
        direction: `AtoB` or `BtoA` where it is not that of the training, else None.
    """

    step: int
    split: str
    checkpoint: str = "newest"
    data: str | None = None
    tools: Mapping[str, str] = field(default_factory=dict)
    direction: str | None = None

    @classmethod
    def of_entry(cls, entry: Mapping[str, Any]) -> Measurement:
        """What an entry of metrics.json is of."""
        return cls(
            entry["step"],
            entry["split"],
            entry["checkpoint"],
            entry["data"],
            entry.get("tools", {}),
            entry.get("direction"),
        )

    def to_json(self) -> dict[str, Any]:
        """Its part of an entry."""
        entry: dict[str, Any] = {
            "step": self.step,
            "split": self.split,
            "checkpoint": self.checkpoint,
            "data": self.data,
        }
        if self.tools:
            entry["tools"] = dict(self.tools)
        if self.direction is not None:
            entry["direction"] = self.direction
        return entry


@dataclass(frozen=True)
class Run(TrainingFolder):
    """A run directory: where the parts of one run lie, and the small files among them."""

    config_name: ClassVar[str] = "config.yaml"

    @property
    def samples(self) -> Path:
        """Sheets of input | output | target."""
        return self.path / "samples"

    @property
    def reference_file(self) -> Path:
        """The batch that images are normalised by, see `pix2pix_tf.inference.reference_batch`."""
        return self.path / "reference_batch.npz"

    @property
    def skipped_file(self) -> Path:
        """The pairs that were left out, where there are any."""
        return self.path / "skipped.txt"

    def load_config(self) -> Config:
        """The config this run was trained with.

        Raises:
            UserError: The folder is not there, holds no run, or one of another run format.
        """
        if self.path.is_file():
            raise UserError(f"run {self.path}: is a file; a run is a folder{self._runs_nearby()}")
        if not self.path.is_dir():
            raise UserError(f"run {self.path}: no such folder in {Path.cwd()}{self._runs_nearby()}")
        if not self.exists():
            raise UserError(
                f"run {self.path}: holds no config.yaml, so it is not a run "
                f"directory{self._runs_nearby()}"
            )
        check_format(self.versions_file, "run")
        return load_config(self.config_file)

    def save_config(self, config: Config) -> None:
        """Writes config.yaml, whole or not at all."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_text(self.config_file, config.to_yaml())

    def layout(self) -> str | None:
        """How the dataset it was trained on lies on disk, see `pix2pix_tf.data.pairs.LayoutKind`.

        None if that was not recorded: an imported run has no training data.
        """
        return self._recorded("layout")

    def proportions(self) -> tuple[float, float] | None:
        """Least and greatest width / height of the side-by-side files it was trained on.

        None where that was not recorded, or it was trained on other files.
        """
        recorded = self._recorded("proportions")
        return tuple(recorded) if recorded else None

    def _recorded(self, key: str) -> Any:
        try:
            return json.loads(self.pairs_file.read_text(encoding="utf-8"))[key]
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def metrics(self) -> list[dict[str, Any]]:
        """Every evaluation recorded so far; scores that are null there are NaN."""
        if not self.metrics_file.exists():
            return []
        try:
            made = json.loads(self.metrics_file.read_text(encoding="utf-8"))
            return [{**entry, "scores": _with_nan(entry["scores"])} for entry in made]
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise UserError(
                f"{self.metrics_file}: is damaged ({error}); move it away to go on"
            ) from None

    def validations(self) -> list[dict[str, Any]]:
        """The entries of metrics.json that are of the run's own validation pairs."""
        record = read_record(self.pairs_file)
        own = None if record is None else record.val.digest()
        return [
            entry for entry in self.metrics() if entry["split"] == "val" and entry["data"] == own
        ]

    def scores_of(self, of: Measurement) -> dict[str, float] | None:
        """The scores recorded of a measurement, None if there are none."""
        same = [entry for entry in self.metrics() if Measurement.of_entry(entry) == of]
        return same[-1]["scores"] if same else None

    def add_metrics(
        self,
        of: Measurement,
        images: int,
        scores: Mapping[str, float],
        intervals: Mapping[str, Sequence[float | None]] | None = None,
        identical: int | None = None,
    ) -> None:
        """Records one evaluation; it replaces scores of the same name of the same measurement.

        Args:
            of: What was scored.
            images: How many were scored.
            scores: By name.
            intervals: Of some of them, 95%: [low, high].
            identical: How many outputs are identical to their targets, and so not in mean PSNR.
        """
        with metrics_lock(self.path):
            made = self.metrics()
            same = [entry for entry in made if Measurement.of_entry(entry) == of]
            others = [entry for entry in made if entry not in same]
            entry: dict[str, Any] = {**of.to_json(), "images": images}
            entry["scores"] = {**(same[0]["scores"] if same else {}), **scores}
            kept = {**(same[0].get("intervals", {}) if same else {}), **(intervals or {})}
            if kept:
                entry["intervals"] = kept
            if identical is None and same:
                identical = same[0].get("identical")
            if identical:
                entry["identical"] = identical
            write_text(self.metrics_file, strict_json([*others, entry]) + "\n")

    def remove_leftovers(self) -> None:
        """Removes what kills left of small files and sheets being written; see `write_text`."""
        with metrics_lock(self.path):
            for file in (*self.path.glob(".*.tmp"), *self.samples.glob(".*.partial")):
                file.unlink(missing_ok=True)

    def _folders(self) -> list[Path]:
        return [*super()._folders(), self.samples]

    def _files(self) -> list[Path]:
        return [*super()._files(), self.skipped_file, self.reference_file]

    def _runs_nearby(self) -> str:
        runs = sorted({file.parent for file in self.path.parent.glob("*/config.yaml")})
        if not runs:
            return "; `pix2pix-tf train` makes one"
        return f"; runs beside it are {', '.join(str(run) for run in runs)}"


def _with_nan(scores: Mapping[str, float | None]) -> dict[str, float]:
    return {name: float("nan") if value is None else value for name, value in scores.items()}
