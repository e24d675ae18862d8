"""Networks, losses and synthesizer under JAX, with TensorFlow never imported."""

import importlib.util
import json

import numpy as np
import pytest

from tests import jax_process
from tests.synthesis.synthesizers import (
    INSTANCES,
    LAYOUT,
    layout,
    noisy_synthesizer,
    styled_synthesizer,
    synthesizer,
)

pytestmark = pytest.mark.slow

PROGRAM = """
import json, sys
import numpy as np
import keras, tfsynth
from tfsynth import layers, losses, metrics, networks

model = tfsynth.load_model(sys.argv[1])
maps = np.load(sys.argv[2])
photograph = model.synthesize(maps["labels"], maps["instances"])
plain, noisy, styled = map(tfsynth.load_model, sys.argv[3:])
ones = np.ones((1, 16, 16, 4), "float32")
drawn = [noisy.synthesize(maps["labels"], seed=seed) for seed in (0, 1, 0)]
styles = {201: [0.25, 0.5]}
looks = [styled.synthesize(maps["layout"], maps["objects"], styles, seed) for seed in range(4)]
patches = networks.PatchDiscriminator(4, filters=2, num_layers=1)(ones)
small = {"filters": 2, "num_layers": 1}
scales = networks.MultiscaleDiscriminator(4, **small)(ones)
logits = [scale[-1] for scale in scales]
network = networks.MultiscaleDiscriminator(4, **small, num_scales=1, normalization="spectral")
network.get_layer("scale0_layer1_conv").advance()
spectral = network(ones)
values = {
    "spectral": losses.HingeLoss().generator([scale[-1] for scale in spectral]),
    "patches": losses.CrossEntropyLoss().generator([scale[-1] for scale in patches]),
    "least_squares": losses.LeastSquaresLoss().generator(logits),
    "cross_entropy": losses.CrossEntropyLoss().discriminator(logits, logits),
    "feature_matching": losses.FeatureMatchingLoss()(scales, scales),
    "l1": losses.L1Loss()(np.ones((1, 2)), np.zeros((1, 2))),
    "diversity": losses.DiversityLoss(layer_weights={"image": 1.0}, chunk=2)(
        np.ones((1, 8, 8, 3)), np.zeros((1, 3, 8, 8, 3)), np.ones((1, 8, 8, 1))
    ),
    "segmentation": losses.SegmentationLoss(metrics.Segmenter(2, (4,), (0,)), void_ids=[0])(
        np.ones((1, 8, 8), "int32"), np.zeros((1, 2, 8, 8, 3), "float32")
    ),
}
print(json.dumps({
    "backend": keras.backend.backend(),
    "tensorflow": "tensorflow" in sys.modules,
    "losses": {name: float(value) for name, value in values.items()},
    "logits": {
        name: [np.asarray(scale[-1]).ravel().tolist() for scale in outputs]
        for name, outputs in {"scales": scales, "patches": patches, "spectral": spectral}.items()
    },
    "photograph": photograph.tolist(),
    "pix2pix": plain.synthesize(maps["labels"]).tolist(),
    "noisy": [picture.tolist() for picture in drawn],
    "styled": [picture.tolist() for picture in looks],
}))
"""


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed.")
def test_a_saved_synthesizer_and_the_losses_run_under_jax(tmp_path):
    model = synthesizer()
    model.save(tmp_path / "model.keras")
    plain, noisy = noisy_synthesizer(dropout=0.0), noisy_synthesizer()
    plain.save(tmp_path / "plain.keras")
    noisy.save(tmp_path / "noisy.keras")
    styled = styled_synthesizer()
    styled.save(tmp_path / "styled.keras")
    labels, instances = layout(17, 23)
    maps = {"labels": labels, "instances": instances, "layout": LAYOUT, "objects": INSTANCES}
    np.savez(tmp_path / "maps.npz", **maps)
    names = ("model.keras", "maps.npz", "plain.keras", "noisy.keras", "styled.keras")
    files = [tmp_path / name for name in names]
    said = jax_process.run("-c", PROGRAM, *files)
    result = json.loads(said.splitlines()[-1])
    assert result["backend"] == "jax"
    assert result["tensorflow"] is False
    assert result["losses"]["feature_matching"] == 0.0
    assert result["losses"]["l1"] == 1.0
    assert result["losses"]["diversity"] == pytest.approx(127.5, rel=1e-6)
    assert np.isfinite(result["losses"]["segmentation"])
    scales, patches, spectral = (
        [np.array(logits) for logits in result["logits"][name]]
        for name in ("scales", "patches", "spectral")
    )
    assert [len(kind) for kind in (scales, patches, spectral)] == [2, 1, 1]
    both = [np.logaddexp(0, -x).mean() + np.logaddexp(0, x).mean() for x in scales]
    for name, expected in (
        ("least_squares", sum(((x - 1) ** 2).mean() for x in scales)),
        ("cross_entropy", 0.5 * sum(both)),
        ("patches", np.logaddexp(0, -patches[0]).mean()),
        ("spectral", -spectral[0].mean()),
    ):
        assert result["losses"][name] == pytest.approx(expected, rel=1e-4, abs=1e-6), name
    expected = model.synthesize(labels, instances).astype(int)
    np.testing.assert_allclose(np.array(result["photograph"]), expected, atol=1)
    expected = plain.synthesize(labels).astype(int)
    np.testing.assert_allclose(np.array(result["pix2pix"]), expected, atol=1)
    # A seed draws the same noise and the same styles on each backend.
    first, second, again = np.array(result["noisy"])
    np.testing.assert_array_equal(first, again)
    for seed, picture in enumerate((first, second)):
        expected = noisy.synthesize(labels, seed=seed).astype(int)
        np.testing.assert_allclose(picture, expected, atol=1)
    assert np.abs(first - second).mean() > 1
    for seed, picture in enumerate(result["styled"]):
        expected = styled.synthesize(LAYOUT, INSTANCES, {201: [0.25, 0.5]}, seed).astype(int)
        np.testing.assert_allclose(np.array(picture), expected, atol=1)
