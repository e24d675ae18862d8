import numpy as np
import pytest
import tensorflow as tf

from tests.exporters.served import png, stored_png, without_edges, write
from tests.synthesis.synthesizers import INSTANCES, LAYOUT, picture_synthesizer, styled_synthesizer
from tfsynth.networks import GlobalGenerator

pytestmark = pytest.mark.slow

MAPS = {
    "labels": LAYOUT[None].astype("int32"),
    "instances": INSTANCES[None].astype("int32"),
    "seed": np.array([3], "int32"),
}
STYLES = {"style_ids": np.array([[0]], "int32"), "styles": np.array([[[1, 1]]], "float32")}
PHOTOGRAPH = {"image": np.zeros((1, 8, 12, 3), "uint8"), "instances": MAPS["instances"]}
BYTES = {
    "label_bytes": [png(LAYOUT)],
    "instance_bytes": [png(INSTANCES)],
    "seed": np.array([3], "int32"),
    "format": ["png"],
}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    return write(styled_synthesizer(), tmp_path_factory.mktemp("served") / "1")


def refusal(served, name, inputs):
    """Returns the first line of the error, without TensorFlow's for Python."""
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        served(name, **inputs)
    (line,) = [line for line in str(caught.value).splitlines() if line.startswith("assertion")]
    return line.removeprefix("assertion failed: [").removesuffix("]")


def repeated(inputs, count):
    return {name: np.repeat(np.asarray(array), count, 0) for name, array in inputs.items()}


IDS = "the ids of this model are 0..2."


