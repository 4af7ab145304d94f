"""A run directory, which holds all results of a training that other commands use.

config.yaml    the complete config, from which the networks and the data are rebuilt
checkpoints/   the newest checkpoints: both networks, both optimisers, step and best score;
               best/ holds the best generator
logs/          TensorBoard event files
samples/       sheets of input | output | target
metrics.json   all evaluations of this run
versions.json  the seed, and the package versions of every session
reference_batch.npz  the batch whose statistics normalise translated images, in runs that need one,
               see `pix2pix_tf.inference.reference_batch`
init_from.json the run and the weights that this one started from, if it did
pairs.json     the training and validation pairs
skipped.txt    the invalid pairs that were left out
.lock          lock held during a training, see `pix2pix_tf.runs.lock`
.metrics.lock  lock held while metrics.json is updated
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from pix2pix_tf.config.schema import Config, load_config
from pix2pix_tf.images.carried_tags import CarriedTags
from pix2pix_tf.images.nodata import NodataRule, nodata_value
from pix2pix_tf.images.value_range import UINT8, PairValues, image_values
from pix2pix_tf.runs.folder import TrainingFolder
from pix2pix_tf.runs.lock import metrics_lock
from pix2pix_tf.runs.pairs_record import read_record
from pix2pix_tf.runs.side_tags import from_json
from pix2pix_tf.runs.versions import check_format
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import write_text
from pix2pix_tf.utils.strict_json import strict_json


@dataclass(frozen=True)
class Measurement:
    """Identifies the subject of an evaluation; each entry of metrics.json has a different one.

    Attributes:
        step: Training step of the checkpoint.
        split: Split of the data.
        checkpoint: `newest` or `best`.
        data: Digest of the pairs, see `pix2pix_tf.runs.pairs_record.SplitRecord.digest`.
        tools: Other things that some scores depend on: a palette, a segmenter, a feature network.
        direction: `AtoB` or `BtoA` if it differs from the direction of training, else None.
    """

    step: int
    split: str
    checkpoint: str = "newest"
    data: str | None = None
    tools: Mapping[str, str] = field(default_factory=dict)
    direction: str | None = None

    @classmethod
    def of_entry(cls, entry: Mapping[str, Any]) -> Measurement:
        """Returns the measurement of an entry of metrics.json."""
        return cls(
            entry["step"],
            entry["split"],
            entry["checkpoint"],
            entry["data"],
            entry.get("tools", {}),
            entry.get("direction"),
        )

    def to_json(self) -> dict[str, Any]:
        """Returns the fields of an entry of metrics.json that identify the measurement."""
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
    """A run directory: the paths of its parts, and access to its small files."""

    config_name: ClassVar[str] = "config.yaml"

    @property
    def samples(self) -> Path:
        """Folder of the sheets of input | output | target."""
        return self.path / "samples"

    @property
    def reference_file(self) -> Path:
        """File of the reference batch, see `pix2pix_tf.inference.reference_batch`."""
        return self.path / "reference_batch.npz"

    @property
    def init_file(self) -> Path:
        """Record of the weights that the run started from; only of runs that did."""
        return self.path / "init_from.json"

    @property
    def skipped_file(self) -> Path:
        """List of the pairs that were left out; it exists only if there are any."""
        return self.path / "skipped.txt"

    def load_config(self) -> Config:
        """Reads the config that this run was trained with.

        Raises:
            UserError: The folder does not exist, holds no run, or holds a run of another format.
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
        """Writes config.yaml atomically."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_text(self.config_file, config.to_yaml())

    def layout(self) -> str | None:
        """Returns the layout of the training data, see `pix2pix_tf.data.pairs.LayoutKind`.

        Returns:
            The layout; None if it was not recorded, as in an imported run without training data.
        """
        return self._recorded("layout")

    def proportions(self) -> tuple[float, float] | None:
        """Returns the range of width / height of the side-by-side files that were trained on.

        Returns:
            The lowest and the highest value; None if they were not recorded, or the data was not
            side by side.
        """
        recorded = self._recorded("proportions")
        return tuple(recorded) if recorded else None

    def values(self, config: Config) -> PairValues:
        """Returns the types and the meaning of the values of the run's images.

        Args:
            config: The config of the run, in the direction of a translation.

        Returns:
            The values of inputs and targets. Sides whose types were not recorded, as in an imported
            run, have 8 bits.
        """
        types, data = self._recorded("types") or {}, config.data
        sides = ("A", "B") if data.direction == "AtoB" else ("B", "A")
        settings = (data.input_range, data.target_range)
        values = (
            image_values(setting, [np.dtype(types.get(side, UINT8))], f"data.{role}_range")
            for side, setting, role in zip(sides, settings, ("input", "target"), strict=True)
        )
        rules = map(NodataRule, data.nodata_of_sides)
        return PairValues(
            *(
                replace(one, nodata=nodata_value(rule, self._tags(side).nodata, one.dtype))
                for one, rule, side in zip(values, rules, sides, strict=True)
            )
        )

    def target_tags(self, config: Config) -> CarriedTags:
        """Returns what all files of the targets that were trained on say beside values.

        Args:
            config: The config of the run, in the direction of a translation.
        """
        return self._tags("B" if config.data.direction == "AtoB" else "A")

    def target_suffix(self, config: Config) -> str | None:
        """Returns the suffix of the files of the targets that were trained on.

        Args:
            config: The config of the run, in the direction of a translation.

        Returns:
            The suffix in lower case; None if it was not recorded, or the files have several.
        """
        side = "B" if config.data.direction == "AtoB" else "A"
        return (self._recorded("suffixes") or {}).get(side)

    def _tags(self, side: str) -> CarriedTags:
        return from_json((self._recorded("tags") or {}).get(side, {}))

    def _recorded(self, key: str) -> Any:
        try:
            return json.loads(self.pairs_file.read_text(encoding="utf-8"))[key]
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def metrics(self) -> list[dict[str, Any]]:
        """Reads all recorded evaluations; scores that are null in the file become NaN.

        Raises:
            UserError: The file is damaged.
        """
        if not self.metrics_file.exists():
            return []
        try:
            entries = json.loads(self.metrics_file.read_text(encoding="utf-8"))
            return [{**entry, "scores": _with_nan(entry["scores"])} for entry in entries]
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise UserError(
                f"{self.metrics_file}: is damaged ({error}); move it away to go on"
            ) from None

    def validations(self) -> list[dict[str, Any]]:
        """Returns the evaluations of the run's own validation pairs."""
        record = read_record(self.pairs_file)
        own = None if record is None else record.val.digest()
        return [
            entry for entry in self.metrics() if entry["split"] == "val" and entry["data"] == own
        ]

    def scores_of(self, measurement: Measurement) -> dict[str, float] | None:
        """Returns the recorded scores of a measurement; None if there are none."""
        same = [entry for entry in self.metrics() if Measurement.of_entry(entry) == measurement]
        return same[-1]["scores"] if same else None

    def add_metrics(
        self,
        measurement: Measurement,
        images: int,
        scores: Mapping[str, float],
        intervals: Mapping[str, Sequence[float | None]] | None = None,
        identical: int | None = None,
    ) -> None:
        """Records one evaluation; it replaces scores of the same measurement and the same name.

        Args:
            measurement: The subject of the evaluation.
            images: Number of scored images.
            scores: Scores by name.
            intervals: 95% intervals [low, high] of some of the scores, by name.
            identical: Number of outputs that are identical to their targets, and therefore excluded
                from mean PSNR.
        """
        with metrics_lock(self.path):
            recorded = self.metrics()
            same = [entry for entry in recorded if Measurement.of_entry(entry) == measurement]
            others = [entry for entry in recorded if entry not in same]
            entry: dict[str, Any] = {**measurement.to_json(), "images": images}
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
        """Removes temporary files and sheets of killed processes, see `write_text`."""
        with metrics_lock(self.path):
            for file in (*self.path.glob(".*.tmp"), *self.samples.glob(".*.partial")):
                file.unlink(missing_ok=True)

    def _folders(self) -> list[Path]:
        return [*super()._folders(), self.samples]

    def _files(self) -> list[Path]:
        return [*super()._files(), self.skipped_file, self.reference_file, self.init_file]

    def _runs_nearby(self) -> str:
        runs = sorted({file.parent for file in self.path.parent.glob("*/config.yaml")})
        if not runs:
            return "; `pix2pix-tf train` makes one"
        return f"; runs beside it are {', '.join(str(run) for run in runs)}"


def _with_nan(scores: Mapping[str, float | None]) -> dict[str, float]:
    return {name: float("nan") if value is None else value for name, value in scores.items()}
