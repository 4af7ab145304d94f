"""The scores of segmentation: per-pixel accuracy, per-class accuracy, class IoU (Tables 1-3, 6).

Everything is counted over all pictures together, as in the paper's published evaluation: one
confusion matrix of a whole split, not a mean over pictures.
"""

from __future__ import annotations

import numpy as np

from pix2pix_tf.segmentation.palette import VOID

# Every score and what it says, for tables.
SCORE_DESCRIPTIONS = {
    "per_pixel_accuracy": "share of pixels that are right; higher is better",
    "per_class_accuracy": "mean over classes of that share",
    "class_iou": "mean over classes of intersection over union",
}


def confusion_matrix(predicted: np.ndarray, truth: np.ndarray, classes: int) -> np.ndarray:
    """Counts pixels by their class in truth (row) and in the prediction (column).

    Args:
        predicted: uint8 of any shape, class numbers.
        truth: uint8 of the same shape; what is `VOID` in it is not counted.
        classes: How many there are, K.

    Returns:
        int64 [K, K].
    """
    counted = truth != VOID
    rows, columns = truth[counted].astype(np.int64), predicted[counted].astype(np.int64)
    if rows.size and max(rows.max(), columns.max()) >= classes:
        raise ValueError(f"a class number is not below {classes}")
    counts = np.bincount(rows * classes + columns, minlength=classes * classes)
    return counts.reshape(classes, classes)


def segmentation_scores(matrix: np.ndarray) -> dict[str, np.ndarray]:
    """The paper's three scores of confusion matrices.

    Classes that truth does not have are left out of the mean of accuracies, those that neither
    truth nor the prediction has out of the mean of IoU. (The published program counts them as 0,
    which comes to the same on the whole of Cityscapes' validation split: it has all classes.)

    Args:
        matrix: Counts [..., K, K]; leading axes are matrices of their own, such as resamples.

    Returns:
        `per_pixel_accuracy`: the share of pixels that are right; `per_class_accuracy`: the mean
        over classes of the share of a class's pixels that are right; `class_iou`: the mean over
        classes of intersection over union. Each float64 [...], NaN where nothing was counted.
    """
    matrix = np.asarray(matrix, np.float64)
    right = np.trace(matrix, axis1=-2, axis2=-1)
    accuracy, iou = per_class_scores(matrix)
    return {
        "per_pixel_accuracy": _ratio(right, matrix.sum(axis=(-2, -1))),
        "per_class_accuracy": _mean_of_defined(accuracy),
        "class_iou": _mean_of_defined(iou),
    }


def per_class_scores(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Accuracy and IoU of each class, float64 [..., K] each, NaN where they are undefined."""
    matrix = np.asarray(matrix, np.float64)
    right = np.diagonal(matrix, axis1=-2, axis2=-1)
    in_truth, predicted = matrix.sum(axis=-1), matrix.sum(axis=-2)
    return _ratio(right, in_truth), _ratio(right, in_truth + predicted - right)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0)


def _mean_of_defined(values: np.ndarray) -> np.ndarray:
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0).sum(axis=-1), defined.sum(axis=-1, dtype=np.float64))
