import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tests.exporters.foreign_networks import AreaResizing, synthesizer_with
from tests.exporters.tflite_models import batch, write
from tests.synthesis.synthesizers import (
    LABELS,
    layout,
    noisy_synthesizer,
    picture_synthesizer,
    styled_synthesizer,
    synthesizer,
)
from tfsynth.exporters import export, litert
from tfsynth.exporters.litert_file import read_file
from tfsynth.exporters.litert_operations import operators
from tfsynth.exporters.runtimes.litert import Runtime
from tfsynth.layers import Conditioning
from tfsynth.layouts.labels import LabelSet
from tfsynth.networks import CascadedRefinementNetwork
from tfsynth.synthesis.synthesizer import Synthesizer

pytestmark = pytest.mark.slow

# Sizes of pictures, and how many: of the multiple, off it, and smaller than a network takes.
SIZES = (((16, 24), 1), ((24, 16), 3), ((17, 29), 3), ((3, 5), 1))


def opened(*arguments, **options):
    return Runtime(write(*arguments, **options))


def differences(model, runtime, sizes=SIZES):
    """Yields the grey levels by which each picture differs from the synthesizer's."""
    for size, count in sizes:
        inputs = batch(model, size, count)
        wanted = np.asarray(model.one_picture(inputs)).astype(int)
        made = runtime.run(inputs)
        assert made.dtype == np.uint8 and made.shape == wanted.shape and wanted.std() > 5
        yield np.abs(made - wanted)


def refinement():
    """A network of nine pictures, of which the seed takes one."""
    keras.utils.set_random_seed(3)
    generator = CascadedRefinementNetwork(4, widths=(6, 5, 4), num_outputs=9)
    for weight in generator.trainable_weights:
        weight.assign(3 * weight)
    return Synthesizer(generator, Conditioning(3), LABELS)


@pytest.mark.parametrize(
    "make", [styled_synthesizer, noisy_synthesizer, lambda: picture_synthesizer(3), refinement]
)
def test_pictures_are_those_of_the_synthesizer(tmp_path, make):
    model = make()
    runtime = opened(model, tmp_path / "model.tflite")
    assert max(d.max() for d in differences(model, runtime)) <= 1


def test_looks_and_noise_are_computed_alike_with_and_without_fast_kernels(tmp_path):
    model = styled_synthesizer()
    write(model, tmp_path / "model.tflite")
    inputs = batch(model, (16, 24), 3)
    pictures = [
        Interpreter(
            model_content=read_file(tmp_path / "model.tflite").flatbuffer,
            experimental_op_resolver_type=kind,
        ).get_signature_runner(litert.SIGNATURE)(**inputs)["image"]
        for kind in (OpResolverType.AUTO, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    ]
    wanted = np.asarray(model.one_picture(inputs)).astype(int)
    assert max(np.abs(picture - wanted).max() for picture in pictures) <= 1


def test_float16_is_half_as_large_and_at_most_2_off(tmp_path):
    model = synthesizer()
    write(model, tmp_path / "model.tflite")
    runtime = opened(model, tmp_path / "half.tflite", "float16")
    found = np.concatenate([d.ravel() for d in differences(model, runtime, SIZES[:3])])
    assert (found > 2).mean() <= 0.001
    sizes = [len(read_file(tmp_path / name).flatbuffer) for name in ("model.tflite", "half.tflite")]
    assert sizes[1] < sizes[0]


def test_a_fixed_size_takes_batches_one_by_one(tmp_path):
    model = noisy_synthesizer()
    runtime = opened(model, tmp_path / "model.tflite", size=(17, 24))
    assert max(d.max() for d in differences(model, runtime, [((17, 24), 3)])) <= 1
    message = r"takes `labels` of shape \(batch, 17, 24\). Received: \(1, 17, 25\). Resize"
    with pytest.raises(ValueError, match=message):
        runtime.run(batch(model, (17, 25), 1))


def test_slow_operators_are_avoided(tmp_path):
    """LiteRT's reflection takes longer than the convolution behind it."""
    path = write(synthesizer(), tmp_path / "model.tflite")
    assert "MIRROR_PAD" not in operators(read_file(path).flatbuffer)


@pytest.mark.parametrize("void, taken", [((), (0, 2)), ((1,), (1, 1))])
def test_labels_that_are_no_class_make_no_blank_picture(tmp_path, void, taken):
    """Void takes their place; without it, the nearest."""
    model = synthesizer(edges=False)
    label_set = LabelSet(LABELS.names, LABELS.colours, void)
    model = Synthesizer(model.generator, model.conditioning, label_set)
    runtime = opened(model, tmp_path / "model.tflite")
    labels = layout(16, 24)[0][None].astype("int32")
    wrong, known = labels.copy(), labels.copy()
    wrong[:, :4], wrong[:, 4:8] = -(2**31), 2**31 - 1
    known[:, :4], known[:, 4:8] = taken
    np.testing.assert_array_equal(runtime.run({"labels": wrong}), runtime.run({"labels": known}))


def test_what_litert_lacks_is_said_before_a_conversion(tmp_path):
    with pytest.raises(ValueError, match="half.*ResizeArea.*bilinear or nearest"):
        export(synthesizer_with(AreaResizing(name="half")), tmp_path / "model.tflite", "tflite")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_converted_is_one_sentence(tmp_path):
    """Where nothing was foreseen."""
    with pytest.raises(
        ValueError,
        match="TensorFlow cannot convert this network for LiteRT: LiteRT has no ResizeArea",
    ) as raised:
        write(synthesizer_with(AreaResizing(name="half")), tmp_path / "model.tflite")
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 400
    assert not list(tmp_path.iterdir())


def test_an_export_is_known_again(tmp_path):
    path = write(synthesizer(), tmp_path / "model.tflite")
    assert litert.foreign(path) == ""
    (tmp_path / "other").write_bytes(b"else")
    assert litert.foreign(tmp_path / "other").startswith("something else than a .tflite")


def test_activations_with_gradients_of_their_own_are_converted(tmp_path):
    model = synthesizer_with(keras.layers.Activation("silu"))
    runtime = opened(model, tmp_path / "model.tflite")
    assert max(d.max() for d in differences(model, runtime, [((8, 12), 1)])) <= 1
