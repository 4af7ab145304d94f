"""Config of the training of a segmenter; `pix2pix_tf.config` holds that of an experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from pix2pix_tf.config.errors import CONTRADICTION
from pix2pix_tf.config.files import read_config, shipped_files, validated
from pix2pix_tf.config.schema import Config, DataConfig
from pix2pix_tf.config.section import PathStr, PositiveInt, Real, Section, Seed

MULTIPLE = 32  # of the sides of photos, since the innermost layers of FCN-8s have 1/32 of the size
VGG_WIDTH = 64


class NetworkConfig(Section):
    """The FCN-8s of Long, Shelhamer and Darrell (2015), at its full width by default."""

    width: PositiveInt = VGG_WIDTH
    """Filters of the first block; the deeper ones have 2, 4 and 8 times as many."""
    head: PositiveInt = 4096
    """Filters of the layers fc6 and fc7."""
    dropout: Annotated[Real, Field(ge=0, lt=1)] = 0.5
    """Dropout rate after fc6 and fc7, from 0 to less than 1."""
    trunk_weights: PathStr | None = None
    """File of Keras' VGG-16 weights without top, trained on ImageNet, to start from; null starts
    from random weights.
    """


class SegmenterTrainingConfig(Section):
    """Adam on the cross-entropy of every pixel that has a class."""

    epochs: PositiveInt = 60
    """Passes over the training pairs."""
    batch_size: PositiveInt = 8
    """Photos of one update."""
    learning_rate: Annotated[Real, Field(gt=0)] = 1e-3
    """Learning rate of Adam at the start, more than 0; it falls linearly to 0 at the end."""
    deterministic: bool = True
    """Whether the same config gives the same numbers every time on the same machine."""
    seed: Seed = 0
    """Random seed of the initial weights, the order of pairs, augmentation and dropout."""


class SegmenterConfig(Section):
    """Config of a segmenter, trained on pairs whose inputs are photos and whose targets are labels.

    The section `data` is that of an experiment. Photos are resized to `data.crop_size`, not
    cropped; `data.load_size` has the same value.
    """

    data: DataConfig
    palette: PathStr
    """Name of a shipped palette, `cityscapes` or `sample`, or a YAML file of one."""
    label_ids: bool | None = None
    """Whether grey label images hold class numbers rather than the palette's greys; null takes them
    for class numbers if nothing else fits.
    """
    segmenter: NetworkConfig = NetworkConfig()
    training: SegmenterTrainingConfig = SegmenterTrainingConfig()

    @model_validator(mode="before")
    @classmethod
    def _load_size_follows_crop_size(cls, tree: Any) -> Any:
        if isinstance(tree, dict) and isinstance(tree.get("data"), dict):
            size = tree["data"].get("crop_size", DataConfig.model_fields["crop_size"].default)
            return {**tree, "data": {"load_size": size, **tree["data"]}}
        return tree

    @model_validator(mode="after")
    def _check_consistency(self) -> SegmenterConfig:
        data = self.data
        if data.load_size != data.crop_size:
            raise _refused("data.load_size", "a segmenter sees photos whole; leave it out")
        if any(side % MULTIPLE for side in data.crop_size):
            raise _refused("data.crop_size", f"its sides must be multiples of {MULTIPLE}")
        if data.scale != "resize":
            raise _refused("data.scale", "a segmenter sees photos whole, at data.crop_size")
        refused = [one.name for one in data.augment if one.strength is not None]
        if refused:
            raise _refused(
                f"data.augment: {refused[0]}",
                "a segmenter's photos are mirrored, turned or transposed only",
            )
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
        """Returns the config of an experiment with the same data, for `open_pairs`."""
        return validated(
            Config,
            {"data": self.data.model_dump(), "training": {"seed": self.training.seed}},
            "segmenter",
        )


def load_segmenter_config(
    path_or_name: str | Path, overrides: Mapping[str, Any] | Sequence[str] = ()
) -> SegmenterConfig:
    """Reads the config of a segmenter and applies overrides, as `pix2pix_tf.load_config` does.

    Args:
        path_or_name: A YAML file, or the name of a shipped config: `cityscapes`, `sample`.
        overrides: Values by key, such as `{"training.epochs": 3}`, or texts such as
            `training.epochs=3`.

    Raises:
        UserError: There is no such file or name, it is not YAML, or a key or value is not allowed.
    """
    return read_config(path_or_name, shipped_files("segmenters"), SegmenterConfig, overrides)


def _refused(key: str, why: str) -> PydanticCustomError:
    return PydanticCustomError(CONTRADICTION, "{key}: {why}", {"key": key, "why": why})
