import numpy as np
import pytest

from tests.harness import check_layer
from tfsynth.layers import (
    ColourConditioning,
    Conditioning,
    PictureConditioning,
    instance_edges,
)


def test_edges_mark_both_sides_of_a_boundary_and_no_border():
    ids = np.array([[5, 5, 5, 7, 7], [5, 5, 5, 7, 7], [5, 9, 9, 7, 7], [5, 9, 9, 7, 7]])
    expected = [[0, 0, 1, 1, 0], [0, 1, 1, 1, 0], [1, 1, 1, 1, 0], [1, 1, 1, 1, 0]]
    edges = np.asarray(instance_edges(ids[None].astype("int32")))[0]
    np.testing.assert_array_equal(edges.astype(int), expected)


def test_channels_are_one_hot_then_edges_then_features():
    labels = np.array([[[0, 2], [1, 1]]], "uint8")
    instances = np.array([[[4, 4], [4, 70000]]], "int32")
    features = np.full((1, 2, 2, 2), 0.5, "float32")
    output = check_layer(Conditioning(num_classes=3), labels, instances, features)
    expected = [
        [[1, 0, 0, 0, 0.5, 0.5], [0, 0, 1, 1, 0.5, 0.5]],
        [[0, 1, 0, 1, 0.5, 0.5], [0, 1, 0, 1, 0.5, 0.5]],
    ]
    np.testing.assert_array_equal(output[0], expected)


def test_without_edges_instances_are_not_needed():
    layer = Conditioning(num_classes=2, edges=False)
    assert layer.channels == 2
    np.testing.assert_array_equal(layer(np.array([[[1, 0]]]))[0], [[[0, 1], [1, 0]]])


def test_edges_without_instances_say_what_to_give():
    with pytest.raises(ValueError, match="give `instances`"):
        Conditioning(num_classes=2)(np.zeros((1, 2, 2), "int32"))


def test_no_classes_is_an_error():
    with pytest.raises(ValueError, match="at least 1. Received: 0"):
        Conditioning(num_classes=0)


def test_colours_are_scaled_then_edges_then_features():
    labels = np.array([[[1, 0]]], "uint8")
    instances = np.array([[[3, 26001]]], "int32")
    features = np.full((1, 1, 2, 1), 0.5, "float32")
    layer = ColourConditioning([[51, 0, 255], [0, 204, 0]], edges=True)
    assert (layer.channels, layer.num_classes, layer.condition_name) == (4, 2, "labels")
    output = check_layer(layer, labels, instances, features)
    expected = [[-1, 0.6, -1, 1, 0.5], [-0.6, -1, 1, 1, 0.5]]
    np.testing.assert_allclose(output[0, 0], expected, atol=1e-6)
    with pytest.raises(ValueError, match="give `instances`"):
        layer(labels)


@pytest.mark.parametrize("colours", [[], [[1, 2]], [[0, 0, 256]]])
def test_what_is_no_colour_is_refused(colours):
    with pytest.raises(ValueError, match="one .red, green, blue. per label id"):
        ColourConditioning(colours)


def test_pictures_are_scaled_then_edges_then_features():
    picture = np.array([[[[0, 255], [51, 204]]]], "uint8")
    instances = np.array([[[3, 26001]]], "int32")
    features = np.full((1, 1, 2, 1), 0.5, "float32")
    layer = PictureConditioning(condition_channels=2, edges=True)
    assert (layer.channels, layer.num_classes, layer.condition_name) == (3, None, "condition")
    output = check_layer(layer, picture, instances, features)
    np.testing.assert_allclose(output[0, 0], [[-1, 1, 1, 0.5], [-0.6, 0.6, 1, 0.5]], atol=1e-6)
    with pytest.raises(ValueError, match="give `instances`"):
        layer(picture)


def test_pictures_need_a_channel():
    with pytest.raises(ValueError, match="`condition_channels` must be at least 1. Received: 0"):
        PictureConditioning(condition_channels=0)
