"""Trains, translates and evaluates from Python, in a minute, on the embedded sample city.

    python examples/in_python.py [RUN_DIR [STEPS]]

It writes the run to runs/in_python and a translated map to aerial.png.
"""

import sys

from pix2pix_tf import Translator, evaluate, load_config, train
from pix2pix_tf.datasets.sample_city import render_city
from pix2pix_tf.images.io import write_image


def main(run_dir: str = "runs/in_python", steps: str = "200") -> None:
    config = load_config(
        "sample.yaml",
        {
            "data.sample_train": 50,
            "data.sample_val": 4,
            "data.load_size": 70,
            "data.crop_size": 64,
            "generator.width": 16,
            "discriminator.width": 16,
            "training.steps": int(steps),
        },
    )
    result = train(config, run_dir)
    print("validation before", result.before, "and after", result.after)

    translator = Translator(run_dir)
    street_map = render_city(seed=7, height=200, width=300).street_map  # any size
    write_image("aerial.png", translator(street_map, seed=0))  # uint8 [200, 300, 3]

    print(evaluate(run_dir).scores)


if __name__ == "__main__":
    main(*sys.argv[1:])
