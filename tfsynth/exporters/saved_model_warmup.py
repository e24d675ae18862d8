"""Requests that TF Serving answers itself before it takes others: `tf_serving_warmup_requests`.

The records are `PredictionLog` of `tensorflow_serving`, a package that few have: its few fields are
written by their numbers. https://protobuf.dev/programming-guides/encoding/
"""

import numpy as np
import tensorflow as tf

from tfsynth.exporters.saved_model_requests import MAX_PIXELS

FILE = "tf_serving_warmup_requests"
# Height and width where the size of the training is not known.
_SIZE = 64


def write_warmup(folder, functions, description):
    """Writes one request for each signature, of the size of the training if it is known.

    Args:
        folder: The folder `assets.extra` of the model.
        functions: Dict of signature name -> concrete function.
        description: Dict of `description.describe`.
    """
    height, width = description.get("training_size") or (_SIZE, _SIZE)
    if height * width > MAX_PIXELS:
        height = width = _SIZE
    with tf.io.TFRecordWriter(str(folder / FILE)) as records:
        for name, function in functions.items():
            # All keywords: (arguments, keywords).
            specs = function.structured_input_signature[1]
            inputs = {key: _tensor(key, spec, height, width) for key, spec in specs.items()}
            records.write(prediction_log(name, inputs))


def prediction_log(signature, inputs):
    """Returns the bytes of a `PredictionLog` with a `PredictRequest`.

    Args:
        signature: Name of the signature.
        inputs: Dict of name -> `TensorProto`.
    """
    # ModelSpec.signature_name; TF Serving fills in the rest.
    request = _field(1, _field(3, signature.encode()))
    for name, tensor in inputs.items():
        # PredictRequest.inputs, a map: key and value.
        entry = _field(1, name.encode()) + _field(2, tensor.SerializeToString())
        request += _field(2, entry)
    # PredictionLog.predict_log, PredictLog.request
    return _field(6, _field(1, request))


def _field(number, payload):
    """Returns a field of bytes: its number with the type 2, the length, the bytes."""
    return bytes([number << 3 | 2]) + _varint(len(payload)) + payload


def _varint(number):
    """Returns seven bits in each byte, the lowest first; the highest bit says that more follow."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def _tensor(name, spec, height, width):
    """Returns a `TensorProto` of zeros, or of an empty layout as PNG, for one row."""
    sizes = {"style_ids": (1,), "styles": (1,)}.get(name, (height, width))
    shape = [n or size for n, size in zip(spec.shape, (1, *sizes, 0), strict=False)]
    if spec.dtype == tf.string:
        layout = tf.io.encode_png(np.zeros((height, width, 1), np.uint8)).numpy()
        data = layout if name in ("label_bytes", "instance_bytes") else b""
        if name == "condition_bytes":
            data = tf.io.encode_png(np.full((height, width, 4), 255, np.uint8)).numpy()
        return tf.make_tensor_proto([data], shape=shape)
    # One number stands for all of a tensor: so the file stays small.
    proto = tf.make_tensor_proto(0, dtype=spec.dtype)
    proto.tensor_shape.CopyFrom(tf.TensorShape(shape).as_proto())
    return proto
