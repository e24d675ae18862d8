"""SavedModel for TF Serving and for TensorFlow in any language.

Its signatures, all of which have the batch as axis 0 of everything that they take and return:

- `serving_default`: `label_bytes` string (batch,), PNG; `instance_bytes` string (batch,), PNG, ""
  for none, which makes the classes the instances; `seed` int32 (batch,); `format` string (batch,):
  "png", "jpeg", or "" for PNG -> `image_bytes` string, `height` int32, `width` int32 and `status`
  string, all (batch,). Each row has its own size. A model of condition pictures has
  `condition_bytes`, PNG or JPEG, in place of `label_bytes`.
- `synthesize`: the tensors of `signature.tensors` -> `image` uint8 (batch, height, width,
  channels), `status` string (batch,).
- `synthesize_styled`, of models with an encoder: also `style_ids` int32 (batch, n) and `styles`
  float32 (batch, n, features), n at least 1 -> the same. Ids that a picture lacks do nothing.
- `encode`, of these models: `image` uint8 (batch, height, width, channels) and `instances` int32
  (batch, height, width), or `labels` if the encoder's regions are labels -> `style_ids` int32
  (batch, n), ascending, `styles` float32 (batch, n, features), `status` string (batch,); n is the
  encoder's `max_instances`, and rows beyond the objects of a picture repeat the first one.
- `describe`: `request` string (batch,), ignored -> `description` string (batch,), JSON.

A row that cannot be served has a sentence in `status`, "" if it is good, and an empty picture; only
if no row can be served the request is an error, which begins with the sentence of the first.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfsynth.exporters import signature
from tfsynth.exporters.blockers import Blocker
from tfsynth.exporters.description import NAME, describe
from tfsynth.exporters.finite import require_finite
from tfsynth.exporters.saved_model_signatures import functions
from tfsynth.exporters.saved_model_warmup import write_warmup
from tfsynth.files import new_folder, write_text

PRECISIONS = ("float32",)
# Channels of the pictures that `serving_default` writes and reads.
_WRITTEN, _READ = (1, 2, 3, 4), (1, 3, 4)


def write(synthesizer, path, *, precision="float32", size=(None, None), description):
    """Writes the SavedModel of a synthesizer: any batch, height and width.

    Args:
        synthesizer: A `Synthesizer`.
        path: Folder to write; does not exist, or is empty.
        precision: "float32".
        size: (None, None): the model takes any size.
        description: Dict of `description.describe`.

    Raises:
        ValueError: If something else is asked for, or the model has `blockers`.
    """
    if precision not in PRECISIONS or tuple(size) != (None, None):
        raise ValueError(
            "A SavedModel is of float32 and takes any size: leave out `precision` and `size`. "
            f"Received: {precision!r}, {size!r}."
        )
    for blocker in blockers(synthesizer, precision=precision, size=size):
        raise ValueError(
            f"{blocker.layer}: a SavedModel cannot serve {blocker.operator}; {blocker.instead}."
        )
    path, text = Path(path), json.dumps(description)
    signatures = functions(synthesizer, text)
    tf.saved_model.save(_weights(synthesizer), str(path), signatures=signatures)
    extra = path / "assets.extra"
    extra.mkdir(exist_ok=True)
    write_text(extra / NAME, text)
    write_warmup(extra, signatures, description)


def blockers(synthesizer, *, precision="float32", size=(None, None)):
    """Returns what keeps a synthesizer from being written, a list of `Blocker`."""
    generator, conditioning = synthesizer.generator, synthesizer.conditioning
    made, read = generator.output_channels, conditioning.condition_channels
    found = []
    if made not in _WRITTEN:
        found.append(Blocker(generator.name, f"a PNG of {made} channels", "train with 1 to 4"))
    if synthesizer.label_set is None and read not in _READ:
        operator = f"a condition picture of {read} channels"
        found.append(Blocker(conditioning.name, operator, "train with 1, 3 or 4"))
    return found


def export(synthesizer, path):
    """Writes the SavedModel of a synthesizer, and compares its pictures at two sizes.

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
    description = describe(synthesizer, format="saved_model", precision="float32")
    with new_folder(path) as written:
        write(synthesizer, written, description=description)
        _verify(synthesizer, written)
    return path


def _weights(synthesizer):
    """Returns the weights that the signatures read, and nothing else, to be stored once."""
    networks = [network for network in (synthesizer.generator, synthesizer.encoder) if network]
    module: Any = tf.Module()
    # The variables alone: each of Keras's objects would be one more root of the checkpoint.
    module.weights = [weight.value for network in networks for weight in network.weights]
    return module


def _verify(synthesizer, path):
    """Raises unless the written pictures are those of the synthesizer, to the grey level."""
    served = tf.saved_model.load(str(path)).signatures["synthesize"]
    random, small = np.random.default_rng(0), synthesizer.generator.minimum_size
    for height, width in ((small, small), (small + 3, 2 * small + 1)):
        inputs = {}
        for name, (shape, dtype) in signature.tensors(synthesizer).items():
            known = [n or unknown for n, unknown in zip(shape, (2, height, width, 0), strict=False)]
            most = {"labels": synthesizer.conditioning.num_classes, "condition": 256}.get(name, 4)
            inputs[name] = tf.constant(random.integers(0, most, known).astype(dtype))
        expected = np.asarray(synthesizer.one_picture(inputs)).astype(int)
        difference = np.abs(served(**inputs)["image"].numpy() - expected).max()
        if difference > 0:
            raise ValueError(
                f"The exported model differs from the synthesizer by {difference} grey levels "
                f"at {height}x{width}. Nothing was written to {path}."
            )
