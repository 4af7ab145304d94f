"""Writes what PyTorch computes with the authors' networks: golden files for tests/importing.

    python3 -m venv build/torch && build/torch/bin/pip install -r tools/torch_peer/requirements.txt
    PYTHONPATH=. build/torch/bin/python tools/torch_peer/make_golden.py build/golden --seed 1
    PIX2PIX_TF_GOLDEN=build/golden .venv/bin/pytest tests/importing

The tests bring golden files of their own (`make_golden.py tests/importing/golden`), so that they
need no PyTorch; another seed makes other weights.

    cases.json       the networks: their arguments, files and inputs
    city.npz         the images, uint8 [256, 256, 3]
    NAME.pth         a state dict: weights of about N(0, 0.2), norm scales of N(1, 0.2)
    outputs.npz      by NAME, the network's output for the top left of the images: float32
                     [channels, height, width]; of generators every fifth row and column
    kinds*.pth       tensors of many types and layouts, see tests/utils/test_torch_file.py
"""

from __future__ import annotations

import argparse
import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peer import NLayerDiscriminator, PixelDiscriminator, ResnetGenerator, UnetGenerator
from torch import nn

from pix2pix_tf.datasets.sample_city import render_city

STRIDE = 5  # between stored pixels; has no common factor with the networks' strides

GENERATORS: list[dict[str, Any]] = [
    {"kind": "unet", "levels": 8, "norm": "batch"},
    {"kind": "unet", "levels": 8, "norm": "instance", "dropout": True, "legacy": True},
    {"kind": "unet", "levels": 7, "norm": "batch", "dropout": True, "inputs": 1, "targets": 2},
    {"kind": "unet", "levels": 5, "norm": "batch"},
    {"kind": "unet", "levels": 5, "norm": "none"},
    {"kind": "resnet", "blocks": 9, "norm": "instance", "width": 3},
    {"kind": "resnet", "blocks": 9, "norm": "batch", "dropout": True, "width": 3},
    {"kind": "resnet", "blocks": 6, "norm": "batch", "legacy": True},
    {"kind": "resnet", "blocks": 6, "norm": "instance", "dropout": True, "inputs": 1},
    {"kind": "resnet", "blocks": 6, "norm": "none"},
]
DISCRIMINATORS: list[dict[str, Any]] = [
    {"kind": "layers", "layers": 3, "norm": "batch", "width": 4},
    {"kind": "layers", "layers": 3, "norm": "instance", "width": 4},
    {"kind": "layers", "layers": 3, "norm": "none", "inputs": 1, "targets": 2},
    {"kind": "layers", "layers": 1, "norm": "batch"},
    {"kind": "layers", "layers": 2, "norm": "batch", "legacy": True},
    {"kind": "layers", "layers": 4, "norm": "instance"},
    {"kind": "layers", "layers": 5, "norm": "batch"},
    {"kind": "pixel", "norm": "batch", "width": 4},
    {"kind": "pixel", "norm": "instance", "width": 4},
]
DEFAULTS = {"dropout": False, "inputs": 3, "targets": 3, "width": 2, "legacy": False}


def main() -> None:
    """Writes everything."""
    parser = argparse.ArgumentParser()
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(arguments.seed)
    city = render_city(arguments.seed, 256, 256)
    images = {"aerial": city.aerial, "street_map": city.street_map}
    np.savez_compressed(arguments.output / "city.npz", **images)

    cases, outputs = {}, {}
    for part, given in (("generator", GENERATORS), ("discriminator", DISCRIMINATORS)):
        for case in ({**DEFAULTS, **case} for case in given):
            deep = case.get("layers", 0) > 3
            case["side"] = 2 ** case.get("levels", 8 if deep else 6)
            name = _name(case)
            network = _generator(case) if part == "generator" else _discriminator(case)
            output = _randomised(network)(_inputs(images, case, part))[0].detach().numpy()
            outputs[name] = output[:, ::STRIDE, ::STRIDE] if part == "generator" else output
            _save(network.state_dict(), arguments.output / f"{name}.pth", case["legacy"])
            cases[name] = {"part": part, **case}
            print(f"{name:32} {outputs[name].std():.3f} {np.abs(outputs[name]).max():.3f}")
    np.savez_compressed(arguments.output / "outputs.npz", **outputs)
    (arguments.output / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")
    for legacy in (False, True):
        _save(_kinds(), arguments.output / f"kinds{'_legacy' * legacy}.pth", legacy)


def _name(case: dict[str, Any]) -> str:
    size = case.get("levels") or case.get("blocks") or case.get("layers") or ""
    if case["kind"] == "unet":
        size = 2**size
    return f"{case['kind']}_{size}_{case['norm']}{'_dropout' * case['dropout']}".replace("__", "_")


def _generator(case: dict[str, Any]) -> nn.Module:
    ends, rest = (case["inputs"], case["targets"]), (case["width"], case["norm"], case["dropout"])
    if case["kind"] == "unet":
        return UnetGenerator(*ends, case["levels"], *rest)
    return ResnetGenerator(*ends, case["blocks"], *rest)


def _discriminator(case: dict[str, Any]) -> nn.Module:
    channels = case["inputs"] + case["targets"]
    if case["kind"] == "pixel":
        return PixelDiscriminator(channels, case["width"], case["norm"])
    return NLayerDiscriminator(channels, case["width"], case["layers"], case["norm"])


def _randomised(network: nn.Module) -> nn.Module:
    """Random weights unlike any initialisation, batch statistics on, dropout off."""
    network.train()
    for module in network.modules():
        for name, parameter in module.named_parameters(recurse=False):
            scale = isinstance(module, nn.BatchNorm2d) and name == "weight"
            # Smaller where many numbers are summed, or all outputs would saturate at -1 and 1.
            deviation = min(0.2, parameter[0].numel() ** -0.5)
            nn.init.normal_(parameter, 1.0 if scale else 0.0, deviation)
        if isinstance(module, nn.Dropout):
            module.eval()
    return network


def _inputs(images: dict[str, np.ndarray], case: dict[str, Any], part: str) -> torch.Tensor:
    side = case["side"]
    image = images["aerial"][:side, :side, : case["inputs"]]
    if part == "discriminator":
        target = images["street_map"][:side, :side, : case["targets"]]
        image = np.concatenate([image, target], axis=2)
    scaled = image.astype(np.float32) / 127.5 - 1
    return torch.from_numpy(scaled.transpose(2, 0, 1)[np.newaxis].copy())


def _kinds() -> dict[str, Any]:
    base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    state = OrderedDict(
        base=base,
        turned=base.permute(2, 0, 1),
        part=base[1, 1:, ::2],
        parameter=nn.Parameter(torch.arange(6.0).reshape(2, 3)),
        scalar=torch.tensor(7),
    )
    for kind in ("float64", "float16", "bfloat16", "int32", "int16", "int8", "uint8", "bool"):
        state[kind] = torch.arange(5).to(getattr(torch, kind))
    wrapped = OrderedDict((f"module.{name}", tensor) for name, tensor in state.items())
    return {"epoch": 3, "state_dict": wrapped}


def _save(state: dict[str, Any], path: Path, legacy: bool) -> None:
    torch.save(state, path, _use_new_zipfile_serialization=not legacy)


if __name__ == "__main__":
    main()
