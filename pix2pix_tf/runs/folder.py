"""What run directories and the folders of segmenters share: the parts that a training writes."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


@dataclass(frozen=True)
class TrainingFolder:
    """A folder that a training writes, and where its parts lie.

    Attributes:
        path: The folder.
        config_name: Name of the config's file; a folder without it holds no training.
    """

    path: Path
    config_name: ClassVar[str]

    @property
    def config_file(self) -> Path:
        """The config, complete."""
        return self.path / self.config_name

    @property
    def checkpoints(self) -> Path:
        """Checkpoints of the training."""
        return self.path / "checkpoints"

    @property
    def logs(self) -> Path:
        """TensorBoard's event files."""
        return self.path / "logs"

    @property
    def metrics_file(self) -> Path:
        """Every evaluation, a JSON list."""
        return self.path / "metrics.json"

    @property
    def versions_file(self) -> Path:
        """Format of the folder, seed and package versions, see `pix2pix_tf.runs.versions`."""
        return self.path / "versions.json"

    @property
    def pairs_file(self) -> Path:
        """The pairs that are trained on, see `pix2pix_tf.runs.pairs_record`."""
        return self.path / "pairs.json"

    def exists(self) -> bool:
        """Whether anything was ever trained here."""
        return self.config_file.is_file()

    def delete(self) -> None:
        """Removes everything that a training writes here and nothing else."""
        for folder in self._folders():
            if folder.exists():
                shutil.rmtree(folder)
        for file in self._files():
            file.unlink(missing_ok=True)
        self.config_file.unlink(missing_ok=True)  # last: without it, there is no training

    def _folders(self) -> list[Path]:
        return [self.checkpoints, self.logs]

    def _files(self) -> list[Path]:
        return [self.metrics_file, self.versions_file, self.pairs_file]
