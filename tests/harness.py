"""One check per kind of part, called once per class by the tests."""

import json

import keras
import numpy as np
import pytest

from tfsynth import registry


def round_trip(part):
    """Returns `part` again from its config, by way of JSON and of `describe` and `build`."""
    node = registry.describe(part)
    again = registry.build(json.loads(json.dumps(node)))
    assert type(again) is type(part)
    assert registry.describe(again) == node
    return again


def check_layer(layer, *inputs):
    """A layer gives the same from its config, symbolically the right shape; returns its output."""
    output = keras.ops.convert_to_numpy(layer(*inputs))
    again = keras.ops.convert_to_numpy(round_trip(layer)(*inputs))
    np.testing.assert_array_equal(again, output)
    shapes = [keras.KerasTensor(np.shape(x), dtype=keras.ops.dtype(x)) for x in inputs]
    assert layer.compute_output_spec(*shapes).shape == output.shape
    return output


def check_network(network, inputs, folder):
    """A network gives the same after a file; returns its outputs as NumPy, in its own nesting.

    It refuses an argument that neither it nor Keras knows.
    """
    round_trip(network)
    with pytest.raises(ValueError, match=f"{type(network).__name__} takes no `fliters`"):
        type(network).from_config({**network.get_config(), "fliters": 3})
    outputs = keras.tree.map_structure(keras.ops.convert_to_numpy, network(inputs))
    path = folder / "network.keras"
    network.save(path)
    loaded = keras.saving.load_model(path)
    again = keras.tree.map_structure(keras.ops.convert_to_numpy, loaded(inputs))
    keras.tree.map_structure(np.testing.assert_array_equal, outputs, again)
    return outputs


def count_parameters(network, **arguments):
    """Returns the number of weights of a network of this class, without the gigabytes of them."""
    with keras.StatelessScope(initialize_variables=False):
        count = network(**arguments).count_params()
    # Else they are made when the next scope ends.
    keras.utils.clear_session()
    return count


def check_loss(value, expected):
    """A loss is a float32 scalar of the expected value."""
    assert keras.ops.dtype(value) == "float32"
    assert tuple(value.shape) == ()
    np.testing.assert_allclose(keras.ops.convert_to_numpy(value), expected, rtol=1e-6)


def filler(count, index):
    """The deterministic numbers of the conformance vectors, in -0.5..0.5, float64.

    frac(43758.5453123 sin(12.9898 (i + 1) + 78.233 (t + 1))) - 0.5 for i = 0..count-1.
    """
    i = np.arange(1, count + 1, dtype="float64")
    values = 43758.5453123 * np.sin(12.9898 * i + 78.233 * (index + 1))
    return values - np.floor(values) - 0.5


def fill_convolutions(layers):
    """Sets kernels and biases, in order, to 0.2 * filler in PyTorch's order of axes."""
    index = 0
    for layer in layers:
        rows, columns, third, fourth = layer.kernel.shape
        kernel = 0.2 * filler(rows * columns * third * fourth, index)
        # PyTorch: (out, in, rows, columns), transposed (in, out, …); Keras has both reversed.
        kernel = kernel.reshape(fourth, third, rows, columns).transpose(2, 3, 1, 0)
        layer.kernel.assign(kernel)
        layer.bias.assign(0.2 * filler(layer.bias.shape[0], index + 1))
        index += 2


def assert_conforms(actual, expected):
    """To 1e-5 relative to max(1, |expected|)."""
    error = np.abs(actual - expected) / np.maximum(1, np.abs(expected))
    assert error.max() <= 1e-5
