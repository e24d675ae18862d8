"""The messages of TensorFlow Serving's gRPC services that the client sends and reads.

`tensorflow-serving-api` has them all, but importing it imports TensorFlow, which takes seconds and
gigabytes on a machine that only sends layouts. What is on the wire depends on the numbers and
kinds of the fields only, so those that the client uses are declared here, as they stand in
`tensorflow_serving/apis/*.proto` and `tensorflow/core/framework/tensor.proto`. They live in a
pool of their own: both packages can be imported into one process.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# Per message: fields as "name number kind"; `*` before a kind: repeated; `{}`: a map from strings.
_MESSAGES = {
    "Version": ["value 1 int64"],  # google.protobuf.Int64Value
    "Any": ["type_url 1 string", "value 2 bytes"],
    "ModelSpec": [
        "name 1 string",
        "version 2 Version",
        "signature_name 3 string",
        "version_label 4 string",
    ],
    "Dimension": ["size 1 int64"],
    "Shape": ["dim 2 *Dimension", "unknown_rank 3 bool"],
    "Tensor": [
        "dtype 1 int32",
        "tensor_shape 2 Shape",
        "tensor_content 4 bytes",
        "float_val 5 *float",
        "int_val 7 *int32",
        "string_val 8 *bytes",
        "int64_val 10 *int64",
    ],
    "PredictRequest": ["model_spec 1 ModelSpec", "inputs 2 {}Tensor"],
    "PredictResponse": ["outputs 1 {}Tensor", "model_spec 2 ModelSpec"],
    "TensorInfo": ["name 1 string", "dtype 2 int32", "tensor_shape 3 Shape"],
    "Signature": ["inputs 1 {}TensorInfo", "outputs 2 {}TensorInfo", "method_name 3 string"],
    "SignatureMap": ["signature_def 1 {}Signature"],
    "MetadataRequest": ["model_spec 1 ModelSpec", "metadata_field 2 *string"],
    "MetadataResponse": ["model_spec 1 ModelSpec", "metadata 2 {}Any"],
    "StatusRequest": ["model_spec 1 ModelSpec"],
    "VersionStatus": ["version 1 int64", "state 2 int32"],
    "StatusResponse": ["model_version_status 1 *VersionStatus"],
}
# Of `ModelVersionStatus.State`.
STATES = {0: "UNKNOWN", 10: "START", 20: "LOADING", 30: "AVAILABLE", 40: "UNLOADING", 50: "END"}
# Of `tensorflow.DataType`: those of the signatures of tfsynth's models.
DTYPES = {1: "float32", 3: "int32", 4: "uint8", 7: "string", 9: "int64"}


def _add_field(package, message, text):
    """Adds a field to a `DescriptorProto`; a map is a repeated message of key and value."""
    name, number, kind = text.split()
    field = message.field.add(name=name, number=int(number))
    field.label = field.LABEL_REPEATED if kind[0] in "*{" else field.LABEL_OPTIONAL
    if kind.startswith("{}"):
        # protobuf asks for this name.
        entry = message.nested_type.add(name=name.title().replace("_", "") + "Entry")
        entry.options.map_entry = True
        _add_field(package, entry, "key 1 string")
        _add_field(package, entry, f"value 2 {kind[2:]}")
        kind = f"{message.name}.{entry.name}"
    kind = kind.lstrip("*")
    if kind[0].isupper():
        field.type, field.type_name = field.TYPE_MESSAGE, f".{package}.{kind}"
    else:
        field.type = getattr(field, f"TYPE_{kind.upper()}")


def message_classes(messages, package) -> dict[str, Any]:
    """Returns name -> class of messages that are declared as `_MESSAGES` is."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package)
    file.syntax = "proto3"  # Repeated numbers are packed.
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field in fields:
            _add_field(package, message, field)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = {name: pool.FindMessageTypeByName(f"{package}.{name}") for name in messages}
    return {name: message_factory.GetMessageClass(one) for name, one in found.items()}


CLASSES = message_classes(_MESSAGES, "tfsynth.serving")
