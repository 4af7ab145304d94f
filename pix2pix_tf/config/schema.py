"""The experiment's configuration: one typed, frozen object; YAML in, YAML out.

Every default is the paper's (Isola et al. 2017, section 3 and appendix 6.2), so that a config file
says only what differs. Whatever cannot be meant (an unknown key, a wrong type, two keys that
contradict each other) is a `UserError` that names the key, the value and the nearest right one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from pix2pix_tf.config.errors import CONTRADICTION
from pix2pix_tf.config.files import read_config, shipped_files, validated
from pix2pix_tf.config.yaml_text import to_yaml
from pix2pix_tf.utils.files import expand_home

# Crop sizes are multiples of it: fewer than four halvings leave no U-Net worth the name.
MIN_SIZE_MULTIPLE = 16

# Downsampling convolutions of the discriminator by its receptive field in pixels (appendix 6.1.2).
RECEPTIVE_FIELDS = {1: 0, 16: 1, 34: 2, 70: 3, 142: 4, 286: 5}


def _pair(value: Any) -> Any:
    """One number stands for a square; YAML has lists where we want tuples."""
    if isinstance(value, int) and not isinstance(value, bool):
        return (value, value)
    return tuple(value) if isinstance(value, list) else value


def _number(value: Any) -> Any:
    """YAML 1.1 reads 2e-4 (no dot) as a string; people mean the number."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _not_empty(value: str) -> str:
    if not value:
        raise PydanticCustomError("empty", "expected a text that is not empty")
    return value


Text = Annotated[str, AfterValidator(_not_empty)]
PathText = Annotated[Text, AfterValidator(expand_home)]
Positive = Annotated[int, Field(gt=0, lt=2**31)]  # more is meant by nobody and fits no counter
Real = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Size = Annotated[
    tuple[Positive, Positive],
    BeforeValidator(_pair),
    PlainSerializer(list),
    Field(description="pixels; one number or [height, width]"),
]
Every = Literal["epoch"] | Positive


