"""Schema of the configuration: a typed, immutable object, read from and written as YAML.

Every default is the paper's (Isola et al. 2017, section 3 and appendix 6.2), so that a config file
has only the differences. Invalid values (an unknown key, a wrong type, two keys that contradict
each other) raise a `UserError` that names the key, the value and the nearest valid one.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, create_model, field_validator, model_validator
from pydantic_core import PydanticCustomError

from pix2pix_tf.config.augmentations import AugmentSetting
from pix2pix_tf.config.errors import CONTRADICTION, nearest
from pix2pix_tf.config.files import read_config, shipped_files, validated
from pix2pix_tf.config.objectives import OBJECTIVES, Pix2PixObjective
from pix2pix_tf.config.section import (
    ChannelNames,
    DataScale,
    DisplayedChannels,
    ImageSize,
    Interval,
    LayerNames,
    Nodata,
    NodataSetting,
    NonEmptyStr,
    Norm,
    PathStr,
    Percentiles,
    PositiveInt,
    RangeSetting,
    Real,
    Section,
    Seed,
)
from pix2pix_tf.config.yaml_text import to_yaml
from pix2pix_tf.utils.text import pluralize

# Crop sizes are multiples of this, since a U-Net needs at least four downsamplings.
MIN_SIZE_MULTIPLE = 16

# Kinds of generator with a bottleneck. All kinds are defined in `pix2pix_tf.models.GENERATORS`.
BOTTLENECK_KINDS = ("unet", "encoder_decoder")


class DataConfig(Section):
    """Source of the pairs, and their processing to training crops (appendix 6.2)."""

    dataset: NonEmptyStr | None = None
    """Name of the dataset, which lies in datasets/NAME below the working directory unless data.root
    is given; `sample` is the embedded procedural city, which has no folder.
    """
    root: PathStr | None = None
    """Folder of the dataset, or a table of its pairs (.csv, .tsv, .jsonl) with columns `input` and
    `target`; null is datasets/NAME, with the NAME in data.dataset. A ~ at its start is the home
    directory.
    """
    layout: Literal["auto", "side_by_side", "folders"] = "auto"
    """How the pairs lie on disk: `side_by_side` is A and B in one file, left and right; `folders`
    is two folders of like-named files; `auto` looks for two folders by known names, then for images
    of twice the width.
    """
    direction: Literal["AtoB", "BtoA"] = "AtoB"
    """Which side is the input: `AtoB` translates A, the left half or the folder A, into B; `BtoA`
    translates B into A.
    """
    input_axes: Literal["YXC", "CYX"] | None = None
    """Order of the axes in files of inputs that do not name them (.npy, .npz and TIFFs of several
    pages): `YXC` is channels last, `CYX` channels first; null takes the axis of a NumPy array that
    has data.input_channels entries, and refuses TIFFs of several pages.
    """
    target_axes: Literal["YXC", "CYX"] | None = None
    """Order of the axes in files of targets, likewise."""
    scale: DataScale = "resize"
    """The scale of the images that training crops are cut from: `resize` brings every pair to
    data.load_size, as the paper does; `native` leaves images as they are; a number, such as 0.5,
    resizes them by this factor. Except with `resize`, validation and evaluation are of whole images
    at this scale.
    """
    load_size: ImageSize = (286, 286)
    """Size to which training pairs are resized bicubically before the random crop, in pixels: one
    number, or [height, width]; at least data.crop_size. Only for data.scale `resize`.
    """
    crop_size: ImageSize = (256, 256)
    """Size of the crops that the networks see, in pixels: one number, or [height, width]; multiples
    of 16. How often both sides can be halved is the depth of the U-Net.
    """
    pad: Literal["reflect"] | None = None
    """What happens to images that are smaller than a crop, if data.scale is not `resize`: null
    refuses them, `reflect` pads them by reflection.
    """
    augment: AugmentSetting = Field(("mirror",), validate_default=True)
    """Random changes of training pairs, each an independent draw for every image. Of both sides:
    `mirror` left and right, half of the time; `flip_vertical`, likewise; `rotate_90`, by a random
    number of quarter turns; `transpose`, half of the time; `{scale: [0.8, 1.25]}`, enlarged by a
    factor of this range. Of inputs alone, each up to its strength: `{brightness: 0.1}`, an offset
    in fractions of the range of values; `{contrast: 0.2}`, a factor of 0.8 to 1.2; `{noise: 0.05}`,
    Gaussian noise, its standard deviation in fractions of the range; `{blur: 1.5}`, Gaussian blur,
    its standard deviation in pixels. `[]` is none.
    """
    derive: Literal["pair", "lightness", "grey", "edges", "centre_mask", "random_mask"] = "pair"
    """How inputs are made: `pair` reads them from files; the others make them of photographs, which
    are the targets: `lightness` (CIE L), `grey`, Canny `edges`, the middle half masked
    (`centre_mask`), or random rectangles masked (`random_mask`).
    """
    photo: Literal["file", "A", "B"] = "file"
    """What the photographs of data.derive are: whole files, or the side A or B of pairs."""
    representation: Literal["plain", "lab"] = "plain"
    """What the networks see: `plain` is the channels of the files; `lab` is CIE Lab, L as the input
    and a and b as the target (colourisation), with data.input_channels 1 and data.target_channels
    2.
    """
    input_channels: PositiveInt = 3
    """Channels of an input as the generator sees it: 1 is grey, 3 RGB, 4 RGB with alpha; any other
    number is that of the files.
    """
    target_channels: PositiveInt = 3
    """Channels of a target as the generator makes it, likewise."""
    input_array: NonEmptyStr | None = None
    """Name of the array that is the input in .npz files of several; null reads the only one."""
    target_array: NonEmptyStr | None = None
    """Name of the array that is the target, likewise."""
    input_names: ChannelNames = None
    """Names of the channels of inputs, such as `[blue, green, red, infrared]`, by which messages
    and reports call them; null numbers them.
    """
    target_names: ChannelNames = None
    """Names of the channels of targets, likewise."""
    input_range: RangeSetting = "dtype"
    """Values of inputs that the networks see as -1 and 1: `dtype` is the full range of the files'
    type, 0 to 255 or 0 to 65535; `[low, high]` is a range of the values in the files, such as
    `[0, 4095]` for 12 bits; a list of these has one for each channel; `data` measures the range of
    each channel in the training files when the training starts, and the run's config.yaml has the
    numbers. Values outside are clipped, and counted before the training.
    """
    target_range: RangeSetting = "dtype"
    """Values of targets that the networks see as -1 and 1, likewise. Translations have values of
    this range.
    """
    range_percentiles: Percentiles = (0.1, 99.9)
    """Percentiles of the values of the training files that a range of `data` lies between."""
    input_display: DisplayedChannels = None
    """Channels of inputs that sheets, reports and pages show, counted from 1: one as grey, such as
    `4`, or three as red, green and blue, `[4, 3, 2]`. null shows colours as they are (1 to 4
    channels of 8 or 16 bits without a range), otherwise the first channel of one or two and the
    first three of more.
    """
    target_display: DisplayedChannels = None
    """Channels of targets and outputs that are shown, likewise."""
    display_percentiles: Percentiles | None = (2.0, 98.0)
    """Percentiles of the images shown together that are shown black and white, by channel; outputs
    are stretched like their targets. null shows the range of the values from black to white.
    Colours are not stretched.
    """
    nodata: NodataSetting = "file"
    """Value that stands for no data, such as 0, -9999 or nan: `file` is the one that a file itself
    declares (GeoTIFF), if any; a number or nan holds for all files; null is none;
    `[of inputs, of targets]` gives both sides their own. Such values are not measured or counted,
    and the networks see -1 there; translate writes them where an input has nothing else.
    """
    cache: Literal["auto"] | bool = "auto"
    """Whether decoded pairs are kept in memory after the first epoch: `auto` keeps as many as fit
    in half of it, `true` all of them, `false` none.
    """
    on_bad_image: Literal["stop", "skip"] = "stop"
    """What happens if images cannot be used: `stop` refuses to train and lists them; `skip` trains
    without their pairs and lists those in the run's skipped.txt. Of more than 10,000 files, most
    are opened while the training goes on, which then stops at a checkpoint or skips the pair.
    """
    validation_fraction: Annotated[Real, Field(gt=0, lt=1)] = 0.1
    """Fraction of the training pairs that is held out for validation if the dataset has no val
    folder; more than 0, less than 1.
    """
    split_seed: Seed = 0
    """Random seed of that split: another one holds out other pairs."""
    sample_train: PositiveInt = 200
    """Number of training pairs drawn of the embedded city."""
    sample_val: PositiveInt = 20
    """Number of validation pairs drawn of the embedded city."""

    @model_validator(mode="after")
    def _agree(self) -> DataConfig:
        if self.dataset is None and self.root is None:
            raise _contradiction(
                "root",
                None,
                "give the folder of your pairs (or the name of a dataset in data.dataset)",
            )
        if self.dataset == "sample" and self.root is not None:
            raise _contradiction(
                "root",
                self.root,
                "the embedded sample has no folder; leave out data.root or data.dataset",
            )
        if self.from_photographs and self.layout != "auto":
            raise _contradiction(
                "layout",
                self.layout,
                "data.derive takes whole photographs; leave it out, or say with data.photo which "
                "half of the pairs to take",
            )
        for side, load, crop in zip(
            ("height", "width"), self.load_size, self.crop_size, strict=True
        ):
            if crop > load and self.scale == "resize":
                raise _contradiction(
                    "crop_size",
                    crop,
                    f"the crop's {side} is larger than that of data.load_size, {load}; "
                    f"set data.load_size to at least {crop}",
                )
            if crop % MIN_SIZE_MULTIPLE:
                below = max(crop // MIN_SIZE_MULTIPLE, 1) * MIN_SIZE_MULTIPLE
                raise _contradiction(
                    "crop_size",
                    crop,
                    f"the {side} must be a multiple of {MIN_SIZE_MULTIPLE}, a power of two is "
                    f"best; the nearest are {below} and {below + MIN_SIZE_MULTIPLE}",
                )
        return self

    @model_validator(mode="after")
    def _fit_representation(self) -> DataConfig:
        channels = (self.input_channels, self.target_channels)
        if self.representation == "lab" and channels != (1, 2):
            raise _contradiction(
                "representation",
                "lab",
                "has one channel in and two out; set data.input_channels=1, data.target_channels=2",
            )
        if self.derive not in ("pair", "grey") and self.image_channels != (3, 3):
            raise _contradiction(
                "derive", self.derive, "is made of colour photographs, 3 channels a side"
            )
        if self.derive != "pair" and max(channels) > 4:
            raise _contradiction(
                "derive", self.derive, "is made of photographs, of 4 channels at most"
            )
        return self

    @model_validator(mode="after")
    def _fit_scale(self) -> DataConfig:
        if self.scale != "resize" and self.dataset == "sample":
            raise _contradiction(
                "scale",
                self.scale,
                "the embedded sample is drawn at data.load_size and has no other size; leave it "
                "out, or write the sample to files first (`pix2pix-tf data sample`)",
            )
        if self.scale == "resize" and self.pad is not None:
            raise _contradiction(
                "pad",
                self.pad,
                "is for data.scale=native or a factor; resized images are not padded",
            )
        return self

    @model_validator(mode="after")
    def _fit_augmentations(self) -> DataConfig:
        height, width = self.crop_size
        if self.augment.swapping and height != width:
            raise _contradiction(
                "augment",
                self.augment.swapping[0],
                f"exchanges height and width, and data.crop_size is [{height}, {width}]; set a "
                "square crop, or leave it out",
            )
        if self.augment.photometric and self.derive in ("centre_mask", "random_mask"):
            raise _contradiction(
                "augment",
                self.augment.photometric[0],
                f"changes inputs alone, and with data.derive={self.derive} they are the target "
                "itself, with holes",
            )
        needed = self.window_size
        if self.scale == "resize" and any(
            size > load for size, load in zip(needed, self.load_size, strict=True)
        ):
            low, _ = self.augment.scale
            raise _contradiction(
                "augment",
                f"scale from {low:g}",
                f"takes windows of up to {needed[0]}×{needed[1]} pixels (height×width) for crops "
                f"of {height}×{width}, and data.load_size is [{self.load_size[0]}, "
                f"{self.load_size[1]}]; set data.load_size to at least "
                f"[{needed[0]}, {needed[1]}], or a scale from "
                f"{_rounded_up(height / self.load_size[0], width / self.load_size[1])}",
            )
        return self

    @model_validator(mode="after")
    def _fit_ranges(self) -> DataConfig:
        for side, channels in (("input", self.input_channels), ("target", self.target_channels)):
            setting = getattr(self, f"{side}_range")
            if setting == "dtype":
                continue
            value = format_range(setting)
            if setting == "data" and self.dataset == "sample":
                raise _contradiction(
                    f"{side}_range", value, "the embedded sample has no files to measure"
                )
            if self.representation == "lab":
                raise _contradiction(
                    f"{side}_range",
                    value,
                    "is not for data.representation=lab, of RGB files",
                )
            if self.derive != "pair":
                raise _contradiction(
                    f"{side}_range",
                    value,
                    f"is not for data.derive={self.derive}, which makes inputs of photographs in 8 "
                    "bits",
                )
            if isinstance(setting[0], tuple) and len(setting) != channels:
                raise _contradiction(
                    f"{side}_range",
                    value,
                    f"has a range for each of {pluralize(len(setting), 'channel')}, and "
                    f"data.{side}_channels is {channels}",
                )
        return self

    @model_validator(mode="after")
    def _fit_display(self) -> DataConfig:
        for side, channels in zip(("input", "target"), self.image_channels, strict=True):
            shown = getattr(self, f"{side}_display")
            if shown is not None and max(shown) > channels:
                raise _contradiction(
                    f"{side}_display",
                    list(shown),
                    f"{side}s have {pluralize(channels, 'channel')}, counted from 1",
                )
        return self

    @model_validator(mode="after")
    def _fit_names(self) -> DataConfig:
        for side, channels in zip(("input", "target"), self.image_channels, strict=True):
            names = getattr(self, f"{side}_names")
            if names is not None and len(names) != channels:
                raise _contradiction(
                    f"{side}_names",
                    list(names),
                    f"has {pluralize(len(names), 'name')}, and {side}s have "
                    f"{pluralize(channels, 'channel')}",
                )
        return self

    @property
    def window_size(self) -> tuple[int, int]:
        """Height and width of the largest window that a crop is made of, by `scale` of augment."""
        low, _ = self.augment.scale
        height, width = (round(side / low) for side in self.crop_size)
        return height, width

    @property
    def image_channels(self) -> tuple[int, int]:
        """Channels of the input and target images, as they are read from and written to files."""
        if self.representation == "lab":
            return (3, 3)
        return (self.input_channels, self.target_channels)

    @property
    def nodata_of_sides(self) -> tuple[Nodata, Nodata]:
        """The value of inputs and that of targets that stands for no data, see `nodata`."""
        return self.nodata if isinstance(self.nodata, tuple) else (self.nodata, self.nodata)

    @property
    def from_photographs(self) -> bool:
        """Whether files are whole photographs from which inputs are derived, not pairs."""
        return self.derive != "pair" and self.photo == "file"


class GeneratorConfig(Section):
    """The generator: the U-Net of section 3.2.1 and appendix 6.1.1, or an alternative to it."""

    kind: Literal["unet", "encoder_decoder", "resnet_6", "resnet_9"] = "unet"
    """Architecture: `unet`; `encoder_decoder`, the U-Net without skip connections (Table 2);
    `resnet_6` and `resnet_9`, the ResNets of 6 and 9 blocks of the authors' PyTorch program.
    """
    width: PositiveInt = 64
    """Filters of the first layer; the deeper ones have 2, 4 and at most 8 times as many."""
    norm: Norm = "batch"
    """Normalisation: over the `batch`, over each image (`instance`), or `none`."""
    bottleneck_norm: bool = False
    """Whether the U-Net's innermost layer is normalised, as in the paper's own runs; its errata
    leave it out, since it erases the bottleneck at batch size 1.
    """
    dropout: Annotated[Real, Field(ge=0, lt=1)] = 0.5
    """Dropout rate, from 0 to less than 1, of the innermost decoder layers; the noise of the paper,
    also at test time.
    """
    upsampling: Literal["transposed", "resize"] = "transposed"
    """How the decoder upsamples: by transposed convolutions, as the paper does, or by `resize` and
    convolution, which avoids checkerboard artefacts.
    """


class DiscriminatorConfig(Section):
    """The PatchGAN discriminator of section 3.2.2 and appendix 6.1.2."""

    receptive_field: Literal[1, 16, 34, 70, 142, 286] = 70
    """Pixels a side that each output of the PatchGAN sees: 1 is the PixelGAN, 286 the ImageGAN."""
    width: PositiveInt = 64
    """Filters of the first layer; the deeper ones have 2, 4 and at most 8 times as many."""
    norm: Norm = "batch"
    """Normalisation: over the `batch`, over each image (`instance`), or `none`."""
    spectral_norm: bool = False
    """Whether the convolutions are spectrally normalised (Miyato et al. 2018)."""


class TrainingConfig(Section):
    """The optimisation of section 3.3."""

    epochs: PositiveInt = 200
    """Passes over the training pairs; training.steps wins over it."""
    steps: PositiveInt | None = None
    """Number of generator updates; null is what training.epochs gives."""
    batch_size: PositiveInt = 1
    """Pairs of one update, over all replicas together."""
    learning_rate: Annotated[Real, Field(gt=0)] = 2e-4
    """Learning rate of Adam for both networks; more than 0."""
    beta_1: Annotated[Real, Field(ge=0, lt=1)] = 0.5
    """Adam's decay of the first moment, from 0 to less than 1."""
    beta_2: Annotated[Real, Field(ge=0, lt=1)] = 0.999
    """Adam's decay of the second moment, from 0 to less than 1."""
    decay_from_epoch: PositiveInt | None = None
    """Epoch from which on the learning rate falls linearly, to 0 at the end; null holds it."""
    discriminator_steps: PositiveInt = 1
    """Discriminator updates before each generator update (k of Goodfellow et al. 2014), each on
    fresh pairs.
    """
    ema_decay: Annotated[Real, Field(gt=0, lt=1)] | None = None
    """Decay, such as 0.999, of an exponential moving average of the generator's weights, which then
    translates; null keeps none.
    """
    init_from: PathStr | None = None
    """Run directory whose newest weights a new run starts from, generator and discriminator, with
    fresh optimisers; null draws them. Layers of another shape, such as those of other channels,
    start anew. A run that is resumed does not read it again. A ~ at its start is the home
    directory.
    """
    freeze: LayerNames = ()
    """Layers that keep the weights of training.init_from: the beginnings of their names, such as
    `encoder` or `generator/encoder_1`, or the name of a network.
    """
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """Type in which the networks compute; weights, statistics, logits, translations and losses stay
    float32.
    """
    jit_compile: Literal["auto", True, False] = "auto"
    """Whether the update is compiled by XLA; `auto` does so on a single GPU that is no newer than
    TensorFlow's build.
    """
    steps_per_execution: PositiveInt = 1
    """Generator updates that the device makes in one call, as of Keras' compile(): more keep a fast
    GPU busy. Validation, checkpoints and stopping keep their steps.
    """
    deterministic: bool = True
    """Whether the same config gives the same numbers every time on the same machine."""
    seed: Seed = 0
    """Random seed of the initial weights, the order of pairs, crops, augmentation and dropout."""

    @model_validator(mode="after")
    def _freezes_what_is_trained(self) -> TrainingConfig:
        if self.freeze and self.init_from is None:
            raise PydanticCustomError(
                CONTRADICTION,
                "training.freeze: {names}: keeps the weights of training.init_from, which is not "
                "given; without it they would stay random",
                {"names": ", ".join(self.freeze)},
            )
        return self


