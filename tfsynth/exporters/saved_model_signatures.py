"""The functions that a SavedModel serves; `saved_model` says what each takes and returns."""

import tensorflow as tf

from tfsynth.exporters import saved_model_labels as labels
from tfsynth.exporters import saved_model_pictures as pictures
from tfsynth.exporters import saved_model_requests as requests
from tfsynth.exporters import signature


def functions(synthesizer, description):
    """Returns the functions of all signatures.

    Args:
        synthesizer: A `Synthesizer`.
        description: The JSON that `describe` returns.

    Returns:
        Dict of signature name -> concrete function, all of whose arguments are keywords.
    """
    specs = signature.tensors(synthesizer)
    # One graph, which two signatures share.
    picture = _function(synthesizer.one_picture, specs)
    found = {
        "serving_default": _of_bytes(synthesizer, picture),
        "synthesize": _of_tensors(synthesizer, picture, specs),
        "describe": _of_description(description),
    }
    if synthesizer.encoder is not None:
        features = synthesizer.encoder.num_features
        given = {
            "style_ids": ((None, None), "int32"),
            "styles": ((None, None, features), "float32"),
        }
        styled = _function(synthesizer.one_picture, specs | given)
        found["synthesize_styled"] = _of_tensors(synthesizer, styled, specs | given)
        found["encode"] = _of_photographs(synthesizer)
    return found


def _function(call, specs):
    """Returns the graph of `call`, which takes a dict, for tensors of name -> (shape, dtype)."""
    # Keywords in the order of names: TensorFlow sorts them.
    signature = {name: tf.TensorSpec(*spec, name=name) for name, spec in sorted(specs.items())}

    def served(**inputs):
        return call(inputs)

    return tf.function(served, autograph=False).get_concrete_function(**signature)


def _of_description(description):
    def call(inputs):
        return {"description": tf.fill(tf.shape(inputs["request"]), description)}

    return _function(call, {"request": ((None,), "string")})


def _of_tensors(synthesizer, picture, specs):
    def call(inputs):
        with tf.control_dependencies(_requirements(inputs, synthesizer.generator)):
            status = _row_status(synthesizer, inputs)
        with tf.control_dependencies([requests.require_a_row(status)]):
            good = tf.equal(status, "")
        inputs = {name: _zeros_unless(good, tensor) for name, tensor in inputs.items()}
        if "styles" in inputs:
            order = tf.argsort(inputs["style_ids"], axis=1, stable=True)
            for name in ("style_ids", "styles"):
                inputs[name] = tf.gather(inputs[name], order, batch_dims=1)
        images = _paint(synthesizer, picture, inputs)
        return {"image": _zeros_unless(good, images), "status": status}

    return _function(call, specs)


def _requirements(inputs, network, reduction=1):
    """Returns the operations that fail a request whose tensors do not fit each other."""
    maps = [name for name in ("labels", "condition", "image", "instances") if name in inputs]
    name, tensor = maps[0], inputs[maps[0]]
    sentences = [
        requests.check_rows(tf.shape(tensor)[0]),
        requests.check_size(name, tensor, network, reduction),
    ]
    for other in inputs:
        if other != name:
            axes = 3 if other in maps else 1
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


