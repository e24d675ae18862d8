import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.synthesis.synthesizers import LABELS, layout, noisy_synthesizer, synthesizer
from tfsynth.layers import Conditioning
from tfsynth.layouts.labels import LabelSet
from tfsynth.networks import GlobalGenerator
from tfsynth.synthesis.synthesizer import Synthesizer

SERVE = """
import sys, numpy, tensorflow
served = tensorflow.saved_model.load(sys.argv[1]).signatures["serving_default"]
maps = dict(numpy.load(sys.argv[2]))
numpy.save(sys.argv[3], served(**{k: tensorflow.constant(v) for k, v in maps.items()})["image"])
print(sorted(name for name in sys.modules if name.split(".")[0] in ("keras", "tfsynth")))
"""


def test_the_model_serves_without_this_package(tmp_path):
    model = synthesizer()
    model.export(tmp_path / "export" / "1")
    labels, instances = layout(17, 23)
    maps = {"labels": labels[None].astype("int32"), "instances": instances[None]}
    np.savez(tmp_path / "maps.npz", **maps)
    paths = [tmp_path / "export" / "1", tmp_path / "maps.npz", tmp_path / "image.npy"]
    command = [sys.executable, "-c", SERVE, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert "tfsynth" not in done.stdout
    image = np.load(tmp_path / "image.npy")[0]
    assert image.dtype == np.uint8
    expected = model.synthesize(labels, instances)
    np.testing.assert_allclose(image.astype(int), expected.astype(int), atol=1)


def test_a_request_with_an_unknown_id_is_an_error(tmp_path):
    synthesizer(edges=False).export(tmp_path / "1")
    served = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    assert list(served.structured_input_signature[1]) == ["labels"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="labels must be in 0..2"):
        served(labels=tf.fill((1, 8, 8), 3))


def test_the_label_set_lies_beside_the_model(tmp_path):
    synthesizer().export(tmp_path / "1")
    stored = json.loads((tmp_path / "1" / "assets.extra" / "labels.json").read_text())
    assert stored == LABELS.to_dict()


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError, match="exists already"):
        synthesizer().export(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_unknown_format_names_the_known_ones(tmp_path):
    with pytest.raises(
        ValueError, match="'onx'. Known formats: keras, pix2pixhd, preset, saved_model"
    ):
        synthesizer().export(tmp_path / "x", format="onx")


def test_noise_is_served_by_seed(tmp_path):
    model = noisy_synthesizer()
    model.export(tmp_path / "1")
    served = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    spec = served.structured_input_signature[1]["seed"]
    assert (spec.dtype, spec.shape) == (tf.int32, ())
    labels, _ = layout(17, 23)
    for seed in (0, 5):
        request = {"labels": tf.constant(labels[None].astype("int32")), "seed": tf.constant(seed)}
        image = served(**request)["image"].numpy()[0].astype(int)
        np.testing.assert_allclose(image, model.synthesize(labels, seed=seed), atol=1)


CONVERT = """
import sys, tensorflow
print(len(tensorflow.lite.TFLiteConverter.from_saved_model(sys.argv[1]).convert()))
"""


@pytest.mark.parametrize("upsampling", ["resize", "transposed"])
def test_both_upsamplings_have_graphs_that_litert_converts(tmp_path, upsampling):
    """With its own operations alone: the numbers of channels are known at any size."""
    generator = GlobalGenerator(
        2, filters=4, num_downsamples=1, num_blocks=1, upsampling=upsampling
    )
    label_set = LabelSet(["sky", "road"], [(70, 130, 180), (128, 64, 128)])
    Synthesizer(generator, Conditioning(2, edges=False), label_set).export(tmp_path / "1")
    command = [sys.executable, "-c", CONVERT, str(tmp_path / "1")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) > 10_000
