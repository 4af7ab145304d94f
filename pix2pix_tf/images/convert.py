"""Conversions of image arrays: channels, bit depth and size.

Colours are uint8 or uint16 [H, W, C] with C from 1 to 4: grey, grey + alpha, RGB, RGBA. Conversions
keep full scale: 255 in 8 bits corresponds to 65535 in 16 bits. Other images have any number of
channels and any type of integers or floats; they can be resized and shown.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

SIXTEEN_PER_EIGHT = 257  # 65535 / 255


def to_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """Converts an image to a number of channels, by the rules of `images.io`.

    Args:
        image: uint8 or uint16 [H, W, C].
        channels: 1 (grey), 2 (grey + alpha), 3 (RGB) or 4 (RGBA); or that of the image.

    Returns:
        [H, W, channels] of the same type; the same array if it has this number already.

    Raises:
        ValueError: The numbers differ, and one of them is more than 4.

    Example:
        >>> half_black = np.array([[[0, 127]]], np.uint8)  # grey 0, alpha 127: over white
        >>> to_channels(half_black, 3).tolist()
        [[[128, 128, 128]]]
        >>> to_channels(np.array([[[255, 0, 0]]], np.uint8), 1).tolist()  # ITU-R 601 luma
        [[[76]]]
    """
    if image.shape[-1] == channels:
        return image
    if channels not in (1, 2, 3, 4) or image.shape[-1] > 4:
        raise ValueError(f"{image.shape[-1]} channels cannot be converted to {channels}")
    has_alpha = image.shape[-1] in (2, 4)
    colour = image[..., :-1] if has_alpha else image
    if has_alpha and channels in (1, 3):
        colour = _over_white(colour, image[..., -1:])
    if channels <= 2 and colour.shape[-1] == 3:
        colour = _luma(colour)
    if channels >= 3 and colour.shape[-1] == 1:
        colour = np.repeat(colour, 3, axis=-1)
    if channels in (1, 3):
        return colour
    opaque = np.full_like(colour[..., :1], np.iinfo(image.dtype).max)
    return np.concatenate([colour, image[..., -1:] if has_alpha else opaque], axis=-1)


def to_8bit(image: np.ndarray) -> np.ndarray:
    """Converts an image to uint8, full scale to full scale, rounded; uint8 is returned unchanged.

    Args:
        image: uint8, uint16, or floats in 0..1.

    Example:
        >>> to_8bit(np.array([0, 128, 129, 65535], np.uint16)).tolist()
        [0, 0, 1, 255]
    """
    if image.dtype == np.uint8:
        return image
    if image.dtype.kind == "f":
        return np.rint(image * 255).astype(np.uint8)
    half = SIXTEEN_PER_EIGHT // 2
    return ((image.astype(np.uint32) + half) // SIXTEEN_PER_EIGHT).astype(np.uint8)


def to_16bit(image: np.ndarray) -> np.ndarray:
    """Converts uint8 to uint16, full scale to full scale; uint16 is returned unchanged.

    Example:
        >>> to_16bit(np.array([0, 1, 255], np.uint8)).tolist()
        [0, 257, 65535]
    """
    if image.dtype == np.uint16:
        return image
    return image.astype(np.uint16) * SIXTEEN_PER_EIGHT


def halves(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Splits a side-by-side image [H, 2 W, C] into its left and right half, views [H, W, C].

    Example:
        >>> left, right = halves(np.array([[[1], [2], [3], [4]]], np.uint8))
        >>> left[0, :, 0].tolist(), right[0, :, 0].tolist()
        ([1, 2], [3, 4])
    """
    middle = image.shape[1] // 2
    return image[:, :middle], image[:, middle:]


def for_display(image: np.ndarray) -> np.ndarray:
    """Converts colours to RGB of 8 bits; see `images.display` for other images.

    Grey is replicated, alpha composited over white, and 16 bits reduced to 8.

    Args:
        image: uint8, uint16, or floats in 0..1, [H, W, 1..4].

    Returns:
        uint8 [H, W, 3].
    """
    return to_channels(to_8bit(image), 3)


def resize_image(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes an image bicubically, with antialiasing.

    Each channel is resized separately, because Pillow would weight colour by alpha. Types other
    than uint8 are computed in float32; integers are rounded and clipped to the range of their type.

    Args:
        image: Any real type, [H, W, C].
        height: New height in pixels.
        width: New width in pixels.

    Returns:
        [height, width, C] of the same type; the same array if it has this size already.
    """
    if image.shape[:2] == (height, width):
        return image
    if image.dtype == np.uint8 and image.shape[2] == 3:  # a third faster than by channels
        return _resize(image, height, width)
    planes = [_resize(image[..., k], height, width) for k in range(image.shape[2])]
    return np.stack(planes, axis=2)


def _over_white(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Composites over white, rounded; 65535² + 65535 / 2 fits in uint32."""
    top = np.uint32(np.iinfo(colour.dtype).max)
    weight = alpha.astype(np.uint32)
    total = colour * weight + top * (top - weight)
    return ((total + top // 2) // top).astype(colour.dtype)


def _luma(rgb: np.ndarray) -> np.ndarray:
    """Computes the ITU-R 601 luma [H, W, 1] of [H, W, 3], by Pillow for uint8, else exactly."""
    if rgb.dtype == np.uint8:
        return np.array(Image.fromarray(np.ascontiguousarray(rgb)).convert("L"))[..., None]
    weighted = rgb @ np.array([299, 587, 114], np.uint32)
    return ((weighted + 500) // 1000).astype(rgb.dtype)[..., None]


def _resize(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes [H, W] of any real type, or uint8 [H, W, 3]."""
    size, bicubic = (width, height), Image.Resampling.BICUBIC
    if pixels.dtype == np.uint8:
        return np.array(Image.fromarray(np.ascontiguousarray(pixels)).resize(size, bicubic))
    # Pillow resizes float32, which is exact for the differences of larger numbers at least.
    base = 0 if np.can_cast(pixels.dtype, np.float32) else pixels.min().astype(np.float64)
    resized = np.array(Image.fromarray((pixels - base).astype(np.float32)).resize(size, bicubic))
    # Bicubic values may lie outside the range of the type; Pillow does not round or clip floats.
    return to_dtype(resized + base, pixels.dtype)


def to_dtype(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Converts values to a type; for integers they are rounded and clipped to its limits."""
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        rounded = np.rint(values.astype(np.float64))
        return np.clip(rounded, limits.min, limits.max).astype(dtype)
    return values.astype(dtype)
