"""A small data set in a temporary folder, to be broken by each test in its own way."""

import json

import numpy as np
import pytest

from tfsynth.data import write_instance_map, write_label_map, write_photo
from tfsynth.layouts.labels import LabelSet

HEIGHT, WIDTH = 12, 20


@pytest.fixture(autouse=True)
def private_cache(tmp_path_factory, monkeypatch):
    """No test reads or writes the user's cache."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("TFSYNTH_CACHE", str(folder))
    return folder


@pytest.fixture
def four():
    """Four classes of very different colours, the last void."""
    return LabelSet(
        ["sky", "road", "car", "void"],
        [(250, 10, 10), (10, 250, 10), (10, 10, 250), (10, 10, 10)],
        [3],
    )


@pytest.fixture
def folders(tmp_path, four):
    """A data set of 5 training and 2 validation examples; returns its root.

    Photos are painted from their labels; instances are class * 1000 + (left or right half).
    """
    root = tmp_path / "streets"
    rng = np.random.default_rng(0)
    for prefix, count in (("train", 5), ("val", 2)):
        for kind in ("label", "img", "inst"):
            (root / f"{prefix}_{kind}").mkdir(parents=True)
        for i in range(count):
            # Blocks of 4 pixels, so that resizing leaves pure colours inside.
            blocks = rng.integers(0, 4, (HEIGHT // 4, WIDTH // 4)).astype(np.uint8)
            labels = blocks.repeat(4, axis=0).repeat(4, axis=1)
            halves = (np.arange(WIDTH) >= WIDTH // 2).astype(np.int32)
            write_label_map(root / f"{prefix}_label" / f"{prefix}{i}.png", labels, four)
            write_photo(root / f"{prefix}_img" / f"{prefix}{i}.png", four.paint(labels))
            instances = labels.astype(np.int32) * 1000 + halves
            write_instance_map(root / f"{prefix}_inst" / f"{prefix}{i}.png", instances)
    return root


@pytest.fixture
def label_file(tmp_path, four):
    """The label file of `folders`."""
    file = tmp_path / "classes.json"
    file.write_text(json.dumps(four.to_dict()))
    return file
