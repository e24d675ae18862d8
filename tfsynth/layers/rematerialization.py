"""Rematerialisation: activations recomputed in the backward pass, https://arxiv.org/abs/1604.06174."""

import functools

import keras


class Segments:
    """The parts of a functional network between the activations that are kept.

    Between two of them everything is computed a second time for the gradients: about a third
    more time, and memory for the ends of the segments only. The results are the same.

    A network fills it while it builds its graph, in order: `x = segments.add([x], f(x))`.

    Attributes:
        ends: List of the segments in order, each a list of the Keras tensors that it starts
            from and the one that it computes.
    """

    def __init__(self):
        self.ends = []
        self._models = None

    def add(self, inputs, output):
        """Ends a segment.

        Args:
            inputs: List of Keras tensors that it starts from: inputs of the network, or
                outputs of segments before.
            output: The Keras tensor that it computes.

        Returns:
            `output`.
        """
        self.ends.append((inputs, output))
        return output

    def __call__(self, inputs, outputs, values):
        """Runs the network in training mode.

        Args:
            inputs: Its Keras input tensors.
            outputs: List of Keras tensors wanted, each the output of a segment.
            values: Tensors, in the order of `inputs`.

        Returns:
            List of tensors, in the order of `outputs`.
        """
        if self._models is None:
            self._models = [_segment(starts, end) for starts, end in self.ends]
        known = {id(i): value for i, value in zip(inputs, values, strict=True)}
        for (starts, end), model in zip(self.ends, self._models, strict=True):
            run = keras.remat(functools.partial(_run, model))
            known[id(end)] = run(*(known[id(start)] for start in starts))
        return [known[id(output)] for output in outputs]


def _segment(starts, end):
    # Keras distinguishes a list of one input from the input itself.
    return keras.Model(starts if len(starts) > 1 else starts[0], end)


def _run(model, first, *more):
    return model([first, *more] if more else first, training=True)
