"""SavedModel for TF Serving and for TensorFlow in any language."""

import json
import shutil
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

# Grey levels by which a served picture may differ from the synthesizer's own: the
# graph is the same, but another thread schedule may round one level the other way.
TOLERANCE = 1


def export_saved_model(synthesizer, path):
    """Writes the SavedModel of a synthesizer, with its label set as an asset beside it.

    The signature `serving_default` takes int32 `labels` and, if the model reads
    instance edges or has an encoder, `instances`, both (batch, height, width), any
    size; with an encoder also float32 `styles` (batch, max_instances, features), one
    row per instance, which are then numbered from 0. It returns uint8 `image`
    (batch, height, width, 3). A label id out of range is an error of the request. It
    is written to a temporary folder beside `path`, loaded again and compared with the
    synthesizer on two sizes before it takes its place.

    Args:
        synthesizer: A `Synthesizer`.
        path: Folder to write; must not exist, or be empty.

    Returns:
        The path.

    Raises:
        FileExistsError: If there is something at `path`.
        ValueError: If the written model gives other pictures.
    """
    path = Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(f"{path} exists already. Name another folder, or remove it first.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
        written = Path(folder) / "model"
        _write(synthesizer, written)
        _verify(synthesizer, written)
        if path.exists():
            path.rmdir()
        shutil.move(written, path)
    return path


def _write(synthesizer, path):
    num_classes = synthesizer.conditioning.num_classes

    def serve(**maps):
        labels = maps["labels"]
        message = f"labels must be in 0..{num_classes - 1}"
        with tf.control_dependencies(
            [
                tf.debugging.assert_non_negative(labels, message),
                tf.debugging.assert_less(labels, num_classes, message),
            ]
        ):
            return {"image": synthesizer({**maps, "labels": tf.identity(labels)})}

    specs = _specs(synthesizer)
    archive = keras.export.ExportArchive()
    archive.track(synthesizer)
    function = tf.function(serve)
    function.get_concrete_function(**specs)
    archive.add_endpoint("serving_default", function)
    archive.write_out(str(path), verbose=False)
    extra = path / "assets.extra"
    extra.mkdir(exist_ok=True)
    text = json.dumps(synthesizer.label_set.to_dict(), indent=1)
    (extra / "labels.json").write_text(text)


def _verify(synthesizer, path):
    served = tf.saved_model.load(str(path)).signatures["serving_default"]
    random = np.random.default_rng(0)
    small = synthesizer.generator.minimum_size
    for height, width in ((small, small), (small + 3, 2 * small + 1)):
        inputs = {
            name: random.integers(
                0, synthesizer.conditioning.num_classes, (1, height, width)
            ).astype("int32")
            if spec.dtype == tf.int32
            else random.uniform(-1, 1, (1, *[int(n or 1) for n in spec.shape[1:]])).astype(
                "float32"
            )
            for name, spec in _specs(synthesizer).items()
        }
        expected = np.asarray(synthesizer.predict_on_batch(inputs)).astype(int)
        got = served(**{name: tf.constant(m) for name, m in inputs.items()})["image"].numpy()
        difference = int(np.abs(got.astype(int) - expected).max())
        if difference > TOLERANCE:
            raise ValueError(
                f"The exported model differs from the synthesizer by {difference} grey levels "
                f"at {height}x{width} (allowed: {TOLERANCE}). Nothing was written to {path}."
            )


def _specs(synthesizer):
    maps = tf.TensorSpec((None, None, None), tf.int32)
    encoder = synthesizer.encoder
    styles = encoder and tf.TensorSpec((None, encoder.max_instances, encoder.num_features))
    return {
        name: tf.TensorSpec(spec.shape, spec.dtype, name=name)
        for name in synthesizer.input_names
        for spec in [styles if name == "styles" else maps]
    }
