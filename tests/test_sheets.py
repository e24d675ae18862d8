"""The geometry of a sheet, pixel by pixel, and that it is written whole."""

import numpy as np
import pytest
from PIL import Image

from tfsynth.layouts.labels import LabelSet
from tfsynth.sheets import GAP, sheet, write_sheet

LABELS = LabelSet(["sky", "road"], [(70, 130, 180), (128, 64, 128)])


def example(height, width, fake=10, real=200):
    labels = np.zeros((height, width), np.uint8)
    labels[height // 2 :] = 1
    shape = (height, width, 3)
    return labels, np.full(shape, fake, np.uint8), np.full(shape, real, np.uint8)


def test_rows_are_examples_and_columns_are_labels_synthesised_real():
    drawn = sheet([example(20, 80, 10, 200), example(20, 80, 30, 220)], LABELS)
    assert drawn.dtype == np.uint8
    assert drawn.shape[1:] == (4 * GAP + 3 * 80, 3)
    bottom = drawn[-GAP - 20 : -GAP]
    np.testing.assert_array_equal(bottom[:10, GAP : GAP + 80], np.full((10, 80, 3), (70, 130, 180)))
    np.testing.assert_array_equal(bottom[10:, GAP : GAP + 80], np.full((10, 80, 3), (128, 64, 128)))
    assert (bottom[:, 2 * GAP + 80 : 2 * GAP + 160] == 30).all()
    assert (bottom[:, 3 * GAP + 160 : 3 * GAP + 240] == 220).all()
    above = drawn[-2 * GAP - 40 : -2 * GAP - 20]
    assert (above[:, 2 * GAP + 80 : 2 * GAP + 160] == 10).all()
    # Gaps are white, and there is ink above every column and nowhere else in the margin.
    assert (drawn[:, :GAP] == 255).all() and (drawn[-GAP:] == 255).all()
    heading = drawn[: drawn.shape[0] - 3 * GAP - 40]
    for column in range(3):
        left = GAP + column * (80 + GAP)
        assert (heading[:, left : left + 80] < 128).any()
        assert (heading[:, left + 80 : left + 80 + GAP] == 255).all()


def test_pictures_of_several_sizes_and_missing_ones_fit():
    labels, fake, _ = example(16, 32)
    drawn = sheet([(labels, fake, None), example(24, 64)], LABELS)
    assert drawn.shape[1] == 4 * GAP + 3 * 64
    assert (drawn[-GAP - 24 : -GAP, -GAP - 64 : -GAP] == 200).all()
    place = drawn[-2 * GAP - 24 - 16 : -2 * GAP - 24, 3 * GAP + 2 * 64 : -GAP]
    assert (place == 255).all()


def test_a_heading_is_cut_where_its_column_ends():
    drawn = sheet([example(8, 10)], LABELS)
    assert drawn.shape[1] == 4 * GAP + 30
    assert (drawn[:-8, -GAP:] == 255).all()


def test_what_is_no_sheet_is_refused():
    labels, fake, real = example(8, 8)
    with pytest.raises(ValueError, match="at least one row"):
        sheet([], LABELS)
    with pytest.raises(ValueError, match="one picture per heading.*got 2"):
        sheet([(labels, fake)], LABELS)
    with pytest.raises(ValueError, match=r"\(8, 8, 3\) of float32"):
        sheet([(labels, fake.astype("float32"), real)], LABELS)
    with pytest.raises(ValueError, match="out of range"):
        sheet([(labels + 9, fake, real)], LABELS)


def test_a_sheet_is_written_as_it_is_and_whole(tmp_path):
    path = tmp_path / "samples" / "sheet.png"
    drawn = sheet([example(20, 40)], LABELS)
    write_sheet(path, drawn)
    with Image.open(path) as written:
        assert written.format == "PNG"
        np.testing.assert_array_equal(np.asarray(written), drawn)
    with pytest.raises(TypeError):
        write_sheet(path, drawn.astype("float64"))
    assert [p.name for p in path.parent.iterdir()] == ["sheet.png"]
    with Image.open(path) as written:
        np.testing.assert_array_equal(np.asarray(written), drawn)


def test_pictures_of_other_channels_are_drawn_too():
    grey = np.full((6, 40, 1), 70, np.uint8)
    half = np.zeros((6, 40, 4), np.uint8)
    half[..., 0], half[:, 20:, 3] = 255, 255
    drawn = sheet([(grey, half, half[..., :3])], headings=("condition", "synthesised", "real"))
    bottom = drawn[-GAP - 6 : -GAP]
    assert (bottom[:, GAP : GAP + 40] == 70).all()
    # What is transparent shows the white of the sheet, whatever its colour.
    assert (bottom[:, 2 * GAP + 40 : 2 * GAP + 60] == 255).all()
    np.testing.assert_array_equal(bottom[:, 2 * GAP + 60 : 2 * GAP + 80], half[:, 20:, :3])
    with pytest.raises(ValueError, match="a label map .height, width., with a label set"):
        sheet([(grey[..., 0],)], headings=("labels",))
