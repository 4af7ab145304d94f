"""Scores of segmentation: per-pixel accuracy, per-class accuracy, class IoU (Tables 1-3, 6).

Pixels are counted over all images together, as in the published evaluation of the paper: the scores
are of one confusion matrix for a whole split, not means over images.
"""

from __future__ import annotations

import numpy as np

from pix2pix_tf.segmentation.palette import VOID

Scores = dict[str, float]

# Descriptions of the scores in tables.
SCORE_DESCRIPTIONS = {
    "per_pixel_accuracy": "share of pixels that are right; higher is better",
    "per_class_accuracy": "mean over classes of that share",
    "class_iou": "mean over classes of intersection over union",
}


def confusion_matrix(predicted: np.ndarray, truth: np.ndarray, classes: int) -> np.ndarray:
    """Counts pixels by their true class (row) and their predicted class (column).

    Args:
        predicted: Class numbers, uint8 of any shape.
        truth: True class numbers, uint8 of the same shape; pixels that are `VOID` are not counted.
        classes: Number of classes, K.

    Returns:
        Numbers of pixels, int64 [K, K].
    """
    counted = truth != VOID
    rows, columns = truth[counted].astype(np.int64), predicted[counted].astype(np.int64)
    if rows.size and max(rows.max(), columns.max()) >= classes:
        raise ValueError(f"a class number is not below {classes}")
    counts = np.bincount(rows * classes + columns, minlength=classes * classes)
    return counts.reshape(classes, classes)


def segmentation_scores(matrix: np.ndarray) -> dict[str, np.ndarray]:
    """Computes the three scores of the paper from confusion matrices.

    The mean accuracy leaves out classes that do not occur in the truth, the mean IoU those that
    occur neither in the truth nor in the prediction. (The published program counts these as 0. The
    result is the same on the whole validation split of Cityscapes, which has all classes.)

    Args:
        matrix: Numbers of pixels [..., K, K]; leading axes are separate matrices, such as
            resamples.

    Returns:
        `per_pixel_accuracy`: the share of pixels that are right; `per_class_accuracy`: the mean
        over classes of the share of their pixels that are right; `class_iou`: the mean over classes
        of intersection over union. Each is float64 [...] in 0..1, NaN if no pixel was counted.
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
    """Computes accuracy and IoU of each class.

    Args:
        matrix: Numbers of pixels [..., K, K].

    Returns:
        Accuracies and IoUs, float64 [..., K] each, NaN where they are undefined.
    """
    matrix = np.asarray(matrix, np.float64)
    right = np.diagonal(matrix, axis1=-2, axis2=-1)
    in_truth, predicted = matrix.sum(axis=-1), matrix.sum(axis=-2)
    return _ratio(right, in_truth), _ratio(right, in_truth + predicted - right)


def format_scores(scores: Scores) -> str:
    """Returns the scores as one line of text."""
    return (
        f"per-pixel {scores['per_pixel_accuracy']:.3f}  per-class "
        f"{scores['per_class_accuracy']:.3f}  class IoU {scores['class_iou']:.3f}"
    )


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0)


def _mean_of_defined(values: np.ndarray) -> np.ndarray:
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0).sum(axis=-1), defined.sum(axis=-1, dtype=np.float64))
