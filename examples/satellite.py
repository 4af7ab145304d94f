"""Predicts a map of floats from a satellite scene of 13 bands, larger than the training's images.

    python examples/satellite.py [STEPS]

It draws scenes of reflectance (uint16, 10,000 is all of the light) and a vegetation height in
metres (float32), writes them by tifffile to scenes/, trains for a minute (runs/heights), translates
a larger scene tile by tile, as `pix2pix-tf translate --tile 256` does, to heights/scene.tif, and
writes satellite.png: three bands, predicted heights, true heights. Georeference is not carried
over.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from scipy.ndimage import gaussian_filter

from pix2pix_tf import load_config, train

BANDS = 13
RED, GREEN, BLUE, INFRARED = 3, 2, 1, 7  # as Sentinel-2 counts them, from 0
TALLEST = 30.0  # metres


def draw_scene(seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns reflectance, uint16 [size, size, 13], and heights in metres, float32."""
    random = np.random.default_rng(seed)
    heights = gaussian_filter(random.normal(size=(size, size)), 8)
    heights = TALLEST * np.clip(heights / (4 * heights.std()) + 0.3, 0, 1)
    green = np.clip(heights / TALLEST, 0, 1)[..., np.newaxis]
    soil = np.linspace(0.1, 0.35, BANDS)
    leaves = np.full(BANDS, 0.04)
    leaves[GREEN], leaves[INFRARED:] = 0.1, 0.45
    light = soil * (1 - green) + leaves * green + random.normal(0, 0.005, (size, size, BANDS))
    return (10_000 * np.clip(light, 0, 1)).astype(np.uint16), heights.astype(np.float32)


def write_scene(path: Path, image: np.ndarray, **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if image.ndim == 3:
        options["planarconfig"] = "contig"
    tifffile.imwrite(path, image, photometric="minisblack", **options)


def main(steps: str = "400") -> None:
    for split, numbers in (("train", range(40)), ("val", range(100, 104))):
        for number in numbers:
            for side, image in zip("AB", draw_scene(number, 72), strict=True):
                write_scene(Path("scenes") / split / side / f"{number}.tif", image)
    settings = {
        "data.root": "scenes",
        "data.direction": "AtoB",
        "data.input_channels": BANDS,
        "data.target_channels": 1,
        "data.input_range": "data",  # measured, band by band
        "data.target_range": [0, TALLEST],
        "data.load_size": 72,
        "data.crop_size": 64,
        "generator.width": 16,
        "discriminator.width": 16,
        "discriminator.receptive_field": 34,
        "training.steps": int(steps),
    }
    result = train(load_config("facades.yaml", settings), "runs/heights")
    print("validation before", result.before, "and after", result.after)

    scene, truth = draw_scene(seed=1000, size=600)
    write_scene(Path("large/scene.tif"), scene, tile=(256, 256))  # read by its tiles
    command = [sys.executable, "-m", "pix2pix_tf", "translate", "--run", "runs/heights"]
    command += ["--input", "large/scene.tif", "--output", "heights", "--tile", "256"]
    subprocess.run([*command, "--no-dropout"], check=True)
    found = tifffile.imread("heights/scene.tif")  # float32, in metres
    print(f"mean error of the large scene: {np.abs(found - truth).mean():.2f} m")
    colours = np.clip(scene[..., [RED, GREEN, BLUE]] / 3500, 0, 1)
    maps = [np.repeat(each[..., np.newaxis] / TALLEST, 3, axis=2) for each in (found, truth)]
    shown = np.concatenate([colours, *maps], axis=1)
    Image.fromarray((255 * shown).astype(np.uint8)).save("satellite.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
