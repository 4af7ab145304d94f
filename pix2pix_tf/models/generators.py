"""The kinds of generator: all that the package knows of any one of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import keras

from pix2pix_tf.config.schema import Config, GeneratorConfig
from pix2pix_tf.models.blocks import computing_in
from pix2pix_tf.models.resnet import DOWNSAMPLINGS as RESNET_DOWNSAMPLINGS
from pix2pix_tf.models.resnet import build_resnet
from pix2pix_tf.models.unet import build_unet, unet_levels

Size: TypeAlias = tuple[int, int]
OpenSize: TypeAlias = Size | tuple[None, None]
Upsampling: TypeAlias = Literal["transposed", "resize"]

OUTER_LEVELS = 5  # Levels of a U-Net that tiles go through, at most.

# Five eighths of what tiles share is surroundings on either side. A pixel made by the outer levels
# depends on 62 around it; by a ResNet of nine blocks on 87, by a whole U-Net of four levels on 45.
_OVERLAP = 128
_OVERLAP_WITHOUT_INNER = 256


@dataclass(frozen=True)
class InnerLevels:
    """The innermost part of a network, which sees further than tiles can overlap.

    Attributes:
        bottom: Its input, a tensor of the network.
        top: Its output, likewise.
        skip: Whether the network uses `bottom` outside this part too.
        cell: Pixels a side of the image that one position of `bottom` and of `top` stands for.
    """

    bottom: keras.KerasTensor
    top: keras.KerasTensor
    skip: bool
    cell: int


@dataclass(frozen=True)
class Tiling:
    """How a network is computed tile by tile.

    Attributes:
        overlap: Pixels that neighbouring tiles share, at most half of a tile's side.
        inner: The part that is computed for the whole image at once; None if tiles go through all.
    """

    overlap: int
    inner: InnerLevels | None


@dataclass(frozen=True)
class MemoryUse:
    """Bytes at the peak of a translation on the CPU, measured by `python -m benchmarks.memory`.

    Attributes:
        pixel: Bytes a pixel.
        filter: Bytes a pixel for each filter of the first layer.
    """

    pixel: float
    filter: float


@dataclass(frozen=True)
class GeneratorKind(ABC):
    """A kind of generator, an entry of `GENERATORS`.

    Attributes:
        memory: Its use of memory by `generator.upsampling`.
    """

    memory: Mapping[Upsampling, MemoryUse]

    @abstractmethod
    def build(self, config: GeneratorConfig, crop_size: Size, **common: Any) -> keras.Model:
        """Builds the network: images [N, H, W, C] to translations [N, H, W, D], both in [-1, 1].

        Args:
            config: The section `generator`.
            crop_size: Height and width in training, which the depth may depend on.
            **common: The arguments that `build_unet` and `build_resnet` share: `size`,
                `input_channels`, `target_channels`, `seed` and `part`.
        """

    @abstractmethod
    def num_downsamplings(self, crop_size: Size) -> int:
        """How often the network halves an image of the training's size."""

    def size_multiple(self, crop_size: Size) -> int:
        """What height and width of an image must be a multiple of."""
        return 2 ** self.num_downsamplings(crop_size)

    def smallest_size(self, crop_size: Size) -> int:
        """What height and width of an image must be at least."""
        return self.size_multiple(crop_size)

    def tiling(self, network: keras.Model, crop_size: Size) -> Tiling:
        """How a network of this kind is computed tile by tile."""
        return Tiling(_OVERLAP_WITHOUT_INNER, None)

    def bytes_per_pixel(self, config: GeneratorConfig) -> float:
        """Bytes of memory that a translation takes for each pixel, on the CPU, within 30 %."""
        use = self.memory[config.upsampling]
        return use.pixel + use.filter * config.width