class Section(BaseModel):
    """A section of a config: nothing in it changes, and no key is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class DataConfig(Section):
    """Where pairs come from and how they become training crops (appendix 6.2)."""

    dataset: Text | None = None  # a name; `sample` is the embedded city
    root: PathText | None = None  # the folder; null: datasets/<dataset> below the working directory
    # What to look for there; auto: two folders, then images of twice the width (side by side).
    layout: Literal["auto", "side_by_side", "folders"] = "auto"
    direction: Literal["AtoB", "BtoA"] = "AtoB"  # A is the left half, or the folder A/
    load_size: Size = (286, 286)  # bicubic resize before the crop
    crop_size: Size = (256, 256)  # what the networks see
    mirror: bool = True
    # pair: files hold pairs. Else they hold photographs, the targets, and inputs are made of them.
    derive: Literal["pair", "lightness", "grey", "edges", "centre_mask", "random_mask"] = "pair"
    # What those photographs are: whole files, or one half of side-by-side (A/, B/) pairs.
    photo: Literal["file", "A", "B"] = "file"
    representation: Literal["plain", "lab"] = "plain"  # lab: L in, a and b out (colourisation)
    input_channels: Annotated[int, Field(ge=1, le=4)] = 3
    target_channels: Annotated[int, Field(ge=1, le=4)] = 3
    cache: bool = True  # keep decoded pairs in memory
    on_bad_image: Literal["stop", "skip"] = "stop"  # skip: train without bad pairs, and list them
    validation_fraction: Annotated[Real, Field(gt=0, lt=1)] = 0.1  # held out where there is no val/
    split_seed: Annotated[int, Field(ge=0, lt=2**31)] = 0  # another one holds out other pairs
    sample_train: Positive = 200  # pairs drawn of the embedded city
    sample_val: Positive = 20

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
            if crop > load:
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
        return self

    @property
    def image_channels(self) -> tuple[int, int]:
        """Channels of input and target as images: what files are read as and written with."""
        if self.representation == "lab":
            return (3, 3)
        return (self.input_channels, self.target_channels)

    @property
    def from_photographs(self) -> bool:
        """Whether files hold whole photographs, of which inputs are made, rather than pairs."""
        return self.derive != "pair" and self.photo == "file"

    @property
    def levels(self) -> int:
        """How often both sides of the crop can be halved: the depth of the U-Net; 8 at 256×256."""
        common = math.gcd(*self.crop_size)
        return (common & -common).bit_length() - 1


class GeneratorConfig(Section):
    """The U-Net of section 3.2.1 and appendix 6.1.1, and what it is compared with."""

    # encoder_decoder is the U-Net without skips (Table 2); the ResNets are those of the authors'
    # PyTorch program.
    kind: Literal["unet", "encoder_decoder", "resnet_6", "resnet_9"] = "unet"
    width: Positive = 64  # filters of the first layer; the others are 2, 4 and 8 times as many
    norm: Literal["batch", "instance", "none"] = "batch"
    bottleneck_norm: bool = False  # true reproduces the paper's own runs, which the errata correct
    dropout: Annotated[Real, Field(ge=0, lt=1)] = 0.5
    upsampling: Literal["transposed", "resize"] = "transposed"  # resize avoids chequered patterns


class DiscriminatorConfig(Section):
    """The PatchGAN of section 3.2.2 and appendix 6.1.2."""

    receptive_field: Literal[1, 16, 34, 70, 142, 286] = 70  # pixels a side
    width: Positive = 64
    norm: Literal["batch", "instance", "none"] = "batch"
    spectral_norm: bool = False


class ObjectiveConfig(Section):
    """Equation 4 and the objectives of Table 1: a GAN's, plus `l1_weight` (λ) times a distance.

    `cgan`: the discriminator sees the input; `gan`: it does not; `l2` stands for `l1` in a name.
    """

    name: Literal["l1", "l2", "gan", "cgan", "l1+gan", "l1+cgan", "l2+gan", "l2+cgan"] = "l1+cgan"
    l1_weight: Annotated[Real, Field(ge=0)] = 100.0  # of the distance, l1 or l2
    gan_loss: Literal["vanilla", "least_squares", "hinge"] = "vanilla"

    @property
    def distance(self) -> Literal["l1", "l2"] | None:
        """The distance to the target that the objective has, or None."""
        return {"l1": "l1", "l2": "l2"}.get(self.name[:2])  # type: ignore[return-value]

    @property
    def adversarial(self) -> bool:
        """Whether there is a discriminator."""
        return self.name.endswith("gan")

    @property
    def conditional(self) -> bool:
        """Whether the discriminator sees the input."""
        return self.name.endswith("cgan")


class TrainingConfig(Section):
    """The optimisation of section 3.3."""

    epochs: Positive = 200
    steps: Positive | None = None  # updates of the generator; wins over epochs
    batch_size: Positive = 1  # of all replicas together
    learning_rate: Annotated[Real, Field(gt=0)] = 2e-4
    beta_1: Annotated[Real, Field(ge=0, lt=1)] = 0.5
    beta_2: Annotated[Real, Field(ge=0, lt=1)] = 0.999
    decay_from_epoch: Positive | None = None  # from here on the learning rate falls linearly to 0
    discriminator_steps: Positive = 1  # k of them, each on fresh pairs, before each generator step
    # Decay (such as 0.999) of a moving average of the generator's weights, which then translates.
    ema_decay: Annotated[Real, Field(gt=0, lt=1)] | None = None
    # What networks compute in; weights, statistics, logits, translations and losses stay float32.
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    jit_compile: Literal["auto", True, False] = "auto"  # by XLA; auto: on one GPU only
    steps_per_execution: Positive = 1  # updates between two looks of Python; more help fast GPUs
    deterministic: bool = True  # the same numbers every time on the same machine
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0


class LoggingConfig(Section):
    """What a run writes, and how often (in epochs or in steps)."""

    tensorboard: bool = True
    validate_every: Every = "epoch"
    sheet_every: Every = "epoch"
    sheet_rows: Positive = 6
    checkpoint_every: Positive = 1000  # steps
    keep: Positive = 3  # newest checkpoints; the best is kept besides


class WarningsConfig(Section):
    """When a training is said to go wrong; null: never."""

    patience: Positive = 500  # steps that it must have lasted
    # The discriminator's loss, as a share of where it cannot tell real from fake.
    discriminator_loss: Annotated[Real, Field(gt=0, lt=1)] | None = 0.03
    # In grey levels of 255: how outputs differ from each other; what is of a single colour.
    output_variation: Annotated[Real, Field(gt=0)] | None = 1.0
    flat_image: Annotated[Real, Field(gt=0)] | None = 1.0
    flat_fraction: Annotated[Real, Field(ge=0, lt=1)] | None = 0.1  # of the data's images
    loss_scale: Annotated[Real, Field(gt=0)] | None = 1.0  # of mixed_float16


class Config(Section):
    """A whole experiment. `Config(data={"dataset": "sample"})` has the paper's settings."""

    data: DataConfig
    generator: GeneratorConfig = GeneratorConfig()
    discriminator: DiscriminatorConfig = DiscriminatorConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    training: TrainingConfig = TrainingConfig()
    logging: LoggingConfig = LoggingConfig()
    warnings: WarningsConfig = WarningsConfig()

    @model_validator(mode="after")
    def _agree(self) -> Config:
        field = self.discriminator.receptive_field
        if min(patch_grid(self.data.crop_size, field)) < 1:
            fitting = [f for f in RECEPTIVE_FIELDS if min(patch_grid(self.data.crop_size, f)) >= 1]
            raise PydanticCustomError(
                CONTRADICTION,
                "discriminator.receptive_field: {field} leaves no patch of a data.crop_size of "
                "{size}; the largest that fits is {best}",
                {"field": field, "size": list(self.data.crop_size), "best": max(fitting)},
            )
        if self.generator.bottleneck_norm and (
            self.generator.kind.startswith("resnet") or self.generator.norm == "none"
        ):
            raise PydanticCustomError(
                CONTRADICTION,
                "generator.bottleneck_norm: true: is for generator.kind unet or encoder_decoder "
                "with a generator.norm",
            )
        return self

    @property
    def size_multiple(self) -> int:
        """What height and width of an image must be a multiple of for the generator."""
        return 4 if self.generator.kind.startswith("resnet") else 2**self.data.levels

    @property
    def smallest_size(self) -> int:
        """What height and width of an image must be at least for the generator.

        The blocks of a ResNet mirror maps of a quarter of the image's size, which takes two pixels.
        """
        return 8 if self.generator.kind.startswith("resnet") else self.size_multiple

    @property
    def reference_statistics(self) -> bool:
        """Whether images are translated by the statistics of a batch, as they were trained.

        Where the innermost norm sees one value a channel and image, only the statistics of several
        images let anything pass; see `pix2pix_tf.inference.reference_batch`.
        """
        generator = self.generator
        normed = generator.bottleneck_norm and generator.norm == "batch"
        return normed and self.training.batch_size > 1

    def to_yaml(self) -> str:
        """The config as YAML text that `load_config` reads back to an equal object."""
        return to_yaml(self.model_dump(mode="json"))


