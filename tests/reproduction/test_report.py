"""What a table says of results that are written here by hand."""

import pytest
from PIL import Image

from tfsynth.reproduction import page
from tfsynth.reproduction.report import compare, draw
from tfsynth.reproduction.tables import parse_table

TABLE = parse_table(
    "parts",
    {
        "title": "Parts",
        "question": "What do they bring?",
        "measures": ["mean_iou", "style_error", "spectrum_error", "style_hits"],
        "rows": {"plain": "plain", "none": "no encoder", "other": "another"},
        "datasets": {"streets": {r: {"config": "demo"} for r in ("plain", "none", "other")}},
        "questions": [
            {"question": "The encoder", "with": "plain", "without": "none", "measure": "mean_iou"},
            {"question": "The other", "with": "other", "without": "none", "measure": "mean_iou"},
        ],
    },
)


def result(references, **measures):
    return {
        **{"steps": 1234, "minutes": 8.0, "images_per_second": None, "version": None},
        **{"precision": "float32", "machine": "one core", "protocol": "a segmenter"},
        **{"examples": 100, "measures": measures, "references": references},
    }


@pytest.fixture
def compared():
    oracle = {"oracle": {"mean_iou": 0.75}}
    results = {
        "plain": {
            # Of these the second one was measured before there were styles to measure.
            0: result({"oracle": {"style_error": 20.0}}, mean_iou=0.5, style_error=9.0),
            1: result(oracle, mean_iou=0.625, spectrum_error=1.5),
        },
        "none": {
            0: result(oracle, mean_iou=0.25, style_error=None, style_hits=None),
            1: result(oracle, mean_iou=0.25),
        },
    }
    folders = dict.fromkeys(TABLE.rows, "runs/a")
    return compare(TABLE, "streets", results, folders)


def test_measures_of_another_kind_stand_in_a_table_of_their_own(compared):
    text = page.markdown(TABLE, compared, {})
    first, second = text.split("## Cars in a style that was asked for")
    assert "| row | seeds | mean IoU | spectrum error, dB | verdict |" in first
    assert "| plain | 2 | 0.562 ± 0.062 | 1.50 | best |" in first
    assert "| no encoder | 2 | 0.250 ± 0.000 | – | behind |" in first
    assert "| another | 0 | – | – | not trained |" in first
    # As `comparison.is_decided` goes: by the whole spread, of which the cells show half.
    said = (
        "not above the largest minus the smallest, of whichever of the two has more, is undecided"
    )
    assert said in first
    assert "| real photographs (oracle) |  | 0.750 | – |  |" in first
    assert "flat" not in first
    # Rows without a number are left out there.
    rows = second.split("\n\n")[1].splitlines()
    assert rows[2:] == ["| plain | 9.00 | – |", "| real photographs | 20.00 | – |"]


def test_a_second_judge_is_named(compared):
    assert "Second judge" not in page.markdown(TABLE, compared, {})
    scored = {**result({}, mean_iou=0.5), "second_protocol": "another segmenter"}
    both = compare(TABLE, "streets", {"plain": {0: scored}}, dict.fromkeys(TABLE.rows, "runs/a"))
    said = "Protocol a segmenter, 100 test pictures. Second judge: another segmenter."
    assert said in page.markdown(TABLE, both, {})


def test_questions_that_can_be_answered_are(compared):
    text = page.markdown(TABLE, compared, {})
    assert "| The encoder | mean IoU | 0.562 | 0.250 | yes |" in text
    assert "| The other |" not in text
    assert compared["questions"][0]["rows"] == ["plain", "none"]


def test_what_was_not_written_down_is_a_dash(compared):
    text = page.markdown(TABLE, compared, {"A chart": "parts.png"})
    assert "| plain | 0 | 1,234 | – | 8.0 | float32 | one core | – |" in text
    assert "Protocol a segmenter, 100 test pictures." in text
    assert text.endswith("![A chart](parts.png)\n")
    assert "published" not in text


def test_bars_are_of_the_measures_of_the_first_table(compared, tmp_path):
    assert page.main_measures(TABLE) == ["mean_iou", "spectrum_error"]
    assert draw(tmp_path / "parts.png", TABLE, compared)
    with Image.open(tmp_path / "parts.png") as picture:
        # Two panels of 2.6 inches and the names, at 110 dots an inch.
        assert picture.width == pytest.approx(110 * (2.2 + 2 * 2.6), abs=2)