@dataclass(frozen=True)
class UNetKind(GeneratorKind):
    """`build_unet`: as deep as the training's size allows.

    Attributes:
        skips: Whether decoder blocks see their encoder block.
    """

    skips: bool

    def build(self, config: GeneratorConfig, crop_size: Size, **common: Any) -> keras.Model:
        """Builds it for the training's size."""
        return build_unet(
            levels=self.num_downsamplings(crop_size),
            width=config.width,
            skips=self.skips,
            norm=config.norm,
            bottleneck_norm=config.bottleneck_norm,
            dropout=config.dropout,
            upsampling=config.upsampling,
            **common,
        )

    def num_downsamplings(self, crop_size: Size) -> int:
        """How often both sides can be halved: 8 times at 256×256, down to 1×1."""
        return unet_levels(crop_size)

    def tiling(self, network: keras.Model, crop_size: Size) -> Tiling:
        """Tiles go through the outer levels; deeper ones are computed for the whole image."""
        levels = self.num_downsamplings(crop_size)
        if levels < OUTER_LEVELS:
            return super().tiling(network, crop_size)
        outer = min(OUTER_LEVELS, levels - 1)
        bottom = network.get_layer(f"encoder_{outer + 1}_activation").input
        block = levels - outer  # of the decoder, the innermost being 1
        if self.skips:
            _, top = network.get_layer(f"decoder_{block}_skip").input
        else:
            top = network.get_layer(f"decoder_{block + 1}_activation").input
        return Tiling(_OVERLAP, InnerLevels(bottom, top, self.skips, cell=2**outer))


@dataclass(frozen=True)
class ResNetKind(GeneratorKind):
    """`build_resnet`.

    Attributes:
        blocks: Number of residual blocks.
    """

    blocks: int

    def build(self, config: GeneratorConfig, crop_size: Size, **common: Any) -> keras.Model:
        """Builds it, whatever the training's size."""
        return build_resnet(
            blocks=self.blocks,
            width=config.width,
            norm=config.norm,
            dropout=config.dropout,
            upsampling=config.upsampling,
            **common,
        )

    def num_downsamplings(self, crop_size: Size) -> int:
        """Twice, whatever the size."""
        return RESNET_DOWNSAMPLINGS

    def smallest_size(self, crop_size: Size) -> int:
        """Two pixels at a quarter of the size: the blocks' reflection padding needs as many."""
        return 2 * self.size_multiple(crop_size)


_RESNET_MEMORY: Mapping[Upsampling, MemoryUse] = {
    "transposed": MemoryUse(pixel=0, filter=24.5),
    "resize": MemoryUse(pixel=0, filter=34.1),
}

GENERATORS: Mapping[str, GeneratorKind] = {
    "unet": UNetKind(
        skips=True,
        memory={
            "transposed": MemoryUse(pixel=110, filter=3.7),
            "resize": MemoryUse(pixel=10, filter=29.3),
        },
    ),
    "encoder_decoder": UNetKind(
        skips=False,
        memory={
            "transposed": MemoryUse(pixel=140, filter=1.3),
            "resize": MemoryUse(pixel=20, filter=15),
        },
    ),
    "resnet_6": ResNetKind(blocks=6, memory=_RESNET_MEMORY),
    "resnet_9": ResNetKind(blocks=9, memory=_RESNET_MEMORY),
}
"""Every kind by its name in `generator.kind`."""


def build_generator(
    config: Config, *, any_size: bool = False, initial: bool = True, part: str = "generator"
) -> keras.Model:
    """Builds the generator of a config: image [N, H, W, input_channels] to translation in [-1, 1].

    Args:
        config: The experiment; height and width are its `data.crop_size`, and it computes in its
            `training.precision`. The weights and the translation are float32 all the same.
        any_size: Leaves height and width open, to translate images of any size that is a multiple
            of the kind's `size_multiple`, and computes in float32. The weights are the same.
        initial: Draws the initial weights, for which a full-size network takes a second. Without,
            they are zeros: for a network that gets those of a checkpoint.
        part: Name of the network: networks of other names have other initial weights.

    Returns:
        The network, from float [N, H, W, input_channels] to float32 [N, H, W, target_channels].
    """
    data, section = config.data, config.generator
    with computing_in("float32" if any_size else config.training.precision):
        return GENERATORS[section.kind].build(
            section,
            data.crop_size,
            size=(None, None) if any_size else data.crop_size,
            input_channels=data.input_channels,
            target_channels=data.target_channels,
            seed=config.training.seed if initial else None,
            part=part,
        )
