"""The configuration of a segmenter's training, as `pix2pix_tf.config` is that of an experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from pix2pix_tf.config.errors import CONTRADICTION
from pix2pix_tf.config.files import read_config, shipped_files, validated
from pix2pix_tf.config.schema import Config, DataConfig, PathText, Positive, Real, Section

MULTIPLE = 32  # of the sides of what FCN-8s sees: its innermost layers have a 32nd of them
VGG_WIDTH = 64


class NetworkConfig(Section):
    """The FCN-8s of Long, Shelhamer and Darrell (2015), at its full width by default."""

    width: Positive = VGG_WIDTH  # filters of the first block; the others are 2, 4 and 8 times
    head: Positive = 4096  # filters of fc6 and fc7
    dropout: Annotated[Real, Field(ge=0, lt=1)] = 0.5
    trunk_weights: PathText | None = None  # a file: Keras' VGG-16 without top, trained on ImageNet


class SegmenterTrainingConfig(Section):
    """Adam on the cross-entropy of every pixel that has a class."""

    epochs: Positive = 60
    batch_size: Positive = 8
    learning_rate: Annotated[Real, Field(gt=0)] = 1e-3  # at the start; it falls linearly to 0
    deterministic: bool = True  # the same numbers every time on the same machine
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0


class SegmenterConfig(Section):
    """How a segmenter is trained: on pairs whose inputs are photos and whose targets are labels.

    `data` is that of an experiment. Photos are seen at `data.crop_size`, whole; `data.load_size`
    follows it.
    """

    data: DataConfig
    palette: PathText  # a shipped palette's name or a file, see `pix2pix_tf.segmentation.palette`
    label_ids: bool | None = None  # grey labels are class numbers; null: where nothing else fits
    segmenter: NetworkConfig = NetworkConfig()
    training: SegmenterTrainingConfig = SegmenterTrainingConfig()

    @model_validator(mode="before")
    @classmethod
    def _see_photos_whole(cls, tree: Any) -> Any:
        if isinstance(tree, dict) and isinstance(tree.get("data"), dict):
            size = tree["data"].get("crop_size", DataConfig.model_fields["crop_size"].default)
            return {**tree, "data": {"load_size": size, **tree["data"]}}
        return tree

    @model_validator(mode="after")
    def _agree(self) -> SegmenterConfig:
        data = self.data
        if data.load_size != data.crop_size:
            raise _refused("data.load_size", "a segmenter sees photos whole; leave it out")
        if any(side % MULTIPLE for side in data.crop_size):
            raise _refused("data.crop_size", f"its sides must be multiples of {MULTIPLE}")
        if (data.derive, data.representation) != ("pair", "plain"):
            raise _refused("data.derive, data.representation", "a segmenter needs plain pairs")
        if data.input_channels != 3:
            raise _refused("data.input_channels", "a segmenter sees colour photos, 3 channels")
        if data.target_channels not in (1, 3):
            raise _refused(
                "data.target_channels",
                "labels are colours, 3 channels, or grey, 1",
            )
        if self.segmenter.trunk_weights is not None and self.segmenter.width != VGG_WIDTH:
            raise _refused(
                "segmenter.trunk_weights",
                f"they are those of VGG-16, and fit a segmenter.width of {VGG_WIDTH} only",
            )
        return self

    def pairs_config(self) -> Config:
        """An experiment with the same data, as `pix2pix_tf.data.pairs` opens it."""
        return validated(
            Config,
            {"data": self.data.model_dump(), "training": {"seed": self.training.seed}},
            "segmenter",
        )


def load_segmenter_config(
    path_or_name: str | Path, overrides: Mapping[str, Any] | Sequence[str] = ()
) -> SegmenterConfig:
    """Reads a segmenter's config and applies overrides, as `pix2pix_tf.config.load_config` does.

    Raises:
        UserError: No such file or name, not YAML, unknown keys, wrong types or values,
            contradictions.
    """
    return read_config(path_or_name, shipped_files("segmenters"), SegmenterConfig, overrides)


def _refused(key: str, why: str) -> PydanticCustomError:
    return PydanticCustomError(CONTRADICTION, "{key}: {why}", {"key": key, "why": why})
