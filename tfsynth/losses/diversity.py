"""The best of several pictures: the hindsight and the diversity loss.

Cascaded Refinement Networks, https://arxiv.org/abs/1707.09405, equations 2 and 3.
"""

from collections.abc import Mapping
from pathlib import Path

import keras
from keras import ops

from tfsynth.losses.perceptual import IMAGE, PerceptualLoss
from tfsynth.registry import register

_SCOPES = ("image", "class")
# A size that the published feature networks take, to compute the sizes of their maps.
_PROBE = 1024


@register
class DiversityLoss(PerceptualLoss):
    """The perceptual loss of the best of k pictures, as a whole or for each class separately.

    With E_l[u, p] the mean over pixels of mask_p * (mean over channels of
    |features_l(real) - features_l(picture u)|), masks averaged down to each layer's size, and
    T[u, p] = sum over layers of weight_l * E_l[u, p]:

        (1 - mean_share) * sum_p min_u T[u, p] + mean_share * sum_p mean_u T[u, p]

    Scope "class" is equation 3, where each class p has its own best picture; "image" is
    equation 2, with one mask of ones. The share of the mean is from the published program, not
    from the paper: it gives gradients to every picture. Otherwise only the best picture has
    gradients, or the first of equally good ones. With one picture it is the perceptual loss.

    It is computed in float32 always, the features too. Features of the real picture are computed
    once, those of the others in passes of `chunk` pictures, whose activations are not kept but
    computed a second time for the gradients.

    Args:
        features, sha256: See `PerceptualLoss`.
        layer_weights: See `PerceptualLoss`; `None` for "crn_cityscapes_256".
        weight: Factor in the generator's total.
        scope: "class", or "image".
        mean_share: Share of the mean over the pictures, 0..1.
        chunk: Pictures in a pass of the feature network: more are faster and need more memory.

    Call arguments:
        real: Float tensor (batch, height, width, channels) in [-1, 1]; no gradient flows into it.
        fake: Float tensor (batch, k, height, width, channels), or without k for one picture.
        masks: Float tensor (batch, height, width, classes), 1 where a pixel is of the class
            and 0 elsewhere, void classes included: their sum is 1. Needed by scope "class".

    Returns:
        Float32 scalar.

    Raises:
        ValueError: If an argument is out of range, a layer's map is no whole number of times
            smaller than the picture (scope "class"), or see `PerceptualLoss`.

    Example: the second of two pictures is the better one, by 0.75 of the range of [-1, 1].

    >>> loss = DiversityLoss(layer_weights={"image": 1.0}, scope="image", mean_share=0.0)
    >>> real = keras.ops.ones((1, 2, 2, 3))
    >>> float(loss(real, keras.ops.stack([-real, 0.25 * real], axis=1)))
    95.625
    """

    many_pictures = True
    policy = "float32"

    def __init__(
        self,
        features: keras.Model | str | Path | None = None,
        sha256: str | None = None,
        layer_weights: Mapping[str, float] | str | None = None,
        weight=1.0,
        scope="class",
        mean_share=0.001,
        chunk=1,
    ):
        super().__init__(features, sha256, layer_weights or "crn_cityscapes_256", weight)
        if scope not in _SCOPES:
            raise ValueError(f"`scope` is one of {', '.join(_SCOPES)}. Received: {scope!r}.")
        if not 0 <= mean_share <= 1:
            raise ValueError(f"`mean_share` is in 0..1. Received: {mean_share}.")
        if chunk < 1:
            raise ValueError(f"`chunk` must be at least 1. Received: {chunk}.")
        self.scope = scope
        self.mean_share = mean_share
        self.chunk = chunk
        self._reductions = self._find_reductions() if scope == "class" else None

    @property
    def asks(self):
        return ("real", "fake", "masks") if self.scope == "class" else ("real", "fake")

    def check(self, num_classes, channels):
        """Raises `ValueError` if the scope is "class" and the conditions have no classes."""
        super().check(num_classes, channels)
        if self.scope == "class" and num_classes is None:
            raise ValueError(
                'Scope "class" seeks the best picture of each class, and condition pictures have '
                'none: give the `DiversityLoss` the scope "image".'
            )

    @property
    def size_multiple(self):
        return max(self._reductions) if self._reductions else 1

    def __call__(self, real, fake, masks=None):
        return ops.sum(self.terms(real, fake, masks))

    def terms(self, real, fake, masks=None, factors=None):
        """Returns what each layer adds to the loss.

        Args:
            real: As in a call.
            fake: As in a call.
            masks: As in a call.
            factors: Float tensor (layers,) that multiplies the layers' weights; `None` for ones.

        Returns:
            Float32 tensor (layers,), in the order of `layers`.
        """
        # (batch, height, width, channels) -> (batch, 1, height, width, channels)
        fake = fake if len(fake.shape) == 5 else fake[:, None]
        errors = self._errors(real, fake, masks)  # (layers, batch, pictures, classes)
        weighted = ops.reshape(self._weights(factors), (-1, 1, 1, 1)) * errors
        # Summed over the layers before the minimum: one picture is the best for all layers
        # together.
        total = ops.sum(weighted, axis=0)  # (batch, pictures, classes)
        # (batch, classes) -> (batch, pictures, classes), 1 at the best picture of each class
        best = ops.one_hot(ops.argmin(total, axis=1), fake.shape[1], axis=1, dtype="float32")
        # (layers, batch, pictures, classes) -> (layers, batch)
        smallest = ops.sum(ops.stop_gradient(best) * weighted, axis=(2, 3))
        mean = ops.sum(ops.mean(weighted, axis=2), axis=2)
        return ops.mean((1.0 - self.mean_share) * smallest + self.mean_share * mean, axis=1)

    def _errors(self, real, fake, masks):
        """Returns E_l[u, p] of each element of the batch: (layers, batch, pictures, classes)."""
        reals = self._real_features(real)
        masks = self._masks_of_layers(masks)

        def compare(pictures):
            # (batch, chunk, height, width, channels) -> (batch * chunk, height, width, channels)
            flat = ops.reshape(pictures, (-1, *pictures.shape[2:]))
            features = self._features(flat)
            # (layers, batch, chunk, classes)
            return ops.stack([_table(*maps) for maps in zip(reals, features, masks, strict=True)])

        # The real features and the masks, from the enclosing function, need no gradients.
        compare = keras.remat(compare)
        tables = []
        for start in range(0, fake.shape[1], self.chunk):
            pictures = fake[:, start : start + self.chunk]
            if tables:
                # The passes run one after the other, forward and backward: in parallel they would
                # need the memory of all.
                pictures = pictures + 0.0 * ops.sum(tables[-1])
            tables.append(compare(pictures))
        return ops.concatenate(tables, axis=2)

    def _masks_of_layers(self, masks):
        if self._reductions is None:
            return [None] * len(self.layers)
        if masks is None:
            raise ValueError(
                'Scope "class" needs `masks`, (batch, height, width, classes). Received: None. '
                'Pass them, or use the scope "image".'
            )
        masks = ops.stop_gradient(ops.cast(masks, "float32"))
        # (batch, height, width, classes) -> (batch, height / n, width / n, classes): the average
        # over n x n pixels is resizing by area.
        return [
            masks if n == 1 else ops.average_pool(masks, n, n, data_format="channels_last")
            for n in self._reductions
        ]

    def _find_reductions(self):
        """Returns how many times smaller than the picture the map of each layer is."""
        rows = {IMAGE: _PROBE}
        if self.network is not None:
            picture = keras.KerasTensor((1, _PROBE, _PROBE, self.input_channels))
            outputs = self.network.compute_output_spec(picture)
            rows |= {name: output.shape[1] for name, output in outputs.items()}
        for name in self.layers:
            if _PROBE % rows[name]:
                raise ValueError(
                    f'Scope "class" averages masks down to each layer\'s size: the maps of {name} '
                    f"must be a whole number of times smaller than the picture; of {_PROBE} rows "
                    f"they have {rows[name]}. Take layers without such borders, or scope "
                    '"image".'
                )
        return [_PROBE // rows[name] for name in self.layers]

    def get_config(self):
        return {
            **super().get_config(),
            "scope": self.scope,
            "mean_share": self.mean_share,
            "chunk": self.chunk,
        }


def _table(real, fake, masks):
    """Returns the mean errors (batch, pictures, classes) of the maps of one layer."""
    batch, rows, columns, channels = ops.shape(real)
    # (batch * pictures, rows, columns, channels) -> (batch, pictures, rows, columns, channels)
    fake = ops.reshape(fake, (batch, -1, rows, columns, channels))
    error = ops.mean(ops.abs(real[:, None] - fake), axis=-1)  # (batch, pictures, rows, columns)
    if masks is None:
        # The whole picture is one class: (batch, pictures, 1).
        return ops.mean(error, axis=(2, 3))[:, :, None]
    return ops.einsum("buij,bijp->bup", error, masks) / (rows * columns)
