"""The model card: facts of the model and its provenance, and the word for what is not known."""

import json
import re

import numpy as np
import pytest
import yaml

from tests import tiny
from tests.models import bundles
from tests.synthesis.synthesizers import (
    noisy_synthesizer,
    picture_synthesizer,
    styled_synthesizer,
    synthesizer,
)
from tfsynth.layouts.labels import LabelSet
from tfsynth.models.model_card import Details, write_card

SCORES = {
    "protocol": "segmenter-v1@native",
    "dataset": {"class": "Streets", "height": 32},
    "split": "test",
    "examples": 100,
    "size": [128, 256],
    "synthesised": {
        "mean_iou": 0.5234,
        "pixel_accuracy": 0.9,
        "unknown": None,
        "per_class_iou": {"sky": 0.5},
    },
    "oracle": {"mean_iou": 0.7111, "pixel_accuracy": 0.95},
    "floor": {"mean_iou": 0.04, "pixel_accuracy": float("nan")},
}


def card(model, preview=None, **details):
    return write_card(model, Details(**details), preview)


def front_matter(text):
    # As the hub finds it.
    match = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    return yaml.safe_load(match[1]), text[match.end() :]


def with_provenance(provenance):
    model = bundles.synthesizer()
    model.provenance = provenance
    return model


TRAINED = {
    "config": tiny.tree("/home/somebody/secret/data"),
    "steps": 1234,
    "precision": "mixed_bfloat16",
    "minutes": 6.5,
    "device": "a processor",
}


def test_the_front_matter_is_the_hubs():
    text = card(with_provenance(TRAINED), license="cc-by-nc-4.0")
    head, body = front_matter(text)
    assert head == {
        "library_name": "tfsynth",
        "pipeline_tag": "image-to-image",
        "license": "cc-by-nc-4.0",
        "datasets": ["Streets"],
        "tags": [
            *("semantic-image-synthesis", "label-to-image", "image-to-image", "keras", "tfsynth"),
        ],
    }
    assert "The licence of the weights is cc-by-nc-4.0." in body
    head, _ = front_matter(card(bundles.synthesizer(), datasets=["owner/data"]))
    assert head["license"] == "unknown" and head["datasets"] == ["owner/data"]
    assert "datasets" not in front_matter(card(bundles.synthesizer()))[0]


def test_what_training_says_stands_in_it():
    text = card(with_provenance(TRAINED), title="Small streets")
    for line in (
        "# Small streets",
        "| data | `Streets`: street scenes that tfsynth draws; no photographs |",
        "| licence of the data | Apache-2.0, as tfsynth |",
        "| examples | 4 train, 2 validation, 3 test |",
        "| size | 32 x 64 (height x width) |",
        "| method | GlobalGenerator + MultiscaleDiscriminator |",
        "| steps | 1234 |",
        "| minutes | 6.5 |",
        "| device | a processor |",
        "| precision of training | mixed_bfloat16 |",
        "| config | tiny |",
        "The licence of the weights is not stated: ask those who trained them.",
        "Not measured.",
    ):
        assert line in text.splitlines(), line
    assert "It was trained at 32 x 64." in text and "It has seen drawings only" in text
    assert "secret" not in text and "somebody" not in text


def test_what_is_not_known_is_said_to_be_unknown():
    text = card(bundles.synthesizer())
    assert "| data | unknown |" in text and "| licence of the data | unknown |" in text
    assert "| steps" not in text and "It was trained at" not in text
    assert "- How good it is was not measured, or is not known here." in text
    said = card(
        bundles.synthesizer(), data_license="For research only", limitations=["No *night*."]
    )
    assert "| licence of the data | For research only |" in said
    assert "- No \\*night\\*." in said


