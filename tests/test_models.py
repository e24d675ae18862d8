"""Models that ship: found by name, and put to work without any data."""

import zipfile

import keras
import numpy as np
import pytest
from PIL import Image

import tfsynth
from tests.synthesis.synthesizers import picture_synthesizer, styled_synthesizer
from tfsynth import experiment, models
from tfsynth.__main__ import main
from tfsynth.config import ConfigError, load_config
from tfsynth.data import Streets, read_instance_map, read_label_map
from tfsynth.layers import Conditioning
from tfsynth.networks import GlobalGenerator
from tfsynth.runs import preparation
from tfsynth.streets import draw_street
from tfsynth.synthesis.synthesizer import Synthesizer


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A folder of models in place of the package's, with an untrained one of streets."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setattr(models, "FOLDER", folder)
    monkeypatch.chdir(tmp_path)
    generator = GlobalGenerator(15, filters=2, num_downsamples=1, num_blocks=1)
    provenance = {"config": {"data": {"size": [32, 64]}}}
    model = Synthesizer(generator, Conditioning(14), Streets().label_set, provenance)
    model.save(folder / "town.keras")
    return folder


def test_a_path_comes_before_a_name(shipped, tmp_path):
    assert models.model_names() == ["town"]
    assert models.find_model("town") == shipped / "town.keras"
    assert tfsynth.load_model("town").label_set == Streets().label_set
    assert experiment.load_synthesizer("town").generator.filters == 2
    (tmp_path / "town").mkdir()
    assert models.find_model("town") == tmp_path.relative_to(tmp_path) / "town"
    with pytest.raises(FileNotFoundError, match="No synthesizer at town/synthesizer.keras"):
        experiment.load_synthesizer("town")


def test_an_unknown_name_lists_those_that_ship(shipped, tmp_path, capsys):
    message = r"No model at twon.*: town. Did you mean 'town'\?"
    for load in (tfsynth.load_model, experiment.load_synthesizer, experiment.evaluate):
        with pytest.raises(FileNotFoundError, match=message):
            load("twon")
    with pytest.raises(ConfigError, match="`init_from`: No model at twon"):
        preparation.networks_in("twon")
    assert main(["describe", "twon"]) == 2
    assert "Nearest: town. Configs: camvid" in capsys.readouterr().err
    (shipped / "town.keras").unlink()
    with pytest.raises(FileNotFoundError, match="ships: this installation has none.$"):
        models.find_model("town")


def test_a_first_look_needs_no_data(shipped, tmp_path, capsys):
    assert main(["synthesize", "--model", "town"]) == 0
    out = capsys.readouterr().out
    assert out == "6 photographs written to photographs\nTheir layouts: photographs/layouts\n"
    layouts = tmp_path / "photographs" / "layouts"
    street = draw_street(32, 64, split="test", index=5)
    labels = read_label_map(layouts / "labels" / "test_00005.png", Streets().label_set)
    instances = read_instance_map(layouts / "instances" / "test_00005.png")
    np.testing.assert_array_equal(labels, street.labels)
    np.testing.assert_array_equal(instances, street.instances)
    expected = tfsynth.load_model("town").synthesize(labels, instances)
    with Image.open(tmp_path / "photographs" / "test_00005.png") as photograph:
        np.testing.assert_array_equal(np.asarray(photograph), expected)
    # What it wrote can be edited: it is not drawn over unless asked.
    assert main(["synthesize", "--model", "town"]) == 2
    assert "test_00000.png and 5 more exists already. Use --overwrite" in capsys.readouterr().err
    assert main(["synthesize", "--model", "town", "--overwrite"]) == 0


def test_what_cannot_be_synthesised_leaves_no_layouts(shipped, tmp_path, capsys):
    few = tmp_path / "few"
    few.mkdir()
    Image.fromarray(np.zeros((32, 64), "uint8")).save(few / "test_00000.png")
    for more, message in (
        (["--label-coding", "colour"], "leave `label_coding` out"),
        (["--samples", "3"], "makes 1 different photograph of a layout"),
        (["--like", str(few)], "trained without a feature encoder"),
        (["--instances", str(few)], "test_00001.png needs one instance map"),
    ):
        assert main(["synthesize", "--model", "town", *more]) == 2
        assert message in capsys.readouterr().err
    for i in range(1, 6):
        Image.fromarray(np.zeros((32, 60), "uint8")).save(few / f"test_{i:05d}.png")
    assert main(["synthesize", "--model", "town", "--instances", str(few)]) == 2
    assert "test_00001.png is 60x32 pixels, its label map" in capsys.readouterr().err
    assert not (tmp_path / "photographs").exists()


def test_layouts_that_are_edited_are_not_drawn_over(shipped, tmp_path, capsys):
    assert main(["synthesize", "--model", "town"]) == 0
    mine = tmp_path / "photographs" / "layouts" / "instances"
    before = (mine / "test_00000.png").read_bytes()
    command = ["synthesize", "--model", "town", "--instances", str(mine), "--overwrite"]
    assert main(command) == 2
    assert "test_00000.png, which it is made from" in capsys.readouterr().err
    assert (mine / "test_00000.png").read_bytes() == before


