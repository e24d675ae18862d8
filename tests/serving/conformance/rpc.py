"""The gRPC services, on the stubs of `tensorflow-serving-api`."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import any_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tests.serving.conformance.errors import Refused, invalid

AVAILABLE = get_model_status_pb2.ModelVersionStatus.AVAILABLE


def serve(models, port):
    """Starts the server on loopback; returns it and its port."""
    # The real server takes messages up to 2 GB.
    limits = [(f"grpc.max_{way}_message_length", 2**31 - 1) for way in ("send", "receive")]
    # Of two servers at one port each would get some of the calls.
    options = [*limits, ("grpc.so_reuseport", 0)]
    server = grpc.server(ThreadPoolExecutor(64), options=options)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Prediction(models), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(Status(models), server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server, port


def found(models, spec, find):
    """Looks up a `ModelSpec` with a method of `Models`."""
    version = spec.version.value if spec.HasField("version") else None
    label = spec.version_label if spec.WhichOneof("version_choice") == "version_label" else None
    return find(spec.name, version, label)


def answered(method):
    """Turns `Refused` into the status of the call."""

    def call(self, request, context):
        try:
            return method(self, request)
        except Refused as error:
            context.abort(grpc.StatusCode[error.code], error.message)

    return call


class Prediction(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, models):
        self.models = models

    @answered
    def Predict(self, request):
        number, version = found(self.models, request.model_spec, self.models.find)
        name, _ = version.signature(request.model_spec.signature_name)
        inputs = {name: array_of(tensor) for name, tensor in request.inputs.items()}
        outputs = version.predict(name, inputs, list(request.output_filter))
        answer = predict_pb2.PredictResponse()
        answer.model_spec.name = request.model_spec.name
        answer.model_spec.version.value = number
        answer.model_spec.signature_name = name
        for alias, array in outputs.items():
            fill(answer.outputs[alias], np.asarray(array))
        return answer

    @answered
    def GetModelMetadata(self, request):
        if list(request.metadata_field) != ["signature_def"]:
            raise invalid("Metadata field signature_def is the only one supported.")
        number, version = found(self.models, request.model_spec, self.models.find)
        answer = get_model_metadata_pb2.GetModelMetadataResponse()
        answer.model_spec.name = request.model_spec.name
        answer.model_spec.version.value = number
        packed = any_pb2.Any()
        packed.Pack(signature_map(version))
        answer.metadata["signature_def"].CopyFrom(packed)
        return answer


class Status(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, models):
        self.models = models

    @answered
    def GetModelStatus(self, request):
        answer = get_model_status_pb2.GetModelStatusResponse()
        for number in found(self.models, request.model_spec, self.models.numbers):
            answer.model_version_status.add(version=number, state=AVAILABLE)
        return answer


def signature_map(version):
    """Returns the `SignatureDefMap` of a version."""
    signatures = get_model_metadata_pb2.SignatureDefMap()
    for name, signature in version.all_signatures.items():
        signatures.signature_def[name].CopyFrom(signature)
    return signatures


def array_of(tensor):
    """Returns the array of a `TensorProto`; what TensorFlow cannot read is refused."""
    if any(dim.size < 0 for dim in tensor.tensor_shape.dim):
        raise invalid("tensor parsing error: a dimension is below 0")
    try:
        return tf.make_ndarray(tensor)
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        raise invalid(f"tensor parsing error: {error}") from None


def fill(tensor, array):
    """Writes an array into a `TensorProto` as the server does: numbers one by one."""
    kind = tf.as_dtype(array.dtype) if array.dtype != object else tf.string
    tensor.dtype = kind.as_datatype_enum
    for size in array.shape:
        tensor.tensor_shape.dim.add(size=size)
    field = {tf.string: "string_val", tf.float32: "float_val", tf.int64: "int64_val"}
    getattr(tensor, field.get(kind, "int_val")).extend(array.ravel().tolist())
