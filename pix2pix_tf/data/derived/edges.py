"""Edge drawings of photographs, black lines on white, for the paper's edges→photo tasks.

The paper (section 4 and its appendix) takes the edge map of holistically-nested edge detection, HED
(Xie & Tu 2015), and simplifies it. `hed_edges` does the second step, in the same order as the
authors' program: MATLAB's imresize, non-maximum suppression as in Dollár's structured edge
detection (triangle filter, orientation, suppression), a threshold, bwmorph's thinning, bwareaopen.
`hed_network` does the first step with a network that the user supplies. `canny_edges` needs no
network.

As in the authors' program, floating point has 32 bits from the resized map on. Sums are taken in
another order than in the toolbox, so that comparisons of equal values, which depend on the last
bit, can differ.
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
    """Draw the Canny edges of a photograph.

    A line starts where the slope of the smoothed luma is at least that of a step by `CANNY_HIGH`
    grey levels of 255 between two flat areas, and continues while it is at least that of a step by
    `CANNY_LOW`, for any sigma. This finds the outline and the main seams of an object on a plain
    background and leaves out faint texture. Lines are one pixel wide; the outermost pixels of the
    image are always background.

    Args:
        photo: uint8 [H, W, 1..4].
        sigma: Standard deviation in pixels of the Gaussian that smooths the luma; a larger one
            gives fewer and rounder lines.

    Returns:
        uint8 [H, W]: 0 for lines, 255 for the background.

    Raises:
        ValueError: The photograph has another type or shape, or sigma is not above 0.
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
    # A step between two pixels gives both the same slope and thus a line two pixels wide.
    return _drawing(thin(lines))


def hed_edges(
    edge_map: np.ndarray,
    size: tuple[int, int],
    threshold: float = 25 / 255,
    smallest: int = 5,
) -> np.ndarray:
    """Draw the lines of an edge map by the post-processing of the paper.

    Args:
        edge_map: float [h, w] in [0, 1], where 1 is an edge: the output of an edge network, see
            `hed_network.load_edge_network`.
        size: Height and width of the drawing in pixels; the map is resized to it first.
        threshold: The least value, after suppression, that belongs to a line.
        smallest: The least number of pixels of a line; smaller ones are removed.

    Returns:
        uint8 [height, width]: 0 for lines, 255 for the background. The outermost pixels are always
        background.

    Raises:
        ValueError: The map has another type or shape, or map or drawing are smaller than 2 pixels.
    """
    if edge_map.dtype.kind != "f" or edge_map.ndim != 2:
        raise ValueError(f"hed_edges takes float [h, w], not {edge_map.dtype} {edge_map.shape}")
    if min(*edge_map.shape, *size) < 2:
        raise ValueError(f"an edge map of {edge_map.shape} to {size}: below 2 pixels")
    edges = resize_bicubic(edge_map, size).astype(np.float32)
    orientation = edge_orientation(triangle_filter(edges, 4))
    return thin_and_clean(suppress_non_maxima(edges, orientation), threshold, smallest)