def test_what_is_no_model_is_named(tmp_path):
    (tmp_path / "text.keras").write_text("no zip")
    with zipfile.ZipFile(tmp_path / "zip.keras", "w") as file:
        file.writestr("other", "x")

    @keras.saving.register_keras_serializable("elsewhere")
    class Odd(keras.layers.Layer):
        """What another program made known to Keras, and this one will not have."""

    keras.Sequential([keras.Input((1,)), Odd()]).save(tmp_path / "foreign.keras")
    del keras.saving.get_custom_objects()["elsewhere>Odd"]
    for name, message in (
        ("foreign.keras", r"foreign.keras cannot be loaded: [\s\S]*Odd, which is none of tfsynth"),
        ("text.keras", "text.keras cannot be loaded: it is no .keras file, or a damaged one"),
        ("zip.keras", "zip.keras cannot be loaded: .*lacks config.json"),
    ):
        with pytest.raises(ValueError, match=message):
            tfsynth.load_model(tmp_path / name)
        with pytest.raises(ConfigError, match=f"`init_from`: .*{message}"):
            preparation.networks_in(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="is a folder, not a file"):
        tfsynth.load_model(tmp_path)


def test_layouts_are_drawn_for_models_of_known_classes_only(shipped, capsys):
    styled_synthesizer().save(shipped / "other.keras")
    picture_synthesizer(edges=True).save(shipped / "pictures.keras")
    for name in ("other", "pictures"):
        assert main(["synthesize", "--model", name]) == 2
        assert (
            "classes of the drawn streets, of planet or of nuclei only" in capsys.readouterr().err
        )


def test_commands_take_the_name(shipped, tmp_path, capsys):
    assert main(["describe", "town"]) == 0
    assert capsys.readouterr().out.startswith("class: Synthesizer\n")
    assert (
        main(["export", "town", "-o", "my.keras", "--format", "keras", "--precision", "float16"])
        == 0
    )
    assert tfsynth.load_model("my.keras").stored_dtype == "float16"
    assert main(["evaluate", "town", "--config", "demo"]) == 2
    assert "is a file, no run folder to put scores in" in capsys.readouterr().err
    assert sorted(preparation.networks_in("town")) == ["generator"]


def test_a_shipped_model_is_not_replaced(shipped, capsys):
    before = (shipped / "town.keras").read_bytes()
    assert main(["styles", "town", "--config", "demo"]) == 2
    assert "ships with the package and is not to be changed" in capsys.readouterr().err
    assert (shipped / "town.keras").read_bytes() == before


def test_the_shipped_streets():
    if "streets" not in models.model_names():
        pytest.skip("tfsynth/models/streets.keras is not in this tree.")
    assert models.find_model("streets").stat().st_size < 8_000_000
    model = tfsynth.load_model("streets")
    assert model.stored_dtype == "float16" and model.format_version == 3
    assert model.encoder is not None and model.styles is not None
    config = load_config("streets_256")
    stored = model.provenance["config"]
    # Settings that came after it have the values by which a run is what it was before.
    assert {**config.to_dict()["data"], **stored["data"]} == config.to_dict()["data"]
    # It has learnt the streets: nearer to the photograph than a grey picture is, by far.
    height, width = config.data.size
    errors, spreads = [], []
    for index in range(3):
        street = draw_street(height, width, split="test", index=index)
        looks = model.encode(street.image, street.instances)
        photograph = model.synthesize(street.labels, street.instances, looks)
        errors.append(np.abs(photograph.astype(int) - street.image).mean())
        spreads.append(np.abs(street.image - street.image.mean()).mean())
    # It is 0.47; nine minutes on a CPU give 0.62.
    assert np.mean(errors) < 0.5 * np.mean(spreads)


def test_a_first_look_that_cannot_be_had_writes_nothing(shipped, tmp_path, capsys):
    assert main(["synthesize", "--model", "town", "--samples", "2"]) == 2
    assert main(["synthesize", "--model", "town", "--label-coding", "colour"]) == 2
    (tmp_path / "photographs").mkdir()
    (tmp_path / "photographs" / "test_00003.png").write_text("mine")
    assert main(["synthesize", "--model", "town"]) == 2
    assert "test_00003.png exists already" in capsys.readouterr().err
    assert not (tmp_path / "photographs" / "layouts").exists()


def test_an_export_replaces_exports_only(shipped, tmp_path, capsys):
    export = ["export", "town", "--overwrite", "-o"]
    assert main([*export, "served"]) == 0
    assert main([*export, "served"]) == 0
    (tmp_path / "served" / "notes.txt").write_text("mine")
    assert main([*export, "served"]) == 2
    (tmp_path / "served" / "assets.extra" / "warmup").write_text("mine")
    assert "no export in the format 'saved_model' wrote: notes.txt" in capsys.readouterr().err
    (tmp_path / "served" / "notes.txt").rename(tmp_path / "notes.txt")
    assert main([*export, "served"]) == 2
    assert "wrote: assets.extra/warmup" in capsys.readouterr().err
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save("other.keras")
    assert main([*export, "other.keras", "--format", "keras"]) == 2
    assert "wrote: a Sequential, not a Synthesizer" in capsys.readouterr().err
    assert (tmp_path / "served" / "assets.extra" / "warmup").read_text() == "mine"


def test_a_folder_with_a_model_is_described(shipped, tmp_path, capsys):
    (tmp_path / "imported").mkdir()
    (shipped / "town.keras").rename(tmp_path / "imported" / "synthesizer.keras")
    assert main(["describe", "imported"]) == 0
    assert capsys.readouterr().out.startswith("class: Synthesizer\n")
