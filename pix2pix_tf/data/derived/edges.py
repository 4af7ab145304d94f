"""Edges of photographs as drawings: black lines on white, for the paper's edges→photo tasks.

The paper (section 4 and its appendix) takes the edge map of holistically-nested edge detection, HED
(Xie & Tu 2015), and simplifies it. `hed_edges` is that second half, step for step what the authors
run: MATLAB's imresize, non-maximum suppression as in Dollár's structured edge detection (triangle
filter, orientation, suppression), a threshold, bwmorph's thinning, bwareaopen.
`hed_network` gives the first half from a network of the user's. `canny_edges` needs no network.

Floating point is 32 bits from the resized map on, as there. Sums are taken in another order than in
the toolbox, so decisions that hang on the last bit can differ from it: those between equals.
"""

from __future__ import annotations

import numpy as np
from skimage.feature import canny
from skimage.measure import label
from skimage.morphology import thin

from pix2pix_tf.images.convert import to_channels

CANNY_SIGMA = 2.0
CANNY_LOW, CANNY_HIGH = 8.0, 24.0  # grey levels of 255, see `canny_edges`


def canny_edges(photo: np.ndarray, sigma: float = CANNY_SIGMA) -> np.ndarray:
    """Canny edges of a photograph, uint8 [H, W, 1..4], as uint8 [H, W]: lines 0 on paper 255.

    The luma is smoothed by a Gaussian of `sigma` pixels: larger draws fewer, rounder lines. A line
    starts where the slope is that of a step by `CANNY_HIGH` grey levels of 255 between two flat
    areas, and goes on as long as it is that of a step by `CANNY_LOW`, whatever sigma is. That finds
    the outline and the main seams of an object on a plain ground and leaves out faint texture.
    Lines are one pixel wide; the outermost pixels of the image are always paper.
    """
    if photo.dtype != np.uint8 or photo.ndim != 3:
        raise ValueError(f"canny_edges takes uint8 [H, W, C], not {photo.dtype} {photo.shape}")
    if not sigma > 0:
        raise ValueError(f"sigma is {sigma}, not above 0")
    luma = to_channels(photo, 1)[..., 0].astype(np.float64) / 255
    # A Gaussian turns a step of 1 into a slope of 1 / (sigma √2π); the Sobel filter, whose weights
    # are not normalised, answers eight times the slope.
    slope = 8 / (sigma * np.sqrt(2 * np.pi)) / 255
    lines = canny(luma, sigma, CANNY_LOW * slope, CANNY_HIGH * slope, mode="nearest")
    return _drawing(thin(lines))  # a step between two pixels is a tie, drawn on both of them


def hed_edges(
    edge_map: np.ndarray,
    size: tuple[int, int],
    threshold: float = 25 / 255,
    smallest: int = 5,
) -> np.ndarray:
    """The paper's post-processing of an edge map, float [h, w] in [0, 1] where 1 is an edge.

    Args:
        edge_map: What an edge network gives, see `hed_network.load_edge_network`.
        size: Height and width of the drawing, which the map is resized to first.
        threshold: What is left of a line after suppression counts from here on.
        smallest: Lines of fewer pixels are dropped.

    Returns:
        uint8 [height, width]: lines 0 on paper 255. The outermost pixels are always paper.
    """
    if edge_map.dtype.kind != "f" or edge_map.ndim != 2:
        raise ValueError(f"hed_edges takes float [h, w], not {edge_map.dtype} {edge_map.shape}")
    if min(*edge_map.shape, *size) < 2:
        raise ValueError(f"an edge map of {edge_map.shape} to {size}: below 2 pixels")
    edges = resize_bicubic(edge_map, size).astype(np.float32)
    orientation = edge_orientation(triangle_filter(edges, 4))
    return thin_and_clean(suppress_non_maxima(edges, orientation), threshold, smallest)


