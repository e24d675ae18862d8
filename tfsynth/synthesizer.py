"""The model that ships: integer label maps in, 8-bit photographs out."""

import keras
import numpy as np
from keras import ops

from tfsynth.labels import LabelSet
from tfsynth.registry import register

# Raised when a stored synthesizer needs code that older versions lack.
FORMAT_VERSION = 1


@register
class Synthesizer(keras.Model):
    """Turns a semantic layout of any size into a photograph.

    It holds what is left when training is over: the conditioning, the generator and
    the label set. `save("name.keras")` writes all of it into one file that describes
    itself; `tfsynth.load_model` reads it back.

    Args:
        generator: A network condition -> picture in [-1, 1].
        conditioning: The `Conditioning` that the generator was trained with.
        label_set: A `LabelSet`: names, colours and void ids of the classes.
        provenance: Dict of plain data that says where the weights come from
            (config name, steps, precision); stored as it is.
        format_version: Version of the stored form.

    Call arguments:
        inputs: Dict of integer tensors `labels` and, if the conditioning has edges,
            `instances`, both (batch, height, width).

    Returns:
        Uint8 tensor (batch, height, width, 3), RGB.

    Raises:
        ValueError: If the label set does not fit the conditioning, or the file was
            written by a later version.

    Example:

    >>> label_set = LabelSet(["sky", "road"], [(70, 130, 180), (128, 64, 128)])
    >>> conditioning = Conditioning(label_set.num_classes)
    >>> generator = GlobalGenerator(conditioning.channels, filters=8, num_blocks=1)
    >>> synthesizer = Synthesizer(generator, conditioning, label_set)
    >>> labels = np.zeros((45, 60), "uint8")
    >>> photograph = synthesizer.synthesize(labels, instances=labels)
    >>> photograph.shape, photograph.dtype
    ((45, 60, 3), dtype('uint8'))
    """

    def __init__(
        self,
        generator,
        conditioning,
        label_set,
        provenance=None,
        format_version=FORMAT_VERSION,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if format_version > FORMAT_VERSION:
            raise ValueError(
                f"This synthesizer has format version {format_version}; this tfsynth reads "
                f"versions up to {FORMAT_VERSION}. Upgrade tfsynth."
            )
        if label_set.num_classes != conditioning.num_classes:
            raise ValueError(
                f"The label set has {label_set.num_classes} classes, the conditioning "
                f"{conditioning.num_classes}; they must be the same."
            )
        self.generator = generator
        self.conditioning = conditioning
        self.label_set = label_set
        self.provenance = dict(provenance or {})
        self.format_version = format_version
        self.built = True  # Its parts are.

    def call(self, inputs):
        labels = ops.cast(inputs["labels"], "int32")
        height, width = ops.shape(labels)[1], ops.shape(labels)[2]
        labels = self._pad(labels)
        instances = None
        if self.conditioning.edges:
            instances = self._pad(ops.cast(inputs["instances"], "int32"))
        image = self.generator(self.conditioning(labels, instances), training=False)
        image = image[:, :height, :width, :]
        return ops.cast(ops.clip(ops.round((image + 1.0) * 127.5), 0, 255), "uint8")

    def synthesize(self, labels, instances=None):
        """Synthesises photographs from NumPy arrays, with every check.

        Args:
            labels: Integer array (height, width) or (batch, height, width) with ids
                0..num_classes-1. Any size.
            instances: Integer array of the same shape, one id per object; needed if
                the model reads instance edges.

        Returns:
            Uint8 array (height, width, 3) or (batch, height, width, 3), RGB.

        Raises:
            ValueError: If an id is out of range, or the arrays do not fit.
        """
        labels = np.asarray(labels)
        if labels.ndim not in (2, 3) or labels.dtype.kind not in "iu" or 0 in labels.shape:
            raise ValueError(
                "`labels` must be an integer array (height, width) or (batch, height, width). "
                f"Received: {labels.dtype} {labels.shape}."
            )
        for one in labels.reshape(-1, *labels.shape[-2:]):
            self.label_set.check(one, source="`labels`")
        inputs = {"labels": labels.astype("int32")}
        if self.conditioning.edges:
            inputs["instances"] = _checked_instances(instances, labels.shape)
        single = labels.ndim == 2
        if single:
            inputs = {name: array[None] for name, array in inputs.items()}
        image = ops.convert_to_numpy(self._synthesize_batch(inputs))
        return image[0] if single else image

    def export(self, path, format="saved_model"):
        """Writes a model that serves without this package.

        Args:
            path: Folder to write. TF Serving wants its last part to be a version
                number, e.g. `export/1`.
            format: `"saved_model"`. Signature `serving_default`: int32 `labels` (and
                `instances`) (batch, height, width) -> uint8 `image`
                (batch, height, width, 3).

        Raises:
            ValueError: If the format is unknown.
            FileExistsError: If `path` exists and is not empty.
        """
        # Exporting needs TensorFlow; loading and running a synthesizer do not.
        from tfsynth import exporters

        exporters.export(self, path, format=format)

    def _synthesize_batch(self, inputs):
        """Runs the compiled call; sizes share one trace, since they stay dynamic."""
        # Where several replicas share the model, each draws the whole batch, and Keras returns
        # their pictures one replica after the other.
        return self.predict_on_batch(inputs)[: len(inputs["labels"])]

    def _pad(self, maps):
        """Repeats the last row and column up to a size that the generator takes."""
        multiple, minimum = self.generator.size_multiple, self.generator.minimum_size
        for axis in (1, 2):
            size = ops.shape(maps)[axis]
            good = _maximum(-(-size // multiple) * multiple, minimum)
            maps = ops.take(maps, ops.minimum(ops.arange(good), size - 1), axis=axis)
        return maps

    def get_config(self):
        save = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "generator": save(self.generator),
            "conditioning": save(self.conditioning),
            "label_set": self.label_set.to_dict(),
            "provenance": self.provenance,
            "format_version": self.format_version,
        }

    @classmethod
    def from_config(cls, config):
        load = keras.saving.deserialize_keras_object
        parts = {name: load(config[name]) for name in ("generator", "conditioning")}
        label_set = LabelSet.from_dict(config["label_set"])
        return cls(**{**config, **parts, "label_set": label_set})


def _maximum(size, minimum):
    # A known size must stay a Python number: JAX takes no traced one in `arange`.
    return max(size, minimum) if isinstance(size, int) else ops.maximum(size, minimum)


def _checked_instances(instances, shape):
    if instances is None:
        raise ValueError(
            "This model reads instance edges: give `instances`, an integer array of the "
            f"shape of `labels`, {shape}, with one id per object. If you have none, pass the "
            "labels themselves: edges then lie between classes only."
        )
    instances = np.asarray(instances)
    if instances.shape != shape or instances.dtype.kind not in "iu":
        raise ValueError(
            f"`instances` must be an integer array of the shape of `labels`, {shape}. "
            f"Received: {instances.dtype} {instances.shape}."
        )
    return instances.astype("int32")
