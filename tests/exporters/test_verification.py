"""What is compared before an export gets its name, and what is refused."""

import numpy as np
import pytest

from tests.synthesis.synthesizers import noisy_synthesizer, picture_synthesizer, synthesizer
from tfsynth import exporters
from tfsynth.exporters.made_layouts import made_layouts
from tfsynth.exporters.verification import Tolerance, compare, resized, size_of


def pictures(*levels):
    return np.array(levels, "uint8").reshape(-1, 2, 2, 1)


def test_differences_are_those_of_the_worst_picture_of_a_batch():
    expected = pictures(0, 0, 0, 0, 9, 9, 9, 9)
    row = compare(expected, pictures(0, 0, 0, 0, 9, 9, 9, 12), Tolerance(2), (4, 5))
    assert row[:6] == (2, 2, 2, (4, 5), 3, 3 / 8)
    # A squared error of 9 in one of four values.
    assert row.psnr == pytest.approx(10 * np.log10(255**2 / (9 / 4)))
    assert row.within == 0.75
    assert compare(expected, expected).psnr == float("inf")
    # Without a sign: 0 and 255 are 255 apart.
    assert compare(pictures(0, 0, 0, 0), pictures(255, 0, 0, 0)).largest == 255


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"uint8 \(2, 2, 2, 1\), the model uint8 \(1, 2, 2"):
        compare(pictures(1, 2, 3, 4), pictures(1, 2, 3, 4, 5, 6, 7, 8))


def test_an_export_that_draws_otherwise_is_not_kept(tmp_path):
    def change(model, path):
        # As a conversion that lost something: the model is another than the one that was written.
        assert (path / "saved_model.pb").is_file()
        weight = model.generator.weights[0]
        weight.assign(weight + 0.5)

    with pytest.raises(ValueError, match=r"draws other pictures than the model: at 64x128, 1 at"):
        exporters.export(synthesizer(), tmp_path / "1", check=change)
    assert not list(tmp_path.iterdir())


def test_the_report_says_what_was_compared(tmp_path):
    layouts = [{"labels": np.arange(48).reshape(6, 8) % 3}]
    found = exporters.export(noisy_synthesizer(), tmp_path / "1", layouts=layouts).report
    assert [(row.height, row.width, row.batch, row.seeds) for row in found.rows] == [
        *((6, 8, 1, (0,)), (6, 8, 3, (0, 5, 2**31 - 1))),
        *((3, 5, 1, (5,)), (3, 5, 3, (5, 2**31 - 1, 0))),
        *((3, 4, 1, (2**31 - 1,)), (3, 4, 3, (2**31 - 1, 0, 5))),
    ]
    assert found.bytes == size_of(tmp_path / "1") > 10_000
    assert found.size == (6, 8) and min(found.seconds) > 0
    lines = found.as_text().splitlines()
    assert lines[1].split() == ["6", "x", "8", "1", "0", "0.000", "equal"]
    assert lines[-1].startswith(f"{found.bytes / 1e6:.2f} MB. A picture of 6 x 8 takes ")


def test_layouts_that_are_smaller_than_the_only_size_are_enlarged(tmp_path):
    # By 257 rows larger than any layout that is made, too.
    model = synthesizer()
    found = exporters.export(model, tmp_path / "a.tflite", "tflite", size=(257, 30)).report
    assert [(row.height, row.width, row.batch) for row in found.rows] == [
        *((257, 30, 1), (257, 30, 3)),
    ]


def test_a_layout_is_compared_as_a_whole():
    labels = np.zeros((600, 800), "uint8")
    labels[:, 700:] = 1  # Not within 512 columns.
    layout = {"labels": labels, "instances": labels.astype("int32")}
    found = resized(layout, (None, None))
    assert {name: (array.shape, array.dtype) for name, array in found.items()} == {
        "labels": ((256, 512), "uint8"),
        "instances": ((256, 512), "int32"),
    }
    np.testing.assert_array_equal(found["labels"][0], np.arange(512) >= 448)
    enlarged = resized({"labels": np.array([[0, 1, 2], [2, 0, 1]])}, (4, 2))
    np.testing.assert_array_equal(enlarged["labels"], [[0, 1], [0, 1], [2, 0], [2, 0]])


def test_layouts_of_one_class_verify_nothing(tmp_path):
    plain = [{"labels": np.ones((8, 12), int), "instances": np.ones((8, 12), int)}]
    for size, layouts in ((None, plain), ((1, 1), None)):
        with pytest.raises(ValueError, match="of one class each, or of one pixel: .* Give layouts"):
            format = "onnx" if size else "saved_model"
            exporters.export(synthesizer(), tmp_path / "1", format, size=size, layouts=layouts)
    assert not list(tmp_path.iterdir())


def test_layouts_are_made_of_regions_with_ids_of_32_bits():
    first, *others = made_layouts(synthesizer())
    assert len(others) == 2 and first["labels"].shape == first["instances"].shape == (64, 128)
    assert set(np.unique(first["labels"])) == {0, 1, 2}
    ids = np.unique(first["instances"])
    assert 10 < len(ids) <= 24 and ids.min() < -(2**29) and ids.max() > 2**29
    again = made_layouts(synthesizer())[0]
    np.testing.assert_array_equal(again["labels"], first["labels"])
    (grey,) = made_layouts(picture_synthesizer(), count=1)
    assert grey["condition"].shape == (64, 128, 1) and grey["condition"].dtype == np.uint8


def test_layouts_follow_the_statistics_of_the_training_data():
    model = synthesizer()
    model.provenance = {
        "config": {"data": {"size": [40, 50]}},
        "layout_statistics": {
            "shares": [0.5, 0.5, 0.0],
            "rows": [0.2, 0.8, 0.5],
            "spreads": [0.1, 0.1, 0.1],
        },
    }
    layouts = [layout["labels"] for layout in made_layouts(model, count=8)]
    assert layouts[0].shape == (40, 50)
    labels = np.concatenate(layouts, axis=1)
    assert (labels[:10] == 0).mean() > 0.95 and (labels[-10:] == 1).mean() > 0.95
    assert (labels == 2).mean() < 0.01