def resize_bicubic(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize float [h, w] to [height, width] as MATLAB's imresize: float64, may overshoot.

    Keys' kernel with a = -0.5, widened by the factor when it shrinks, over an image mirrored at its
    borders (where Pillow, of the same kernel, cuts the kernel off).
    """
    image = image.astype(np.float64)
    if image.shape[0] != size[0]:
        image = _resize_weights(image.shape[0], size[0]) @ image
    if image.shape[1] != size[1]:
        image = image @ _resize_weights(image.shape[1], size[1]).T
    return image


def triangle_filter(image: np.ndarray, radius: int) -> np.ndarray:
    """Smooth float32 [H, W] by the weights 1, 2 ... radius + 1 ... 2, 1 along both axes.

    Their sum is made 1. The image goes on mirrored at its borders, the outermost pixel twice
    (convTri of the toolbox).
    """
    height, width = image.shape
    weights = [radius + 1 - abs(offset) for offset in range(-radius, radius + 1)]
    total = np.pad(image.astype(np.float64), radius, "symmetric")
    total = np.sum([w * total[k : k + height] for k, w in enumerate(weights)], axis=0)
    total = np.sum([w * total[:, k : k + width] for k, w in enumerate(weights)], axis=0)
    return (total / (radius + 1) ** 4).astype(np.float32)


def edge_orientation(smooth: np.ndarray) -> np.ndarray:
    """The angle across the edge at each pixel of a smoothed map: float32 [H, W] in [0, π].

    0 points along x (an upright edge), π/2 along y, which goes down. From second derivatives, each
    by central differences, one-sided at the borders. Where the mixed one is exactly zero the angle
    is 0, in the toolbox as well; no network's output is as regular as that.
    """
    dy, dx = np.gradient(smooth)
    dxx = np.gradient(dx, axis=1)
    dyy, dxy = np.gradient(dy)
    below = dxx + np.float32(1e-5)
    below[below == 0] = np.finfo(np.float32).tiny  # the angle of a division by zero, and no NaN
    return np.mod(np.arctan(dyy * np.sign(-dxy) / below), np.float32(np.pi))


def suppress_non_maxima(
    edges: np.ndarray,
    orientation: np.ndarray,
    radius: int = 1,
    border: int = 5,
    leniency: float = 1.01,
) -> np.ndarray:
    """Zero where the map is higher to either side across the edge; float32 [H, W] both.

    Compared with the pixel's own value times `leniency` are the bilinear values at 1 ... `radius`
    pixels in the direction of `orientation` and against it. What stays then fades over `border`
    pixels to 0 at the outermost ones, where orientations cannot be trusted.
    """
    height, width = edges.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    kept = np.ones(edges.shape, bool)
    for distance in (d for d in range(-radius, radius + 1) if d):
        beside = _bilinear(
            edges, y + distance * np.sin(orientation), x + distance * np.cos(orientation)
        )
        kept &= edges * np.float32(leniency) >= beside
    border = min(border, width // 2, height // 2)
    fade_y, fade_x = (_fade(length, border) for length in (height, width))
    return np.where(kept, edges, np.float32(0)) * fade_x * fade_y[:, np.newaxis]


def thin_and_clean(edges: np.ndarray, threshold: float, smallest: int) -> np.ndarray:
    """Lines one pixel wide of what reaches the threshold: uint8 [H, W], lines 0 on paper 255.

    Thinned by Guo & Hall's two passes until nothing changes (bwmorph's 'thin', infinitely often),
    then without the 8-connected pieces of fewer than `smallest` pixels.
    """
    lines = thin(edges >= max(np.finfo(np.float64).eps, threshold))
    pieces = label(lines, connectivity=2)
    return _drawing(lines & (np.bincount(pieces.ravel()) >= smallest)[pieces])


def _drawing(lines: np.ndarray) -> np.ndarray:
    return np.where(lines, np.uint8(0), np.uint8(255))


def _resize_weights(length: int, new: int) -> np.ndarray:
    """Weights [new, length] of each old pixel in each new one."""
    scale = new / length
    shrink = min(scale, 1.0)
    centres = (np.arange(new) + 0.5) / scale - 0.5
    reach = int(np.ceil(4 / shrink)) + 2
    taps = np.floor(centres - 2 / shrink).astype(int)[:, np.newaxis] + np.arange(reach)
    weights = _cubic(shrink * (centres[:, np.newaxis] - taps))
    weights /= weights.sum(axis=1, keepdims=True)
    mirrored = np.minimum(taps % (2 * length), 2 * length - 1 - taps % (2 * length))
    matrix = np.zeros((new, length))
    np.add.at(matrix, (np.arange(new)[:, np.newaxis], mirrored), weights)
    return matrix


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys' cubic convolution kernel, a = -0.5."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x**2 + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


def _bilinear(image: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Values of [H, W] between its pixels; places outside are moved in, as the toolbox does it."""
    height, width = image.shape
    y = np.clip(y, np.float32(0), np.float32(height - 1.001))
    x = np.clip(x, np.float32(0), np.float32(width - 1.001))
    top, left = y.astype(int), x.astype(int)
    down, right = y - top.astype(np.float32), x - left.astype(np.float32)
    above = image[top, left] * (1 - right) + image[top, left + 1] * right
    below = image[top + 1, left] * (1 - right) + image[top + 1, left + 1] * right
    return above * (1 - down) + below * down


def _fade(length: int, border: int) -> np.ndarray:
    """float32 [length]: 0, 1/border, 2/border ... 1 ... 2/border, 1/border, 0."""
    if border == 0:
        return np.ones(length, np.float32)
    from_end = np.minimum(np.arange(length), np.arange(length)[::-1])
    return np.minimum(from_end / border, 1).astype(np.float32)
