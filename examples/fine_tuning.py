"""Fine-tunes a run: from the embedded city to 60 facades, which are too few to begin with.

    python examples/fine_tuning.py [STEPS]

It trains a run on the embedded sample city (runs/city), draws facades to facades/ (A: labels, B:
photographs), and trains two runs on them for the same number of steps: one from the city's weights
(runs/tuned) and one from nothing (runs/scratch). It prints the scores of both and writes
fine_tuning.png: labels, tuned, from nothing, truth.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from pix2pix_tf import Translator, load_config, train

WALL, WINDOW, BALCONY, DOOR, CORNICE = (
    (0, 0, 170),
    (0, 85, 255),
    (0, 255, 170),
    (255, 85, 0),
    (170, 255, 85),
)
SIZE = 72
NETWORKS = {
    "data.load_size": SIZE,
    "data.crop_size": 64,
    "generator.width": 16,
    "discriminator.width": 16,
    "discriminator.receptive_field": 34,
}


def draw_facade(seed: int, size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Returns the labels and the photograph of a facade, uint8 [size, size, 3]."""
    random = np.random.default_rng(seed)
    labels = np.full((size, size, 3), WALL, np.uint8)
    photo = np.empty((size, size, 3))
    photo[:] = random.uniform(120, 210) + random.uniform(-25, 25, 3)
    grain = gaussian_filter(random.normal(0, 1, (size, size)), 0.7)
    photo += 8 * grain[..., np.newaxis]
    floors, columns = random.integers(3, 6), random.integers(3, 6)
    high, wide = size // (floors + 1), size // columns

    def fill(top: int, left: int, height: int, width: int, label: tuple, colour: object) -> None:
        where = np.s_[top : top + height, left : left + width]
        labels[where] = label
        photo[where] = colour

    frame = random.uniform(200, 250, 3)
    fill(0, 0, max(2, high // 5), size, CORNICE, frame * 0.8)
    for floor in range(floors):
        top = high // 3 + floor * high
        for column in range(columns):
            left = column * wide + wide // 4
            height, width = 2 * high // 3, wide // 2
            fill(top, left, height, width, WINDOW, frame)
            glass = np.linspace(90, 40, height - 2)[:, np.newaxis, np.newaxis]
            photo[top + 1 : top + height - 1, left + 1 : left + width - 1] = glass * (0.8, 0.9, 1.1)
            photo[top + height : top + height + 2, left : left + width] *= 0.7  # a shadow
            if floor and random.random() < 0.25:
                fill(top + height - 3, left - 2, 4, width + 4, BALCONY, 70)
    left = int(random.integers(columns)) * wide + wide // 4
    fill(size - high, left, high, wide // 2, DOOR, random.uniform(40, 110, 3))
    photo *= np.linspace(1.05, 0.85, size)[:, np.newaxis, np.newaxis]  # light from above
    photo += random.normal(0, 3, photo.shape)
    return labels, np.clip(photo, 0, 255).astype(np.uint8)


def write_pairs(folder: Path, count: int = 60) -> None:
    """Writes SPLIT/A (labels) and SPLIT/B (photographs); 12 others for validation."""
    for split, numbers in (("train", range(count)), ("val", range(1000, 1012))):
        for number in numbers:
            for side, image in zip("AB", draw_facade(number), strict=True):
                path = folder / split / side / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(image).save(path)


def main(steps: str = "400") -> None:
    city = {**NETWORKS, "data.augment": ["mirror"], "training.steps": 4 * int(steps)}
    train(load_config("sample.yaml", city), "runs/city")

    write_pairs(Path("facades"))
    settings = {
        **NETWORKS,
        "data.root": "facades",
        "data.direction": "AtoB",
        "training.steps": int(steps),
    }
    tuned = load_config("facades.yaml", {**settings, "training.init_from": "runs/city"})
    results = {"tuned": train(tuned, "runs/tuned")}
    results["scratch"] = train(load_config("facades.yaml", settings), "runs/scratch")
    for name, result in results.items():
        print(f"{name}: validation after {result.step} steps: {result.after}")

    labels, truth = draw_facade(seed=2000)
    outputs = [Translator(f"runs/{name}")(labels, seed=0) for name in results]
    shown = np.concatenate([labels, *outputs, truth], axis=1)
    Image.fromarray(shown).resize((4 * 144, 144), Image.Resampling.NEAREST).save("fine_tuning.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
