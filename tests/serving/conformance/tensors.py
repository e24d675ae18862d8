"""JSON to tensors and back, by the rules of api_rest.md and util/json_tensor.cc."""

import base64
import binascii
import json

import numpy as np
import tensorflow as tf

from tests.serving.conformance.errors import invalid


def request(body, version):
    """Reads the body of a prediction.

    Returns:
        Signature, name -> array, and whether the rows were given as `instances`.
    """
    parsed = _parsed(body)
    name = parsed.get("signature_name", "")
    if not isinstance(name, str):
        raise invalid("'signature_name' key must be a string value.")
    if (name or "serving_default") not in version.signatures:
        raise invalid(f'Serving signature name: "{name}" not found in signature def')
    name, signature = version.signature(name)
    dtypes = {alias: tf.as_dtype(one.dtype) for alias, one in signature.inputs.items()}
    if "instances" in parsed and "inputs" in parsed:
        raise invalid(
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist"
        )
    if "instances" in parsed:
        return name, _rows(parsed["instances"], dtypes), True
    if "inputs" in parsed:
        return name, _columns(parsed["inputs"], dtypes), False
    raise invalid("Missing 'inputs' or 'instances' key")


def answer(outputs, row_format):
    """Returns the answer as plain data: `predictions` by rows, or `outputs` by names."""
    plain = {name: _to_json(name, np.asarray(array)) for name, array in outputs.items()}
    single = len(plain) == 1
    if not row_format:
        return {"outputs": next(iter(plain.values())) if single else plain}
    sizes = {len(values) for values in plain.values()}
    if len(sizes) != 1:
        raise invalid(f"Tensors have inconsistent batch sizes: {sorted(sizes)}")
    if single:
        return {"predictions": next(iter(plain.values()))}
    rows = zip(*plain.values(), strict=True)
    return {"predictions": [dict(zip(plain, row, strict=True)) for row in rows]}


def _parsed(body):
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid(f"JSON Parse error: {error}") from None
    if not isinstance(parsed, dict):
        raise invalid("JSON Value is not object")
    return parsed


def _rows(rows, dtypes):
    if not isinstance(rows, list):
        raise invalid("Excepting 'instances' to be an list/array")
    if not rows:
        raise invalid("No values in 'instances' array")
    if _is_object(rows[0]):
        for index, row in enumerate(rows):
            if not _is_object(row):
                raise invalid(f"Expecting object but got list at item {index} of input list")
            if set(row) != set(dtypes):
                names = ",".join(sorted(dtypes))
                raise invalid(
                    f"Failed to process element: {index} of 'instances' list. JSON object: keys "
                    f"must be equal to: {names}"
                )
        return {name: tensor([row[name] for row in rows], dtypes[name]) for name in dtypes}
    if len(dtypes) > 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors "
            "required as per tensorinfo_map"
        )
    for index, row in enumerate(rows):
        if _is_object(row):
            raise invalid(f"Expecting value/list but got object at item {index} of input list")
    ((name, dtype),) = dtypes.items()
    return {name: tensor(rows, dtype)}


def _columns(inputs, dtypes):
    if _is_object(inputs):
        for name in dtypes:
            if name not in inputs:
                raise invalid(f"Missing named input: {name} in 'inputs' object.")
        # Names that the signature has not are passed over.
        return {name: tensor(inputs[name], dtype) for name, dtype in dtypes.items()}
    if len(dtypes) > 1:
        raise invalid(
            "inputs is a plain value/list, but expecting an object as multiple input tensors "
            "required as per tensorinfo_map"
        )
    ((name, dtype),) = dtypes.items()
    return {name: tensor(inputs, dtype)}


def _is_object(value):
    return isinstance(value, dict) and not _is_base64(value)


def _is_base64(value):
    return isinstance(value, dict) and set(value) == {"b64"} and isinstance(value["b64"], str)


def tensor(value, dtype):
    """Returns the array of nested lists: its shape is that of the first elements."""
    shape, first = [], value
    while isinstance(first, list):
        shape.append(len(first))
        first = first[0] if first else None
    leaves = []
    _collect(value, 0, shape, dtype, leaves)
    kind = object if dtype == tf.string else dtype.as_numpy_dtype
    array = np.empty(shape, kind)
    array.ravel()[:] = leaves
    return array


def _collect(value, level, shape, dtype, leaves):
    if not isinstance(value, list):
        if level != len(shape):
            raise invalid(
                f"JSON Value found at incorrect level: {level + 1} in the JSON DOM. Expected at "
                f"level: {len(shape)}"
            )
        leaves.append(_leaf(value, dtype))
        return
    if level >= len(shape):
        raise invalid(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise invalid(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: "
            f"{shape[level]}"
        )
    for one in value:
        _collect(one, level + 1, shape, dtype, leaves)


def _leaf(value, dtype):
    if dtype == tf.string:
        if isinstance(value, str):
            return value.encode("utf-8", "surrogatepass")
        if isinstance(value, dict):
            if not _is_base64(value):
                raise invalid("JSON Value not formatted correctly for base64 data")
            try:
                return base64.b64decode(value["b64"], validate=True)
            except (ValueError, binascii.Error):
                raise invalid("Unable to base64 decode") from None
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if dtype.is_floating:
            # Whole numbers that a float cannot hold would be others.
            limit = np.finfo("float32").max if isinstance(value, float) else 2**24 - 1
            if abs(value) <= limit or not np.isfinite(value):
                return value
            raise invalid(f"Cannot convert JSON value: {value} to float without loss of precision.")
        limits = np.iinfo("int64" if dtype == tf.int64 else "int32")
        if isinstance(value, int) and limits.min <= value <= limits.max:
            # A small type keeps the lowest bits, as in C++.
            return np.array(value).astype(dtype.as_numpy_dtype)[()]
    text = json.dumps(value)[:80]
    raise invalid(f"JSON Value: {text} is not of expected type: {dtype.name}")


def _to_json(name, array):
    if array.dtype != object:
        return array.tolist()
    encode = _to_base64 if name.endswith("_bytes") else _to_text
    return [encode(one) for one in array.ravel()]


def _to_base64(data):
    return {"b64": base64.b64encode(data).decode("ascii")}


def _to_text(data):
    return data.decode("utf-8", "replace")
