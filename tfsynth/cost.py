"""What a network costs before it runs: parameters, multiply-accumulates, memory."""

import math
from dataclasses import dataclass

import keras

# Float32 weight, gradient and Adam's two moments.
TRAINING_BYTES_PER_PARAMETER = 16


@dataclass(frozen=True)
class Cost:
    """The cost of one network for one picture.

    Attributes:
        parameters: Number of weights.
        macs: Multiply-accumulates of its convolutions in one forward pass.
        activation_values: Numbers in the outputs of all its layers.
    """

    parameters: int
    macs: int
    activation_values: int


def network_cost(network, height, width):
    """Computes the cost of a functional network from its shapes; nothing is run.

    Args:
        network: A functional `keras.Model` whose inputs are pictures (batch, height, width,
            channels) and maps (batch, height, width).
        height: Rows of the input in pixels.
        width: Columns of the input in pixels.

    Returns:
        A `Cost`.

    Raises:
        ValueError: If the network cannot take the size.
    """
    layers = [layer for layer in network.layers if not isinstance(layer, keras.layers.InputLayer)]
    probe = keras.Model(network.inputs, [layer.output for layer in layers])
    inputs = [
        keras.KerasTensor((1, height, width, *given.shape[3:]), given.dtype)
        for given in network.inputs
    ]
    outputs = probe.compute_output_spec(inputs)
    macs = values = 0
    for layer, output in zip(layers, outputs, strict=True):
        values += math.prod(output.shape[1:])
        kernel = getattr(layer, "kernel", None)
        if kernel is not None:
            _, rows, columns, _ = output.shape
            macs += _positions(layer, rows, columns) * math.prod(kernel.shape)
    return Cost(network.count_params(), macs, values)


def _positions(layer, rows, columns):
    """Returns how often the kernel is applied: per output, or per input if transposed."""
    if not isinstance(layer, keras.layers.Conv2DTranspose):
        return rows * columns
    row_stride, column_stride = layer.strides
    return (rows // row_stride) * (columns // column_stride)


def training_bytes(costs, batch_size, bytes_per_value, passes):
    """Estimates the memory of a training step.

    Weights, gradients and Adam's moments, and every layer's output kept for the backward
    pass. An upper estimate: what a compiler fuses or frees is not counted, nor are the
    workspaces of the convolutions.

    Args:
        costs: Dict of role -> `Cost`.
        batch_size: Pictures in a step on one device.
        bytes_per_value: 4 in float32, 2 in the mixed 16-bit policies.
        passes: Dict of role -> forward passes in a step.

    Returns:
        Bytes.
    """
    weights = sum(c.parameters for c in costs.values()) * TRAINING_BYTES_PER_PARAMETER
    values = sum(costs[role].activation_values * passes[role] for role in costs)
    return weights + values * bytes_per_value * batch_size
