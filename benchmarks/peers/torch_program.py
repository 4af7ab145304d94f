"""The authors' PyTorch program's training step, written anew from its published description.

    PYTHONPATH=. build/torch/bin/python -m benchmarks.peers.torch_program ORDER

serves `training`, `translate` and `convolution` (see `pix2pix_tf.benchmark.worker`); ORDER is JSON:
`form`, `works`, `batch`, `size`, `width`, `threads`, `gpu`. The networks are those of
`tools/torch_peer/peer.py`, with the program's defaults for pix2pix: U-Net of 8 levels with dropout,
3-layer discriminator, batch norm; binary cross entropy of logits plus 100 · L1; Adam; the
discriminator's step with its loss halved, then the generator's with the discriminator's weights
frozen; no image pool.

Forms: `eager`, as published; joined by `+`, what its users can try: `channels_last` (the layout of
tensors in memory), `fused` (Adam in one kernel), `compile` (`torch.compile` of both networks).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from pix2pix_tf.benchmark.worker import UnavailableError, WorkerState, WorkloadFunction, serve

sys.path.append(str(Path(__file__).parents[2] / "tools" / "torch_peer"))
from peer import NLayerDiscriminator, UnetGenerator

OPTIONS = ("channels_last", "fused", "compile")
LAMBDA = 100.0
LEVELS = 8


def build_generator(width: int = 64, levels: int = LEVELS) -> nn.Module:
    """unet_256, or of other levels, with dropout, of initial weights N(0, 0.02)."""
    return _initialised(UnetGenerator(3, 3, levels, width, "batch", dropout=True))


def build_discriminator(width: int = 64) -> nn.Module:
    """`basic`: of input and output side by side in the channels; its LeakyReLUs work in place."""
    network = _initialised(NLayerDiscriminator(6, width, 3, "batch"))
    for module in network.modules():
        if isinstance(module, nn.LeakyReLU):
            module.inplace = True
    return network


def _initialised(network: nn.Module) -> nn.Module:
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(module.weight, 0.0, 0.02)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
    return network


class Training:
    """Both networks, their optimisers and one update of them."""

    def __init__(self, generator: nn.Module, discriminator: nn.Module, options: set[str]) -> None:
        adam: dict[str, Any] = {"lr": 2e-4, "betas": (0.5, 0.999)}
        if "fused" in options:
            adam["fused"] = True
        self.generator_optimizer = torch.optim.Adam(generator.parameters(), **adam)
        self.discriminator_optimizer = torch.optim.Adam(discriminator.parameters(), **adam)
        self.cross_entropy, self.l1 = nn.BCEWithLogitsLoss(), nn.L1Loss()
        self.weights = list(discriminator.parameters())
        compiled = "compile" in options
        self.generator = torch.compile(generator) if compiled else generator
        self.discriminator = torch.compile(discriminator) if compiled else discriminator

    def step(self, image: torch.Tensor, target: torch.Tensor) -> dict[str, torch.Tensor]:
        """One update from (input, target), [N, 3, H, W]; returns the losses before it."""
        made = self.generator(image)
        self._require_gradients(True)
        self.discriminator_optimizer.zero_grad()
        fake = self._gan(torch.cat((image, made), 1).detach(), real=False)
        real = self._gan(torch.cat((image, target), 1), real=True)
        discriminator = 0.5 * (fake + real)
        discriminator.backward()
        self.discriminator_optimizer.step()

        self._require_gradients(False)
        self.generator_optimizer.zero_grad()
        gan = self._gan(torch.cat((image, made), 1), real=True)
        l1 = LAMBDA * self.l1(made, target)
        (gan + l1).backward()
        self.generator_optimizer.step()
        return {"gan": gan, "l1": l1, "discriminator": discriminator}

    def _gan(self, seen: torch.Tensor, real: bool) -> torch.Tensor:
        logits = self.discriminator(seen)
        wanted = torch.tensor(float(real), device=logits.device).expand_as(logits)
        return self.cross_entropy(logits, wanted)

    def _require_gradients(self, required: bool) -> None:
        for weight in self.weights:
            weight.requires_grad = required


def options_of(form: str) -> set[str]:
    """What a form is made of; `eager` is made of nothing.

    Raises:
        UnavailableError: There is no such form.
    """
    options = set() if form == "eager" else set(form.split("+"))
    unknown = options.difference(OPTIONS)
    if unknown:
        raise UnavailableError(
            f"there is no {', '.join(sorted(unknown))}; forms are eager, or some of "
            f"{', '.join(OPTIONS)} joined by +"
        )
    return options


def training(order: Mapping[str, Any], options: set[str], device: str) -> WorkloadFunction:
    """Steps by one batch of noise, again and again; they return the last losses."""
    layout = _layout(options)
    networks = [
        build(order["width"]).to(device, memory_format=layout).train()
        for build in (build_generator, build_discriminator)
    ]
    random = np.random.default_rng(0)
    shape = (order["batch"], 3, order["size"], order["size"])
    image, target = (
        torch.from_numpy(random.uniform(-1, 1, shape).astype(np.float32)).to(
            device, memory_format=layout
        )
        for _ in range(2)
    )
    program = Training(*networks, options)

    def work(count: int) -> Mapping[str, float]:
        for _ in range(count):
            losses = program.step(image, target)
        return {name: loss.item() for name, loss in losses.items()}

    return work


def translate(order: Mapping[str, Any], options: set[str], device: str) -> WorkloadFunction:
    """One picture, uint8 [H, W, 3] in and out, as the program tests: batch statistics, dropout."""
    layout = _layout(options)
    generator = build_generator(order["width"]).to(device, memory_format=layout).train()
    if "compile" in options:
        generator = torch.compile(generator)
    shape = (order["size"], order["size"], 3)
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)

    def work(count: int) -> Mapping[str, float]:
        for _ in range(count):
            pixels = torch.from_numpy(picture).to(device).permute(2, 0, 1)[None] / 127.5 - 1.0
            with torch.no_grad():
                made = generator(pixels.contiguous(memory_format=layout))[0]
            output = ((made.permute(1, 2, 0) + 1.0) * 127.5).round().to(torch.uint8).cpu().numpy()
        return {"mean": float(output.mean())}

    return work


def convolution(
    order: Mapping[str, Any], options: set[str], device: str
) -> tuple[WorkloadFunction, int]:
    """The fastest of some convolutions, and its operations."""
    layout = _layout(options)
    smallest = 4e11 if device == "cuda" else 4e9  # operations of a call
    found = []
    for side, channels, filters, kernel in (
        (64, 128, 128, 3),
        (32, 512, 512, 3),
        (32, 512, 512, 1),
    ):
        flops = 2 * side**2 * kernel**2 * channels * filters
        batch = max(1, round(smallest / flops))
        images = torch.randn(batch, channels, side, side, device=device)
        kernels = torch.randn(filters, channels, kernel, kernel, device=device)
        work = _convolve(
            images.contiguous(memory_format=layout), kernels.contiguous(memory_format=layout)
        )
        work(1)
        start = time.perf_counter()
        work(2)
        found.append((batch * flops / (time.perf_counter() - start), work, batch * flops))
    _, work, flops = max(found, key=lambda one: one[0])
    return work, flops


def _convolve(images: torch.Tensor, kernels: torch.Tensor) -> WorkloadFunction:
    def work(count: int) -> Mapping[str, float]:
        with torch.no_grad():
            for _ in range(count):
                output = nn.functional.conv2d(images, kernels, padding="same")
        return {"pixel": output[0, 0, 0, 0].item()}

    return work


def _layout(options: set[str]) -> torch.memory_format:
    return torch.channels_last if "channels_last" in options else torch.contiguous_format


def prepare(order: Mapping[str, Any]) -> WorkerState:
    """What the worker holds.

    Raises:
        UnavailableError: The form cannot be run here.
    """
    options = options_of(order["form"])
    if order["size"] % 2**LEVELS:
        raise UnavailableError(f"unet_256 takes multiples of {2**LEVELS} pixels")
    if order["gpu"] and not torch.cuda.is_available():
        raise UnavailableError("this PyTorch finds no GPU")
    device = "cuda" if order["gpu"] else "cpu"
    torch.set_num_threads(order["threads"])
    torch.backends.cudnn.benchmark = True  # as the program does
    torch.manual_seed(0)
    works: dict[str, WorkloadFunction] = {}
    about: dict[str, str | float] = {"version": f"PyTorch {torch.__version__}"}
    if "training" in order["works"]:
        works["training"] = training(order, options, device)
    if "translate" in order["works"]:
        works["translate"] = translate(order, options, device)
    if "convolution" in order["works"]:
        works["convolution"], about["convolution_flops"] = convolution(order, options, device)
    if "compile" in options:
        _try(works)
    return WorkerState(works, about)


def _try(works: Mapping[str, WorkloadFunction]) -> None:
    """Compiling happens at the first call, and needs what is not everywhere: a C++ compiler."""
    for work in works.values():
        try:
            work(1)
        except Exception as error:
            why = str(error).strip().splitlines() or [type(error).__name__]
            raise UnavailableError(f"torch.compile fails: {why[0]}") from error


def main() -> None:
    """Serves what the one argument orders."""
    order = json.loads(sys.argv[1])
    serve(lambda: prepare(order))


if __name__ == "__main__":
    main()
