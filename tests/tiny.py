"""The smallest run on drawn streets, for the tests of whole runs."""

import numpy as np
from PIL import Image

from tfsynth.data import Streets

PROTOCOL = {
    "class": "SegmenterProtocol",
    "steps": 4,
    "batch_size": 2,
    "filters": [4, 4],
    "blocks": [0, 0],
}
CLASSES = 14


def draw_streets(folder):
    """Draws the data set of `tree` into a folder and returns the folder's name."""
    streets = {"height": 32, "width": 64, "train": 4, "validation": 2, "test": 3}
    Streets(**streets, data_dir=str(folder)).split("train")
    return str(folder)


def tree(data_folder):
    """Returns a config as plain data: 3 epochs of 4 steps, a second or two."""
    adam = {"class": "keras.optimizers.Adam", "learning_rate": 2.0e-4, "beta_1": 0.5}
    return {
        "name": "tiny",
        "precision": "float32",
        "data": {
            "dataset": {
                "class": "Streets",
                "height": 32,
                "width": 64,
                "train": 4,
                "validation": 2,
                "test": 3,
                "data_dir": data_folder,
            },
            "size": [32, 64],
        },
        "game": {
            "class": "AdversarialGame",
            "conditioning": {"class": "Conditioning", "num_classes": CLASSES},
            "generator": {
                "class": "GlobalGenerator",
                "input_channels": CLASSES + 1,
                "filters": 4,
                "num_downsamples": 1,
                "num_blocks": 1,
            },
            "discriminator": {
                "class": "MultiscaleDiscriminator",
                "input_channels": CLASSES + 4,
                "filters": 4,
                "num_layers": 1,
                "num_scales": 1,
            },
            "adversarial_loss": {"class": "LeastSquaresLoss"},
            "terms": [{"class": "FeatureMatchingLoss"}],
        },
        "optimizers": {"generator": adam, "discriminator": adam},
        "schedule": {
            "class": "ConstantThenLinearDecay",
            "constant_epochs": 1,
            "decay_epochs": 2,
        },
        "train": {"batch_size": 1, "sample_rows": 2, "validation_examples": 2},
    }


def paired_folders(folder, **counts):
    """Writes pictures of 32 x 64 with all classes, so many in each split; returns their node."""
    random = np.random.default_rng(0)
    for split, count in counts.items():
        for kind, shape in (("label", (32, 64)), ("img", (32, 64, 3))):
            (folder / f"{split}_{kind}").mkdir(parents=True)
            for index in range(count):
                high = CLASSES if kind == "label" else 256
                pixels = random.integers(0, high, shape).astype("uint8")
                pixels.flat[0] = high - 1
                Image.fromarray(pixels).save(folder / f"{split}_{kind}" / f"{split}{index}.png")
    return {"class": "PairedFolders", "root": str(folder)}
