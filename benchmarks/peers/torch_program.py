"""Training step of the authors' PyTorch program, reimplemented from its published description.

    PYTHONPATH=. build/torch/bin/python -m benchmarks.peers.torch_program SETTINGS

serves the workloads `training`, `translate` and `convolution` (see
`pix2pix_tf.benchmark.worker`); SETTINGS is JSON: `form`, `workloads`, `batch`, `size`, `width`,
`threads`, `gpu`. The networks are those of
`tools/torch_peer/peer.py`, with the program's defaults for pix2pix: U-Net of 8 levels with dropout,
3-layer discriminator, batch norm; binary cross entropy of logits plus 100 · L1; Adam; the
discriminator's step with its loss halved, then the generator's with the discriminator's weights
frozen; no image pool.

The form is `eager`, as published, or options joined by `+`: `channels_last` (the layout of tensors
in memory), `fused` (Adam in one kernel), `compile` (`torch.compile` of both networks).
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
    """unet_256, or a U-Net with another number of levels, with dropout and weights N(0, 0.02)."""
    return _initialised(UnetGenerator(3, 3, levels, width, "batch", dropout=True))


def build_discriminator(width: int = 64) -> nn.Module:
    """`basic`, for input and output concatenated as channels, with LeakyReLUs in place."""
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
    """Both networks, their optimizers and the update of both."""

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
        """Updates both networks on (input, target), [N, 3, H, W]; returns the losses before."""
        output = self.generator(image)
        self._require_gradients(True)
        self.discriminator_optimizer.zero_grad()
        fake = self._gan(torch.cat((image, output), 1).detach(), real=False)
        real = self._gan(torch.cat((image, target), 1), real=True)
        discriminator = 0.5 * (fake + real)
        discriminator.backward()
        self.discriminator_optimizer.step()

        self._require_gradients(False)
        self.generator_optimizer.zero_grad()
        gan = self._gan(torch.cat((image, output), 1), real=True)
        l1 = LAMBDA * self.l1(output, target)
        (gan + l1).backward()
        self.generator_optimizer.step()
        return {"gan": gan, "l1": l1, "discriminator": discriminator}

    def _gan(self, images: torch.Tensor, real: bool) -> torch.Tensor:
        logits = self.discriminator(images)
        labels = torch.tensor(float(real), device=logits.device).expand_as(logits)
        return self.cross_entropy(logits, labels)

    def _require_gradients(self, required: bool) -> None:
        for weight in self.weights:
            weight.requires_grad = required


def options_of(form: str) -> set[str]:
    """Set of a form's options; `eager` has none.

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


def training(settings: Mapping[str, Any], options: set[str], device: str) -> WorkloadFunction:
    """Training steps on one batch of noise; returns the losses of the last step."""
    layout = _layout(options)
    networks = [
        build(settings["width"]).to(device, memory_format=layout).train()
        for build in (build_generator, build_discriminator)
    ]
    random = np.random.default_rng(0)
    shape = (settings["batch"], 3, settings["size"], settings["size"])
    image, target = (
        torch.from_numpy(random.uniform(-1, 1, shape).astype(np.float32)).to(
            device, memory_format=layout
        )
        for _ in range(2)
    )
    program = Training(*networks, options)

    def workload(repetitions: int) -> Mapping[str, float]:
        for _ in range(repetitions):
            losses = program.step(image, target)
        return {name: loss.item() for name, loss in losses.items()}

    return workload


def translate(settings: Mapping[str, Any], options: set[str], device: str) -> WorkloadFunction:
    """Translation of one uint8 image [H, W, 3] as in the program's test, with dropout on."""
    layout = _layout(options)
    generator = build_generator(settings["width"]).to(device, memory_format=layout).train()
    if "compile" in options:
        generator = torch.compile(generator)
    shape = (settings["size"], settings["size"], 3)
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)

    def workload(repetitions: int) -> Mapping[str, float]:
        for _ in range(repetitions):
            pixels = torch.from_numpy(image).to(device).permute(2, 0, 1)[None] / 127.5 - 1.0
            with torch.no_grad():
                translated = generator(pixels.contiguous(memory_format=layout))[0]
            output = (
                ((translated.permute(1, 2, 0) + 1.0) * 127.5).round().to(torch.uint8).cpu().numpy()
            )
        return {"mean": float(output.mean())}

    return workload


def convolution(
    settings: Mapping[str, Any], options: set[str], device: str
) -> tuple[WorkloadFunction, int]:
    """The fastest of several convolutions, and its floating-point operations."""
    layout = _layout(options)
    min_flops = 4e11 if device == "cuda" else 4e9  # of a call
    candidates = []
    for side, channels, filters, kernel in (
        (64, 128, 128, 3),
        (32, 512, 512, 3),
        (32, 512, 512, 1),
    ):
        flops = 2 * side**2 * kernel**2 * channels * filters
        batch = max(1, round(min_flops / flops))
        images = torch.randn(batch, channels, side, side, device=device)
        kernels = torch.randn(filters, channels, kernel, kernel, device=device)
        workload = _convolve(
            images.contiguous(memory_format=layout), kernels.contiguous(memory_format=layout)
        )
        workload(1)
        start = time.perf_counter()
        workload(2)
        candidates.append((batch * flops / (time.perf_counter() - start), workload, batch * flops))
    _, workload, flops = max(candidates, key=lambda timed: timed[0])
    return workload, flops


def _convolve(images: torch.Tensor, kernels: torch.Tensor) -> WorkloadFunction:
    def workload(repetitions: int) -> Mapping[str, float]:
        with torch.no_grad():
            for _ in range(repetitions):
                output = nn.functional.conv2d(images, kernels, padding="same")
        return {"pixel": output[0, 0, 0, 0].item()}

    return workload


def _layout(options: set[str]) -> torch.memory_format:
    return torch.channels_last if "channels_last" in options else torch.contiguous_format


def prepare(settings: Mapping[str, Any]) -> WorkerState:
    """Builds the workloads.

    Raises:
        UnavailableError: The form cannot run on this machine.
    """
    options = options_of(settings["form"])
    if settings["size"] % 2**LEVELS:
        raise UnavailableError(f"unet_256 takes multiples of {2**LEVELS} pixels")
    if settings["gpu"] and not torch.cuda.is_available():
        raise UnavailableError("this PyTorch finds no GPU")
    device = "cuda" if settings["gpu"] else "cpu"
    torch.set_num_threads(settings["threads"])
    torch.backends.cudnn.benchmark = True  # as the program does
    torch.manual_seed(0)
    workloads: dict[str, WorkloadFunction] = {}
    info: dict[str, str | float] = {"version": f"PyTorch {torch.__version__}"}
    if "training" in settings["workloads"]:
        workloads["training"] = training(settings, options, device)
    if "translate" in settings["workloads"]:
        workloads["translate"] = translate(settings, options, device)
    if "convolution" in settings["workloads"]:
        workloads["convolution"], info["convolution_flops"] = convolution(settings, options, device)
    if "compile" in options:
        _compile(workloads)
    return WorkerState(workloads, info)


def _compile(workloads: Mapping[str, WorkloadFunction]) -> None:
    """Runs each workload once, which compiles it and needs a C++ compiler."""
    for workload in workloads.values():
        try:
            workload(1)
        except Exception as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise UnavailableError(f"torch.compile fails: {reason[0]}") from error


def main() -> None:
    """Serves the workloads of the settings given as the only argument."""
    settings = json.loads(sys.argv[1])
    serve(lambda: prepare(settings))


if __name__ == "__main__":
    main()
