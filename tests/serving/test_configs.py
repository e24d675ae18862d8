"""The files that configure the server are what the server's own protos say."""

import pytest
import yaml
from google.protobuf import text_format

from tests.serving.conformance import configs
from tests.serving.running import ROOT

pytestmark = pytest.mark.slow

SERVING = ROOT / "export" / "serving"


def read(name):
    return (SERVING / name).read_text(encoding="utf-8")


def test_the_model_config_has_both_labels():
    (config,) = configs.models(read("models.config"))
    assert (config.name, config.model_platform) == ("tfsynth", "tensorflow")
    assert list(config.model_version_policy.specific.versions) == [1]
    assert dict(config.version_labels) == {"stable": 1, "canary": 1}


def test_the_batching_config_fits_together():
    config = configs.batching(read("batching.config"))
    assert config.max_batch_size.value == list(config.allowed_batch_sizes)[-1] == 8
    # Padding a layout would make another picture.
    assert not config.pad_variable_length_inputs


def test_the_monitoring_config_names_the_usual_path():
    config = configs.monitoring(read("monitoring.config")).prometheus_config
    assert (config.enable, config.path) == (True, "/monitoring/prometheus/metrics")


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (configs.models, 'model_config_list { config { names: "tfsynth" } }'),
        (configs.batching, "max_batch_size: 8"),
        (configs.batching, "batch_size { value: 8 }"),
        (configs.monitoring, 'prometheus_config { enable: "yes" }'),
    ],
)
def test_a_wrong_field_is_found(parse, text):
    with pytest.raises(text_format.ParseError):
        parse(text)


def test_allowed_sizes_must_end_at_the_largest():
    with pytest.raises(ValueError, match="must rise to max_batch_size"):
        configs.batching("max_batch_size { value: 8 } allowed_batch_sizes: 4")


def test_compose_mounts_the_files_that_its_command_names():
    service = yaml.safe_load(read("compose.yaml"))["services"]["serving"]
    assert service["image"].startswith("tensorflow/serving:")
    named = [part.partition("=/config/")[2] for part in service["command"] if "/config/" in part]
    assert sorted(named) == ["models.config", "monitoring.config"]
    assert ".:/config:ro" in service["volumes"]
    # Nobody else's machine reaches the server.
    assert service["ports"] == ["127.0.0.1:8500:8500", "127.0.0.1:8501:8501"]
