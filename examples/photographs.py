"""Trains on photographs at their own scale: none is resized, 12 pairs are varied to suffice.

    python examples/photographs.py [STEPS]

It draws aerial photographs of several sizes and their maps to photographs/ (A and B), trains on
random crops of 64 pixels (runs/photographs), which are turned, enlarged and varied in brightness
and noise, scores the run on whole photographs, and translates one into photographs.png: photograph,
predicted map, true map.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from pix2pix_tf import Translator, evaluate, load_config, train
from pix2pix_tf.datasets.sample_city import render_city

SIZES = [(160, 240), (200, 200), (240, 160), (128, 288)]  # height and width


def write_pairs(folder: Path) -> None:
    """Writes A/SPLIT (photographs) and B/SPLIT (maps)."""
    for split, numbers in (("train", range(12)), ("val", range(100, 104))):
        for number in numbers:
            city = render_city(number, *SIZES[number % len(SIZES)])
            for side, image in (("A", city.aerial), ("B", city.street_map)):
                path = folder / side / split / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(image).save(path)


def main(steps: str = "400") -> None:
    write_pairs(Path("photographs"))
    settings = {
        "data.root": "photographs",
        "data.direction": "AtoB",
        "data.scale": "native",
        "data.crop_size": 64,
        # From above there is no up or down, so that every orientation is a pair more.
        "data.augment": [
            "mirror",
            "rotate_90",
            {"scale": [1, 1.5]},
            {"brightness": 0.1},
            {"noise": 0.02},
        ],
        "generator.width": 16,
        "discriminator.width": 16,
        "discriminator.receptive_field": 34,
        "training.steps": int(steps),
    }
    result = train(load_config("facades.yaml", settings), "runs/photographs")
    print("validation before", result.before, "and after", result.after)
    print(evaluate("runs/photographs").scores)

    city = render_city(seed=1000, height=200, width=300)
    output = Translator("runs/photographs")(city.aerial, dropout=False)
    shown = np.concatenate([city.aerial, output, city.street_map], axis=1)
    Image.fromarray(shown).save("photographs.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