def test_the_classes_with_their_colours():
    model = bundles.synthesizer()
    lines = card(model).splitlines()
    assert "| 0 | sky | `#4682b4` (70, 130, 180) |  |" in lines
    assert "| 1 | road | `#804080` (128, 64, 128) |  |" in lines
    model.label_set = LabelSet(["a|b", "<script>x"], [(0, 0, 0), (255, 0, 1)], [1])
    lines = card(model).splitlines()
    assert "| 0 | a\\|b | `#000000` (0, 0, 0) |  |" in lines
    assert "| 1 | \\<script\\>x | `#ff0001` (255, 0, 1) | void: not scored |" in lines


@pytest.mark.parametrize(
    ("model", "has", "lacks"),
    [
        (
            synthesizer,
            ["label maps of 3 classes and instance maps", "synthesize(labels, instances)"],
            ["style", "noise"],
        ),
        (picture_synthesizer, ["pictures (grey) in, grey photographs", "synthesize(pictures)"], []),
        (noisy_synthesizer, ["label maps of 3 classes in", "synthesize(labels)"], ["one photogr"]),
        (styled_synthesizer, ["Each object has a style of 2 numbers"], ["no table of styles"]),
        (lambda: styled_synthesizer(styles=None), ["It has no table of styles"], []),
    ],
)
def test_what_a_model_reads_and_makes(model, has, lacks):
    text = card(model())
    assert all(words in text for words in has)
    assert not any(words in text for words in lacks)
    assert ("## Classes" in text) == ("label maps" in text)


def test_scores_are_a_table_and_a_sentence():
    text = card(with_provenance(TRAINED), scores=SCORES)
    lines = text.splitlines()
    start = lines.index("## Scores")
    assert lines[start + 2 : start + 10] == [
        "Of 100 examples of the split test, by the protocol `segmenter-v1@native`.",
        "",
        "| | mean IoU | pixel accuracy | |",
        "|---|---|---|---|",
        "| synthesised | 0.523 | 0.900 | photographs of this model |",
        "| oracle | 0.711 | 0.950 | the real photographs |",
        "| floor | 0.040 |  | real photographs of other layouts |",
        "",
    ]
    assert "with a mean IoU of 0.523, and in real ones with 0.711." in text
    assert "was not measured" not in text


def test_intervals_and_a_second_judge_stand_in_it_if_they_were_measured():
    ends = {"mean_iou_interval": [0.5012, 0.5451], "pixel_accuracy_interval": ["x", None]}
    scores = {
        **SCORES,
        "synthesised": {**SCORES["synthesised"], **ends},
        "second": {"protocol": "another", "oracle": {"mean_iou": 0.7, **ends}},
        "kernel_distance": {"subsets": 3},
    }
    lines = card(with_provenance(TRAINED), scores=scores).splitlines()
    assert "| synthesised | 0.523 [0.501, 0.545] | 0.900 | photographs of this model |" in lines
    assert "| oracle | 0.711 | 0.950 | the real photographs |" in lines
    start = lines.index("The same by a second judge, by the protocol `another`.")
    assert lines[start + 4] == "| oracle | 0.700 [0.501, 0.545] | the real photographs |"
    assert not [line for line in lines if "kernel" in line or "| second" in line]


def test_objects_features_and_seeds_stand_in_it_if_they_were_measured():
    objects = {"count_error": 1.25, "count_error_interval": [1.0, 1.5], "recall": 0.5}
    origin = {"name": "vgg 0123", "sha256": "0" * 64}
    scores = {
        **SCORES,
        "oracle": {**SCORES["oracle"], "instances": objects},
        "second": {"protocol": "another", "oracle": {"mean_iou": 0.7, "instances": objects}},
        "kernel_distance": {
            "features": origin,
            "synthesised": {"distance": 0.012345, "spread": 0.0012, "pictures": 100},
            "training": {"distance": -0.0005, "spread": None, "pictures": 1000},
        },
        "nearest": {
            "features": origin,
            "synthesised": {"least_ratio": 0.3, "median_ratio": 1.1, "nearer": 0.45},
        },
        "seeds": {"texture": 4.567, "layout": 0.9, "layouts": 50},
    }
    text = card(with_provenance(TRAINED), scores=scores)
    lines = text.splitlines()
    assert lines.count("| oracle | 1.250 [1.000, 1.500] |  | 0.500 |  |") == 2
    start = lines.index(
        "Kernel distance from the real pictures, by the features vgg 0123; smaller is nearer:"
    )
    assert lines[start + 2 : start + 6] == [
        "| | distance | spread | pictures |",
        "|---|---|---|---|",
        "| synthesised | 0.01235 | 0.0012 | 100 |",
        "| real training pictures | -0.0005 |  | 1000 |",
    ]
    assert (
        "by the features vgg 0123:" in text and "| synthesised | 1.100 | 0.300 | 0.450 |" in lines
    )
    assert (
        "Two seeds of one layout (of 50 layouts) differ in texture by 4.57 grey levels and are "
        "read alike in 0.900 of their pixels."
    ) in lines


