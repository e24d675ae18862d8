"""The model that ships: integer label maps or 8-bit pictures in, 8-bit photographs out."""

from typing import Any

import keras
import numpy as np
from keras import ops

from tfsynth.layers import (
    has_noise,
    reflection_in_slices,
    repeat_edges,
    seeded,
    to_unit_range,
)
from tfsynth.layouts.labels import LabelSet
from tfsynth.registry import own_random_numbers, register, without_policy
from tfsynth.synthesis import checks, painting, wrapping
from tfsynth.synthesis import styles as object_styles
from tfsynth.synthesis.storage import rounded
from tfsynth.synthesis.styles import StyleTable

# Raised when a stored synthesizer needs code that older versions lack: 2 has encoder and styles,
# 3 `stored_dtype`; with 4 a seed draws other styles and other noise; 5 has styles that are drawn
# together.
FORMAT_VERSION = 5
STORED_DTYPES = ("float32", "float16")


@register
class Synthesizer(keras.Model):
    """Turns a semantic layout, or another picture, of any size into a photograph.

    It is the trained model: the conditioning, the generator and the label set, if any.
    `save("name.keras")` writes all of it into one file that describes itself;
    `tfsynth.load_model` reads it back.

    Args:
        generator: A network condition -> picture in [-1, 1]; values outside are clipped. One
            that makes k pictures of a layout, (batch, k, height, width, channels), has k as
            `num_outputs`.
        conditioning: The `Conditioning`, `ColourConditioning` or `PictureConditioning` that the
            generator was trained with.
        label_set: A `LabelSet`: names, colours and void ids of the classes; `None` if the
            conditions are pictures.
        provenance: Dict of plain data on the origin of the weights (config name, steps,
            precision); stored unchanged.
        encoder: The `FeatureEncoder` that the generator was trained with, or `None`.
        styles: A `StyleTable` of the encoder's features, or `None`: objects without a given
            style then have the features 0.
        encoder_regions, encoder_reduction: As in `AdversarialGame`.
        stored_dtype: "float32", or "float16" for a file of half the size: `save` rounds the
            weights in the file, to 11 bits. The computation is in float32 in both cases.
        format_version: Version of the file format that this was read from.

    Call arguments:
        inputs: Dict of the tensors that `input_names` names. Integers `labels`
            (batch, height, width), or uint8 `condition` (batch, height, width, channels);
            if the conditioning has edges or there is an encoder, int32 `instances`
            (batch, height, width), ids of any value. If there is an encoder or the generator
            draws noise, int32 `seed` (batch,): styles and noise of each picture. With an encoder
            also, if wanted, `style_ids` int32 (batch, n), ascending in each row, and `styles`
            float (batch, n, features): the styles of these objects (of these classes, if the
            regions are labels), in place of drawn ones.

    Returns:
        Uint8 tensor (batch, height, width, channels): RGB if they are 3, grey if 1, RGB and
        alpha if 4, as the generator was trained. If the generator makes several pictures of a
        layout, all of them: (batch, k, height, width, channels).

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
        label_set=None,
        provenance=None,
        encoder=None,
        styles=None,
        encoder_regions="instances",
        encoder_reduction=1,
        stored_dtype="float32",
        format_version=FORMAT_VERSION,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if format_version > FORMAT_VERSION:
            raise ValueError(
                f"This synthesizer has format version {format_version}; this tfsynth reads "
                f"versions up to {FORMAT_VERSION}. Upgrade tfsynth."
            )
        if stored_dtype not in STORED_DTYPES:
            raise ValueError(
                f"`stored_dtype` is one of {list(STORED_DTYPES)}. Received: {stored_dtype!r}."
            )
        checks.check_parts(generator, conditioning, label_set, encoder)
        if encoder is not None and encoder_regions == "labels":
            encoder.check_label_regions(conditioning.num_classes)
        self.encoder = encoder
        self.encoder_regions = encoder_regions
        self.encoder_reduction = encoder_reduction
        self.generator = generator
        self.conditioning = conditioning
        self.label_set = label_set
        self.styles = styles
        self.provenance = dict(provenance or {})
        self.stored_dtype = stored_dtype
        self.format_version = format_version
        self.built = True  # Its parts are.

    @property
    def styles(self) -> StyleTable | None:
        """The table that styles are drawn from; set to `None`, every object has the features 0.

        Raises:
            ValueError: When it is set to a table of another encoder or another label set.
        """
        return self._styles

    @styles.setter
    def styles(self, table):
        if not isinstance(table, StyleTable | None):
            raise ValueError(f"`styles` is a StyleTable or None. Received: {type(table).__name__}.")
        if table is not None:
            features = 0 if self.encoder is None else self.encoder.num_features
            table.check_fits(features, self.label_set and self.label_set.names)
        self._styles = table
        self.predict_function = None  # Its trace holds the table of before.

    @property
    def num_outputs(self):
        """Number of pictures that the generator makes of one layout."""
        return getattr(self.generator, "num_outputs", 1)

    @property
    def output_channels(self):
        """Number of channels of a picture."""
        return self.generator.output_channels

    @property
    def has_noise(self):
        """Whether the generator draws noise."""
        return has_noise(self.generator)

    @property
    def input_names(self):
        """Names of what `call` takes, in order."""
        instances = self.conditioning.edges or self.encoder is not None
        return [
            self.conditioning.condition_name,
            *(["instances"] if instances else []),
            *(["seed"] if self.encoder is not None or self.has_noise else []),
        ]

    @property
    def picture_input_names(self):
        """Names of what `one_picture` takes, in order."""
        names = self.input_names
        return names if self.num_outputs == 1 or "seed" in names else [*names, "seed"]

    def call(self, inputs):
        condition = inputs[self.conditioning.condition_name]
        condition = ops.cast(condition, self.conditioning.condition_dtype)
        height, width = ops.shape(condition)[1], ops.shape(condition)[2]
        condition = self._pad(condition)  # Sides become multiples of `size_multiple`.
        instances = None
        if "instances" in self.input_names:
            instances = self._pad(ops.cast(inputs["instances"], "int32"))
        features = self._painted(condition, instances, inputs)
        # (batch, height, width[, channels]) -> (batch, height, width, generator's input channels)
        condition = self.conditioning(condition, instances, features)
        with seeded(self.generator, inputs.get("seed")):
            image = self.generator(condition, training=False)
        # (batch, [k,] height, width, channels), cropped to the size of the condition
        image = ops.cast(image, "float32")[..., :height, :width, :]
        return ops.cast(ops.clip(ops.round((image + 1.0) * 127.5), 0, 255), "uint8")

    def one_picture(self, inputs, slices=False):
        """Returns one picture of each layout: `call`, and of k pictures that of seed mod k.

        It is the graph that `export` writes.

        Args:
            inputs: Dict of the tensors that `picture_input_names` names, as for `call`.
            slices: Whether paddings by reflection are slices that are joined: the same numbers, for
                runtimes whose own reflection is slow.

        Returns:
            Uint8 tensor (batch, height, width, channels).
        """
        with reflection_in_slices(slices):
            images, k = self(inputs), self.num_outputs
        if k == 1:
            return images
        batch, _, height, width, channels = ops.shape(images)
        # (batch, k, height, width, channels) -> (batch * k, height, width, channels)
        every = ops.reshape(images, (-1, height, width, channels))
        # Of a negative seed ONNX has the negative remainder, and k more is the other.
        number = (ops.cast(inputs["seed"], "int32") % k + k) % k
        rows = k * ops.arange(batch, dtype="int32") + number
        return ops.take(every, rows, axis=0)

    def synthesize(self, condition, instances=None, styles=None, seed=0, wrap=False):
        """Synthesises photographs from NumPy arrays, with every check.

        Args:
            condition: Of any size. Label maps: integer array (height, width) or (batch, height,
                width) with ids 0..num_classes-1. Condition pictures: uint8 array (height, width,
                channels) or (batch, height, width, channels); grey ones have 1 channel.
            instances: Integer array (height, width) or (batch, height, width), one id per object,
                any ids; needed if the model reads instance edges or has an encoder.
            styles: Dict of instance id -> style, an array (features,), for some or all
                objects: of `encode`, or of a `StyleTable`. (Class id -> style, if the
                encoder's regions are labels.) For a batch, one dict for all of it.
            seed: Seed of the styles that are not given, and of the generator's noise, if it
                draws any: a whole number, of which the last 31 bits count, or one for each picture
                of a batch. The style of an object depends on the seed, its id and its class alone,
                so that giving one leaves the others as they are, and a picture does not depend on
                the others of its batch. If the generator makes k pictures of a layout, picture
                seed mod k is returned.
            wrap: Whether the left and right edges of the photograph join, as those of the layout
                do where it is a map of a whole world: the network sees each beyond the other.

        Returns:
            Uint8 array (height, width, channels) or (batch, height, width, channels), with the
            channels of the training photographs: 3 (RGB) mostly, 1 for grey ones, 4 for RGBA.

        Raises:
            ValueError: If an id is out of range, or the arrays do not fit.
        """
        images = self.synthesize_all(condition, instances, styles, seed, wrap)
        seeds = np.asarray(checks.checked_seeds(seed, len(images) if images.ndim == 5 else 1))
        if images.ndim == 4:
            return images[seeds[0] % self.num_outputs]
        return images[np.arange(len(images)), seeds % self.num_outputs]

    def synthesize_all(self, condition, instances=None, styles=None, seed=0, wrap=False):
        """Synthesises all pictures that the generator makes of each layout.

        Args:
            condition, instances, styles: See `synthesize`.
            seed: Seed, or seeds, of styles and noise.
            wrap: See `synthesize`.

        Returns:
            Uint8 array (k, height, width, channels) or (batch, k, height, width, channels), k
            being `num_outputs`: 1 for most generators.

        Raises:
            ValueError: See `synthesize`.
        """
        if wrap:
            condition, instances, margin = wrapping.wrapped(self, condition, instances)
            return wrapping.unwrapped(
                self.synthesize_all(condition, instances, styles, seed), margin
            )
        inputs, single = self._checked_inputs(condition, instances, styles, seed)
        images = ops.convert_to_numpy(self._synthesize_batch(inputs))
        # (batch, height, width, channels) -> (batch, 1, height, width, channels)
        images = images if images.ndim == 5 else images[:, None]
        return images[0] if single else images

    def check(self, condition, instances=None, styles=None):
        """Raises unless `synthesize` takes these arrays; nothing is synthesised.

        Args:
            condition, instances, styles: See `synthesize`.

        Raises:
            ValueError: See `synthesize`.
        """
        self._checked_inputs(condition, instances, styles, seed=0)

    def encode(self, image, instances, labels=None):
        """Returns the style of every object of a photograph.

        Args:
            image: Uint8 array (height, width, channels), as `synthesize` returns.
            instances: Integer array (height, width), one id per object, any ids.
            labels: Integer array (height, width), needed instead of `instances` if the
                encoder's regions are labels.

        Returns:
            Dict of instance id (class id) -> float32 array (features,), for `synthesize`.

        Raises:
            ValueError: If the model has no encoder, or the arrays do not fit.
        """
        encoder = self._require_encoder()
        image = checks.checked_photograph(image, encoder.input_channels)
        by_label, shape = self.encoder_regions == "labels", image.shape[:2]
        if by_label:
            regions = checks.checked_instances(labels, shape, "those of its layout", "labels")
        else:
            hint = "zeros: all of it is one then"
            regions = checks.checked_instances(instances, shape, hint)
        ids, numbers = np.unique(regions, return_inverse=True)
        object_styles.require_at_most(len(ids), encoder.max_instances)
        numbers = numbers.reshape(regions.shape).astype("int32")
        features = ops.convert_to_numpy(self.feature_map(image[None], numbers[None]))[0]
        counts = np.bincount(numbers.ravel())  # (objects,)
        # (height, width, features) -> one (objects,) per feature -> (objects, features)
        sums = [np.bincount(numbers.ravel(), f.ravel()) for f in np.moveaxis(features, -1, 0)]
        vectors = (np.stack(sums, axis=-1) / counts[:, None]).astype("float32")
        return dict(zip(ids.tolist(), vectors, strict=True))

    def feature_map(self, images, regions):
        """Returns the encoder's features of photographs; it is the graph that `export` writes.

        Args:
            images: Uint8 tensor (batch, height, width, channels).
            regions: Int32 tensor (batch, height, width), 0..max_instances-1: the instances, or
                classes, of each photograph, numbered.

        Returns:
            Float32 tensor (batch, height, width, features); of one region nearly equal, also
            where `encoder_reduction` has shifted its border.
        """
        encoder, n = self._require_encoder(), self.encoder_reduction
        height, width = ops.shape(regions)[1], ops.shape(regions)[2]
        multiple, minimum = n * encoder.size_multiple, n * encoder.minimum_size
        pixels = to_unit_range(repeat_edges(images, multiple, minimum))
        regions = repeat_edges(regions, multiple, minimum)
        if n > 1:
            # (batch, height, width, ...) -> (batch, height / n, width / n, ...)
            pixels = ops.average_pool(pixels, n, strides=n, data_format="channels_last")
            regions = regions[:, ::n, ::n]
        features = encoder([pixels, regions], training=False)
        if n > 1:
            # (batch, height / n, width / n, features) -> the photographs' own size
            features = ops.repeat(ops.repeat(features, n, axis=1), n, axis=2)
        return features[:, :height, :width]

    def save(self, filepath, **kwargs):
        """Writes one `.keras` file, as `keras.Model.save`, with weights of `stored_dtype`.

        Raises:
            ValueError: If a weight is too large for that.
        """
        with own_random_numbers():
            model = self if self.stored_dtype == "float32" else rounded(self, self.stored_dtype)
        keras.saving.save_model(model, filepath, **kwargs)

    def save_to_preset(self, path, stored_dtype=None, **details):
        """Writes a folder to share: configuration, weights, their SHA-256, and a model card.

        `tfsynth.from_preset` reads it. See docs/sharing.md for what is in it and how to upload it.

        Args:
            path: Folder to write; must not exist, or be empty. It is written completely or not
                at all.
            stored_dtype: "float32", or "float16" for half the size; `None` for this model's own.
            **details: What the model does not know of itself, for its card; all are optional:
                `title`; `license` of the weights, as the hub spells it ("apache-2.0");
                `data_license`, a text; `datasets`, a list of names on the hub; `scores`, the dict
                that `tfsynth evaluate` writes; `limitations`, a list of further sentences on what
                falls short.

        Raises:
            FileExistsError: If there is something at `path`.
            ValueError: If a weight is not finite, or too large for float16, or a detail is of
                another kind.
        """
        from tfsynth.synthesis.publishing import save_preset

        save_preset(self, path, stored_dtype, **details)

    def export(self, path, format="saved_model", precision=None, **settings):
        """Writes a model for other programs, or a smaller file, and verifies it.

        Args:
            path: Folder or file to write. TF Serving wants its last part to be a version
                number, e.g. `export/1`.
            format: `"saved_model"`: for TF Serving; `"tflite"`: for LiteRT; `"onnx"`;
                `"keras"`: one file as `save` writes; `"preset"`: see `save_to_preset`;
                `"pix2pixhd"`: checkpoints of the published program, of its networks alone.
            precision: Of the weights that are written; `None` for the first of
                `exporters.precisions(format)`.
            **settings: See `exporters.export`.

        Raises:
            ValueError: If the format is unknown, has no such precision or not such networks.
            FileExistsError: If `path` exists and is not empty.
        """
        # Exporting needs TensorFlow; loading and running a synthesizer do not.
        from tfsynth import exporters

        return exporters.export(self, path, format, precision, **settings)

    def _checked_inputs(self, condition, instances, styles, seed):
        """Returns what `call` takes, and whether the condition is one rather than a batch."""
        condition, single = checks.checked_condition(condition, self.conditioning, self.label_set)
        name, batch = self.conditioning.condition_name, condition[None] if single else condition
        width = 0 if styles is None else self._require_encoder().num_features
        inputs = {name: batch.astype(self.conditioning.condition_dtype)}
        inputs |= checks.batch_of_instances(self, instances, batch, single)
        seeds = checks.checked_seeds(seed, len(batch))
        if styles:
            regions = inputs[name if self.encoder_regions == "labels" else "instances"]
            inputs |= object_styles.given_styles(styles, regions, width)
        elif styles is not None:
            object_styles.checked_styles(styles, width)
        if "seed" in self.input_names:
            inputs["seed"] = np.array(seeds, "int32")
        return inputs, single

    def _require_encoder(self) -> Any:
        if self.encoder is None:
            raise ValueError("This model was trained without a feature encoder: it has no styles.")
        return self.encoder

    def _painted(self, condition, instances, inputs):
        """Returns the style of every pixel, (batch, height, width, features); `None` without."""
        if self.encoder is None:
            return None
        has_labels, width = self.label_set is not None, self.encoder.num_features
        ids = condition if self.encoder_regions == "labels" else instances
        # Condition pictures have no classes: all objects are of class 0.
        classes = condition if has_labels else ops.zeros_like(ids)
        if self.styles is None:
            painted = ops.zeros((*ops.shape(ids), width), "float32")
        else:
            painted = painting.draw_styles(self.styles, ids, classes, inputs["seed"])
        if "styles" not in inputs:
            return painted
        given = ops.cast(inputs["style_ids"], "int32"), inputs["styles"]
        return painting.replace_given(painted, ids, *given)

    def _synthesize_batch(self, inputs):
        """Runs the compiled call; sizes share one trace, since they stay dynamic."""
        # Where several replicas share the model, each draws the whole batch, and Keras returns
        # their pictures one replica after the other.
        return self.predict_on_batch(inputs)[: len(inputs[self.conditioning.condition_name])]

    def _pad(self, maps):
        return repeat_edges(maps, self.generator.size_multiple, self.generator.minimum_size)

    def get_config(self):
        save = keras.saving.serialize_keras_object
        return {
            **without_policy(super().get_config()),
            "generator": save(self.generator),
            "conditioning": save(self.conditioning),
            "label_set": self.label_set and self.label_set.to_dict(),
            "provenance": self.provenance,
            "encoder": save(self.encoder),
            "styles": self.styles and self.styles.to_dict(),
            "encoder_regions": self.encoder_regions,
            "encoder_reduction": self.encoder_reduction,
            "stored_dtype": self.stored_dtype,
            # Files are written in this version, also if an older one was read.
            "format_version": FORMAT_VERSION,
        }

    @classmethod
    def from_config(cls, config):
        load = keras.saving.deserialize_keras_object
        names = ("generator", "conditioning", "encoder")
        # Format 1 has no encoder.
        parts = {name: load(config[name]) for name in names if config.get(name)}
        if config["label_set"]:
            parts["label_set"] = LabelSet.from_dict(config["label_set"])
        if config.get("styles"):
            # A table without names that is stored beside a label set has the classes of that set.
            classes = parts["label_set"].names if "label_set" in parts else None
            parts["styles"] = StyleTable.from_dict(config["styles"], classes)
        # Before format 3 a file said in which precision training had computed.
        return cls(**without_policy({**config, **parts}))
