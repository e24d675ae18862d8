"""A whole run with averaged weights and a spectrally normalised discriminator."""

import numpy as np
from PIL import Image

from tests import tiny
from tfsynth import experiment, registry
from tfsynth.config import parse_config
from tfsynth.data.examples import Examples
from tfsynth.runs.folder import RunFolder
from tfsynth.trainers import Checkpoints


def test_the_averages_are_shown_stored_and_shipped(tmp_path):
    tree = tiny.tree(tiny.draw_streets(tmp_path / "data"))
    tree["train"]["ema_decay"] = 0.9
    tree["game"]["discriminator"]["normalization"] = "spectral"
    tree["schedule"]["decay_epochs"] = 0
    tree["train"]["then"] = ["export"]
    run = RunFolder(experiment.train(parse_config(tree), tmp_path / "run", verbose=False))
    trainer, _ = Checkpoints(run.checkpoints).latest()
    synthesizer = experiment.load_synthesizer(run.path)
    shipped = synthesizer.generator.get_weights()
    expected = trainer.shipped["generator"].get_weights()
    for weight, average in zip(shipped, expected, strict=True):
        np.testing.assert_array_equal(weight, average)
    trained = trainer.game.generator.get_weights()
    assert not all(np.array_equal(*pair) for pair in zip(shipped, trained, strict=True))
    assert (run.export / "saved_model.pb").is_file()
    # So does the sheet of the last epoch show them: the first validation layout, synthesised.
    split = registry.build(tree["data"]["dataset"]).split("validation")
    example = next(iter(Examples(split, (32, 64))))
    photograph = synthesizer.synthesize(example["labels"], example["instances"])
    synthesizer.generator.set_weights(trained)
    other = synthesizer.synthesize(example["labels"], example["instances"])
    with Image.open(next(iter(run.samples.iterdir()))) as sheet:
        pixels = np.asarray(sheet)
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (32, 64, 3)).reshape(-1, 32, 64, 3)
    assert (windows == photograph).all(axis=(1, 2, 3)).any()
    assert not (windows == other).all(axis=(1, 2, 3)).any()