class LoggingConfig(Section):
    """Outputs of a run during training, and their frequency."""

    tensorboard: bool = True
    """Whether losses, scores and images are written for TensorBoard."""
    validate_every: Interval = "epoch"
    """When the validation pairs are scored: every `epoch`, or every so many steps."""
    sheet_every: Interval = "epoch"
    """When a sheet of input, output and target is drawn: every `epoch`, or every so many steps."""
    sheet_rows: PositiveInt = 6
    """Validation pairs on a sheet."""
    checkpoint_every: PositiveInt = 1000
    """Steps between checkpoints; the end and a stop write one too."""
    keep: PositiveInt = 3
    """How many of the newest checkpoints are kept, besides the best generator."""


class WarningsConfig(Section):
    """Thresholds of the warnings about a failing training; null turns a warning off."""

    patience: PositiveInt = 500
    """Number of steps for which a condition must hold before it is reported."""
    discriminator_loss: Annotated[Real, Field(gt=0, lt=1)] | None = 0.03
    """Discriminator's loss, as a fraction of its value at chance, below which it overpowers the
    generator.
    """
    output_variation: Annotated[Real, Field(gt=0)] | None = 1.0
    """Difference between outputs below which they count as all alike, in grey levels of 255."""
    flat_image: Annotated[Real, Field(gt=0)] | None = 1.0
    """Contrast below which an image counts as of a single colour, in grey levels of 255."""
    flat_fraction: Annotated[Real, Field(ge=0, lt=1)] | None = 0.1
    """Fraction of the data's images that may be of a single colour."""
    loss_scale: Annotated[Real, Field(gt=0)] | None = 1.0
    """Loss scale of mixed_float16 below which gradients keep overflowing."""


