"""Base class of run directories and segmenter folders: the parts that a training writes."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


@dataclass(frozen=True)
class TrainingFolder:
    """A folder that a training writes, with the paths of its parts.

    Attributes:
        path: The folder.
        config_name: Name of the config file; a folder without it holds no training.
    """

    path: Path
    config_name: ClassVar[str]

    @property
    def config_file(self) -> Path:
        """File of the complete config."""
        return self.path / self.config_name

    @property
    def checkpoints(self) -> Path:
        """Folder of the training's checkpoints."""
        return self.path / "checkpoints"

    @property
    def logs(self) -> Path:
        """Folder of TensorBoard's event files."""
        return self.path / "logs"

    @property
    def metrics_file(self) -> Path:
        """File of all evaluations, a JSON list."""
        return self.path / "metrics.json"

    @property
    def versions_file(self) -> Path:
        """File of the folder's format, seed and versions, see `pix2pix_tf.runs.versions`."""
        return self.path / "versions.json"

    @property
    def pairs_file(self) -> Path:
        """Record of the training and validation pairs, see `pix2pix_tf.runs.pairs_record`."""
        return self.path / "pairs.json"

    def exists(self) -> bool:
        """Whether the folder holds a training."""
        return self.config_file.is_file()

    def delete(self) -> None:
        """Removes the files that a training writes here, and no others."""
        for folder in self._folders():
            if folder.exists():
                shutil.rmtree(folder)
        for file in self._files():
            file.unlink(missing_ok=True)
        self.config_file.unlink(missing_ok=True)  # last, since it marks the folder as a training

    def _folders(self) -> list[Path]:
        return [self.checkpoints, self.logs]

    def _files(self) -> list[Path]:
        return [self.metrics_file, self.versions_file, self.pairs_file]
