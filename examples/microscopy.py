"""Predicts a fluorescence channel from transmitted light: 12-bit images in 16-bit TIFF files.

    python examples/microscopy.py [STEPS]

It draws cells, writes them by tifffile to cells/, trains for a minute (runs/cells), translates a
new image of another size and writes that to stained.tif, with the numbers of the camera, and
microscopy.png: transmitted light, predicted fluorescence, true fluorescence.
"""

import sys
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from scipy.ndimage import gaussian_filter

from pix2pix_tf import Translator, load_config, train

TOP = 4095  # the largest value of a camera of 12 bits


def draw_cells(seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns transmitted light and fluorescence of the same cells, uint16 [size, size]."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size]
    stain = np.zeros((size, size))
    for _ in range(size * size // 300):
        row, column = random.uniform(0, size, 2)
        radius = random.uniform(3, 7)
        distance = np.hypot(rows - row, columns - column) / radius
        stain = np.maximum(stain, random.uniform(0.4, 1) * np.clip(1.5 - distance, 0, 1))
    stain = gaussian_filter(stain, 1)
    light = 0.5 + 2 * (gaussian_filter(stain, 2) - stain)  # the edges of cells refract
    noise = random.normal(0, 0.01, (2, size, size))
    return to_camera(light + noise[0]), to_camera(0.05 + 0.9 * stain + noise[1])


def to_camera(fractions: np.ndarray) -> np.ndarray:
    return (np.clip(fractions, 0, 1) * TOP).astype(np.uint16)


def write_pairs(folder: Path) -> None:
    """Writes SPLIT/A (transmitted light) and SPLIT/B (fluorescence)."""
    for split, numbers in (("train", range(40)), ("val", range(100, 104))):
        for number in numbers:
            for side, image in zip("AB", draw_cells(number, 72), strict=True):
                path = folder / split / side / f"{number}.tif"
                path.parent.mkdir(parents=True, exist_ok=True)
                tifffile.imwrite(path, image)


def main(steps: str = "400") -> None:
    write_pairs(Path("cells"))
    settings = {
        "data.root": "cells",
        "data.direction": "AtoB",
        "data.input_channels": 1,
        "data.target_channels": 1,
        "data.input_range": [0, TOP],  # else the full range of 16 bits, of which this is 6 %
        "data.target_range": [0, TOP],
        "data.load_size": 72,
        "data.crop_size": 64,
        "generator.width": 16,
        "discriminator.width": 16,
        "discriminator.receptive_field": 34,
        "training.steps": int(steps),
    }
    result = train(load_config("facades.yaml", settings), "runs/cells")
    print("validation before", result.before, "and after", result.after)

    light, truth = draw_cells(seed=1000, size=200)
    stain = Translator("runs/cells")(light[..., np.newaxis], dropout=False)[..., 0]
    tifffile.imwrite("stained.tif", stain)  # uint16, 0 to 4095, as the training's targets
    shown = np.concatenate([light, stain, truth], axis=1)
    Image.fromarray((shown / (TOP / 255)).astype(np.uint8)).save("microscopy.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
