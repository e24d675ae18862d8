"""The published table of styles: read, put into a bundle, or refused with a reason."""

import json

import numpy as np
import pytest

import tfsynth
from tfsynth.__main__ import main
from tfsynth.exporters.pix2pixhd import write_pix2pixhd
from tfsynth.importers import CheckpointError, import_pix2pixhd, read_styles
from tfsynth.networks import FeatureEncoder, GlobalGenerator

LOOKS = {0: [[0.5, -0.5, 0.25]], 4: [[-1.0, 0.0, 1.0], [0.125, 0.25, 0.75]]}


@pytest.fixture
def files(tmp_path):
    """Paths of a generator that reads 6 classes, edges and features, and of its encoder."""
    network = GlobalGenerator(10, filters=2, num_downsamples=1, num_blocks=1)
    write_pix2pixhd(network, tmp_path / "latest_net_G.pth")
    write_pix2pixhd(FeatureEncoder(filters=2, num_downsamples=1), tmp_path / "latest_net_E.pth")
    return [tmp_path / "latest_net_G.pth", tmp_path / "latest_net_E.pth"]


def write(path, table):
    arrays = {key: np.asarray(value, "float64") for key, value in table.items()}
    np.save(path, arrays, allow_pickle=True)
    return path


def test_a_table_of_centres(tmp_path):
    table = read_styles(write(tmp_path / "f.npy", {**LOOKS, 5: np.zeros((0, 3))}))
    assert sorted(table.centres) == [0, 4]
    np.testing.assert_array_equal(table.centres[4], LOOKS[4])
    assert table.counts[4].tolist() == [0, 0]
    assert table.num_features == 3


def test_the_bundle_draws_from_it(files, tmp_path, capsys):
    path = write(tmp_path / "features_clustered_010.npy", LOOKS)
    command = ["import", "pix2pixhd", *map(str, files), "--styles", str(path)]
    assert main([*command, "-o", str(tmp_path / "out")]) == 0
    assert "styles: 3, of 2 classes" in capsys.readouterr().out
    report = json.loads((tmp_path / "out" / "import.json").read_text())
    assert report["styles"]["file"] == "features_clustered_010.npy"
    assert report["styles"]["of_class"] == {"0": 1, "4": 2}
    model = tfsynth.load_model(tmp_path / "out" / "synthesizer.keras")
    np.testing.assert_array_equal(model.styles.centres[4], LOOKS[4])
    labels = np.zeros((8, 12), "uint8")
    labels[4:] = 4
    drawn = {model.synthesize(labels, labels, seed=seed).tobytes() for seed in range(8)}
    given = {
        model.synthesize(labels, labels, {0: np.float32(LOOKS[0][0]), 4: look}).tobytes()
        for look in np.float32(LOOKS[4])
    }
    assert drawn == given and len(given) == 2


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "a class at least.*It has 0 classes"),
        ({0: np.zeros((0, 3))}, "It has 0 classes"),
        ({0: [[0.5]], 1: [[0.5, 0.5]]}, r"one number of features. It has 2 classes with \[1, 2\]"),
        ({"road": [[0.5]]}, "class ids 0, 1, ... for keys. It has 'road'"),
        ({-1: [[0.5]]}, "It has '-1'"),
        ({3: [0.5]}, r"For class 3 it has float64 \(1,\)"),
        ({3: [[np.nan]]}, "styles of class 3 are not all finite"),
        ({6: [[0.5] * 3]}, r"styles of class 6; the generator reads the classes 0\.\.5"),
        ({0: [[0.5] * 2]}, "styles have 2 features, the encoder 3"),
        ({0: [[0.5] * 4]}, "`features.npy` holds the objects before"),
    ],
)
def test_tables_that_do_not_fit_write_nothing(files, tmp_path, table, message):
    path = write(tmp_path / "f.npy", table)
    with pytest.raises(CheckpointError, match=message) as caught:
        import_pix2pixhd(files, tmp_path / "out", styles=path)
    assert str(caught.value).startswith(f"{path}: ")
    assert not (tmp_path / "out").exists()


def test_other_values_than_arrays_are_named(tmp_path):
    np.save(tmp_path / "f.npy", {0: "sky"}, allow_pickle=True)
    with pytest.raises(CheckpointError, match="For class 0 it has a str"):
        read_styles(tmp_path / "f.npy")


def test_styles_need_their_encoder(files, tmp_path):
    path = write(tmp_path / "f.npy", LOOKS)
    with pytest.raises(CheckpointError, match="give its file too, latest_net_E.pth"):
        import_pix2pixhd(files[:1], tmp_path / "out", styles=path)
    assert not (tmp_path / "out").exists()


def test_a_damaged_table_ends_the_command_with_its_name(files, tmp_path, capsys):
    path = write(tmp_path / "f.npy", LOOKS)
    path.write_bytes(path.read_bytes()[:-40])
    command = ["import", "pix2pixhd", *map(str, files), "--styles", str(path)]
    assert main([*command, "-o", str(tmp_path / "out")]) == 2
    assert f"{path}: " in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        *("f.npy", "latest_net_E.pth", "latest_net_G.pth")
    ]
