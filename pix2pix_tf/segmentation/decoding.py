"""Decoding of label images: from colours or class numbers to the class of each pixel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from pix2pix_tf.images.convert import to_8bit, to_channels
from pix2pix_tf.segmentation.palette import VOID, Colour, Palette
from pix2pix_tf.segmentation.shipped import SHIPPED_PALETTES
from pix2pix_tf.utils.errors import UserError

# Pixels whose Euclidean distance in grey levels to every colour of the palette is larger than this
# are unknown. Labels were published as JPEG, which mixes neighbouring colours along every border:
# in those of Cityscapes 8 % of the pixels are this far off, 99 % of them within two pixels of a
# border.
UNKNOWN_BEYOND = 32
MAX_UNKNOWN = 0.2  # largest share of unknown pixels of an image; above it the palette is wrong
_OUT_OF_REACH = 1024  # an offset in grey levels that is larger than any distance between colours


@dataclass(frozen=True)
class Decoded:
    """A decoded label image.

    Attributes:
        classes: Class numbers and `VOID`, uint8 [H, W].
        unknown: Number of pixels farther than `UNKNOWN_BEYOND` from every colour of the palette.
        commonest_unknown: The most frequent colour among those pixels, None if there are none.
        ids: Whether the values of a grey image were read as class numbers.
    """

    classes: np.ndarray
    unknown: int
    commonest_unknown: Colour | None
    ids: bool = False


def decode_labels(
    image: np.ndarray,
    palette: Palette,
    *,
    void_allowed: bool = True,
    label_ids: bool | None = None,
) -> Decoded:
    """Decodes a label image: the class of a pixel is that of the nearest colour.

    Distances are Euclidean, in RGB. In grey images (one channel, or three that are equal
    everywhere) only the greys of the palette count, if any of its classes is grey. Grey images hold
    class numbers instead, with 255 for void, where `label_ids` says so or where their values cannot
    be greys:

    - no class of the palette is grey, and the image has one channel; or
    - all values are class numbers (or 255, unless the palette has white), and none of them is near
      the grey of a class.

    Values that are all exactly greys of the palette, at least one of them of a class, are always
    greys. Values that can be both are refused.

    Args:
        image: The label image, uint8 or uint16 [H, W, 1..4]; alpha is composited over white.
        palette: The palette of the label image.
        void_allowed: Whether a pixel may have no class. It may not in the output of a network: then
            void colours are left out, and three channels are colours unless `label_ids` is true.
        label_ids: Whether grey images hold class numbers; None decides as above.

    Raises:
        UserError: A grey image can be both, or holds class numbers that the palette does not have.
    """
    image = to_channels(image, 1 if image.shape[2] <= 2 else 3)
    values = _grey_values(image, palette, void_allowed, label_ids)
    if values is not None:
        if label_ids if label_ids is not None else _are_ids(values, palette):
            return Decoded(_numbers(values, palette), 0, None, ids=True)
        palette = _grey_palette(palette)
        image = to_channels(values[..., np.newaxis], 3)
    image = to_8bit(image)
    count = len(palette.classes)
    colours = np.concatenate([palette.colours, palette.void])
    # An image has far fewer colours than pixels.
    packed = image @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    packed, position, counts = np.unique(packed, return_inverse=True, return_counts=True)
    found = np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=1)

    distances = _squared_distances(found, colours)
    nearest = distances[:, : None if void_allowed else count].argmin(axis=1)
    classes = np.where(nearest < count, nearest, VOID).astype(np.uint8)
    unknown = np.where(distances.min(axis=1) > UNKNOWN_BEYOND**2, counts, 0)
    commonest = _colour(found[unknown.argmax()]) if unknown.any() else None
    return Decoded(classes[position].reshape(image.shape[:2]), int(unknown.sum()), commonest)


def decode_output(
    image: np.ndarray, truth: Decoded, palette: Palette, label_ids: bool | None = None
) -> Decoded:
    """Decodes the output of a network, whose grey values are read like those of the true labels.

    Args:
        image: The output, uint8 [H, W, 1..4].
        truth: The decoded true labels.
        palette: The palette of the labels.
        label_ids: See `decode_labels`.
    """
    if label_ids is None and image.shape[-1] <= 2 and len(_greys(palette.colours)):
        label_ids = truth.ids
    return decode_labels(image, palette, void_allowed=False, label_ids=label_ids)


def check_palette(decoded: Decoded, palette: Palette, where: str) -> None:
    """Checks that a label image has the colours of a palette.

    Args:
        decoded: The image, decoded with this palette.
        palette: The palette.
        where: Name of the image in the error message, such as its file.

    Raises:
        UserError: More than a fifth of its pixels have unknown colours.
    """
    share = decoded.unknown / decoded.classes.size
    if share > MAX_UNKNOWN:
        raise UserError(
            f"{where}: {share:.0%} of its pixels have none of the colours of the palette "
            f"{palette.name}, most often {list(decoded.commonest_unknown or ())}; choose the "
            f"palette these labels are drawn in: one of {', '.join(SHIPPED_PALETTES)}, or a YAML "
            "file that lists their names and colours"
            + ("; --label-ids, if they are class numbers" if _is_grey(decoded) else "")
        )


def _is_grey(decoded: Decoded) -> bool:
    return len(set(decoded.commonest_unknown or ())) == 1


def _grey_values(
    image: np.ndarray, palette: Palette, void_allowed: bool, label_ids: bool | None
) -> np.ndarray | None:
    """Returns the values of a grey image, [H, W], or None if it has colours."""
    if image.shape[-1] == 1:
        return image[..., 0]
    may_be_grey = label_ids or (void_allowed and len(_greys(palette.colours)))
    if may_be_grey and (image == image[..., :1]).all():
        return image[..., 0]
    return None


def _greys(colours: np.ndarray) -> np.ndarray:
    """Returns the grey levels of those colours that are grey."""
    return colours[(colours == colours[:, :1]).all(axis=1), 0]


def _are_ids(values: np.ndarray, palette: Palette) -> bool:
    """Returns whether a grey image holds class numbers, see `decode_labels`."""
    class_greys, void_greys = _greys(palette.colours), _greys(palette.void)
    if not len(class_greys):
        return True
    present = np.unique(values)
    levels = present / (257 if values.dtype == np.uint16 else 1)
    greys = np.concatenate([class_greys, void_greys])
    exact = np.isin(levels, greys).all()
    if exact and np.isin(levels, class_greys).any():
        return False
    numbers = present[present != VOID] if VOID not in greys else present
    if (numbers >= len(palette.classes)).any():
        return False
    number_levels = levels[np.isin(present, numbers)]
    apart = np.abs(number_levels[:, np.newaxis] - class_greys) * np.sqrt(3) > UNKNOWN_BEYOND
    if not exact and apart.all():
        return True
    raise UserError(
        f"a grey label image with values from {present[0]} to {present[-1]}: these may be class "
        f"numbers, or near the greys of the palette {palette.name} "
        f"({', '.join(map(str, sorted(greys)))}); "
        "say which with --label-ids or --no-label-ids (a segmenter's config: label_ids)"
    )


def _grey_palette(palette: Palette) -> Palette:
    """Returns the palette with all colours but greys moved so far away that no pixel matches them.

    All classes stay in the palette, so that they keep their numbers.
    """
    if not len(_greys(palette.colours)):
        return palette
    grey = (palette.colours == palette.colours[:, :1]).all(axis=1)[:, np.newaxis]
    void = palette.void[(palette.void == palette.void[:, :1]).all(axis=1)]
    colours = palette.colours.astype(np.int32) + np.where(grey, 0, 1) * _OUT_OF_REACH
    return replace(palette, colours=colours, void=void)


def _numbers(values: np.ndarray, palette: Palette) -> np.ndarray:
    count = len(palette.classes)
    wrong = values[(values >= count) & (values != VOID)]
    if wrong.size:
        raise UserError(
            f"a grey label image holds the value {wrong[0]}: grey values are class numbers, and "
            f"those of the palette {palette.name} go from 0 to {count - 1}, with {VOID} for void"
        )
    return values.astype(np.uint8)


def _squared_distances(found: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Returns the squared distances [N, K] between colours [N, 3] and [K, 3].

    They are exact, since float32 represents all integers up to 2**24.
    """
    a, b = found.astype(np.float32), colours.astype(np.float32)
    return (a * a).sum(1)[:, np.newaxis] - 2 * (a @ b.T) + (b * b).sum(1)


def _colour(values: Iterable[int]) -> Colour:
    red, green, blue = (int(value) for value in values)
    return red, green, blue
