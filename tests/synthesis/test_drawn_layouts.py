"""Layouts that are drawn for a model: by its classes, at its size, for every use."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.synthesis.synthesizers import picture_synthesizer, styled_synthesizer
from tfsynth import experiment
from tfsynth.__main__ import main
from tfsynth.data import Streets, read_instance_map, read_label_map
from tfsynth.layers import Conditioning
from tfsynth.layouts import LabelSet
from tfsynth.layouts.cells import draw_cells
from tfsynth.layouts.worlds import draw_world
from tfsynth.networks import GlobalGenerator
from tfsynth.synthesis.drawn_layouts import DRAWERS, draw_layouts, drawer_of
from tfsynth.synthesis.exporting import example_layouts
from tfsynth.synthesis.synthesizer import Synthesizer


def untrained(name, edges, **data):
    """Returns a small model with the classes of an installed label file."""
    label_set = LabelSet.load(name)
    conditioning = Conditioning(label_set.num_classes, edges=edges)
    generator = GlobalGenerator(conditioning.channels, filters=2, num_downsamples=1, num_blocks=1)
    return Synthesizer(generator, conditioning, label_set, {"config": {"data": data}})


def test_a_model_gets_layouts_of_its_classes():
    planet, nuclei = untrained("planet", False), untrained("nuclei", True)
    street = Synthesizer(
        GlobalGenerator(15, filters=2, num_downsamples=1, num_blocks=1),
        Conditioning(14),
        Streets().label_set,
    )
    for model, drawer, size in (
        (street, DRAWERS[0], (64, 128)),
        (planet, DRAWERS[1], (256, 256)),
        (nuclei, DRAWERS[2], (256, 256)),
    ):
        assert drawer_of(model) is drawer
        drawn = draw_layouts(model)
        assert len(drawn.layouts) == 6 and not drawn.joined
        for layout in drawn.layouts.values():
            assert layout["labels"].shape == layout["instances"].shape == size
            model.check(layout["labels"], layout["instances"])
    assert drawer_of(styled_synthesizer()) is drawer_of(picture_synthesizer()) is None
    with pytest.raises(ValueError, match="classes of the drawn streets, of planet or of nuclei"):
        draw_layouts(styled_synthesizer())


def test_things_are_as_large_as_they_were_in_training():
    # 256 x 256 tiles were halved and then cut.
    model = untrained("planet", False, size=[96, 96], load_size=[128, 128])
    drawn = draw_layouts(model, seed=3).layouts
    np.testing.assert_array_equal(
        drawn["region_00002"]["labels"], draw_world(96, 96, (3, 2), scale=0.5)
    )
    larger = draw_layouts(model, (64, 160)).layouts["region_00000"]["labels"]
    np.testing.assert_array_equal(larger, draw_world(64, 160, (0, 0), scale=0.5))
    # Of cells each kind of picture in turn.
    cells = draw_layouts(untrained("nuclei", True, size=[256, 256]), (128, 128)).layouts
    labels, instances = draw_cells(128, 128, (0, 4), "stained")
    np.testing.assert_array_equal(cells["cells_00004"]["labels"], labels)
    np.testing.assert_array_equal(cells["cells_00004"]["instances"], instances)
    # A file can say anything.
    odd = untrained("nuclei", True, size=[10**6, "x"])
    assert draw_layouts(odd).layouts["cells_00000"]["labels"].shape == (256, 256)


@pytest.mark.parametrize(
    ("data", "scale"),
    [
        # Crops of 128 pixels of the archive, as they are.
        ({"dataset": {"class": "Nuclei", "size": 128}, "size": [128, 128]}, 1.0),
        ({"dataset": {"class": "Nuclei", "size": 256}, "size": [128, 128]}, 0.5),
        ({"dataset": {"class": "Nuclei"}, "size": [128, 128]}, 0.5),
        (
            {
                "dataset": {
                    "class": "Share",
                    "share": 0.5,
                    "dataset": {"class": "Nuclei", "size": 64},
                },
                "size": [96, 96],
                "load_size": [128, 128],
            },
            2.0,
        ),
        # Other data sets, and what a file can say.
        ({"dataset": {"class": "PairedFolders", "size": 128}, "size": [128, 128]}, 0.5),
        ({"dataset": {"class": "Nuclei", "size": "x"}, "size": [128, 128]}, 0.5),
        ({"dataset": {"class": "Nuclei", "size": 0}, "size": [128, 128]}, 0.5),
        ({"dataset": ["Nuclei"], "size": [128, 128]}, 0.5),
    ],
)
def test_cells_are_as_large_as_in_the_crops_of_the_data_set(data, scale):
    side = data["size"][0]
    layouts = draw_layouts(untrained("nuclei", True, **data), seed=2).layouts
    for index, modality in ((0, "fluorescence"), (1, "stained")):
        _, instances = draw_cells(side, side, (2, index), modality, scale)
        np.testing.assert_array_equal(layouts[f"cells_0000{index}"]["instances"], instances)


def test_tiles_of_planet_are_resized_and_not_cut():
    data = {"dataset": {"class": "Planet", "size": 128}, "size": [128, 128]}
    drawn = draw_layouts(untrained("planet", False, **data)).layouts["region_00001"]["labels"]
    np.testing.assert_array_equal(drawn, draw_world(128, 128, (0, 1), scale=0.5))


def test_a_size_twice_as_wide_as_high_is_a_whole_world():
    model = untrained("planet", False, size=[128, 256])
    drawn = draw_layouts(model, (64, 128), seed=4)
    assert [*drawn.layouts] == ["world_00004"] and drawn.joined
    # A training size is no wish, and cells have no world.
    assert not draw_layouts(model).joined
    assert not draw_layouts(untrained("nuclei", True), (64, 128)).joined
    for size in ((16, 32), (128, 10**5)):
        with pytest.raises(ValueError, match="sides of 32 to 8192 pixels. Received"):
            draw_layouts(model, size)


def test_a_whole_world_is_drawn_and_joined_by_the_program(tmp_path, capsys):
    model = untrained("planet", False, size=[64, 64])
    model.save(tmp_path / "planet.keras")
    out = tmp_path / "photographs"
    words = ["synthesize", "--model", str(tmp_path / "planet.keras"), "-o", str(out)]
    assert main([*words, "--size", "64", "128", "--layout-seed", "2"]) == 0
    assert capsys.readouterr().out.startswith(f"1 photograph written to {out}\n")
    labels = read_label_map(out / "layouts" / "labels" / "world_00002.png", model.label_set)
    np.testing.assert_array_equal(labels, draw_world(64, 128, (2, 0), whole=True, scale=0.25))
    with Image.open(out / "world_00002.png") as photograph:
        pixels = np.asarray(photograph)
    np.testing.assert_array_equal(pixels, model.synthesize(labels, wrap=True))
    assert np.any(pixels != model.synthesize(labels))
    # Its layout, and a copy of it joined again.
    copy = ["synthesize", str(out / "layouts" / "labels"), *words[1:3], "-o", str(tmp_path / "2")]
    assert main([*copy, "--wrap"]) == 0
    assert (tmp_path / "2" / "world_00002.png").read_bytes() == (
        out / "world_00002.png"
    ).read_bytes()
    assert main([*copy, "--size", "64", "128"]) == 2
    assert "leave these out, or name no inputs" in capsys.readouterr().err


def test_cells_are_drawn_by_the_program(tmp_path):
    model = untrained("nuclei", True, size=[64, 64])
    model.save(tmp_path / "nuclei.keras")
    written = experiment.synthesize(tmp_path / "nuclei.keras", None, tmp_path / "out")
    assert [path.name for path in written] == [f"cells_{i:05d}.png" for i in range(6)]
    layouts = tmp_path / "out" / "layouts"
    labels = read_label_map(layouts / "labels" / "cells_00001.png", model.label_set)
    instances = read_instance_map(layouts / "instances" / "cells_00001.png")
    assert set(np.unique(labels)) <= {2, 3} and instances.max() > 0
    with Image.open(written[1]) as photograph:
        np.testing.assert_array_equal(np.asarray(photograph), model.synthesize(labels, instances))


def test_exports_and_presets_take_the_same_layouts(tmp_path):
    model = untrained("planet", False, size=[64, 64])
    examples = example_layouts(model)
    drawn = draw_layouts(model).layouts
    assert len(examples) == 6
    np.testing.assert_array_equal(examples[5]["labels"], drawn["region_00005"]["labels"])
    assert example_layouts(styled_synthesizer()) is None
    model.save(tmp_path / "planet.keras")
    report = experiment.export(tmp_path / "planet.keras", tmp_path / "served" / "1").report
    # The training size of the drawn regions; layouts that are made otherwise have others.
    assert report.size == (64, 64)
    model.save_to_preset(tmp_path / "planet")
    assert "preview.png" in json.loads((tmp_path / "planet" / "sha256.json").read_text())
    with Image.open(tmp_path / "planet" / "preview.png") as preview:
        # Two layouts of 64 x 64 beside their photographs.
        assert preview.size[0] < 150 and preview.size[1] > 128