class Config(Section):
    """An experiment: its data, networks, objective and training; immutable.

    Every section but `data` has the paper's settings by default. Configs of another method than
    pix2pix are of a subclass with the section `objective` of that method, which `load_config` and
    `make_config` choose.

    Example:
        >>> from pix2pix_tf import Config
        >>> config = Config(data={"dataset": "sample"})
        >>> config.objective.name, config.training.learning_rate
        ('l1+cgan', 0.0002)
    """

    method: NonEmptyStr = "pix2pix"
    """Method that is trained; the section `objective` is that of the method."""
    data: DataConfig
    generator: GeneratorConfig = GeneratorConfig()
    discriminator: DiscriminatorConfig = DiscriminatorConfig()
    objective: Pix2PixObjective = Pix2PixObjective()
    training: TrainingConfig = TrainingConfig()
    logging: LoggingConfig = LoggingConfig()
    warnings: WarningsConfig = WarningsConfig()

    @field_validator("method")
    @classmethod
    def _is_known(cls, method: str) -> str:
        if cls.model_fields["objective"].annotation is not OBJECTIVES.get(method):
            near = nearest(method, OBJECTIVES)
            hint = f"; did you mean {near}?" if near else ""
            raise PydanticCustomError(
                CONTRADICTION,
                "method: {method} is not one of {known}{hint}",
                {"method": repr(method), "known": ", ".join(OBJECTIVES), "hint": hint},
            )
        return method

    @model_validator(mode="after")
    def _agree(self) -> Config:
        self.objective.check(self)
        if self.generator.bottleneck_norm and (
            self.generator.kind not in BOTTLENECK_KINDS or self.generator.norm == "none"
        ):
            raise PydanticCustomError(
                CONTRADICTION,
                "generator.bottleneck_norm: true: is for generator.kind {kinds} with a "
                "generator.norm",
                {"kinds": " or ".join(BOTTLENECK_KINDS)},
            )
        return self

    def in_direction(self, direction: str) -> Config:
        """Returns this config with another direction of translation.

        Args:
            direction: `AtoB` or `BtoA`.

        Returns:
            The config whose inputs are A for `AtoB` or B for `BtoA`; the same object if it has this
            direction already.
        """
        data = self.data
        if direction == data.direction:
            return self
        swapped = {
            "direction": direction,
            "input_axes": data.target_axes,
            "target_axes": data.input_axes,
            "input_channels": data.target_channels,
            "target_channels": data.input_channels,
            "input_array": data.target_array,
            "target_array": data.input_array,
            "input_names": data.target_names,
            "target_names": data.input_names,
            "input_range": data.target_range,
            "target_range": data.input_range,
            "input_display": data.target_display,
            "target_display": data.input_display,
            "nodata": data.nodata[::-1] if isinstance(data.nodata, tuple) else data.nodata,
        }
        return self.model_copy(update={"data": data.model_copy(update=swapped)})

    @property
    def reference_statistics(self) -> bool:
        """Whether images are translated with the statistics of a reference batch.

        The input of the innermost batch norm can have one value per channel and image. Normalised
        by the statistics of a single image it would always be 0, so that those of several images
        are needed, as in training; see `pix2pix_tf.inference.reference_batch`.
        """
        generator = self.generator
        normed = generator.bottleneck_norm and generator.norm == "batch"
        return normed and self.training.batch_size > 1

    def settings(self) -> dict[str, Any]:
        """Flattens the config to a dictionary.

        Returns:
            Plain values by key: `SECTION.NAME`, or `method`.
        """
        flat: dict[str, Any] = {}
        for section, value in self.model_dump(mode="json").items():
            if isinstance(value, dict):
                flat |= {f"{section}.{name}": each for name, each in value.items()}
            else:
                flat[section] = value
        return flat

    def to_yaml(self) -> str:
        """Converts the config to YAML.

        Returns:
            Text that `load_config` reads back to an equal object.
        """
        return to_yaml(self.model_dump(mode="json"))


