"""Scores of hand-worked confusion matrices: void, absent classes, both accuracies."""

import math

import numpy as np
import pytest

from tfsynth.metrics import confusion_matrix, segmentation_scores

# True class down, predicted class across; class 3 is void, class 2 is nowhere.
MATRIX = np.array([[6, 2, 0, 0], [1, 3, 0, 0], [0, 0, 0, 0], [4, 4, 0, 0]])


def test_a_confusion_matrix_counts_pixels_by_truth_and_prediction():
    truth = np.array([[0, 0, 1], [2, 2, 2]], np.uint8)
    prediction = np.array([[0, 1, 1], [2, 0, 2]], np.int32)
    matrix = confusion_matrix(truth, prediction, 4)
    assert matrix.dtype == np.int64
    expected = [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 2, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(matrix, expected)


def test_cells_of_many_classes_do_not_overflow_the_labels_type():
    matrix = confusion_matrix(np.uint8([[255]]), np.uint8([[254]]), 256)
    assert matrix[255, 254] == 1 and matrix.sum() == 1


@pytest.mark.parametrize("bad", [-1, 3])
def test_ids_out_of_range_are_refused(bad):
    good = np.zeros((2, 2), np.int32)
    with pytest.raises(ValueError, match=rf"truth must hold integer ids 0\.\.2.*{bad}"):
        confusion_matrix(np.full((2, 2), bad), good, 3)
    with pytest.raises(ValueError, match=r"prediction must hold integer ids 0\.\.2"):
        confusion_matrix(good, np.full((2, 2), bad), 3)
    with pytest.raises(ValueError, match="float64"):
        confusion_matrix(good, good.astype("float64"), 3)
    with pytest.raises(ValueError, match="one shape"):
        confusion_matrix(good, good[:1], 3)


def test_void_is_left_out_and_an_absent_class_is_skipped():
    scores = segmentation_scores(MATRIX, void_ids=[3])
    # Class 0: 6 hits of 8 true and 7 predicted pixels outside void; class 1: 3 of 4 and 5.
    np.testing.assert_allclose(scores.class_iou[:2], [6 / 9, 3 / 6])
    assert np.isnan(scores.class_iou[2:]).all()
    assert scores.mean_iou == pytest.approx((6 / 9 + 3 / 6) / 2)
    assert scores.pixel_accuracy == pytest.approx(9 / 12)
    assert scores.pixel_accuracy_with_void == pytest.approx(9 / 20)


def test_without_void_ids_every_class_counts():
    scores = segmentation_scores(MATRIX)
    np.testing.assert_allclose(scores.class_iou, [6 / 13, 3 / 10, np.nan, 0])
    assert scores.mean_iou == pytest.approx((6 / 13 + 3 / 10 + 0) / 3)
    assert scores.pixel_accuracy == scores.pixel_accuracy_with_void == pytest.approx(9 / 20)


def test_a_class_that_is_only_predicted_counts_as_zero():
    scores = segmentation_scores([[3, 1], [0, 0]])
    np.testing.assert_allclose(scores.class_iou, [3 / 4, 0])
    assert scores.mean_iou == pytest.approx(3 / 8)


def test_a_pixel_predicted_as_void_is_an_error_of_its_class_alone():
    scores = segmentation_scores([[3, 0, 1], [0, 4, 0], [0, 0, 2]], void_ids=[2])
    np.testing.assert_allclose(scores.class_iou, [3 / 4, 1, np.nan])
    assert scores.pixel_accuracy == pytest.approx(7 / 8)
    assert scores.pixel_accuracy_with_void == pytest.approx(7 / 10)


def test_a_set_of_void_pixels_has_no_score():
    scores = segmentation_scores([[0, 0], [3, 5]], void_ids=[1])
    assert math.isnan(scores.mean_iou) and math.isnan(scores.pixel_accuracy)
    assert scores.pixel_accuracy_with_void == 0.0
    assert np.isnan(scores.class_iou).all()
    assert math.isnan(segmentation_scores(np.zeros((2, 2))).pixel_accuracy_with_void)


def test_a_set_is_scored_whole_not_picture_by_picture():
    one = confusion_matrix(np.int32([0] * 8 + [1] * 2), np.int32([0] * 10), 2)
    two = confusion_matrix(np.int32([1] * 10), np.int32([1] * 10), 2)
    scores = segmentation_scores(one + two)
    np.testing.assert_allclose(scores.class_iou, [8 / 10, 10 / 12])
