import sys

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tests.exporters.tflite_models import batch, write
from tests.synthesis.synthesizers import LABELS
from tfsynth.exporters.litert_file import read_file
from tfsynth.exporters.litert_quantization import Convolution, convolutions, inner
from tfsynth.exporters.runtimes.litert import Runtime
from tfsynth.layers import Conditioning
from tfsynth.networks import FullResolutionNetwork, GlobalGenerator
from tfsynth.synthesis.synthesizer import Synthesizer

pytestmark = pytest.mark.slow

LAYERS = ("stem", "down0", "down1", "block0_conv1", "block0_conv2", "up1", "up0", "head")


def model():
    keras.utils.set_random_seed(3)
    generator = GlobalGenerator(4, filters=4, num_downsamples=2, num_blocks=1)
    return Synthesizer(generator, Conditioning(3), LABELS)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder, synthesizer = tmp_path_factory.mktemp("litert"), model()
    return {
        precision: write(synthesizer, folder / precision, precision)
        for precision in ("float32", "int8", "int8-weights", "int8-static")
    }


def in_8_bits(path):
    """Returns the layers whose weights are stored in 8 bits."""
    details = Interpreter(model_content=read_file(path).flatbuffer).get_tensor_details()
    # (outputs, rows, columns, inputs)
    weights = [d for d in details if d["dtype"] == np.int8 and len(d["shape"]) == 4]
    kernels = [d["name"] for d in weights if len(d["quantization_parameters"]["scales"]) > 1]
    return {layer for layer in LAYERS if any(f"/{layer}_" in name for name in kernels)}


def psnr(path, reference, example):
    difference = Runtime(path).run(example) - Runtime(reference).run(example).astype(float)
    return 10 * np.log10(255**2 / np.mean(difference**2))


def test_the_convolutions_of_a_model_are_found_with_their_sizes(files):
    example = batch(model(), (16, 24))
    found = convolutions(read_file(files["float32"]).flatbuffer, example)
    assert [next(x for x in LAYERS if f"/{x}_" in c.name) for c in found] == list(LAYERS)
    # The transposed ones have a row and a column more, which are cut off.
    full, half, quarter = 16 * 24, 8 * 12, 4 * 6
    assert [c.pixels for c in found] == [full, half, *3 * [quarter], 9 * 13, 17 * 25, full]


def test_what_makes_pixels_stays_in_float32():
    found = [Convolution("CONV_2D", str(i), size) for i, size in enumerate((64, 16, 17, 65, 64))]
    assert [c.name for c in inner(found)] == ["1", "2"]


def test_of_a_network_without_downsampling_the_ends_stay_in_float32():
    found = [Convolution("CONV_2D", str(i), 64) for i in range(4)]
    assert [c.name for c in inner(found)] == ["1", "2"]


@pytest.mark.parametrize("precision", ["int8", "int8-static"])
def test_8_bits_are_for_the_convolutions_inside(files, precision):
    expected = {"down0", "down1", "block0_conv1", "block0_conv2", "up1"}
    assert in_8_bits(files[precision]) == expected


def test_of_weights_alone_all_are_in_8_bits(files):
    assert in_8_bits(files["int8-weights"]) == set(LAYERS)


@pytest.mark.parametrize(
    "precision, least", [("int8", 44), ("int8-weights", 48), ("int8-static", 38)]
)
def test_pictures_of_8_bits_are_close_and_files_smaller(files, precision, least):
    example = batch(model(), (19, 30), 3)
    assert psnr(files[precision], files["float32"], example) > least
    sizes = [len(read_file(files[name]).flatbuffer) for name in (precision, "float32")]
    assert sizes[0] < 0.8 * sizes[1]


def test_fixed_scales_that_are_too_coarse_are_refused(tmp_path):
    keras.utils.set_random_seed(3)
    generator = FullResolutionNetwork(4, filters=8)
    for weight in generator.trainable_weights:
        weight.assign(3 * weight)
    message = (
        r"In int8-static the pictures of this network have \d+.\d dB .* use the precision int8"
    )
    with pytest.raises(ValueError, match=message):
        write(
            Synthesizer(generator, Conditioning(3), LABELS),
            tmp_path / "model.tflite",
            "int8-static",
        )
    assert not list(tmp_path.iterdir())


def test_the_scales_are_those_of_the_layouts(files, tmp_path):
    synthesizer, grey = model(), np.ones((40, 40), "int32")
    layouts = [{"labels": grey, "instances": grey}]
    path = write(synthesizer, tmp_path / "model.tflite", "int8-static", layouts=layouts)
    example = {"labels": grey[None], "instances": grey[None]}
    ours, others = (psnr(p, files["float32"], example) for p in (path, files["int8-static"]))
    assert ours > others + 3


@pytest.mark.parametrize("precision", ["int8", "int8-static"])
def test_layouts_of_other_sizes_serve_a_fixed_one(tmp_path, precision):
    synthesizer = model()
    layouts = [
        {"labels": np.zeros(size, "uint8"), "instances": np.zeros(size, "int64")}
        for size in ((5, 90), (300, 7))
    ]
    path = tmp_path / "model.tflite"
    write(synthesizer, path, precision, size=(20, 24), layouts=layouts)
    assert Runtime(path).run(batch(synthesizer, (20, 24))).shape == (1, 20, 24, 3)


def test_the_package_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_quantizer", None)
    message = r"int8 needs the package ai-edge-quantizer: pip install 'tfsynth\[litert\]'"
    with pytest.raises(ImportError, match=message):
        write(model(), tmp_path / "model.tflite", "int8")
