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
        ({"class": "keras.saving.load_model", "filepath": "x"}, "classes only"),
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


def test_every_registered_class_resolves():
    names = registered_names()
    assert {"GlobalGenerator", "LeastSquaresLoss", "AdversarialTrainer", "Synthesizer"} <= set(
        names
    )
    for name in names:
        assert resolve(name).__name__ == name


def test_round_trip_of_nested_parts():
    optimizers = keras.optimizers.Adam(1e-3)
    assert round_trip(optimizers).get_config()["learning_rate"] == pytest.approx(1e-3)