REFUSED = [
    ("synthesize", MAPS | {"labels": MAPS["labels"] + 1}, f"labels holds 3; {IDS}"),
    ("synthesize", MAPS | {"labels": MAPS["labels"] - 9}, f"labels holds -9; {IDS}"),
    ("synthesize", MAPS | {"seed": -MAPS["seed"]}, "seed is -3; it must be 0 or more."),
    (
        "synthesize",
        MAPS | {"instances": MAPS["instances"][:, :7]},
        "labels and instances need the same rows, height and width; they have 1 x 8 x 12 and "
        "1 x 7 x 12.",
    ),
    (
        "synthesize",
        MAPS | {"seed": np.array([1, 2], "int32")},
        "labels and seed need the same number of rows; they have 1 and 2.",
    ),
    ("synthesize", repeated(MAPS, 0), "The request has no rows."),
    ("synthesize", repeated(MAPS, 65), "The request has 65 rows; send at most 64."),
    (
        "synthesize",
        MAPS | {name: MAPS[name][:, :0] for name in ("labels", "instances")},
        "labels is 0 x 12 pixels; 1 to 4194304 are served.",
    ),
    (
        "synthesize",
        MAPS | {name: np.zeros((1, 2049, 2048), "int32") for name in ("labels", "instances")},
        "labels is 2049 x 2048 pixels; 1 to 4194304 are served.",
    ),
    (
        "synthesize",
        MAPS | {name: np.zeros((1, 1, 2**22), "int32") for name in ("labels", "instances")},
        "labels is 1 x 4194304 pixels, which is too narrow for this model.",
    ),
    (
        "synthesize_styled",
        MAPS | STYLES | {"styles": np.array([[[1, np.nan]]], "float32")},
        "styles holds a number that is not finite.",
    ),
    (
        "synthesize_styled",
        MAPS | STYLES | {"style_ids": np.array([[1, 2]], "int32")},
        "style_ids has 2 ids and styles 1 styles; they go together.",
    ),
    (
        "synthesize_styled",
        MAPS | {name: array[:, :0] for name, array in STYLES.items()},
        "style_ids has 0 ids; 1 to 65535 are served.",
    ),
    (
        "encode",
        PHOTOGRAPH | {"instances": np.arange(96, dtype="int32").reshape(1, 8, 12) // 16},
        "instances holds 6 different ids; the encoder takes at most 5.",
    ),
    (
        "encode",
        PHOTOGRAPH | {"image": np.zeros((1, 8, 9, 3), "uint8")},
        "image and instances need the same rows, height and width; they have 1 x 8 x 9 and "
        "1 x 8 x 12.",
    ),
    ("serving_default", BYTES | {"label_bytes": [b"?"]}, "label_bytes is no PNG."),
    (
        "serving_default",
        repeated(BYTES, 2) | {"label_bytes": [b"?", b""]},
        "row 0: label_bytes is no PNG.",
    ),
    (
        "serving_default",
        BYTES | {"instance_bytes": [png(INSTANCES.T.copy())]},
        "instance_bytes must have the height and width of label_bytes.",
    ),
    (
        "serving_default",
        BYTES | {"instance_bytes": [png(LAYOUT)[:-20]]},
        "instance_bytes is truncated or damaged.",
    ),
    ("serving_default", BYTES | {"format": ["gif"]}, "format must be png, jpeg or empty."),
    ("serving_default", BYTES | {"seed": -BYTES["seed"]}, "seed is -3; it must be 0 or more."),
    (
        "serving_default",
        BYTES | {"format": ["", ""]},
        "seed and format need the same number of rows; they have 1 and 2.",
    ),
    ("serving_default", repeated(BYTES, 65), "The request has 65 rows; send at most 64."),
]


@pytest.mark.parametrize("name", ["synthesize", "synthesize_styled", "encode", "serving_default"])
def test_a_request_that_cannot_be_served_says_why_first(served, name):
    for signature, inputs, sentence in REFUSED:
        if signature == name:
            assert refusal(served, name, inputs) == sentence
    # The next one is served.
    assert served("synthesize", **MAPS)["status"].tolist() == [b""]


def test_a_bad_row_of_bytes_does_not_fail_its_neighbours(served):
    rows = repeated(BYTES, 5)
    rows["label_bytes"] = [png(LAYOUT), png(LAYOUT)[:50], png(LAYOUT), b"", png(LAYOUT * 9)]
    rows["format"] = ["", "", "gif", "", ""]
    result = served("serving_default", **rows)
    assert [text.decode() for text in result["status"]] == [
        "",
        "label_bytes is truncated or damaged.",
        "format must be png, jpeg or empty.",
        "label_bytes is empty: send a PNG.",
        "label_bytes holds 18, which is no class; the values of this model are 0..2.",
    ]
    assert (result["height"].tolist(), result["width"].tolist()) == (
        [8, 0, 0, 0, 0],
        [12, 0, 0, 0, 0],
    )
    alone = served("serving_default", **BYTES)["image_bytes"].tolist()
    assert result["image_bytes"].tolist() == [*alone, b"", b"", b"", b""]


def test_a_bad_row_of_tensors_does_not_fail_its_neighbours(served):
    alone = served("synthesize_styled", **MAPS, **STYLES)["image"][0]
    rows = repeated(MAPS | STYLES, 4)
    rows["labels"][1, 3, 4] = 77
    rows["styles"][2, 0, 1] = np.inf
    rows["seed"][3] = -1
    result = served("synthesize_styled", **rows)
    assert [text.decode() for text in result["status"]] == [
        "",
        f"labels holds 77; {IDS}",
        "styles holds a number that is not finite.",
        "seed is -1; it must be 0 or more.",
    ]
    np.testing.assert_array_equal(result["image"][0], alone)
    assert alone.any() and not result["image"][1:].any()


def test_a_bad_row_of_photographs_does_not_fail_its_neighbours(served):
    alone = served("encode", **PHOTOGRAPH)
    rows = repeated(PHOTOGRAPH, 2)
    rows["instances"][0] = np.arange(96).reshape(8, 12)
    result = served("encode", **rows)
    sentence = b"instances holds 96 different ids; the encoder takes at most 5."
    assert result["status"].tolist() == [sentence, b""]
    np.testing.assert_array_equal(result["styles"][1], alone["styles"][0])
    assert not result["styles"][0].any() and not result["style_ids"][0].any()


def test_pictures_without_what_the_model_needs_are_refused(tmp_path):
    served = write(picture_synthesizer(4, 4, edges=True), tmp_path / "1")
    picture = np.random.default_rng(0).integers(0, 256, (8, 12, 4)).astype("uint8")
    inputs = {**BYTES, "condition_bytes": [png(picture)]}
    del inputs["label_bytes"]
    assert served("serving_default", **inputs)["status"].tolist() == [b""]
    needed = "instance_bytes is empty: this model reads the edges of instances."
    assert refusal(served, "serving_default", inputs | {"instance_bytes": [b""]}) == needed
    alpha = "The pictures of this model have an alpha channel, which JPEG has not: ask for png."
    assert refusal(served, "serving_default", inputs | {"format": ["jpeg"]}) == alpha
    grey = inputs | {"condition_bytes": [png(LAYOUT)]}
    sentence = "condition_bytes has no alpha: send a PNG of RGBA."
    assert refusal(served, "serving_default", grey) == sentence


def test_a_model_without_instances(tmp_path):
    model = without_edges(GlobalGenerator, filters=1, num_downsamples=4, num_blocks=0)
    served = write(model, tmp_path / "1")
    # What it does not read is ignored.
    rows = BYTES | {"instance_bytes": [b"?"]}
    assert served("serving_default", **rows)["status"].tolist() == [b""]
    # Few pixels, of which it would make 16 times as many.
    rows = BYTES | {"label_bytes": [stored_png(np.zeros((1, 10**6), int), 1)]}
    sentence = "label_bytes is 1 x 1000000 pixels, which is too narrow for this model."
    assert refusal(served, "serving_default", rows) == sentence