def load_config(
    path_or_name: str | Path, overrides: Mapping[str, Any] | Sequence[str] = ()
) -> Config:
    """Reads a config file, applies overrides, and validates the whole.

    Args:
        path_or_name: A file; or the name of a shipped config, with or without `.yaml`. A local file
            comes first.
        overrides: `{"training.steps": 2000}`, or as typed: `["training.steps=2000"]`. A typed value
            is YAML, except for keys that take text (`data.root`, `data.dataset`), whose value is
            taken literally; `null` is None.

    Returns:
        The config.

    Raises:
        UserError: There is no such file or name; it is not YAML; keys are unknown, values of the
            wrong type, invalid or contradicting each other.

    Example:
        >>> from pix2pix_tf import load_config
        >>> config = load_config("facades", {"training.epochs": 20, "data.crop_size": 128})
        >>> config.training.epochs, config.data.crop_size
        (20, (128, 128))
    """
    return read_config(path_or_name, shipped_files(), Config, overrides, _config_type)


def make_config(tree: Mapping[str, Any], source: str = "config") -> Config:
    """Validates plain values and returns them as a `Config`.

    Args:
        tree: Sections of plain values, and `method`.
        source: Name of the values in error messages.

    Raises:
        UserError: Keys are unknown, or values have the wrong type, are invalid or contradict each
            other.
    """
    return validated(_config_type(tree), tree, source)


