"""Spectral normalisation, https://arxiv.org/abs/1802.05957, as a reparametrisation."""

import keras
from keras import initializers, ops

from tfsynth.registry import register

# Least squared length and least sigma to divide by; trained kernels are far above it.
_EPSILON = 1e-12


@register
class SpectralConv2D(keras.layers.Conv2D):
    """A convolution with the kernel divided by its largest singular value.

    The kernel is the matrix (rows * columns * inputs, filters). One power iteration from
    the stored vector `u` estimates the singular value sigma: v = W u / |W u|,
    u' = W^T v / |W^T v|, sigma = v^T W u'. Gradients pass through sigma; u' and v are
    constants to them. The weight `kernel` stays as it is trained. (Keras's own
    `SpectralNormalization` overwrites it, and its gradients do not see the division.)

    A call does not change the state, in training or not: it is a function of kernel and `u`, so
    that all calls of a training step, and all replicas, compute with one sigma. `advance` keeps
    u' for the next step; `tfsynth.trainers` calls it once per training step. Sigma is
    computed in float32 under any policy.

    Args:
        filters: Number of output channels.
        kernel_size: Rows and columns of the kernel.
        **kwargs: Those of `keras.layers.Conv2D`.

    Call arguments:
        inputs: Float tensor (batch, height, width, channels).

    Returns:
        Float tensor (batch, new height, new width, filters).

    Example: a kernel of 4 is divided by its singular value, 4.

    >>> layer = SpectralConv2D(1, 1, kernel_initializer=keras.initializers.Constant(4.0))
    >>> float(layer(keras.ops.full((1, 1, 1, 1), 3.0))[0, 0, 0, 0])
    3.0
    """

    def build(self, input_shape):
        super().build(input_shape)
        self.u = self.add_weight(
            name="u",
            shape=(self.filters,),
            initializer=initializers.RandomNormal(stddev=1.0),
            trainable=False,
            autocast=False,
            # All replicas compute the same from the same kernel.
            aggregation="only_first_replica",
        )

    def add_weight(self, *args, name=None, **kwargs):
        if name == "kernel":
            # Under a mixed policy a call would read it in 16 bits.
            kwargs["autocast"] = False
        return super().add_weight(*args, name=name, **kwargs)

    def convolution_op(self, inputs, kernel):
        normalized = ops.cast(self.normalized_kernel(), self.compute_dtype)
        return super().convolution_op(inputs, normalized)

    def normalized_kernel(self):
        """Returns the kernel divided by its sigma, float32 (rows, columns, inputs, filters)."""
        kernel = ops.cast(self.kernel, "float32")
        u, v = self._singular_vectors(kernel)
        sigma = ops.sum(v * ops.matmul(_matrix(kernel), u))
        # A kernel of zeros stays one.
        return kernel / ops.maximum(sigma, _EPSILON)

    def advance(self, logs=None):
        """Stores `u` after one power iteration; call it once per training step."""
        u, _ = self._singular_vectors(ops.cast(self.kernel, "float32"))
        self.u.assign(u)

    def _singular_vectors(self, kernel):
        matrix = ops.stop_gradient(_matrix(kernel))
        v = _unit(ops.matmul(matrix, ops.cast(self.u, "float32")))  # (rows * columns * inputs,)
        u = _unit(ops.matmul(ops.transpose(matrix), v))  # (filters,)
        return ops.stop_gradient(u), ops.stop_gradient(v)

    def save_own_variables(self, store):
        super().save_own_variables(store)
        if self.built:
            store["u"] = self.u

    def load_own_variables(self, store):
        super().load_own_variables(store)
        if self.built:
            self.u.assign(store["u"])


def _matrix(kernel):
    # (rows, columns, inputs, filters) -> (rows * columns * inputs, filters)
    return ops.reshape(kernel, (-1, kernel.shape[-1]))


def _unit(vector):
    return vector * ops.rsqrt(ops.maximum(ops.sum(ops.square(vector)), _EPSILON))