def resize_bicubic(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize an image bicubically like MATLAB's imresize.

    The kernel is that of Keys with a = -0.5, widened by the factor when the image shrinks. The
    image is mirrored at its borders (Pillow uses the same kernel, but truncates it there).

    Args:
        image: float [h, w].
        size: Height and width of the result in pixels.

    Returns:
        float64 [height, width]; its values may lie outside the range of the image.
    """
    image = image.astype(np.float64)
    if image.shape[0] != size[0]:
        image = _resize_weights(image.shape[0], size[0]) @ image
    if image.shape[1] != size[1]:
        image = image @ _resize_weights(image.shape[1], size[1]).T
    return image


def triangle_filter(image: np.ndarray, radius: int) -> np.ndarray:
    """Smooth by the weights 1, 2 ... radius + 1 ... 2, 1 along both axes, divided by their sum.

    The image is mirrored at its borders, with the outermost pixel repeated (convTri of the
    toolbox).

    Args:
        image: float32 [H, W].
        radius: The number of weights on each side of the middle one.

    Returns:
        float32 [H, W].
    """
    height, width = image.shape
    weights = [radius + 1 - abs(offset) for offset in range(-radius, radius + 1)]
    total = np.pad(image.astype(np.float64), radius, "symmetric")
    total = np.sum([w * total[k : k + height] for k, w in enumerate(weights)], axis=0)
    total = np.sum([w * total[:, k : k + width] for k, w in enumerate(weights)], axis=0)
    return (total / (radius + 1) ** 4).astype(np.float32)


def edge_orientation(smooth: np.ndarray) -> np.ndarray:
    """Compute the angle across the edge at each pixel from the second derivatives.

    The derivatives are central differences, one-sided at the borders. Where the mixed derivative is
    exactly zero the angle is 0, as in the toolbox; in the output of a network this does not occur.

    Args:
        smooth: float32 [H, W], a smoothed edge map.

    Returns:
        float32 [H, W] in [0, π]: 0 points along x (a vertical edge), π/2 along y, which points
        down.
    """
    dy, dx = np.gradient(smooth)
    dxx = np.gradient(dx, axis=1)
    dyy, dxy = np.gradient(dy)
    denominator = dxx + np.float32(1e-5)
    # The tiny value gives the same angle as a division by zero, but never NaN.
    denominator[denominator == 0] = np.finfo(np.float32).tiny
    return np.mod(np.arctan(dyy * np.sign(-dxy) / denominator), np.float32(np.pi))


def suppress_non_maxima(
    edges: np.ndarray,
    orientation: np.ndarray,
    radius: int = 1,
    border: int = 5,
    leniency: float = 1.01,
) -> np.ndarray:
    """Set pixels to zero where the map is higher on either side across the edge.

    The value of a pixel times `leniency` is compared with the bilinear values at 1 ... `radius`
    pixels in the direction of `orientation` and in the opposite direction. The remaining values
    fade to 0 towards the outermost pixels, where orientations are not reliable.

    Args:
        edges: float32 [H, W], the edge map.
        orientation: float32 [H, W], the angle across the edge, see `edge_orientation`.
        radius: The largest distance in pixels that is compared.
        border: The number of pixels over which values fade at each border.
        leniency: The factor of a pixel's own value in the comparison.

    Returns:
        float32 [H, W].
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
    """Draw the pixels that reach the threshold as lines one pixel wide, without small pieces.

    The lines are thinned by Guo & Hall's two passes until nothing changes (bwmorph's 'thin' with
    infinitely many repetitions); then 8-connected pieces of fewer than `smallest` pixels are
    removed.

    Args:
        edges: float32 [H, W], the edge map.
        threshold: The least value that belongs to a line.
        smallest: The least number of pixels of a piece.

    Returns:
        uint8 [H, W]: 0 for lines, 255 for the background.
    """
    lines = thin(edges >= max(np.finfo(np.float64).eps, threshold))
    pieces = label(lines, connectivity=2)
    return _drawing(lines & (np.bincount(pieces.ravel()) >= smallest)[pieces])


def _drawing(lines: np.ndarray) -> np.ndarray:
    return np.where(lines, np.uint8(0), np.uint8(255))


def _resize_weights(length: int, new: int) -> np.ndarray:
    """Return the weights [new, length] of each old pixel in each new pixel."""
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
    """Evaluate Keys' cubic convolution kernel with a = -0.5."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x**2 + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


def _bilinear(image: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Interpolate [H, W] at positions, which are clipped to the image as in the toolbox."""
    height, width = image.shape
    y = np.clip(y, np.float32(0), np.float32(height - 1.001))
    x = np.clip(x, np.float32(0), np.float32(width - 1.001))
    top, left = y.astype(int), x.astype(int)
    down, right = y - top.astype(np.float32), x - left.astype(np.float32)
    above = image[top, left] * (1 - right) + image[top, left + 1] * right
    below = image[top + 1, left] * (1 - right) + image[top + 1, left + 1] * right
    return above * (1 - down) + below * down


def _fade(length: int, border: int) -> np.ndarray:
    """Return float32 [length]: 0, 1/border, 2/border ... 1 ... 2/border, 1/border, 0."""
    if border == 0:
        return np.ones(length, np.float32)
    from_end = np.minimum(np.arange(length), np.arange(length)[::-1])
    return np.minimum(from_end / border, 1).astype(np.float32)
