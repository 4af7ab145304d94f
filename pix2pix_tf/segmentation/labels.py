"""Class maps of the label images of pairs: decoding and resizing."""

from __future__ import annotations

import numpy as np
from PIL import Image

from pix2pix_tf.config.schema import DataConfig
from pix2pix_tf.data.pair_sequence import Pairs
from pix2pix_tf.datasets.sample_city import CLASSES, render_city
from pix2pix_tf.segmentation.decoding import Decoded, check_palette, decode_labels
from pix2pix_tf.segmentation.palette import Palette
from pix2pix_tf.utils.errors import UserError


def label_map(
    pairs: Pairs,
    index: int,
    side: int,
    palette: Palette,
    config_data: DataConfig,
    label_ids: bool | None = None,
) -> np.ndarray:
    """Decodes one image of a pair to classes, at the size of the pairs.

    Colours are decoded at the size of the file, and the classes are resized: resizing the image
    would mix neighbouring colours into colours of other classes.

    Args:
        pairs: The pairs.
        index: Index of the pair.
        side: 0 for the input, 1 for the target.
        palette: Palette of the label images.
        config_data: Config of the data that the pairs are from.
        label_ids: Whether grey label images hold class numbers, see `decode_labels`.

    Returns:
        Class numbers and `VOID`, uint8 [h, w].

    Raises:
        UserError: The image cannot be read or does not have the palette's colours.
    """
    decoded = decode_pair(pairs, index, side, palette, config_data, label_ids)
    return resize_classes(decoded.classes, *pairs.size_of(index))


def decode_pair(
    pairs: Pairs,
    index: int,
    side: int,
    palette: Palette,
    config_data: DataConfig,
    label_ids: bool | None = None,
) -> Decoded:
    """Decodes one image of a pair at the size of its file; see `label_map` for the arguments.

    The classes of the embedded city are exact: they are not decoded from its colours.
    """
    name = pairs.names[index]
    if config_data.dataset == "sample" and palette.classes == CLASSES:
        city = render_city(int(name.removeprefix("city-")), *pairs.size_of(index))
        return Decoded(city.classes, unknown=0, commonest_unknown=None)
    image = pairs.original(index)[side]
    where = f"pair {name}, its {('input', 'target')[side]}"
    try:
        decoded = decode_labels(image, palette, label_ids=label_ids)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    check_palette(decoded, palette, where)
    return decoded


def resize_classes(classes: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes a class map, uint8 [h, w], by nearest-neighbour interpolation."""
    resized = Image.fromarray(classes).resize((width, height), Image.Resampling.NEAREST)
    return np.array(resized)