def _paint(synthesizer, picture, inputs):
    """Returns `picture` of any number of rows, in pieces of bounded size."""
    condition = inputs[synthesizer.conditioning.condition_name]
    count, height, width = tf.unstack(tf.shape(condition, tf.int64)[:3])
    area = requests.padded_pixels(height, width, synthesizer.generator)
    count, step = tf.cast(count, tf.int32), tf.cast(requests.MAX_PIXELS // area, tf.int32)
    step = tf.maximum(1, step)
    pieces = (count + step - 1) // step

    def paint(i, found):
        piece = {name: t[i * step : (i + 1) * step] for name, t in inputs.items()}
        return i + 1, found.write(i, picture(**piece))

    shape = (None, None, None, synthesizer.generator.output_channels)
    found = tf.TensorArray(tf.uint8, pieces, infer_shape=False, element_shape=shape)
    _, found = tf.while_loop(lambda i, _: i < pieces, paint, (0, found), parallel_iterations=1)
    return tf.ensure_shape(found.concat(), shape)


def _of_bytes(synthesizer, picture):
    by_label = synthesizer.label_set is not None
    names = ["label_bytes" if by_label else "condition_bytes", "instance_bytes", "format"]
    specs = {name: ((None,), "string") for name in names} | {"seed": ((None,), "int32")}

    def call(inputs):
        rows = [requests.check_rows(tf.shape(inputs["seed"])[0])]
        for name in names:
            both = (inputs["seed"], inputs[name])
            rows.append(requests.check_same_size(("seed", name), both, axes=1))
        with tf.control_dependencies([requests.require(requests.first(*rows))]):
            inputs = {name: tf.identity(tensor) for name, tensor in inputs.items()}
        kinds = {"image_bytes": "string", "height": "int32", "width": "int32", "status": "string"}
        found = tf.map_fn(
            lambda row: _row_of_bytes(synthesizer, picture, row, names[0]),
            inputs,
            fn_output_signature={name: tf.TensorSpec((), kind) for name, kind in kinds.items()},
            parallel_iterations=1,
        )
        with tf.control_dependencies([requests.require_a_row(found["status"])]):
            return {name: tf.identity(tensor) for name, tensor in found.items()}

    return _function(call, specs)


def _row_of_bytes(synthesizer, picture, row, name):
    """Returns what one row of `serving_default` becomes, all scalars."""
    inputs, status = _decoded_row(synthesizer, row, name)
    channels = synthesizer.generator.output_channels
    status = requests.first(
        requests.check_seeds(row["seed"]), pictures.check_format(row["format"], channels), status
    )

    def paint():
        image = picture(**{key: tensor[None] for key, tensor in inputs.items()})[0]
        data = pictures.write_picture(tf.ensure_shape(image, (None, None, channels)), row["format"])
        return data, tf.shape(image)[0], tf.shape(image)[1]

    good = tf.equal(status, "")
    data, height, width = tf.cond(good, paint, lambda: (tf.constant(""), 0, 0))
    return {"image_bytes": data, "height": height, "width": width, "status": status}


def _decoded_row(synthesizer, row, name):
    """Returns the inputs of `one_picture`, without the axis of the batch, and a sentence."""
    if synthesizer.label_set is not None:
        condition, status = labels.read_label_map(row[name], synthesizer.label_set)
    else:
        channels = synthesizer.conditioning.condition_channels
        condition, status = pictures.read_picture(row[name], channels)
    height, width = tf.unstack(tf.shape(condition, tf.int64)[:2])
    padded = requests.check_padded(name, height, width, synthesizer.generator)
    status = requests.first(status, padded)
    inputs = {synthesizer.conditioning.condition_name: condition, "seed": row["seed"]}
    wanted = synthesizer.picture_input_names
    if "instances" in wanted:
        by_label = synthesizer.label_set is not None
        none = lambda: (condition if by_label else tf.zeros(tf.shape(condition)[:2], "int32"), "")  # noqa: E731
        missing = tf.equal(row["instance_bytes"], "")
        given = lambda: labels.read_instance_map(row["instance_bytes"])  # noqa: E731
        inputs["instances"], problem = tf.cond(missing, none, given)
        sizes = tf.shape(condition)[:2], tf.shape(inputs["instances"])[:2]
        sentence = f"instance_bytes must have the height and width of {name}."
        same = requests.unless(tf.reduce_all(tf.equal(*sizes)), sentence)
        status = requests.first(status, problem, same)
        if not by_label and synthesizer.conditioning.edges:
            needed = "instance_bytes is empty: this model reads the edges of instances."
            status = requests.first(status, requests.unless(tf.logical_not(missing), needed))
    return {key: inputs[key] for key in wanted}, status


def _of_photographs(synthesizer):
    encoder, reduction = synthesizer.encoder, synthesizer.encoder_reduction
    most = encoder.max_instances
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
        with tf.control_dependencies(_requirements(inputs, encoder, reduction)):
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
