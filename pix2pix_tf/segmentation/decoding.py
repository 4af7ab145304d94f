"""From the colours or numbers of a label image to the class of each pixel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from pix2pix_tf.images.convert import to_8bit, to_channels
from pix2pix_tf.segmentation.palette import VOID, Colour, Palette
from pix2pix_tf.segmentation.shipped import SHIPPED_PALETTES
from pix2pix_tf.utils.errors import UserError

# Pixels farther than this from every colour of the palette are unknown, in grey levels, Euclidean.
# Jpeg, as which labels were published, mixes neighbouring colours along every border: in those of
# Cityscapes 8 % of the pixels are this far off, 99 % of them within two pixels of a border.
UNKNOWN_BEYOND = 32
MAX_UNKNOWN = 0.2  # share of an image's pixels: beyond, the palette is the wrong one
_OUT_OF_REACH = 1024  # grey levels: farther than any colour is from any other


@dataclass(frozen=True)
class Decoded:
    """A label image as classes.

    Attributes:
        classes: Class numbers and `VOID`, uint8 [H, W].
        unknown: Number of pixels farther than `UNKNOWN_BEYOND` from every colour of the palette.
        commonest_unknown: The most frequent colour among those, None where there are none.
        ids: Whether the values of a grey image were taken for class numbers.
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
        palette: Its colours.
        void_allowed: Whether a colour may mean no class. The output of a network has to show
            classes: then void colours are left out, and three channels are colours unless
            `label_ids` says otherwise.
        label_ids: Whether grey images hold class numbers; None decides as above.

    Raises:
        UserError: A grey image can be both, or holds class numbers that the palette does not have.
    """
    image = to_channels(image, 1 if image.shape[2] <= 2 else 3)
    values = _grey_values(image, palette, void_allowed, label_ids)
    if values is not None:
        if label_ids if label_ids is not None else _are_ids(values, palette):
            return Decoded(_numbers(values, palette), 0, None, ids=True)
        palette = _greys_of(palette)
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
    """Decodes a network's output, whose grey values mean what those of the true labels mean.

    Args:
        image: The output, uint8 [H, W, 1..4].
        truth: The true labels.
        palette: Their palette.
        label_ids: See `decode_labels`.
    """
    if label_ids is None and image.shape[-1] <= 2 and len(_greys(palette.colours)):
        label_ids = truth.ids
    return decode_labels(image, palette, void_allowed=False, label_ids=label_ids)


def check_palette(decoded: Decoded, palette: Palette, where: str) -> None:
    """Checks that a label image has the colours of a palette.

    Args:
        decoded: The image, decoded by this palette.
        palette: The palette.
        where: What the error calls the image, such as its file.

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
    """The values of a grey image, [H, W]; None where it shows colours."""
    if image.shape[-1] == 1:
        return image[..., 0]
    may_be_grey = label_ids or (void_allowed and len(_greys(palette.colours)))
    if may_be_grey and (image == image[..., :1]).all():
        return image[..., 0]
    return None


def _greys(colours: np.ndarray) -> np.ndarray:
    """Grey levels of those colours that are grey."""
    return colours[(colours == colours[:, :1]).all(axis=1), 0]


def _are_ids(values: np.ndarray, palette: Palette) -> bool:
    """Whether a grey image holds class numbers, see `decode_labels`."""
    of_classes, of_void = _greys(palette.colours), _greys(palette.void)
    if not len(of_classes):
        return True
    present = np.unique(values)
    levels = present / (257 if values.dtype == np.uint16 else 1)
    greys = np.concatenate([of_classes, of_void])
    exact = np.isin(levels, greys).all()
    if exact and np.isin(levels, of_classes).any():
        return False
    numbers = present[present != VOID] if VOID not in greys else present
    if (numbers >= len(palette.classes)).any():
        return False
    number_levels = levels[np.isin(present, numbers)]
    apart = np.abs(number_levels[:, np.newaxis] - of_classes) * np.sqrt(3) > UNKNOWN_BEYOND
    if not exact and apart.all():
        return True
    raise UserError(
        f"a grey label image with values from {present[0]} to {present[-1]}: these may be class "
        f"numbers, or near the greys of the palette {palette.name} "
        f"({', '.join(map(str, sorted(greys)))}); "
        "say which with --label-ids or --no-label-ids (a segmenter's config: label_ids)"
    )


def _greys_of(palette: Palette) -> Palette:
    """The palette with all other colours moved out of reach, so that classes keep their numbers."""
    if not len(_greys(palette.colours)):
        return palette
    far = np.where((palette.colours == palette.colours[:, :1]).all(axis=1)[:, np.newaxis], 0, 1)
    void = palette.void[(palette.void == palette.void[:, :1]).all(axis=1)]
    colours = palette.colours.astype(np.int32) + far * _OUT_OF_REACH
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
    """Distances [N, K] of colours [N, 3] and [K, 3]; exact: float32 has all integers to 2**24."""
    a, b = found.astype(np.float32), colours.astype(np.float32)
    return (a * a).sum(1)[:, np.newaxis] - 2 * (a @ b.T) + (b * b).sum(1)


def _colour(values: Iterable[int]) -> Colour:
    red, green, blue = (int(value) for value in values)
    return red, green, blue
