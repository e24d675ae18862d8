"""Every registered generator in every format, its pictures beside Keras's: the table of parity.

`make slow` runs it; with PARITY_REPORT=FOLDER it writes parity.md there, if one process runs it.
"""

import inspect
import os
from pathlib import Path

import keras
import pytest

from tests.exporters.served import FAMILIES, family
from tfsynth import exporters, networks

# What must hold, whatever `verification` says: the most grey levels, and on what share.
LIMITS = {
    ("saved_model", "float32"): (0, 1.0),
    ("tflite", "float32"): (1, 1.0),
    ("tflite", "float16"): (2, 0.999),
    ("onnx", "float32"): (1, 1.0),
}
_found = {}


@pytest.fixture(scope="module", autouse=True)
def report():
    """Writes the table at the end."""
    yield
    folder = os.environ.get("PARITY_REPORT")
    if not folder:
        return
    columns = [" ".join(key) for key in LIMITS]
    lines = [f"| generator | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name in FAMILIES:
        cells = [_found.get((name, *key), "") for key in LIMITS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    Path(folder).mkdir(parents=True, exist_ok=True)
    Path(folder, "parity.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def generators():
    """Returns the registered networks that make pictures: a name is no list to forget one in."""
    return {
        kind
        for kind in vars(networks).values()
        if inspect.isclass(kind)
        and issubclass(kind, keras.Model)
        and "output_channels" in inspect.signature(kind).parameters
    }


def test_every_generator_is_among_the_families():
    assert {type(family(name).generator) for name in FAMILIES} >= generators()
    assert len(generators()) == 6


@pytest.mark.slow
@pytest.mark.parametrize(("format", "precision"), LIMITS)
@pytest.mark.parametrize("name", FAMILIES)
def test_the_pictures_of_an_export_are_those_of_the_model(name, format, precision, tmp_path):
    model = family(name)
    found = exporters.export(model, tmp_path / "export", format, precision).report
    assert [(row.height, row.width, row.batch) for row in found.rows] == [
        *((64, 128, 1), (64, 128, 3), (61, 125, 1), (61, 125, 3), (32, 64, 1), (32, 64, 3)),
    ]
    levels, share = LIMITS[format, precision]
    largest = max(row.largest for row in found.rows)
    _found[name, format, precision] = f"{largest}, {min(row.psnr for row in found.rows):.0f} dB"
    assert largest <= levels or share < 1
    assert all(row.within >= share for row in found.rows)
