import keras
import pytest

from tests.harness import round_trip
from tfsynth.layers import Conditioning
from tfsynth.registry import build, describe, registered_names, resolve


def test_a_node_becomes_a_call_and_the_rest_stays_itself():
    built = build({"layer": {"class": "Conditioning", "num_classes": 3}, "numbers": [1, 2.5, None]})
    assert isinstance(built["layer"], Conditioning)
    assert built["layer"].num_classes == 3
    assert built["numbers"] == [1, 2.5, None]


def test_describe_gives_the_node_back():
    node = {"class": "Conditioning", "num_classes": 3, "edges": False}
    assert describe(build(node)) == node


def test_public_classes_of_keras_can_be_named():
    adam = build({"class": "keras.optimizers.Adam", "learning_rate": 2.0e-4, "beta_1": 0.5})
    assert isinstance(adam, keras.optimizers.Adam)
    assert float(adam.learning_rate) == pytest.approx(2e-4)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"class": "Conditionning"}, "Nearest: Conditioning"),
        ({"class": "keras.layers.Conv3000"}, "no public name 'keras.layers.Conv3000'"),
        ({"class": "keras.layers.Dens"}, "Nearest: Dense"),
        ({"class": "keras.layers.deserialize", "config": {}}, "classes only"),
        ({"class": "os.system", "command": "true"}, "No class 'os.system'"),
        ({"class": ["Conditioning"]}, "takes the name of a class"),
        ({"class": "Conditioning", "num_clases": 3}, "Did you mean `num_classes`?"),
        ({"class": "Conditioning"}, "needs the keys: num_classes"),
        ({"class": "keras.optimizers.Adam", "rate": 1}, "keras.optimizers.Adam cannot be built"),
    ],
)
def test_what_cannot_be_built_says_why(node, message):
    with pytest.raises(ValueError, match=message):
        build(node)


@pytest.mark.parametrize(
    "name",
    [
        "keras.src.backend.common.variables.np.f2py.subprocess.Popen",
        "keras.src.layers.core.lambda_layer.Lambda",
        "keras.layers.Lambda",
        "keras.layers.TFSMLayer",
        "keras.saving.load_model",
        "keras.saving.KerasFileEditor",
        "keras.optimizers.legacy.Adam.__class__",
        "keras.layers.__builtins__",
        "keras.Model",
    ],
)
def test_a_config_cannot_run_code(name):
    with pytest.raises(ValueError, match=f"cannot name '{name}'|no public name '{name}'"):
        resolve(name)


def test_keras_is_not_handed_a_class_of_its_own_form():
    smuggled = {"module": "keras.layers", "class_name": "Lambda", "config": {"function": "print"}}
    node = {"class": "keras.layers.TimeDistributed", "layer": smuggled}
    with pytest.raises(ValueError, match="names a class by `class`. Received `class_name`"):
        build(node)


def test_schedules_and_initializers_of_keras_can_be_named():
    cosine = {"class": "keras.optimizers.schedules.CosineDecay"}
    rate = build({**cosine, "initial_learning_rate": 1.0, "decay_steps": 2})
    assert float(rate(1)) == pytest.approx(0.5)
    assert build({"class": "keras.initializers.Zeros"})((2,)).shape == (2,)


def test_every_registered_class_resolves():
    names = registered_names()
    assert {
        "GlobalGenerator",
        "LeastSquaresLoss",
        "AdversarialGame",
        "Trainer",
        "Synthesizer",
    } <= set(names)
    for name in names:
        assert resolve(name).__name__ == name


def test_round_trip_of_nested_parts():
    optimizers = keras.optimizers.Adam(1e-3)
    assert round_trip(optimizers).get_config()["learning_rate"] == pytest.approx(1e-3)
