import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.exporters.foreign_networks import AreaResizing, RandomNoise, synthesizer_with
from tests.exporters.tflite_models import write
from tests.synthesis.synthesizers import LABELS, TABLE, noisy_synthesizer
from tfsynth.exporters import litert
from tfsynth.exporters.blockers import Blocker
from tfsynth.exporters.litert_operations import check_model
from tfsynth.layers import Conditioning
from tfsynth.networks import (
    CascadedRefinementNetwork,
    FeatureEncoder,
    FullResolutionNetwork,
    LocalEnhancer,
)
from tfsynth.synthesis.synthesizer import Synthesizer

pytestmark = pytest.mark.slow


def blockers_of(layer):
    return litert.blockers(synthesizer_with(layer))


def test_random_numbers_of_keras_are_named_with_their_layer():
    found = blockers_of(RandomNoise(name="rain"))
    assert [blocker[:2] for blocker in found] == [
        ("rain", "StatelessRandomGetKeyCounter"),
        ("rain", "StatelessRandomNormalV2"),
    ]
    assert "tfsynth's layer DropoutNoise or NoiseMaps" in found[0].instead


def test_resizing_by_areas_is_named():
    assert blockers_of(AreaResizing(name="half")) == [
        Blocker("half", "ResizeArea", "bilinear or nearest-neighbour resizing, or average pooling")
    ]


def test_channels_that_get_lost_are_named_where_they_are_needed():
    (blocker,) = blockers_of(keras.layers.UpSampling2D(2, name="double"))
    assert blocker[:2] == ("double", "Conv2D of channels that are unknown after it")
    assert "NearestUpSampling2D" in blocker.instead


def test_channels_are_known_at_a_fixed_size(tmp_path):
    model = synthesizer_with(keras.layers.UpSampling2D(2, name="double"))
    assert litert.blockers(model, size=(6, 10)) == []
    write(model, tmp_path / "model.tflite", size=(6, 10))


def test_another_precision_is_named():
    found = blockers_of(keras.layers.Activation("relu", dtype="bfloat16", name="soft"))
    assert ("soft", "Relu in bfloat16") in {blocker[:2] for blocker in found}


def test_a_new_axis_behind_an_ellipsis_is_named():
    layer = keras.layers.Lambda(lambda x: x[..., None][..., 0] * 1.0, name="widen")
    assert blockers_of(layer) == [
        Blocker("widen", "StridedSlice with a new axis after an ellipsis", "ops.expand_dims")
    ]


@pytest.mark.parametrize(
    "generator, styles",
    [
        (lambda n: LocalEnhancer(n, filters=2, num_downsamples=1, num_blocks=1), TABLE),
        (lambda n: CascadedRefinementNetwork(n, widths=(4, 4, 4), num_outputs=9), None),
        (lambda n: FullResolutionNetwork(n, filters=4), None),
    ],
)
def test_other_families_have_no_blockers(generator, styles):
    encoder = styles and FeatureEncoder(num_features=2, filters=2, num_downsamples=1)
    conditioning = Conditioning(3)
    network = generator(conditioning.channels + (2 if styles else 0))
    model = Synthesizer(network, conditioning, LABELS, encoder=encoder, styles=styles)
    assert litert.blockers(model) == []


def test_noise_from_seeds_has_no_blockers_at_a_fixed_size():
    assert litert.blockers(noisy_synthesizer(), size=(16, 24)) == []


def test_a_model_with_a_foreign_operation_is_refused():
    """A conversion that may leave operations to others reports success."""
    module = tf.Module()
    module.turn = tf.function(tf.math.asin, input_signature=[tf.TensorSpec((1, 3))])
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [module.turn.get_concrete_function()], module
    )
    converter.allow_custom_ops = True
    with pytest.raises(ValueError, match="needs CUSTOM Asin, which LiteRT alone does not run"):
        check_model(converter.convert())


def test_a_model_with_variables_is_refused(tmp_path):
    """Its weights wait for an initialisation that nobody runs."""
    module = tf.Module()
    module.weight = tf.Variable(np.ones(3, "float32"))
    module.scale = tf.function(
        lambda x: module.weight.assign_add(x[0]), input_signature=[tf.TensorSpec((1, 3))]
    )
    tf.saved_model.save(module, str(tmp_path), {"scale": module.scale.get_concrete_function()})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path), signature_keys=["scale"])
    with pytest.raises(ValueError, match="READ_VARIABLE, VAR_HANDLE, which LiteRT alone"):
        check_model(converter.convert())
