"""The configuration files, read strictly: an unknown field or a wrong type is an error.

`ModelServerConfig` is that of `tensorflow-serving-api`. The other two are not in that package;
they are declared here as in `servables/tensorflow/session_bundle_config.proto` and
`config/monitoring_config.proto` of the server's repository.
"""

from google.protobuf import text_format
from messages import message_classes
from tensorflow_serving.config import model_server_config_pb2

DECLARED = message_classes(
    {
        "Int64Value": ["value 1 int64"],
        "StringValue": ["value 1 string"],
        "BatchingParameters": [
            "max_batch_size 1 Int64Value",
            "batch_timeout_micros 2 Int64Value",
            "max_enqueued_batches 3 Int64Value",
            "num_batch_threads 4 Int64Value",
            "thread_pool_name 5 StringValue",
            "allowed_batch_sizes 6 *int64",
            "pad_variable_length_inputs 7 bool",
        ],
        "PrometheusConfig": ["enable 1 bool", "path 2 string"],
        "MonitoringConfig": ["prometheus_config 1 PrometheusConfig"],
    },
    "tfsynth.tests",
)


def models(text):
    """Returns the `ModelConfig`s of a models.config."""
    read = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    return list(read.model_config_list.config)


def batching(text):
    """Returns the parameters of a batching.config; ValueError if the sizes do not fit."""
    read = text_format.Parse(text, DECLARED["BatchingParameters"]())
    allowed = list(read.allowed_batch_sizes)
    # The two requirements that stand in the proto.
    if allowed and (allowed != sorted(set(allowed)) or allowed[-1] != read.max_batch_size.value):
        raise ValueError(f"allowed_batch_sizes: {allowed} must rise to max_batch_size.")
    return read


def monitoring(text):
    """Returns the `MonitoringConfig` of a monitoring.config."""
    return text_format.Parse(text, DECLARED["MonitoringConfig"]())
