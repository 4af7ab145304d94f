"""Recognition of networks of the authors' PyTorch program, pytorch-CycleGAN-and-pix2pix.

A network is recognised from the names and shapes of its state dict. The result is the settings of
the config for the same network, and every weight under the name of this package's variable.

PyTorch's arrays are converted only by changing the order of their axes:

    convolution               [out, in, height, width] → [height, width, in, out]
    transposed convolution    [in, out, height, width] → [height, width, out, in]

The programs differ as follows:
    - With instance normalisation, that program gives every convolution a bias. The bias of a
      convolution before a norm is dropped, because the norm subtracts it with the mean.
    - Its instance normalisation has no scale and offset; here they are set to 1 and 0.
    - Without normalisation, some convolutions have a bias here and none there; it is set to 0.
    - Running averages of batch normalisation are dropped. This package normalises by the statistics
      of the image, as does that program without `--eval`.
    - Dropout in its U-Net is in the decoder blocks of 4×4, 8×8 and 16×16 (of 256×256), and not in
      the innermost. Here it is in the first three (2×2, 4×4, 8×8), as in the paper. With dropout
      off the two are the same network. The weights of a U-Net do not show whether it was trained
      with dropout, except for five downsamplings, which leave no block for it. The weights of a
      ResNet do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from pix2pix_tf.utils.errors import UserError

IGNORED = ("running_mean", "running_var", "num_batches_tracked")  # last parts of tensors' names

_FIELDS = {1: 16, 2: 34, 3: 70, 4: 142, 5: 286}  # receptive fields by `n_layers`
_RESNETS = {6: "resnet_6", 9: "resnet_9"}
_DEEPEST = 12  # largest number of downsamplings of a U-Net, for images of 4096×4096


@dataclass(frozen=True)
class Recognised:
    """A network that was recognised from its weights.

    Attributes:
        name: Description: its name in the authors' program, and its size.
        settings: Settings that the config must have, such as `generator.kind`.
        defaults: Settings that the config has unless they are overridden.
        input_channels: Channels of the network's input; of a discriminator usually those of both
            images.
        weights: float32 arrays by the names of this package's variables, such as
            `encoder_1/kernel`.
    """

    name: str
    settings: dict[str, Any]
    defaults: dict[str, Any]
    input_channels: int
    weights: dict[str, np.ndarray]


class _Layer(NamedTuple):
    """A convolution in both programs.

    Attributes:
        name: Name in this package.
        torch_name: Name in the authors' program.
        shape: Input channels, output channels and side of the kernels.
        norm: Name of the norm after the convolution in the authors' program, or None.
        transposed: Whether it is a transposed convolution.
        bare: Whether it has no norm, and yet no bias in networks with batch normalisation.
    """

    name: str
    torch_name: str
    shape: tuple[int, int, int]
    norm: str | None = None
    transposed: bool = False
    bare: bool = False


def recognise_generator(state: Mapping[str, np.ndarray], source: str) -> Recognised:
    """Recognises a generator from its state dict.

    Args:
        state: Arrays by PyTorch's names.
        source: The file, for error messages.

    Returns:
        The generator.

    Raises:
        UserError: The weights are not those of a generator that both programs have.
    """
    weights = _Weights(state, source)
    if "model.model.0.weight" in state:
        return _unet(weights)
    if "model.10.conv_block.1.weight" in state:
        return _resnet(weights)
    if _is_discriminator(state):
        raise UserError(f"{source}: is a discriminator; give the generator (latest_net_G.pth)")
    raise _unknown(source, "generator", "U-Nets and the ResNets of 6 and 9 blocks")


def recognise_discriminator(state: Mapping[str, np.ndarray], source: str) -> Recognised:
    """Recognises a discriminator from its state dict.

    Args:
        state: Arrays by PyTorch's names.
        source: The file, for error messages.

    Returns:
        The discriminator.

    Raises:
        UserError: The weights are not those of a discriminator that both programs have.
    """
    weights = _Weights(state, source)
    if "net.0.weight" in state:
        return _pixel(weights)
    if _is_discriminator(state):
        return _patchgan(weights)
    if "model.model.0.weight" in state or "model.1.weight" in state:
        raise UserError(f"{source}: is a generator; give the discriminator (latest_net_D.pth)")
    raise _unknown(source, "discriminator", "basic, n_layers of 1 to 5, and pixel")


def _is_discriminator(state: Mapping[str, np.ndarray]) -> bool:
    return "net.0.weight" in state or {"model.0.weight", "model.2.weight"} <= set(state)


def _unet(weights: _Weights) -> Recognised:
    """Recognises a `UnetGenerator`.

    Module 3 of each block (module 1 of the outermost) is the next inner block.
    """
    blocks = ["model", "model.model.1"]
    while f"{blocks[-1]}.model.3.model.1.weight" in weights.state and len(blocks) < _DEEPEST:
        blocks.append(f"{blocks[-1]}.model.3")
    levels = len(blocks)
    if levels < 5:
        raise _unknown(weights.source, "generator", "U-Nets of 5 halvings and more")
    torch_names = [f"{block}.model" for block in blocks]
    width, inputs = weights.channels(f"{torch_names[0]}.0")
    targets = weights.channels(f"{torch_names[0]}.3")[1]
    filters = [width * min(2**level, 8) for level in range(levels)]

    layers = [_Layer("encoder_1", f"{torch_names[0]}.0", (inputs, width, 4), bare=True)]
    for level in range(1, levels):
        innermost = level == levels - 1
        layers.append(
            _Layer(
                f"encoder_{level + 1}",
                f"{torch_names[level]}.1",
                (filters[level - 1], filters[level], 4),
                norm=None if innermost else f"{torch_names[level]}.2",
                bare=innermost,
            )
        )
    for level in range(levels - 1, 0, -1):
        innermost = level == levels - 1
        module = 3 if innermost else 5
        layers.append(
            _Layer(
                f"decoder_{levels - level}",
                f"{torch_names[level]}.{module}",
                (filters[level] * (1 if innermost else 2), filters[level - 1], 4),
                norm=f"{torch_names[level]}.{module + 1}",
                transposed=True,
            )
        )
    layers.append(_Layer("output", f"{torch_names[0]}.3", (2 * width, targets, 4), transposed=True))
    norm, arrays = weights.take(layers)

    side = 2**levels
    defaults: dict[str, Any] = {"data.crop_size": side, "data.load_size": round(side * 286 / 256)}
    if levels == 5:  # the authors' program has dropout in `levels` - 5 blocks
        defaults["generator.dropout"] = 0.0
    return Recognised(
        name=f"unet_{side}, {_of(width, norm)}",
        settings={
            **_generator_settings("unet", width, norm, inputs, targets),
            "generator.bottleneck_norm": False,
        },
        defaults={**defaults, **_representation(inputs, targets)},
        input_channels=inputs,
        weights=arrays,
    )


def _resnet(weights: _Weights) -> Recognised:
    """Recognises a `ResnetGenerator`.

    The encoder is modules 1, 4 and 7, the blocks start at module 10, and two transposed
    convolutions and the output convolution follow.
    """
    blocks = 0
    while f"model.{10 + blocks}.conv_block.1.weight" in weights.state:
        blocks += 1
    if blocks not in _RESNETS:
        raise _unknown(weights.source, "generator", f"ResNets of 6 or 9 blocks; it has {blocks}")
    # With dropout, the second convolution of a block is module 6 instead of 5.
    dropout = weights.is_convolution("model.10.conv_block.6")
    second = 6 if dropout else 5
    up = 10 + blocks
    width, inputs = weights.channels("model.1")
    targets = weights.channels(f"model.{up + 7}")[0]

    layers = [
        _Layer("encoder_1", "model.1", (inputs, width, 7), norm="model.2"),
        _Layer("encoder_2", "model.4", (width, 2 * width, 3), norm="model.5"),
        _Layer("encoder_3", "model.7", (2 * width, 4 * width, 3), norm="model.8"),
    ]
    for block in range(blocks):
        for half, module in (("a", 1), ("b", second)):
            torch_name = f"model.{10 + block}.conv_block"
            layers.append(
                _Layer(
                    f"block_{block + 1}_{half}",
                    f"{torch_name}.{module}",
                    (4 * width, 4 * width, 3),
                    norm=f"{torch_name}.{module + 1}",
                )
            )
    for number, filters in ((1, 2 * width), (2, width)):
        module = up + 3 * (number - 1)
        layers.append(
            _Layer(
                f"decoder_{number}",
                f"model.{module}",
                (2 * filters, filters, 3),
                norm=f"model.{module + 1}",
                transposed=True,
            )
        )
    layers.append(_Layer("output", f"model.{up + 7}", (width, targets, 7)))
    norm, arrays = weights.take(layers)
    return Recognised(
        name=f"resnet_{blocks}blocks, {_of(width, norm)}",
        settings=_generator_settings(_RESNETS[blocks], width, norm, inputs, targets),
        defaults={
            "generator.dropout": 0.5 if dropout else 0.0,
            **_representation(inputs, targets),
        },
        input_channels=inputs,
        weights=arrays,
    )


def _patchgan(weights: _Weights) -> Recognised:
    """Recognises an `NLayerDiscriminator`.

    Its convolutions are modules 0, 2, 5, 8 and so on, all except the first and last with a norm.
    """
    torch_names = ["model.0", "model.2"]
    while weights.is_convolution(f"model.{3 * len(torch_names) - 1}"):
        torch_names.append(f"model.{3 * len(torch_names) - 1}")
    halvings = len(torch_names) - 2
    if halvings not in _FIELDS:
        raise _unknown(weights.source, "discriminator", "n_layers of 1 to 5")
    width, inputs = weights.channels(torch_names[0])
    filters = [width * min(2**layer, 8) for layer in range(halvings + 1)]
    layers = [_Layer("conv_1", torch_names[0], (inputs, width, 4))]
    for layer in range(1, halvings + 1):
        shape = (filters[layer - 1], filters[layer], 4)
        norm_name = f"model.{3 * layer}"
        layers.append(_Layer(f"conv_{layer + 1}", torch_names[layer], shape, norm=norm_name))
    layers.append(_Layer("logits", torch_names[-1], (filters[-1], 1, 4)))
    norm, arrays = weights.take(layers)
    return Recognised(
        name=f"{'basic' if halvings == 3 else f'n_layers {halvings}'}, {_of(width, norm)}",
        settings=_discriminator_settings(_FIELDS[halvings], width, norm),
        defaults={},
        input_channels=inputs,
        weights=arrays,
    )


def _pixel(weights: _Weights) -> Recognised:
    """Recognises a `PixelDiscriminator`."""
    width, inputs = weights.channels("net.0")
    norm, arrays = weights.take(
        [
            _Layer("conv_1", "net.0", (inputs, width, 1)),
            _Layer("conv_2", "net.2", (width, 2 * width, 1), norm="net.3"),
            _Layer("logits", "net.5", (2 * width, 1, 1), bare=True),
        ]
    )
    return Recognised(
        name=f"pixel, {_of(width, norm)}",
        settings=_discriminator_settings(1, width, norm),
        defaults={},
        input_channels=inputs,
        weights=arrays,
    )


class _Weights:
    """A state dict with access to the weights of layers.

    Args:
        state: Arrays by PyTorch's names.
        source: The file, for error messages.
    """

    def __init__(self, state: Mapping[str, np.ndarray], source: str) -> None:
        self.state = {
            name: array for name, array in state.items() if name.split(".")[-1] not in IGNORED
        }
        self.source = source

    def is_convolution(self, torch_name: str) -> bool:
        """Returns whether there is a convolution of this name."""
        return self.state.get(f"{torch_name}.weight", np.empty(())).ndim == 4

    def channels(self, torch_name: str) -> tuple[int, int]:
        """Returns the first two sizes of a kernel: output and input channels if not transposed."""
        if not self.is_convolution(torch_name):
            raise UserError(f"{self.source}: lacks the convolution {torch_name}.weight")
        first, second = self.state[f"{torch_name}.weight"].shape[:2]
        return first, second

    def take(self, layers: Iterable[_Layer]) -> tuple[str, dict[str, np.ndarray]]:
        """Returns the norm of a network, and its weights by the names of this package.

        The shapes of all weights are checked before a network is built.

        Args:
            layers: The layers of the network.

        Returns:
            `batch`, `instance` or `none`, and the weights.

        Raises:
            UserError: A weight is missing, has another shape or is not finite, or there are other
                weights.
        """
        layers, remaining = list(layers), dict(self.state)
        norm = self._norm(layers)
        weights: dict[str, np.ndarray] = {}
        for layer in layers:
            inputs, outputs, side = layer.shape
            # The same transposition is right for both kinds of convolution: PyTorch and Keras both
            # swap the channels in the kernels of transposed convolutions.
            channels = (inputs, outputs) if layer.transposed else (outputs, inputs)
            kernel = self._pop(remaining, f"{layer.torch_name}.weight", (*channels, side, side))
            weights[f"{layer.name}/kernel"] = kernel.transpose(2, 3, 1, 0)
            normed = layer.norm is not None and norm != "none"
            biased = norm == "instance" or not (layer.norm or layer.bare)
            bias = np.zeros(outputs)
            if biased:
                bias = self._pop(remaining, f"{layer.torch_name}.bias", (outputs,))
            if norm == "none" or (biased and not normed):
                weights[f"{layer.name}/bias"] = bias
            if normed:
                scale, offset = np.ones(outputs), np.zeros(outputs)
                if norm == "batch":
                    scale = self._pop(remaining, f"{layer.norm}.weight", (outputs,))
                    offset = self._pop(remaining, f"{layer.norm}.bias", (outputs,))
                weights[f"{layer.name}_norm/scale"] = scale
                weights[f"{layer.name}_norm/offset"] = offset
        if remaining:
            names = ", ".join(sorted(remaining)[:3]) + (" and others" if len(remaining) > 3 else "")
            raise UserError(
                f"{self.source}: {names}: not of this network as the authors' program has it; "
                "such a variant cannot be imported"
            )
        return norm, {
            name: np.ascontiguousarray(array, np.float32) for name, array in weights.items()
        }

    def _norm(self, layers: list[_Layer]) -> str:
        """Returns the kind of norm.

        Only batch normalisation has weights; with instance normalisation, convolutions before a
        norm have biases.
        """
        normed = next(layer for layer in layers if layer.norm)
        if f"{normed.norm}.weight" in self.state:
            return "batch"
        return "instance" if f"{normed.torch_name}.bias" in self.state else "none"

    def _pop(
        self, remaining: dict[str, np.ndarray], name: str, shape: tuple[int, ...]
    ) -> np.ndarray:
        if name not in remaining:
            raise UserError(f"{self.source}: lacks {name}")
        array = remaining.pop(name)
        if array.shape != shape:
            raise UserError(
                f"{self.source}: {name}: has shape {list(array.shape)}, where this network has "
                f"{list(shape)}"
            )
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            raise UserError(f"{self.source}: {name}: holds values that are not finite numbers")
        return array


def _generator_settings(
    kind: str, width: int, norm: str, inputs: int, targets: int
) -> dict[str, Any]:
    return {
        "generator.kind": kind,
        "generator.width": width,
        "generator.norm": norm,
        "generator.upsampling": "transposed",
        "data.input_channels": inputs,
        "data.target_channels": targets,
    }


def _representation(inputs: int, targets: int) -> dict[str, Any]:
    """Returns Lab for one input and two target channels.

    In the authors' program only colourisation has these.
    """
    return {"data.representation": "lab"} if (inputs, targets) == (1, 2) else {}


def _discriminator_settings(field: int, width: int, norm: str) -> dict[str, Any]:
    return {
        "discriminator.receptive_field": field,
        "discriminator.width": width,
        "discriminator.norm": norm,
        "discriminator.spectral_norm": False,
    }


def _of(width: int, norm: str) -> str:
    return f"{width} filters, {'no norm' if norm == 'none' else f'{norm} norm'}"


def _unknown(source: str, network: str, known: str) -> UserError:
    return UserError(
        f"{source}: is not a {network} that can be imported; those of the authors' PyTorch program "
        f"can: {known}"
    )
