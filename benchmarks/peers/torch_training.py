"""Training and translation of the authors' PyTorch program on pairs and inputs from files.

    PYTHONPATH=. build/torch/bin/python -m benchmarks.peers.torch_training --batches FILE \
      --inputs FILE --output DIR --seed N

`benchmarks.quality` writes the pairs and scores the translations.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from benchmarks.peers.torch_program import Training, build_discriminator, build_generator

REPORT_SECONDS = 30


def train(batches: np.ndarray, seed: int) -> nn.Module:
    """Trains on float16 [steps, 2, H, W, 3] in [-1, 1], one pair of input and target per step.

    H and W are equal and a power of two, which the U-Net's levels halve to 1.
    """
    torch.manual_seed(seed)
    generator = build_generator(levels=batches.shape[2].bit_length() - 1).train()
    program = Training(generator, build_discriminator().train(), set())
    start = last_line = time.monotonic()
    for step, pair in enumerate(batches, 1):
        image, target = torch.from_numpy(pair.astype(np.float32)).permute(0, 3, 1, 2)[:, None]
        losses = program.step(image.contiguous(), target.contiguous())
        if time.monotonic() - last_line >= REPORT_SECONDS or step == len(batches):
            last_line = time.monotonic()
            words = "  ".join(f"{name} {loss.item():.3f}" for name, loss in losses.items())
            print(f"{step}/{len(batches)}  {step / (last_line - start):.2f}/s  {words}", flush=True)
    return generator


def translate(generator: nn.Module, image: np.ndarray) -> np.ndarray:
    """Translates uint8 [H, W, 3] as in the program's test, with batch statistics and dropout."""
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None] / 127.5 - 1.0
    with torch.no_grad():
        output = generator(pixels)[0].permute(1, 2, 0)
    return ((output + 1.0) * 127.5).round().clamp(0, 255).to(torch.uint8).numpy()


def main() -> None:
    """Trains, translates and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=Path, required=True)
    parser.add_argument("--inputs", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    generator = train(np.load(arguments.batches, mmap_mode="r"), arguments.seed)
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name, image in np.load(arguments.inputs).items():
        file = (arguments.output / name).with_suffix(".png")
        Image.fromarray(translate(generator, image)).save(file)


if __name__ == "__main__":
    main()
