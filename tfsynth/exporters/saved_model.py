"""SavedModel for TF Serving and for TensorFlow in any language."""

import json
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfsynth.exporters.finite import require_finite
from tfsynth.files import new_folder

# Grey levels by which a served picture may differ from the synthesizer's own: the
# graph is the same, but another thread schedule may round one level the other way.
TOLERANCE = 1


def export(synthesizer, path):
    """Writes the SavedModel of a synthesizer, with its label set, if any, as an asset beside it.

    The signature `serving_default` takes int32 `labels` (batch, height, width) or uint8
    `condition` (batch, height, width, channels) and, if the model reads instance edges or
    has an encoder, int32 `instances` (batch, height, width), of any size; with an encoder
    also float32 `styles` (batch, max_instances, features), one row per instance, which are
    then numbered from 0; with noise in the generator also an int32 scalar `seed`. It returns
    uint8 `image` (batch, height, width, channels), or, if the generator makes k pictures of a
    layout, all of them: (batch, k, height, width, channels). An id out of range is an error of
    the request. The model is written to a temporary folder beside `path`, loaded again and
    compared with the synthesizer on two sizes before it takes its final name.

    Args:
        synthesizer: A `Synthesizer`.
        path: Folder to write; must not exist, or be empty.

    Returns:
        The path.

    Raises:
        FileExistsError: If there is something at `path`.
        ValueError: If a weight is not finite, or the pictures of the written model differ.
    """
    require_finite(synthesizer)
    path = Path(path)
    with new_folder(path) as written:
        _write(synthesizer, written)
        _verify(synthesizer, written)
    return path


def _write(synthesizer, path):
    limits = {}
    if synthesizer.label_set is not None:
        limits["labels"] = synthesizer.conditioning.num_classes
    if synthesizer.encoder is not None:
        # A style is looked up by the number of its instance.
        limits["instances"] = synthesizer.encoder.max_instances

    def serve(**inputs):
        checks = []
        for name, limit in limits.items():
            message = f"{name} must be in 0..{limit - 1}"
            checks.append(tf.debugging.assert_non_negative(inputs[name], message))
            checks.append(tf.debugging.assert_less(inputs[name], limit, message))
        with tf.control_dependencies(checks):
            checked = {name: tf.identity(inputs[name]) for name in limits}
            return {"image": synthesizer({**inputs, **checked})}

    specs = _specs(synthesizer)
    archive = keras.export.ExportArchive()
    archive.track(synthesizer)
    function = tf.function(serve)
    function.get_concrete_function(**specs)
    archive.add_endpoint("serving_default", function)
    archive.write_out(str(path), verbose=False)
    if synthesizer.label_set is not None:
        extra = path / "assets.extra"
        extra.mkdir(exist_ok=True)
        text = json.dumps(synthesizer.label_set.to_dict(), indent=1)
        (extra / "labels.json").write_text(text)


def _verify(synthesizer, path):
    served = tf.saved_model.load(str(path)).signatures["serving_default"]
    random = np.random.default_rng(0)
    small = synthesizer.generator.minimum_size
    for height, width in ((small, small), (small + 3, 2 * small + 1)):
        inputs = _inputs(synthesizer, height, width, random)
        expected = np.asarray(synthesizer.predict_on_batch(inputs)).astype(int)
        got = served(**{name: tf.constant(m) for name, m in inputs.items()})["image"].numpy()
        difference = int(np.abs(got.astype(int) - expected).max())
        if difference > TOLERANCE:
            raise ValueError(
                f"The exported model differs from the synthesizer by {difference} grey levels "
                f"at {height}x{width} (allowed: {TOLERANCE}). Nothing was written to {path}."
            )


def _specs(synthesizer):
    shape, conditioning = (None, None, None), synthesizer.conditioning
    channels = () if synthesizer.label_set else (conditioning.condition_channels,)
    specs = {
        conditioning.condition_name: ((*shape, *channels), conditioning.condition_dtype),
        "instances": (shape, "int32"),
    }
    encoder = synthesizer.encoder
    if encoder is not None:
        specs["styles"] = ((None, encoder.max_instances, encoder.num_features), "float32")
    specs["seed"] = ((), "int32")
    return {name: tf.TensorSpec(*specs[name], name=name) for name in synthesizer.input_names}


def _inputs(synthesizer, height, width, random):
    """Draws one input of the signature."""
    encoder, conditioning = synthesizer.encoder, synthesizer.conditioning
    limits = {"labels": conditioning.num_classes, "condition": 256}
    # A few instances, as many as the model surely takes.
    limits["instances"] = min(4, encoder.max_instances) if encoder else 4
    limits["seed"] = 2**31
    inputs = {}
    for name, spec in _specs(synthesizer).items():
        unknown = (1, height, width)
        shape = [n or unknown[axis] for axis, n in enumerate(spec.shape)]
        if name == "styles":
            inputs[name] = random.uniform(-1, 1, shape).astype("float32")
        else:
            inputs[name] = random.integers(0, limits[name], shape, spec.dtype.as_numpy_dtype)
    return inputs
