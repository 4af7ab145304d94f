"""The class of every pixel of a pair's pictures."""

from __future__ import annotations

import numpy as np
from PIL import Image

from pix2pix_tf.config.schema import DataConfig
from pix2pix_tf.data.pair_sequence import Pairs
from pix2pix_tf.datasets.sample_city import CLASSES, render_city
from pix2pix_tf.segmentation.palette import Decoded, Palette, check_palette, decode_labels
from pix2pix_tf.utils.errors import UserError


def label_map(
    pairs: Pairs,
    index: int,
    side: int,
    palette: Palette,
    config_data: DataConfig,
    label_ids: bool | None = None,
) -> np.ndarray:
    """The classes that one picture of a pair shows, at the size of the pairs.

    Colours are decoded as the file has them and then resized: resizing first would mix colours into
    those of other classes.

    Args:
        pairs: What the pair is of.
        index: Which pair.
        side: 0: the input picture, 1: the target.
        palette: Which colour shows which class.
        config_data: Where the pairs come from.
        label_ids: Whether grey label images hold class numbers, see `decode_labels`.

    Returns:
        uint8 [h, w], class numbers and `VOID`.

    Raises:
        UserError: The picture cannot be read or is not drawn in the palette's colours.
    """
    decoded = decode_pair(pairs, index, side, palette, config_data, label_ids)
    return resize_classes(decoded.classes, *pairs.size)


def decode_pair(
    pairs: Pairs,
    index: int,
    side: int,
    palette: Palette,
    config_data: DataConfig,
    label_ids: bool | None = None,
) -> Decoded:
    """The classes of one picture of a pair as its file has them; for arguments see `label_map`.

    Of the embedded city they are the exact classes.
    """
    name = pairs.names[index]
    if config_data.dataset == "sample" and palette.classes == CLASSES:
        city = render_city(int(name.removeprefix("city-")), *pairs.size)
        return Decoded(city.classes, unknown=0, commonest_unknown=None)
    picture = pairs.original(index)[side]
    where = f"pair {name}, its {('input', 'target')[side]}"
    try:
        decoded = decode_labels(picture, palette, label_ids=label_ids)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    check_palette(decoded, palette, where)
    return decoded


def resize_classes(classes: np.ndarray, height: int, width: int) -> np.ndarray:
    """A class map, uint8 [h, w], at another size: each pixel is that of the nearest old one."""
    resized = Image.fromarray(classes).resize((width, height), Image.Resampling.NEAREST)
    return np.array(resized)