def patch_grid(size: Sequence[int], receptive_field: int) -> tuple[int, int]:
    """Height and width of the discriminator's output for an image `size` (height, width).

    256×256 gives 30×30 at the default receptive field of 70 (appendix 6.1.2): each halving
    convolution (k4 s2 p1) halves the size, the two last ones (k4 s1 p1) take one pixel each.
    """
    if receptive_field == 1:
        return (size[0], size[1])
    halvings = RECEPTIVE_FIELDS[receptive_field]
    return ((size[0] >> halvings) - 2, (size[1] >> halvings) - 2)


def load_config(
    path_or_name: str | Path, overrides: Mapping[str, Any] | Sequence[str] = ()
) -> Config:
    """Reads a config file and applies overrides, validating the whole.

    Args:
        path_or_name: A file; or the name of a shipped config, with or without `.yaml`. A local file
            comes first.
        overrides: `{"training.steps": 2000}`, or as typed: `["training.steps=2000"]`, the value
            then being taken as typed where the key takes text (`data.root`, `data.dataset`;
            `null` is None), and else YAML.

    Raises:
        UserError: No such file or name, not YAML, unknown keys, wrong types or values,
            contradictions.
    """
    return read_config(path_or_name, shipped_files(), Config, overrides)


def make_config(tree: Mapping[str, Any], source: str = "config") -> Config:
    """Validates sections of plain values into a `Config`; `source` names them in errors."""
    return validated(Config, tree, source)


def shipped_configs() -> list[str]:
    """Names of the configs that come with the package, without `.yaml`."""
    return list(shipped_files())


def _contradiction(key: str, value: Any, why: str) -> PydanticCustomError:
    return PydanticCustomError(
        CONTRADICTION, "data.{key}: {value}: {why}", {"key": key, "value": value, "why": why}
    )
