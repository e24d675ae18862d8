"""Models in sessions: versions, labels, and one run of a signature."""

import functools
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tests.serving.conformance.batching import Batcher
from tests.serving.conformance.errors import Refused, invalid


class Version:
    """A SavedModel that TensorFlow's loader has put into a session, without any Python of it.

    Args:
        path: Its folder.
        batching: `BatchingParameters`, or None.
        pool: Threads that run batches.
        batches: Counter of (callers, rows, rows of padding) of the runs.
    """

    def __init__(self, path, batching, pool, batches):
        graph = tf.Graph()
        self.session = tf.compat.v1.Session(graph=graph)
        with graph.as_default():
            loaded = tf.compat.v1.saved_model.loader.load(self.session, ["serve"], str(path))
        self.signatures = {
            name: signature
            for name, signature in loaded.signature_def.items()
            if signature.method_name == "tensorflow/serving/predict"
        }
        self.all_signatures = loaded.signature_def
        self._callables, self._lock = {}, threading.Lock()
        self._batchers = {}
        self.warmed_up = self._warm_up(Path(path) / "assets.extra" / "tf_serving_warmup_requests")
        if batching is not None:
            # Each signature has its own queue; they share the threads.
            self._batchers = {
                name: Batcher(functools.partial(self._run, name), batching, pool, batches)
                for name in self.signatures
            }

    def _warm_up(self, path):
        """Answers the requests that lie beside the model; returns the number of each signature.

        https://github.com/tensorflow/serving/blob/master/tensorflow_serving/g3doc/saved_model_warmup.md
        """
        answered = Counter()
        if not path.is_file():
            return answered
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            log = prediction_log_pb2.PredictionLog.FromString(record)
            if log.WhichOneof("log_type") != "predict_log":
                raise ValueError(f"{path}: a record is no request of a prediction.")
            request = log.predict_log.request
            inputs = {name: tf.make_ndarray(one) for name, one in request.inputs.items()}
            name, _ = self.signature(request.model_spec.signature_name)
            self.predict(name, inputs)
            answered[name] += 1
        if answered.total() > 1000:
            raise ValueError(f"{path}: {answered.total()} records; at most 1000 are allowed.")
        return answered

    def signature(self, name):
        """Returns the name and the `SignatureDef`; an empty name is the default."""
        name = name or "serving_default"
        if name not in self.signatures:
            raise Refused("FAILED_PRECONDITION", f'Serving signature key "{name}" not found.')
        return name, self.signatures[name]

    def predict(self, name, inputs, output_filter=()):
        """Runs a signature on name -> array; returns name -> array."""
        name, signature = self.signature(name)
        sent, known = set(inputs), set(signature.inputs)
        if len(sent) != len(known):
            raise invalid(
                f"input size does not match signature: {len(sent)}!={len(known)} "
                f"len({{{_joined(sent)}}}) != len({{{_joined(known)}}}). "
                f"Sent extra: {{{_joined(sent - known)}}}. "
                f"Missing but required: {{{_joined(known - sent)}}}."
            )
        for extra in sorted(sent - known):
            raise invalid(f"input tensor alias not found in signature: {extra}.")
        for alias in output_filter:
            if alias not in signature.outputs:
                raise invalid(f"output tensor alias not found in signature: {alias}")
        wanted = set(output_filter) or set(signature.outputs)
        # What asks for some of the outputs only matches no queue.
        if name in self._batchers and wanted == set(signature.outputs):
            outputs = self._batchers[name].submit(inputs)
        else:
            outputs = self._run(name, inputs)
        return {alias: outputs[alias] for alias in wanted}

    def _run(self, name, inputs):
        signature = self.signatures[name]
        names = sorted(signature.inputs)
        for alias in names:
            expected = tf.as_dtype(signature.inputs[alias].dtype)
            found = tf.as_dtype(inputs[alias].dtype)
            if found != expected and not (expected == tf.string and inputs[alias].dtype == object):
                raise invalid(f"Expects {alias} to be {expected.name} but {found.name} is provided")
        with self._lock:
            if name not in self._callables:
                fetched = {a: one.name for a, one in signature.outputs.items()}
                fed = [signature.inputs[alias].name for alias in names]
                self._callables[name] = self.session.make_callable(fetched, fed)
        try:
            return self._callables[name](*(inputs[alias] for alias in names))
        except tf.errors.OpError as error:
            # TensorFlow and gRPC number their statuses alike.
            code = next(one.name for one in grpc.StatusCode if one.value[0] == error.error_code)
            # Python's session puts lines of its own before the runtime's message, which is all
            # that a server in C++ has.
            message = getattr(error.__context__, "message", error.message)
            raise Refused(code, message) from None
        except ValueError as error:
            # Python's session checks the shapes before the runtime does.
            raise invalid(str(error)) from None


def _joined(names):
    return ",".join(sorted(names))


class Models:
    """All models of a models.config.

    Args:
        configs: `ModelConfig`s.
        root: Folder that stands for `/models`.
        batching: `BatchingParameters`, or None.
    """

    def __init__(self, configs, root, batching=None):
        threads = batching.num_batch_threads.value if batching else 1
        self.pool = ThreadPoolExecutor(threads)
        self.batches = Counter()
        self.versions, self.labels = {}, {}
        for config in configs:
            folder = root / config.base_path.removeprefix("/models/")
            numbers = list(config.model_version_policy.specific.versions)
            if not numbers:
                # The default policy: the newest.
                numbers = [max(int(p.name) for p in folder.iterdir() if p.name.isdigit())]
            self.versions[config.name] = {
                number: Version(folder / str(number), batching, self.pool, self.batches)
                for number in numbers
            }
            self.labels[config.name] = dict(config.version_labels)

    def find(self, name, version=None, label=None):
        """Returns the number and the `Version`; the newest if neither is given."""
        if not name:
            raise invalid("ModelSpec has no name specified.")
        versions = self.versions.get(name, {})
        if label is not None:
            if label not in self.labels.get(name, {}):
                raise invalid(f"Unrecognized servable version label: {label}")
            version = self.labels[name][label]
        if version is None and versions:
            version = max(versions)
        if version not in versions:
            wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
            raise Refused("NOT_FOUND", f"Servable not found for request: {wanted}")
        return version, versions[version]

    def numbers(self, name, version=None, label=None):
        """Returns the versions whose state is asked for."""
        if version is None and label is None:
            if name not in self.versions:
                raise Refused("NOT_FOUND", f"Could not find any versions of model {name}")
            return sorted(self.versions[name])
        if label is None and version not in self.versions.get(name, {}):
            message = f"Could not find version {version} of model {name}"
            raise Refused("NOT_FOUND", message)
        return [self.find(name, version, label)[0]]
