"""The scores of a model card: tables of what `tfsynth evaluate` wrote."""

from collections.abc import Mapping

from tfsynth.models.card_measures import ends, is_number, measure_lines, object_lines
from tfsynth.models.markdown import code, plain

# Rows and measures that a reader looks for first.
_ROWS = ("synthesised", "reconstructed", "oracle", "flat", "floor")
_MEASURES = {"mean_iou": "mean IoU", "pixel_accuracy": "pixel accuracy"}
_ROW_MEANS = {
    "synthesised": "photographs of this model",
    "reconstructed": "the same with the styles of the real photographs",
    "oracle": "the real photographs",
    "flat": "each class painted in its mean colour",
    "floor": "real photographs of other layouts",
}
# What else stands beside the rows.
_NO_ROWS = ("dataset", "second", "kernel_distance", "nearest", "seeds")


def score_section(scores):
    """Returns the lines of a card's section on scores; `None` for what was not measured."""
    if scores is None:
        return ["## Scores", "", "Not measured.", ""]
    examples, split = scores.get("examples"), scores.get("split")
    of = f"Of {examples} examples of the split {plain(split)}" if examples and split else "Of data"
    lines = ["## Scores", "", f"{of}{_by(scores)}.", "", *_table(scores), "", *object_lines(scores)]
    second = scores.get("second")
    if score_rows(second):
        lines += [
            f"The same by a second judge{_by(second)}.",
            "",
            *_table(second),
            "",
            *object_lines(second),
        ]
    return [*lines, *measure_lines(scores)]


def score_rows(scores):
    """Returns row -> measure -> finite number."""
    found = {}
    for row, values in scores.items() if isinstance(scores, Mapping) else ():
        if row not in _NO_ROWS and isinstance(row, str) and isinstance(values, Mapping):
            numbers = {str(name): value for name, value in values.items() if is_number(value)}
            if numbers:
                found[row] = numbers
    return found


def _by(scores):
    protocol = scores.get("protocol")
    return f", by the protocol `{code(protocol)}`" if isinstance(protocol, str) else ""


def _table(scores):
    rows = score_rows(scores)
    names = [n for n in _MEASURES if any(n in row for row in rows.values())]
    names += sorted({n for row in rows.values() for n in row} - set(_MEASURES))
    heading = [_MEASURES.get(name, plain(name.replace("_", " "))) for name in names]
    lines = ["| | " + " | ".join(heading) + " | |", "|---" * (len(names) + 2) + "|"]
    ordered = [*(r for r in _ROWS if r in rows), *sorted(set(rows) - set(_ROWS))]
    for row in ordered:
        values = [
            f"{rows[row][n]:.3f}{ends(scores[row], n)}" if n in rows[row] else "" for n in names
        ]
        lines.append(f"| {plain(row)} | {' | '.join(values)} | {_ROW_MEANS.get(row, '')} |")
    return lines
