"""What configs need that no package installs, in the list of configs."""

import pytest

from tfsynth.__main__ import main
from tfsynth.config import config_folder, config_names
from tfsynth.config.outside import notes, outside_paths
from tfsynth.plain import read_yaml


def test_paths_are_found_at_any_depth_and_once():
    loss = {"class": "PerceptualLoss", "features": "weights/a.keras"}
    tree = {
        "data": {"dataset": {"class": "PairedFolders", "root": "data/b"}},
        "game": {"features": {"class": "FeatureNetwork", "num_classes": 3}, "terms": [loss, loss]},
        "phases": {"first": {"game.terms.0.features": "weights/c.keras"}},
    }
    assert outside_paths(tree) == ["data/b", "weights/a.keras", "weights/c.keras"]


def test_notes_end_where_the_next_begins_or_the_comment_ends():
    text = "# T.\n#   Data:     one,\n#             two.\n#   Needs:    three.\nx: y\n#   No: z\n"
    assert notes(text) == {"Data": "one, two.", "Needs": "three."}
    other = "# T.\n#   Needs:    a,\n#     b.\n#   Differs from the paper: c\n#     d.\n"
    assert notes(other) == {"Needs": "a, b."}


@pytest.mark.parametrize("name", config_names())
def test_a_config_says_where_its_files_come_from(name):
    text = (config_folder() / f"{name}.yaml").read_text(encoding="utf-8")
    paths, said = outside_paths(read_yaml(text, name)), notes(text)
    assert not [p for p in paths if p.startswith("data/")] or "Data" in said
    assert not [p for p in paths if not p.startswith("data/")] or "Needs" in said


def test_the_list_marks_them(capsys):
    assert main(["train"]) == 0
    said = capsys.readouterr().out
    assert "\n  demo " in said and "\n* camvid_crn_256 " in said
    words = " ".join(said.partition("* camvid_crn_256 ")[2].split())
    assert "data: data/camvid_256x192, as in camvid_pix2pixhd_256.yaml" in words
    assert "needs: weights/vgg19_distilled_16x.keras, a VGG-19 distilled" in words
