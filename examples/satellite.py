"""Predicts a map of floats from GeoTIFFs of 13 bands, of a scene larger than the training's images.

    python examples/satellite.py [STEPS]

It draws scenes as Sentinel-2 has them (uint16, 10,000 is all of the light, 0 is no data) and
heights of the vegetation in metres (float32, -9999 is no data), writes them by rasterio to scenes/,
trains for a minute (runs/heights), and translates a larger scene tile by tile, as
`pix2pix-tf translate --tile 256` does, to heights/scene.tif: a GeoTIFF of the same place, with no
data where the scene has none. satellite.png has three bands of the scene, predicted heights, and
true heights.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from pix2pix_tf import load_config, train

try:
    import rasterio
except ImportError:
    sys.exit(
        "satellite.py: writes GeoTIFFs by rasterio, which is not installed: pip install rasterio"
    )

BANDS = 13
RED, GREEN, BLUE, INFRARED = 3, 2, 1, 7  # as Sentinel-2 counts them, from 0
TALLEST = 30.0  # metres
NO_LIGHT, NO_HEIGHT = 0, -9999.0
PIXEL = 10  # metres


def draw_scene(seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns reflectance, uint16 [size, size, 13], and heights in metres, float32 [size, size, 1].

    Neither has data left of the track of the satellite, which crosses the scene at a slant.
    """
    random = np.random.default_rng(seed)
    heights = gaussian_filter(random.normal(size=(size, size)), 8)
    heights = TALLEST * np.clip(heights / (4 * heights.std()) + 0.3, 0, 1)
    green = np.clip(heights / TALLEST, 0, 1)[..., np.newaxis]
    soil = np.linspace(0.1, 0.35, BANDS)
    leaves = np.full(BANDS, 0.04)
    leaves[GREEN], leaves[INFRARED:] = 0.1, 0.45
    light = soil * (1 - green) + leaves * green + random.normal(0, 0.005, (size, size, BANDS))
    scene = (10_000 * np.clip(light, 0.0001, 1)).astype(np.uint16)
    rows, columns = np.indices((size, size))
    outside = columns < random.uniform(0.1, 0.4) * size - 0.2 * rows
    scene[outside], heights[outside] = NO_LIGHT, NO_HEIGHT
    return scene, heights[..., np.newaxis].astype(np.float32)


def write_geotiff(
    path: Path, image: np.ndarray, corner: tuple[int, int], **options: object
) -> None:
    """Writes an image whose upper left corner lies at x and y of UTM zone 33N, in metres."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width, count = image.shape
    options |= {"height": height, "width": width, "count": count, "dtype": image.dtype}
    place = rasterio.transform.from_origin(*corner, PIXEL, PIXEL)
    with rasterio.open(path, "w", "GTiff", crs="EPSG:32633", transform=place, **options) as file:
        file.write(np.moveaxis(image, -1, 0))


def main(steps: str = "400") -> None:
    for split, numbers in (("train", range(40)), ("val", range(100, 104))):
        for number in numbers:
            scene, heights = draw_scene(number, 72)
            corner = (300_000 + 720 * number, 5_000_000)
            folder, name = Path("scenes") / split, f"{number}.tif"
            write_geotiff(folder / "A" / name, scene, corner, nodata=NO_LIGHT)
            write_geotiff(folder / "B" / name, heights, corner, nodata=NO_HEIGHT)
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
    tiles = {"tiled": True, "blockxsize": 256, "blockysize": 256}  # by which it is read
    write_geotiff(Path("large/scene.tif"), scene, (400_000, 5_000_000), nodata=NO_LIGHT, **tiles)
    command = [sys.executable, "-m", "pix2pix_tf", "translate", "--run", "runs/heights"]
    command += ["--input", "large/scene.tif", "--output", "heights", "--tile", "256"]
    subprocess.run([*command, "--no-dropout"], check=True)
    with rasterio.open("heights/scene.tif") as file:
        print(f"heights/scene.tif: {file.dtypes[0]} in {file.crs}, {file.bounds}")
        found = np.moveaxis(file.read(masked=True), 0, -1)  # without data where it is -9999
    seen = ~np.ma.getmaskarray(found)
    print(f"data in {seen.mean():.0%} of the scene")
    print(f"mean error there: {np.abs(found - truth)[seen].mean():.2f} m")
    colours = np.clip(scene[..., [RED, GREEN, BLUE]] / 3500, 0, 1)
    maps = [np.repeat(np.clip(each / TALLEST, 0, 1), 3, axis=2) for each in (found.filled(), truth)]
    shown = np.concatenate([colours, *maps], axis=1)
    Image.fromarray((255 * shown).astype(np.uint8)).save("satellite.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
