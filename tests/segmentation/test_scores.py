import numpy as np
import pytest

from pix2pix_tf.segmentation.palette import VOID
from pix2pix_tf.segmentation.scores import confusion_matrix, per_class_scores, segmentation_scores


def test_rows_are_truth_and_columns_the_prediction():
    truth = np.array([[0, 0, 0], [1, 1, 2]], np.uint8)
    predicted = np.array([[0, 1, 1], [1, 0, 2]], np.uint8)
    matrix = confusion_matrix(predicted, truth, 3)
    assert matrix.tolist() == [[1, 2, 0], [1, 1, 0], [0, 0, 1]]
    assert matrix.dtype == np.int64


def test_void_of_truth_is_not_counted():
    truth = np.array([[0, VOID, VOID, 1]], np.uint8)
    matrix = confusion_matrix(np.array([[0, 1, 0, 0]], np.uint8), truth, 2)
    assert matrix.tolist() == [[1, 0], [1, 0]]
    assert confusion_matrix(truth[:, 1:3] * 0, truth[:, 1:3], 2).sum() == 0


@pytest.mark.parametrize(("predicted", "truth"), [(2, 0), (0, 2), (VOID, 0)])
def test_number_that_is_no_class_is_an_error(predicted, truth):
    with pytest.raises(ValueError, match="not below 2"):
        confusion_matrix(np.array([[predicted]], np.uint8), np.array([[truth]], np.uint8), 2)


def test_scores_by_hand():
    # Right: 6 of 10. Accuracies 3/5, 1/2, 2/3; unions 5+4-3, 2+4-1, 3+2-2.
    matrix = np.array([[3, 2, 0], [1, 1, 0], [0, 1, 2]])
    scores = segmentation_scores(matrix)
    assert scores["per_pixel_accuracy"] == pytest.approx(0.6)
    assert scores["per_class_accuracy"] == pytest.approx((3 / 5 + 1 / 2 + 2 / 3) / 3)
    assert scores["class_iou"] == pytest.approx((3 / 6 + 1 / 5 + 2 / 3) / 3)
    accuracy, iou = per_class_scores(matrix)
    np.testing.assert_allclose(accuracy, [3 / 5, 1 / 2, 2 / 3])
    np.testing.assert_allclose(iou, [3 / 6, 1 / 5, 2 / 3])


def test_absent_classes_are_left_out():
    # Class 1 is predicted but never true: no accuracy, an IoU of 0. Class 2 is nowhere: neither.
    matrix = np.array([[3, 1, 0], [0, 0, 0], [0, 0, 0]])
    accuracy, iou = per_class_scores(matrix)
    np.testing.assert_array_equal(accuracy, [0.75, np.nan, np.nan])
    np.testing.assert_array_equal(iou, [0.75, 0, np.nan])
    scores = segmentation_scores(matrix)
    assert scores["per_class_accuracy"] == 0.75
    assert scores["class_iou"] == pytest.approx(0.375)


def test_leading_axes_are_matrices_of_their_own():
    first, second = np.array([[1, 1], [0, 2]]), np.array([[5, 0], [0, 0]])
    together = segmentation_scores(np.stack([[first, second], [second, first]]))
    for name, value in segmentation_scores(first).items():
        other = segmentation_scores(second)[name]
        np.testing.assert_allclose(together[name], [[value, other], [other, value]])


def test_nothing_counted_is_undefined():
    assert all(np.isnan(value) for value in segmentation_scores(np.zeros((2, 2))).values())
