"""The folder of a segmenter, which holds all that is needed to use it.

segmenter.yaml         the complete config and the colours of the palette; no other file is needed
segmenter.weights.h5   weights of the epoch with the highest class IoU on the validation pairs
checkpoints/           the newest epoch, from which training resumes
logs/                  TensorBoard
metrics.json           the validation scores of every epoch
pairs.json             the record of the pairs it was trained on
versions.json          the format of the folder, the seed, and the packages of every session
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import keras

from pix2pix_tf.config.files import read_sections, validated
from pix2pix_tf.config.yaml_text import to_yaml
from pix2pix_tf.runs.folder import TrainingFolder
from pix2pix_tf.runs.versions import check_format
from pix2pix_tf.segmentation.config import SegmenterConfig
from pix2pix_tf.segmentation.palette import Palette, make_palette, palette_entries
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import fsync, write_text, writing
from pix2pix_tf.utils.strict_json import strict_json


@dataclass(frozen=True)
class SegmenterFolder(TrainingFolder):
    """The folder of a segmenter: paths of its files, and functions that read and write them."""

    config_name: ClassVar[str] = "segmenter.yaml"

    @property
    def weights_file(self) -> Path:
        """File of the best weights."""
        return self.path / "segmenter.weights.h5"

    def load_config(self) -> tuple[SegmenterConfig, Palette]:
        """Reads the config that the segmenter was trained with, and its palette.

        Raises:
            UserError: The folder does not exist or holds no segmenter, or its segmenter was made by
                another version of this package.
        """
        if not self.path.is_dir():
            raise UserError(
                f"segmenter {self.path}: no such folder in {Path.cwd()}; "
                "`pix2pix-tf train-segmenter` makes one"
            )
        if not self.exists():
            raise UserError(
                f"segmenter {self.path}: holds no segmenter.yaml, so it is not a folder that "
                "`pix2pix-tf train-segmenter` made"
            )
        check_format(self.versions_file, "segmenter")
        tree = read_sections(self.config_file, SegmenterConfig)
        entries = tree.pop("colours", None)
        config = validated(SegmenterConfig, tree, str(self.config_file))
        name = Path(config.palette).stem
        return config, make_palette(name, entries, f"{self.config_file}, colours")

    def save_config(self, config: SegmenterConfig, palette: Palette) -> None:
        """Writes segmenter.yaml atomically."""
        self.path.mkdir(parents=True, exist_ok=True)
        tree = {**config.model_dump(mode="json"), "colours": palette_entries(palette)}
        write_text(self.config_file, to_yaml(tree))

    def save_weights(self, model: keras.Model) -> None:
        """Writes the weights atomically."""
        temporary = self.path / f".temporary-{self.weights_file.name}"  # Keras requires this suffix
        with writing(self.weights_file):
            try:
                without_optimizer = keras.Model(model.inputs, model.outputs)
                without_optimizer.save_weights(temporary)
                fsync(temporary)
                temporary.replace(self.weights_file)
            finally:
                temporary.unlink(missing_ok=True)

    def load_weights(self, model: keras.Model) -> None:
        """Restores the weights.

        Raises:
            UserError: There are no weights yet, they are damaged, or they are of another network.
        """
        if not self.weights_file.is_file():
            raise UserError(
                f"segmenter {self.path}: holds no {self.weights_file.name}: its training has not "
                "come to the end of its first epoch"
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # it raises as well
                model.load_weights(self.weights_file)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise UserError(
                f"{self.weights_file}: is damaged, or of another network than segmenter.yaml "
                f"beside it: {(str(error).strip() or type(error).__name__).splitlines()[0][:200]}"
            ) from None

    def metrics(self) -> list[dict[str, Any]]:
        """Returns the validation scores of every epoch so far, in order.

        Raises:
            UserError: The file is damaged.
        """
        if not self.metrics_file.exists():
            return []
        try:
            return json.loads(self.metrics_file.read_text())
        except ValueError as error:
            raise UserError(
                f"{self.metrics_file}: is damaged ({error}); start over with --fresh --fresh"
            ) from None

    def save_metrics(self, entries: list[dict[str, Any]]) -> None:
        """Writes the validation scores of every epoch atomically."""
        write_text(self.metrics_file, strict_json(entries) + "\n")

    def _files(self) -> list[Path]:
        return [*super()._files(), self.weights_file]
