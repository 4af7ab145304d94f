"""The networks of the authors' PyTorch program, reimplemented from their published description.

Modules are nested so that weights have the same names as in that program; for their use see
`make_golden.py`.
"""

# ruff: noqa: D102  forward is PyTorch's own

from __future__ import annotations

import torch
from torch import nn


def norm_layer(kind: str, channels: int) -> nn.Module:
    """Batch norm with learnt scale, offset and running averages, or instance norm without them."""
    if kind == "none":
        return nn.Identity()
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.InstanceNorm2d(channels)


class UnetBlock(nn.Module):
    """One level of the U-Net, which contains all deeper levels."""

    def __init__(
        self,
        outer: int,
        inner: int,
        norm: str,
        inner_block: nn.Module | None,
        inputs: int | None = None,
        outermost: bool = False,
        dropout: bool = False,
    ) -> None:
        super().__init__()
        self.outermost = outermost
        bias = norm == "instance"
        halve = nn.Conv2d(inputs or outer, inner, 4, 2, 1, bias=bias)
        below = inner if inner_block is None else 2 * inner
        double = nn.ConvTranspose2d(below, outer, 4, 2, 1, bias=bias or outermost)
        relu, leaky = nn.ReLU(inplace=True), nn.LeakyReLU(0.2, inplace=True)
        if outermost:
            modules = [halve, inner_block, relu, double, nn.Tanh()]
        elif inner_block is None:
            modules = [leaky, halve, relu, double, norm_layer(norm, outer)]
        else:
            modules = [leaky, halve, norm_layer(norm, inner), inner_block, relu, double]
            modules += [norm_layer(norm, outer), *([nn.Dropout(0.5)] if dropout else [])]
        self.model = nn.Sequential(*modules)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.model(x)  # leaky works in place: x is then what it returned
        return y if self.outermost else torch.cat([x, y], 1)


class UnetGenerator(nn.Module):
    """unet_256 has 8 levels, unet_128 has 7."""

    def __init__(
        self, inputs: int, outputs: int, levels: int, width: int, norm: str, dropout: bool
    ) -> None:
        super().__init__()
        block = UnetBlock(8 * width, 8 * width, norm, None)
        for _ in range(levels - 5):
            block = UnetBlock(8 * width, 8 * width, norm, block, dropout=dropout)
        for factor in (4, 2, 1):
            block = UnetBlock(factor * width, 2 * factor * width, norm, block)
        self.model = UnetBlock(outputs, width, norm, block, inputs=inputs, outermost=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)


class ResnetBlock(nn.Module):
    """Two convolutions and a skip connection."""

    def __init__(self, channels: int, norm: str, dropout: bool) -> None:
        super().__init__()
        bias = norm == "instance"
        first, second = (
            [
                nn.ReflectionPad2d(1),
                nn.Conv2d(channels, channels, 3, bias=bias),
                norm_layer(norm, channels),
            ]
            for _ in range(2)
        )
        between = [nn.ReLU(), *([nn.Dropout(0.5)] if dropout else [])]
        self.conv_block = nn.Sequential(*first, *between, *second)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.conv_block(x)


class ResnetGenerator(nn.Module):
    """resnet_9blocks and resnet_6blocks."""

    def __init__(
        self, inputs: int, outputs: int, blocks: int, width: int, norm: str, dropout: bool
    ) -> None:
        super().__init__()
        bias = norm == "instance"
        modules: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(inputs, width, 7, bias=bias)]
        modules += [norm_layer(norm, width), nn.ReLU()]
        for channels in (width, 2 * width):
            modules.append(nn.Conv2d(channels, 2 * channels, 3, 2, 1, bias=bias))
            modules += [norm_layer(norm, 2 * channels), nn.ReLU()]
        modules += [ResnetBlock(4 * width, norm, dropout) for _ in range(blocks)]
        for channels in (4 * width, 2 * width):
            modules.append(nn.ConvTranspose2d(channels, channels // 2, 3, 2, 1, 1, bias=bias))
            modules += [norm_layer(norm, channels // 2), nn.ReLU()]
        modules += [nn.ReflectionPad2d(3), nn.Conv2d(width, outputs, 7), nn.Tanh()]
        self.model = nn.Sequential(*modules)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)


class NLayerDiscriminator(nn.Module):
    """`basic` has 3 layers."""

    def __init__(self, inputs: int, width: int, layers: int, norm: str) -> None:
        super().__init__()
        modules = [nn.Conv2d(inputs, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        channels = width
        for layer in range(1, layers + 1):
            wider = width * min(2**layer, 8)
            stride = 2 if layer < layers else 1
            modules.append(nn.Conv2d(channels, wider, 4, stride, 1, bias=norm == "instance"))
            modules += [norm_layer(norm, wider), nn.LeakyReLU(0.2)]
            channels = wider
        modules.append(nn.Conv2d(channels, 1, 4, 1, 1))
        self.model = nn.Sequential(*modules)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)


class PixelDiscriminator(nn.Module):
    """`pixel`; its last convolution has a bias with instance norm only."""

    def __init__(self, inputs: int, width: int, norm: str) -> None:
        super().__init__()
        bias = norm == "instance"
        self.net = nn.Sequential(
            nn.Conv2d(inputs, width, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 1, bias=bias),
            norm_layer(norm, 2 * width),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 1, 1, bias=bias),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)
