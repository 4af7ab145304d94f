"""Pictures inside a page."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from pix2pix_tf.images.convert import for_display, resize_image

LONGEST_SIDE = 512  # pixels: larger pictures are scaled down
_QUALITY = 90


def reduced(image: np.ndarray) -> np.ndarray:
    """Any image as uint8 [H, W, 3] no larger than `LONGEST_SIDE`."""
    shown = for_display(image)
    height, width = shown.shape[:2]
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    return resize_image(shown, max(1, round(height * scale)), max(1, round(width * scale)))


def data_uri(image: np.ndarray) -> str:
    """A image, uint8 [H, W, 3], as an address that holds it.

    Lossless WebP or, where that is smaller, JPEG of quality 90 with full colour resolution: label
    pictures stay exact, photographs small.
    """
    encodable = Image.fromarray(image)
    candidates = {
        "webp": _encoded(encodable, "WEBP", lossless=True, method=6),
        "jpeg": _encoded(encodable, "JPEG", quality=_QUALITY, subsampling=0, optimize=True),
    }
    kind = min(candidates, key=lambda name: len(candidates[name]))
    return f"data:image/{kind};base64,{base64.b64encode(candidates[kind]).decode()}"


def _encoded(image: Image.Image, kind: str, **options: int | bool) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()
