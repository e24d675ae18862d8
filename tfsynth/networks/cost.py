"""What a network costs before it runs: parameters, multiply-accumulates, memory."""

import math
from dataclasses import dataclass

import keras

BYTES_PER_PARAMETER = 4  # Float32.
# Gradient and Adam's two moments, of a weight that trains.
BYTES_PER_TRAINED_PARAMETER = 12


@dataclass(frozen=True)
class Cost:
    """The cost of one network for one picture.

    Attributes:
        parameters: Number of weights.
        macs: Multiply-accumulates of its convolutions in one forward pass.
        activation_values: Numbers in the outputs of all its layers.
        trained_parameters: Number of weights that train.
        kept_values: Numbers that a training step keeps for the gradients: the outputs that
            depend on a weight that trains, and what is read by such weights. If the network
            rematerialises, those at the ends of its segments, and all of the largest segment.
    """

    parameters: int
    macs: int
    activation_values: int
    trained_parameters: int
    kept_values: int


def network_cost(network, height, width, trained=None, passed=False):
    """Computes the cost of a functional network from its shapes, without running it.

    Args:
        network: A functional `keras.Model` whose inputs are pictures (batch, height, width,
            channels) and maps (batch, height, width).
        height: Rows of the input in pixels.
        width: Columns of the input in pixels.
        trained: The weights that train, of this network and others; `None` for all that can.
        passed: Whether gradients pass through it to a network before it, so that every output is
            kept, whatever trains.

    Returns:
        A `Cost`.

    Raises:
        ValueError: If the network cannot take the size.
    """
    layers = _layers(network)
    probe = keras.Model(network.inputs, [layer.output for layer in layers])
    reductions = getattr(network, "input_reductions", [1] * len(network.inputs))
    inputs = [
        keras.KerasTensor((1, height // n, width // n, *given.shape[3:]), given.dtype)
        for given, n in zip(network.inputs, reductions, strict=True)
    ]
    outputs = probe.compute_output_spec(inputs)
    macs, sizes = 0, {}
    for layer, output in zip(layers, outputs, strict=True):
        # Of one picture: (1, rows, columns, channels) -> rows * columns * channels.
        sizes[id(layer.output)] = math.prod(output.shape[1:])
        kernel = getattr(layer, "kernel", None)
        if kernel is not None:
            _, rows, columns, _ = output.shape
            # The kernel is (rows, columns, inputs, filters): each weight once per position.
            macs += _positions(layer, rows, columns) * math.prod(kernel.shape)
    ids = {id(weight) for weight in (network.trainable_variables if trained is None else trained)}
    mine = [weight for weight in network.trainable_variables if id(weight) in ids]
    return Cost(
        parameters=network.count_params(),
        macs=macs,
        activation_values=sum(sizes.values()),
        trained_parameters=sum(math.prod(weight.shape) for weight in mine),
        kept_values=sum(sizes.values()) if passed else _kept_values(network, layers, sizes, ids),
    )


def _kept_values(network, layers, sizes, ids):
    depends, kept = set(), set()  # Identities of tensors.
    for layer in layers:  # The inputs of a layer come before it.
        read = [id(tensor) for tensor in keras.tree.flatten(layer.input)]
        trains = any(id(weight) in ids for weight in layer.trainable_variables)
        if trains:
            kept.update(read)
        if trains or depends.intersection(read):
            depends.add(id(layer.output))
    kept |= depends

    def total(tensors):
        return sum(sizes.get(tensor, 0) for tensor in tensors)  # Inputs are the batch's.

    if not getattr(network, "rematerialize", False):
        return total(kept)
    makers = {id(layer.output): layer for layer in layers}
    ends, largest = set(), 0
    for starts, end in network.segments.ends:
        if id(end) in depends:
            ends.update(id(tensor) for tensor in (*starts, end))
            largest = max(largest, total(kept & _computed(makers, starts, end)))
    return total(ends) + largest


def _computed(makers, starts, end):
    """Returns the identities of the tensors between two ends of a segment, the last included."""
    known, found, waiting = {id(tensor) for tensor in starts}, set(), [end]
    while waiting:
        tensor = waiting.pop()
        if id(tensor) not in known | found:
            found.add(id(tensor))
            waiting += keras.tree.flatten(makers[id(tensor)].input)
    return found


def _layers(network):
    return [layer for layer in network.layers if not isinstance(layer, keras.layers.InputLayer)]


def _positions(layer, rows, columns):
    """Returns how often the kernel is applied: per output, or per input if transposed."""
    if not isinstance(layer, keras.layers.Conv2DTranspose):
        return rows * columns
    row_stride, column_stride = layer.strides
    return (rows // row_stride) * (columns // column_stride)


def training_bytes(costs, batch_size, bytes_per_value, passes, averaged=()):
    """Estimates the memory of a training step.

    Weights, gradients and Adam's moments of those that train, averages, and the outputs kept
    for the backward pass. It does not include what a compiler fuses or frees, the workspaces of
    the convolutions and the framework itself. For the joint step of `tfsynth benchmark train` it
    gives 15.0 GiB in float32, 8.9 in mixed_bfloat16 and 5.3 in that rematerialised, where a
    whole process on a CPU took 13.7, 11.4 and 7.5.

    Args:
        costs: Dict of role -> `Cost`.
        batch_size: Pictures in a step on one device.
        bytes_per_value: 4 in float32, 2 in the mixed 16-bit policies.
        passes: Dict of role -> forward passes in a step.
        averaged: Roles whose weights have moving averages, which are one more copy.

    Returns:
        Bytes.
    """
    weights = sum(c.parameters for c in costs.values()) * BYTES_PER_PARAMETER
    weights += sum(c.trained_parameters for c in costs.values()) * BYTES_PER_TRAINED_PARAMETER
    weights += sum(costs[role].parameters for role in averaged) * BYTES_PER_PARAMETER
    values = sum(costs[role].kept_values * passes[role] for role in costs)
    return weights + values * bytes_per_value * batch_size
