"""TensorFlow Serving's gRPC side. Needs `pip install grpcio protobuf numpy`, not TensorFlow."""

import math

import grpc
import numpy as np
from calls import MOST_BYTES, ServingError
from messages import CLASSES, DTYPES, STATES

_NUMBERS = {name: number for number, name in DTYPES.items()}
_FIELDS = {"float32": "float_val", "int64": "int64_val"}
_SERVICE = "/tensorflow.serving"
_OPTIONS = [
    ("grpc.max_send_message_length", MOST_BYTES),
    ("grpc.max_receive_message_length", MOST_BYTES),
    # calls.patiently tries again, with limits that the caller gives.
    ("grpc.enable_retries", 0),
]


class Rpc:
    """One model of a server, by gRPC. Threads may share this.

    Args:
        host: "name:port".
        model: Its name on the server.
        version: Number, or None.
        label: Name of a version, or None.
        tls: Whether the server has a certificate.
    """

    def __init__(self, host, model, version=None, label=None, tls=False):
        self.host, self.model, self.version, self.label = host, model, version, label
        if tls:
            credentials = grpc.ssl_channel_credentials()
            self.channel = grpc.secure_channel(host, credentials, options=_OPTIONS)
        else:
            self.channel = grpc.insecure_channel(host, options=_OPTIONS)

    def close(self):
        self.channel.close()

    def states(self, seconds):
        """Returns version -> state, such as {1: "AVAILABLE"}."""
        request = self._request("StatusRequest")
        answer = self._call("ModelService/GetModelStatus", request, "StatusResponse", seconds)
        found = answer.model_version_status
        return {one.version: STATES.get(one.state, str(one.state)) for one in found}

    def signatures(self, seconds):
        """Returns signature -> (inputs, outputs): name -> dtype each."""
        request = self._request("MetadataRequest")
        request.metadata_field.append("signature_def")
        method = "PredictionService/GetModelMetadata"
        answer = self._call(method, request, "MetadataResponse", seconds)
        packed = answer.metadata["signature_def"].value
        found = CLASSES["SignatureMap"].FromString(packed).signature_def
        return {name: (_dtypes(one.inputs), _dtypes(one.outputs)) for name, one in found.items()}

    def predict(self, signature, inputs, dtypes, outputs, seconds):
        """Returns name -> value of each of `outputs`: arrays, and lists of strings.

        Args:
            signature: Name.
            inputs: Name -> array or list; bytes where the dtype is "string".
            dtypes: Name -> dtype of each input.
            outputs: Names that the signature returns.
            seconds: Time limit.
        """
        request = self._request("PredictRequest")
        request.model_spec.signature_name = signature
        for name, value in inputs.items():
            fill(request.inputs[name], value, dtypes[name])
        found = self.send(request, seconds).outputs
        return {name: value_of(found[name], name.endswith("_bytes")) for name in outputs}

    def send(self, request, seconds):
        """Sends a `PredictRequest` as it is; returns the `PredictResponse`."""
        return self._call("PredictionService/Predict", request, "PredictResponse", seconds)

    def _request(self, kind):
        request = CLASSES[kind]()
        request.model_spec.name = self.model
        if self.version is not None:
            request.model_spec.version.value = self.version
        if self.label is not None:
            request.model_spec.version_label = self.label
        return request

    def _call(self, method, request, answer, seconds):
        call = self.channel.unary_unary(
            f"{_SERVICE}.{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=CLASSES[answer].FromString,
        )
        try:
            return call(request, timeout=seconds)
        except grpc.RpcError as error:
            # grpcio raises objects that are both an error and a call.
            code, details = error.code().name, error.details()  # pyright: ignore
            raise ServingError(code, details or f"No answer from {self.host}.") from error


def fill(tensor, value, dtype):
    """Writes an array, or a list of bytes where the dtype is "string", into a `Tensor`."""
    try:
        array = np.asarray(value, object if dtype == "string" else dtype)
    except OverflowError as error:
        raise ValueError(f"An input of {dtype} cannot hold these numbers: {error}.") from error
    if array.dtype.kind in "iu" and not np.array_equal(array, np.asarray(value)):
        raise ValueError(f"An input of {dtype} cannot hold these numbers: {value!r:.60}.")
    tensor.dtype = _NUMBERS[dtype]
    for size in array.shape:
        tensor.tensor_shape.dim.add(size=size)
    if dtype == "string":
        tensor.string_val.extend(array.ravel().tolist())
    else:
        tensor.tensor_content = array.astype(array.dtype.newbyteorder("<")).tobytes()


def value_of(tensor, as_bytes):
    """Returns the array of a `Tensor`; the list of its strings, decoded unless `as_bytes`."""
    dtype = DTYPES.get(tensor.dtype, "unknown")
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    if dtype == "string":
        return [one if as_bytes else one.decode(errors="replace") for one in tensor.string_val]
    if tensor.tensor_content:
        array = np.frombuffer(tensor.tensor_content, np.dtype(dtype).newbyteorder("<"))
    else:
        # The server's own way: numbers one by one.
        array = np.array(getattr(tensor, _FIELDS.get(dtype, "int_val")), dtype)
        if len(array) < math.prod(shape):
            # The last one stands for all that follow; of zeros there may be none.
            array = np.append(array, np.resize(array[-1:], math.prod(shape) - len(array)))
    return array.reshape(shape)


def _dtypes(tensors):
    return {name: DTYPES.get(one.dtype, str(one.dtype)) for name, one in tensors.items()}