def _config_type(tree: Mapping[str, Any]) -> type[Config]:
    """Returns the subclass of `Config` for the method that a tree names."""
    method = tree.get("method", "pix2pix")
    return _with_objective(method) if isinstance(method, str) and method in OBJECTIVES else Config


@functools.cache
def _with_objective(method: str) -> type[Config]:
    objective: Any = OBJECTIVES[method]
    if objective is Pix2PixObjective:
        return Config
    return create_model(
        "Config",
        __base__=Config,
        method=(NonEmptyStr, method),
        objective=(objective, Field(default_factory=objective)),
    )


def shipped_configs() -> list[str]:
    """Returns the names of the configs that come with the package, without `.yaml`."""
    return list(shipped_files())


def format_range(setting: RangeSetting) -> str:
    """Formats a value of `data.input_range` or `data.target_range` as in a config file.

    Example:
        >>> format_range((0.0, 4095.0)), format_range(((-1.5, 1.5), (0.0, 2.0)))
        ('[0, 4095]', '[[-1.5, 1.5], [0, 2]]')
    """
    if isinstance(setting, str):
        return setting
    parts = (format_range(p) if isinstance(p, tuple) else f"{p:.10g}" for p in setting)
    return f"[{', '.join(parts)}]"


def _rounded_up(*factors: float) -> float:
    """Returns the largest of some factors, rounded up to two decimals."""
    return math.ceil(100 * max(factors)) / 100


def _contradiction(key: str, value: Any, why: str) -> PydanticCustomError:
    return PydanticCustomError(
        CONTRADICTION, "data.{key}: {value}: {why}", {"key": key, "value": value, "why": why}
    )
