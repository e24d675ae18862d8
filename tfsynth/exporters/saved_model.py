"""SavedModel for TF Serving and for TensorFlow in any language.

Its signatures, all of which have the batch as axis 0 of everything that they take and return:

- `serving_default`: `label_bytes` string (batch,), PNG; `instance_bytes` string (batch,), PNG, or
  "" for none: the classes are the instances then; `seed` int32 (batch,); `format` string (batch,),
  "png", "jpeg" or "" for PNG -> `image_bytes` string, `height` int32, `width` int32 and `status`
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

import tensorflow as tf

from tfsynth.exporters import saved_model_pictures as pictures
from tfsynth.exporters import saved_model_requests as requests
from tfsynth.exporters import signature
from tfsynth.exporters.blockers import Blocker
from tfsynth.exporters.description import NAME
from tfsynth.exporters.saved_model_warmup import write_warmup
from tfsynth.files import write_text

PRECISIONS = ("float32",)
# Besides the weights; labels.json was written by versions before 0.1.0.
_FILES = {
    *("saved_model.pb", "fingerprint.pb", f"assets.extra/{NAME}", "assets.extra/labels.json"),
    "assets.extra/tf_serving_warmup_requests",
}
# Channels that a PNG has.
_PNG_CHANNELS = (1, 2, 3, 4)


def write(synthesizer, path, *, description, **_):
    """Writes the SavedModel of a synthesizer: any batch, height and width.

    Args:
        synthesizer: A `Synthesizer`.
        path: Folder to write; does not exist, or is empty.
        description: Dict of `description.describe`.
    """
    path, text = Path(path), json.dumps(description)
    functions = _functions(synthesizer, text)
    tf.saved_model.save(_weights(synthesizer), str(path), signatures=functions)
    extra = path / "assets.extra"
    extra.mkdir(exist_ok=True)
    write_text(extra / NAME, text)
    write_warmup(extra, functions, description)


def blockers(synthesizer, **_):
    """Returns what keeps a synthesizer from being written, a list of `Blocker`."""
    channels = synthesizer.generator.output_channels
    if channels in _PNG_CHANNELS:
        return []
    name = synthesizer.generator.name
    return [Blocker(name, f"a PNG of {channels} channels", "PNG has 1 to 4: train with so many")]


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
    networks = [synthesizer.generator, synthesizer.encoder]
    module = tf.Module()
    # The variables alone: of Keras's objects each would be a second root of the checkpoint.
    module.weights = [w.value for network in networks if network for w in network.weights]
    return module


def _functions(synthesizer, description):
    """Returns dict of signature name -> concrete function."""
    functions = {
        "serving_default": _of_bytes(synthesizer),
        "synthesize": _of_tensors(synthesizer, styled=False),
        "describe": _of_description(description),
    }
    if synthesizer.encoder is not None:
        functions["synthesize_styled"] = _of_tensors(synthesizer, styled=True)
        functions["encode"] = _of_photographs(synthesizer)
    return functions


def _function(call, specs):
    """Returns the graph of `call`, which takes a dict, for tensors of name -> (shape, dtype)."""
    # Keywords in the order of names: TensorFlow sorts them.
    signature = {name: tf.TensorSpec(*spec, name=name) for name, spec in sorted(specs.items())}
    function = tf.function(lambda **inputs: call(inputs), autograph=False)
    return function.get_concrete_function(**signature)


def _of_description(description):
    def call(inputs):
        return {"description": tf.fill(tf.shape(inputs["request"]), description)}

    return _function(call, {"request": ((None,), "string")})


def _of_tensors(synthesizer, styled):
    specs = signature.tensors(synthesizer)
    if styled:
        features = synthesizer.encoder.num_features
        specs["style_ids"] = ((None, None), "int32")
        specs["styles"] = ((None, None, features), "float32")

    def call(inputs):
        with tf.control_dependencies(_requirements(inputs)):
            status = _row_status(synthesizer, inputs)
        with tf.control_dependencies([requests.require_a_row(status)]):
            good = tf.equal(status, "")
        inputs = {name: _zeros_unless(good, tensor) for name, tensor in inputs.items()}
        if styled:
            order = tf.argsort(inputs["style_ids"], axis=1, stable=True)
            for name in ("style_ids", "styles"):
                inputs[name] = tf.gather(inputs[name], order, batch_dims=1)
        images = _paint(synthesizer, inputs)
        return {"image": _zeros_unless(good, images), "status": status}

    return _function(call, specs)


def _requirements(inputs):
    """Returns the operations that fail a request whose tensors do not fit each other."""
    maps = [name for name in ("labels", "condition", "image", "instances") if name in inputs]
    name, tensor = maps[0], inputs[maps[0]]
    sentences = [requests.check_rows(tf.shape(tensor)[0]), requests.check_size(name, tensor)]
    for other in inputs:
        if other != name:
            axes = 3 if other in ("instances", "labels") else 1
            both = (tensor, inputs[other])
            sentences.append(requests.check_same_size((name, other), both, axes))
    if "styles" in inputs:
        both = (inputs["style_ids"], inputs["styles"])
        sentences.append(requests.check_styles_given(*both))
    return [requests.require(requests.first(*sentences))]


def _row_status(synthesizer, inputs):
    """Returns the sentence of each row of tensors that fit each other, string (batch,)."""
    (name, *_) = signature.tensors(synthesizer)
    status = [tf.fill(tf.shape(inputs[name])[:1], "")]
    if synthesizer.label_set is not None:
        status = [requests.check_ids(name, inputs[name], synthesizer.conditioning.num_classes)]
    if "seed" in inputs:
        status.append(requests.check_seeds(inputs["seed"]))
    if "styles" in inputs:
        status.append(requests.check_styles(inputs["styles"]))
    return requests.first(*status)


def _zeros_unless(good, tensor):
    """Returns the rows of a tensor; zeros for those that are not good."""
    good = tf.reshape(good, (-1, *[1] * (len(tensor.shape) - 1)))
    return tf.where(good, tensor, tf.zeros((), tensor.dtype))


def _paint(synthesizer, inputs):
    """Returns `one_picture` of any number of rows, in pieces of bounded size."""
    condition = inputs[synthesizer.conditioning.condition_name]
    count, height, width = tf.unstack(tf.shape(condition)[:3])
    step = tf.maximum(1, requests.MAX_PIXELS // (height * width))
    pieces = (count + step - 1) // step

    def paint(i, found):
        piece = {name: t[i * step : (i + 1) * step] for name, t in inputs.items()}
        return i + 1, found.write(i, synthesizer.one_picture(piece))

    shape = (None, None, None, synthesizer.generator.output_channels)
    found = tf.TensorArray(tf.uint8, pieces, infer_shape=False, element_shape=shape)
    _, found = tf.while_loop(lambda i, _: i < pieces, paint, (0, found), parallel_iterations=1)
    return tf.ensure_shape(found.concat(), shape)


def _of_bytes(synthesizer):
    by_label = synthesizer.label_set is not None
    names = ["label_bytes" if by_label else "condition_bytes", "instance_bytes", "format"]
    specs = {name: ((None,), "string") for name in names} | {"seed": ((None,), "int32")}

    def call(inputs):
        rows = requests.check_rows(tf.shape(inputs["seed"])[0])
        with tf.control_dependencies([requests.require(rows)]):
            inputs = {name: tf.identity(tensor) for name, tensor in inputs.items()}
        kinds = {"image_bytes": "string", "height": "int32", "width": "int32", "status": "string"}
        found = tf.map_fn(
            lambda row: _row_of_bytes(synthesizer, row, names[0]),
            inputs,
            fn_output_signature={name: tf.TensorSpec((), kind) for name, kind in kinds.items()},
            parallel_iterations=1,
        )
        with tf.control_dependencies([requests.require_a_row(found["status"])]):
            return {name: tf.identity(tensor) for name, tensor in found.items()}

    return _function(call, specs)


def _row_of_bytes(synthesizer, row, name):
    """Returns what one row of `serving_default` becomes, all scalars."""
    inputs, status = _decoded_row(synthesizer, row, name)
    channels = synthesizer.generator.output_channels
    status = requests.first(
        requests.check_seeds(row["seed"]), pictures.check_format(row["format"], channels), status
    )

    def paint():
        image = synthesizer.one_picture({key: tensor[None] for key, tensor in inputs.items()})[0]
        data = pictures.write_picture(tf.ensure_shape(image, (None, None, channels)), row["format"])
        return data, tf.shape(image)[0], tf.shape(image)[1]

    good = tf.equal(status, "")
    data, height, width = tf.cond(good, paint, lambda: (tf.constant(""), 0, 0))
    return {"image_bytes": data, "height": height, "width": width, "status": status}


def _decoded_row(synthesizer, row, name):
    """Returns the inputs of `one_picture`, without the axis of the batch, and a sentence."""
    if synthesizer.label_set is not None:
        condition, status = pictures.read_label_map(row[name], synthesizer.label_set)
    else:
        channels = synthesizer.conditioning.condition_channels
        condition, status = pictures.read_picture(row[name], channels)
    inputs = {synthesizer.conditioning.condition_name: condition, "seed": row["seed"]}
    wanted = synthesizer.picture_input_names
    if "instances" in wanted:
        by_label = synthesizer.label_set is not None
        none = lambda: (condition if by_label else tf.zeros_like(condition[..., 0], "int32"), "")  # noqa: E731
        missing = tf.equal(row["instance_bytes"], "")
        given = lambda: pictures.read_instance_map(row["instance_bytes"])  # noqa: E731
        inputs["instances"], problem = tf.cond(missing, none, given)
        sizes = tf.shape(condition)[:2], tf.shape(inputs["instances"])[:2]
        sentence = f"instance_bytes must have the height and width of {name}."
        same = requests.unless(tf.reduce_all(tf.equal(*sizes)), sentence)
        status = requests.first(status, problem, same)
        if not by_label and synthesizer.conditioning.edges:
            needed = "instance_bytes is empty: this model reads the edges of instances."
            status = requests.first(status, requests.unless(~missing, needed))
    return {key: inputs[key] for key in wanted}, status


def _of_photographs(synthesizer):
    encoder, most = synthesizer.encoder, synthesizer.encoder.max_instances
    regions = "labels" if synthesizer.encoder_regions == "labels" else "instances"
    image = ((None, None, None, encoder.input_channels), "uint8")
    specs = {"image": image, regions: ((None, None, None), "int32")}
    kinds = {
        "style_ids": ((most,), "int32"),
        "styles": ((most, encoder.num_features), "float32"),
        "status": ((), "string"),
    }

    def encode(row):
        ids, _ = tf.unique(tf.reshape(row[regions], (-1,)))
        count, ids = tf.size(ids), tf.sort(ids)
        sentence = requests.text(
            f"{regions} holds ", count, f" different ids; the encoder takes at most {most}."
        )
        status = requests.unless(count <= most, sentence)
        numbers = tf.reshape(
            tf.searchsorted(ids, tf.reshape(row[regions], (-1,))), tf.shape(row[regions])
        )
        nothing = lambda: tuple(tf.zeros(*kinds[name]) for name in ("style_ids", "styles"))  # noqa: E731
        found = tf.cond(
            count <= most,
            lambda: _styles_of(synthesizer, row["image"], ids, numbers),
            nothing,
        )
        return {"style_ids": found[0], "styles": found[1], "status": status}

    def call(inputs):
        with tf.control_dependencies(_requirements(inputs)):
            inputs = {name: tf.identity(tensor) for name, tensor in inputs.items()}
        outputs = {name: tf.TensorSpec(*kind) for name, kind in kinds.items()}
        found = tf.map_fn(encode, inputs, fn_output_signature=outputs, parallel_iterations=1)
        with tf.control_dependencies([requests.require_a_row(found["status"])]):
            return {name: tf.identity(tensor) for name, tensor in found.items()}

    return _function(call, specs)


def _styles_of(synthesizer, image, ids, numbers):
    """Returns the ids of a photograph's regions and their styles, padded with the first one."""
    most, flat = synthesizer.encoder.max_instances, tf.reshape(numbers, (-1,))
    features = synthesizer.feature_map(image[None], numbers[None])[0]
    # (height, width, features) -> (pixels, features), and summed as NumPy does, in float64
    rows = tf.cast(tf.reshape(features, (-1, synthesizer.encoder.num_features)), "float64")
    sums = tf.math.unsorted_segment_sum(rows, flat, most)
    counts = tf.math.unsorted_segment_sum(tf.ones_like(flat, "float64"), flat, most)
    styles = tf.cast(sums / tf.maximum(counts, 1)[:, None], "float32")
    used = tf.range(most) < tf.size(ids)
    places = tf.where(used, tf.range(most), 0)
    return tf.gather(ids, places), tf.gather(styles, places)
