"""Encoding of images as data URIs for a page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pix2pix_tf.images.convert import resize_image

LONGEST_SIDE = 512  # pixels: larger images are scaled down
_QUALITY = 90


@dataclass(frozen=True)
class EmbeddedImage:
    """An image encoded for an <img> element.

    Attributes:
        uri: Data URI that holds the image.
        height: Height in pixels.
        width: Width in pixels.
        scaled: Whether the image was scaled down to `LONGEST_SIDE`.
    """

    uri: str
    height: int
    width: int
    scaled: bool


def embed_image(image: np.ndarray) -> EmbeddedImage:
    """Encodes an image, uint8 [H, W, 3], scaled down to `LONGEST_SIDE` if larger."""
    height, width = image.shape[:2]
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    height, width = max(1, round(height * scale)), max(1, round(width * scale))
    uri = data_uri(resize_image(image, height, width))
    return EmbeddedImage(uri, height, width, scaled=scale < 1)


def data_uri(image: np.ndarray) -> str:
    """Encodes an image, uint8 [H, W, 3], as a data URI.

    The format is lossless WebP or, if that is smaller, JPEG of quality 90 with full colour
    resolution, so that label images are exact and photographs small.
    """
    encodable = Image.fromarray(image)
    # Pillow's optimize=True would fail for noise, which takes more bytes than it makes room for.
    candidates = {
        "webp": _encoded(encodable, "WEBP", lossless=True, method=6),
        "jpeg": _encoded(encodable, "JPEG", quality=_QUALITY, subsampling=0),
    }
    kind = min(candidates, key=lambda name: len(candidates[name]))
    return f"data:image/{kind};base64,{base64.b64encode(candidates[kind]).decode()}"


def _encoded(image: Image.Image, kind: str, **options: int | bool) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()
