"""The pictures of `data.augment`: what each augmentation makes of a pair of the sample city."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import tensorflow as tf

from pix2pix_tf.config.augmentations import GEOMETRIC, Augmentations
from pix2pix_tf.config.schema import make_config
from pix2pix_tf.data.augment import crop_window, cut, orient, vary_values
from pix2pix_tf.data.representation import decode, encode
from pix2pix_tf.datasets.sample_city import render_city
from pix2pix_tf.images.convert import resize_image
from pix2pix_tf.images.io import encode_png

SHOWN: dict[str, Any] = {
    "nothing": [],
    "mirror": ["mirror"],
    "flip_vertical": ["flip_vertical"],
    "rotate_90": ["rotate_90"],
    "transpose": ["transpose"],
    "{scale: [0.75, 1.5]}": [{"scale": [0.75, 1.5]}],
    "{brightness: 0.2}": [{"brightness": 0.2}],
    "{contrast: 0.5}": [{"contrast": 0.5}],
    "{noise: 0.1}": [{"noise": 0.1}],
    "{blur: 1.5}": [{"blur": 1.5}],
}
CITY, SIZE, CROP = 4, 104, 72
# A crop in the middle, mirrored, enlarged, flipped, turned once and transposed, if the config says.
DRAWS = np.array([0.5, 0.5, 0.3, 0.95, 0.3, 0.3, 0.3], np.float32)
_SEEDS = 24  # draws of values, of which the one that changes most is shown


def markdown(_: str = "") -> str:
    """Pictures of every augmentation, input and target side by side."""
    city = render_city(CITY, SIZE, SIZE)
    pair = city.aerial, city.street_map
    figures = [_figure(name, *_most_changed(pair, augment)) for name, augment in SHOWN.items()]
    return "\n".join(['<div class="augmentations">', *figures, "</div>"])


def _most_changed(pair: Sequence[np.ndarray], setting: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Returns input and target of the draw whose values differ most from the pair as it is."""
    data = {"root": "x", "load_size": SIZE, "crop_size": 64, "augment": setting}
    augment = make_config({"data": data}).data.augment
    plain = _varied(pair, Augmentations(), 0)
    if not augment:
        return plain
    draws = [_varied(pair, augment, number) for number in range(_SEEDS)]
    return max(draws, key=lambda one: np.abs(one[0].astype(int) - plain[0]).mean())


def _varied(
    pair: Sequence[np.ndarray], augment: Augmentations, number: int
) -> tuple[np.ndarray, np.ndarray]:
    seed = tf.constant([0, number])
    window = crop_window(DRAWS, augment, (SIZE, SIZE), (CROP, CROP))
    image, target = (
        orient(
            tf.constant(resize_image(cut(side, window), CROP, CROP)), tf.constant(DRAWS), augment
        )
        for side in pair
    )
    return decode(vary_values(encode(image), augment, seed)).numpy(), target.numpy()


def _figure(name: str, image: np.ndarray, target: np.ndarray) -> str:
    gap = np.full((CROP, 4, 4), 0, np.uint8)  # transparent
    opaque = [np.dstack([side, np.full((CROP, CROP), 255, np.uint8)]) for side in (image, target)]
    encoded = base64.b64encode(encode_png(np.concatenate([opaque[0], gap, opaque[1]], 1))).decode()
    sides = "both sides" if name.strip("{").partition(":")[0] in GEOMETRIC else "the input alone"
    alt = "The pair as it is" if name == "nothing" else f"{name}: changes {sides}"
    return (
        f'<figure><img src="data:image/png;base64,{encoded}" alt="{escape(alt)}">'
        f"<figcaption><code>{escape(name)}</code></figcaption></figure>"
    )
