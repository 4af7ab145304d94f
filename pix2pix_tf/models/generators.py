"""Registry of the kinds of generator, with everything that is specific to a kind."""

from __future__ import annotations

import re
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

OUTER_LEVELS = 5  # Largest number of U-Net levels that are computed in tiles.

# A pixel with full weight is at least five eighths of the overlap away from the edge of its tile.
# It depends on 62 pixels in each direction in the outer levels of a U-Net, on 87 in a ResNet of
# nine blocks and on 45 in a whole U-Net of four levels.
_OVERLAP = 128
_OVERLAP_WITHOUT_INNER = 256


@dataclass(frozen=True)
class InnerLevels:
    """The innermost levels of a network, whose receptive field is larger than tiles can overlap.

    Attributes:
        bottom: Input of the inner levels, a tensor of the network.
        top: Output of the inner levels, a tensor of the network.
        skip: Whether the network also uses `bottom` outside the inner levels.
        cell: Side in pixels of the area of the image that one position of `bottom` and of `top`
            covers.
    """

    bottom: keras.KerasTensor
    top: keras.KerasTensor
    skip: bool
    cell: int


@dataclass(frozen=True)
class Tiling:
    """Division of a network for computing it tile by tile.

    Attributes:
        overlap: Pixels that neighbouring tiles share; no more than half of a tile's side is used.
        inner: The levels that are computed for the whole image at once; None if all levels are
            computed in tiles.
    """

    overlap: int
    inner: InnerLevels | None


@dataclass(frozen=True)
class MemoryUse:
    """Peak memory of a translation on the CPU, measured by `python -m benchmarks.memory`.

    Attributes:
        pixel: Bytes per pixel of the image.
        filter: Bytes per pixel of the image and filter of the first layer.
    """

    pixel: float
    filter: float


@dataclass(frozen=True)
class GeneratorKind(ABC):
    """A kind of generator, an entry of `GENERATORS`.

    Attributes:
        memory: Peak memory for each `generator.upsampling`.
    """

    memory: Mapping[Upsampling, MemoryUse]

    @abstractmethod
    def build(self, config: GeneratorConfig, crop_size: Size, **common: Any) -> keras.Model:
        """Builds the network, from images [N, H, W, C] to translations [N, H, W, D] in [-1, 1].

        Args:
            config: The section `generator`.
            crop_size: Height and width in training, in pixels; the depth may depend on them.
            **common: The arguments that `build_unet` and `build_resnet` share: `size`,
                `input_channels`, `target_channels`, `seed` and `part`.

        Returns:
            The network.
        """

    @abstractmethod
    def num_downsamplings(self, crop_size: Size) -> int:
        """Returns how often the network halves an image of the training size."""

    def size_multiple(self, crop_size: Size) -> int:
        """Returns the number that height and width of an image must be multiples of."""
        return 2 ** self.num_downsamplings(crop_size)

    def smallest_size(self, crop_size: Size) -> int:
        """Returns the smallest height and width of an image, in pixels."""
        return self.size_multiple(crop_size)

    def layer_elsewhere(self, layer: str, crop_size: Size, other: Size) -> str:
        """Returns the layer that has the place of a layer in a network for another training size.

        Args:
            layer: Name of a layer.
            crop_size: Height and width in training of its network, in pixels.
            other: Height and width in training of the other network, in pixels.

        Returns:
            The name of the other network's layer, if that has one there.
        """
        return layer

    def tiling(self, network: keras.Model, crop_size: Size) -> Tiling:
        """Returns how to compute a network of this kind tile by tile.

        Args:
            network: The network.
            crop_size: Height and width in training, in pixels.

        Returns:
            The overlap of tiles, and the levels that are computed for the whole image.
        """
        return Tiling(_OVERLAP_WITHOUT_INNER, None)

    def bytes_per_pixel(self, config: GeneratorConfig) -> float:
        """Returns the bytes per pixel that a translation takes on the CPU, within 30 %."""
        use = self.memory[config.upsampling]
        return use.pixel + use.filter * config.width


@dataclass(frozen=True)
class UNetKind(GeneratorKind):
    """U-Nets and encoder-decoders, see `build_unet`, as deep as the training size allows.

    Attributes:
        skips: Whether skips connect encoder and decoder.
    """

    skips: bool

    def build(self, config: GeneratorConfig, crop_size: Size, **common: Any) -> keras.Model:
        """Builds the network with the depth for the training size."""
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
        """Returns how often both sides can be halved: 8 times at 256×256, down to 1×1."""
        return unet_levels(crop_size)

    def layer_elsewhere(self, layer: str, crop_size: Size, other: Size) -> str:
        """Returns the layer at the same resolution: decoders are counted from the bottleneck.

        Example:
            >>> GENERATORS["unet"].layer_elsewhere("decoder_6_norm", (128, 128), (256, 256))
            'decoder_7_norm'
        """
        deeper = self.num_downsamplings(other) - self.num_downsamplings(crop_size)
        block = re.fullmatch(r"decoder_(\d+)(.*)", layer)
        return layer if block is None else f"decoder_{int(block[1]) + deeper}{block[2]}"

    def tiling(self, network: keras.Model, crop_size: Size) -> Tiling:
        """Returns a division into outer levels in tiles and inner levels for the whole image."""
        levels = self.num_downsamplings(crop_size)
        if levels < OUTER_LEVELS:
            return super().tiling(network, crop_size)
        outer = min(OUTER_LEVELS, levels - 1)
        bottom = network.get_layer(f"encoder_{outer + 1}_activation").input
        block = levels - outer  # number of the decoder block, counted from 1 at the bottleneck
        if self.skips:
            _, top = network.get_layer(f"decoder_{block}_skip").input
        else:
            top = network.get_layer(f"decoder_{block + 1}_activation").input
        return Tiling(_OVERLAP, InnerLevels(bottom, top, self.skips, cell=2**outer))


@dataclass(frozen=True)
class ResNetKind(GeneratorKind):
    """ResNets, see `build_resnet`.

    Attributes:
        blocks: Number of residual blocks.
    """

    blocks: int

    def build(self, config: GeneratorConfig, crop_size: Size, **common: Any) -> keras.Model:
        """Builds the network, which does not depend on the training size."""
        return build_resnet(
            blocks=self.blocks,
            width=config.width,
            norm=config.norm,
            dropout=config.dropout,
            upsampling=config.upsampling,
            **common,
        )

    def num_downsamplings(self, crop_size: Size) -> int:
        """Returns 2, for every training size."""
        return RESNET_DOWNSAMPLINGS

    def smallest_size(self, crop_size: Size) -> int:
        """Returns 8 pixels: the reflection padding of blocks needs 2 at a quarter of the size."""
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
"""The kinds of generator by their names in `generator.kind`."""


def build_generator(
    config: Config, *, any_size: bool = False, initial: bool = True, part: str = "generator"
) -> keras.Model:
    """Builds the generator of a config.

    Args:
        config: The config; height and width of the network are its `data.crop_size`, and the
            network computes in its `training.precision`. Weights and translation are always
            float32.
        any_size: Whether the network takes images of any size that is a multiple of the kind's
            `size_multiple`, and computes in float32. The weights are the same.
        initial: Whether initial weights are drawn, which takes a second for a full-size network.
            Otherwise the weights are zeros, to be replaced by those of a checkpoint.
        part: Name of the network, on which the initial weights depend.

    Returns:
        The network, from float [N, H, W, input_channels] to float32 [N, H, W, target_channels],
        both in [-1, 1].
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
