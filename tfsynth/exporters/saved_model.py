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

import tensorflow as tf

from tfsynth.exporters.blockers import Blocker
from tfsynth.exporters.description import NAME
from tfsynth.exporters.runtimes.saved_model import GRAPH_SHA256
from tfsynth.exporters.saved_model_signatures import functions
from tfsynth.exporters.saved_model_warmup import write_warmup
from tfsynth.files import sha256_of, write_text

PRECISIONS = ("float32",)
# Besides the weights; labels.json was written by versions before 0.1.0.
_FILES = {
    *("saved_model.pb", "fingerprint.pb", f"assets.extra/{NAME}", "assets.extra/labels.json"),
    *("assets.extra/tf_serving_warmup_requests", f"assets.extra/{GRAPH_SHA256}"),
}
# Channels of the pictures that `serving_default` writes and reads.
_WRITTEN, _READ = (1, 2, 3, 4), (1, 3, 4)


def write(synthesizer, path, *, description, **_):
    """Writes the SavedModel of a synthesizer: any batch, height and width.

    Args:
        synthesizer: A `Synthesizer`.
        path: Folder to write; does not exist, or is empty.
        description: Dict of `description.describe`.
    """
    path, text = Path(path), json.dumps(description)
    signatures = functions(synthesizer, text)
    tf.saved_model.save(_weights(synthesizer), str(path), signatures=signatures)
    extra = path / "assets.extra"
    extra.mkdir(exist_ok=True)
    write_text(extra / NAME, text)
    write_warmup(extra, signatures, description)
    # TensorFlow has sums of the weights only: a bit that flips in the graph would draw otherwise.
    write_text(extra / GRAPH_SHA256, sha256_of(path / "saved_model.pb"))


def blockers(synthesizer, **_):
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


def foreign(path):
    """Returns the names of what in a folder no export wrote, in one text; "" for none."""
    path = Path(path)
    if not path.is_dir():
        return "a file"
    files = {p.relative_to(path).as_posix() for p in path.rglob("*") if not p.is_dir()}
    others = [f for f in files - _FILES if not f.startswith("variables/variables.")]
    return ", ".join(sorted(others)) or ("" if "saved_model.pb" in files else "other folders")


def _weights(synthesizer):
    """Returns the weights that the signatures read, and nothing else, to be stored once."""
    networks = [network for network in (synthesizer.generator, synthesizer.encoder) if network]
    module: Any = tf.Module()
    # The variables alone: each of Keras's objects would be one more root of the checkpoint.
    module.weights = [weight.value for network in networks for weight in network.weights]
    return module