@pytest.mark.parametrize("found", [None, 3, {}, {"synthesised": None}, {"features": 3, "seeds": 1}])
def test_measures_of_anything_else_are_left_out(found):
    scores = {**SCORES, "kernel_distance": found, "nearest": found, "seeds": found}
    model = with_provenance(TRAINED)
    assert card(model, scores=scores) == card(model, scores=SCORES)


@pytest.mark.parametrize(
    ("details", "message"),
    [
        ({"license": "Apache 2.0"}, "`license` is an identifier of the hub in lower case"),
        ({"license": "mit\ntags: x"}, "`license` is an identifier"),
        ({"license": 3}, "`license` is a text. Received: 3"),
        ({"title": " "}, "`title` is a text"),
        ({"datasets": "owner/data"}, "`datasets` is a list of texts"),
        ({"limitations": [3]}, "`limitations` is a list of texts"),
        ({"scores": {}}, "`scores` is what `tfsynth evaluate` writes"),
        ({"scores": [1]}, "There is no such row in it"),
        ({"scores": {"dataset": {"height": 3}}}, "There is no such row in it"),
        ({"scores": {"synthesised": {"mean_iou": float("nan")}}}, "There is no such row"),
    ],
)
def test_details_of_another_kind_are_refused(details, message):
    with pytest.raises(ValueError, match=message):
        card(bundles.synthesizer(), **details)


@pytest.mark.parametrize(
    "provenance",
    [
        {"config": 3},
        {"config": []},
        {"config": {"data": [], "game": "x", "name": 7, "seed": "x"}},
        {"config": {"data": {"dataset": 3, "size": [1]}, "game": {"generator": []}}},
        {"config": {"data": {"size": ["a", None]}}, "steps": float("inf"), "device": ["x"]},
        {"config": {"trainer": {"generator": {"class": {}}}}, "minutes": "x", "steps": True},
    ],
)
def test_provenance_of_any_shape_is_no_error(provenance):
    head, body = front_matter(card(with_provenance(provenance)))
    assert head["library_name"] == "tfsynth" and "| data | unknown |" in body


def test_words_of_a_stranger_stay_words():
    name = "x\n---\nlicense: mit\n# <img src=x onerror=alert(1)> [a](b) ![c](d) `e` | f"
    provenance = {"config": {"name": name, "data": {"dataset": {"class": name}}}}
    head, body = front_matter(card(with_provenance(provenance), title=name))
    assert head["license"] == "unknown"
    assert head["datasets"] == [" ".join(name.split())]
    assert "<img" not in body.replace("\\<img", "").replace("`x --- license: mit # <img", "")
    assert not [line for line in body.splitlines() if line.startswith("license")]
    title = next(line for line in body.splitlines() if line.startswith("# "))
    assert "\\[a\\](b) !\\[c\\](d) \\`e\\` \\| f" in title


def test_a_preview_is_shown_if_there_is_one():
    assert "](preview.png)" in card(bundles.synthesizer(), preview="preview.png")
    assert "![" not in card(bundles.synthesizer())


def test_scores_of_numpy_are_those_of_a_file():
    again = json.loads(json.dumps({**SCORES, "floor": {"mean_iou": float(np.float32(0.25))}}))
    assert "| floor | 0.250 |" in card(bundles.synthesizer(), scores=again)
