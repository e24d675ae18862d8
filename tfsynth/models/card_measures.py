"""What a model card says of scores beside their rows: objects, seeds, features, copies."""

import math
from collections.abc import Mapping

from tfsynth.models.markdown import plain

_ROWS = ("synthesised", "reconstructed", "oracle", "flat", "floor")
_OBJECTS = ("count_error", "mean_matched_iou", "recall", "precision")
_NEAREST = {
    "median_ratio": "median distance",
    "least_ratio": "least distance",
    "nearer": "nearer than a test picture",
}


def measure_lines(scores):
    """Returns the lines on what was measured beside the rows, by features and by seeds.

    Args:
        scores: What `tfsynth evaluate` wrote: plain data of any shape.
    """
    return [*_distances(scores), *_nearest(scores), *_seeds(scores)]


def object_lines(scores):
    """Returns the lines on objects that one judge counted; none if it counted none."""
    rows = {row: _dict(_dict(scores).get(row)).get("instances") for row in _ROWS}
    heading = [name.replace("_", " ") for name in _OBJECTS]
    table = [
        [row, *(f"{number(found, name)}{ends(found, name)}" for name in _OBJECTS)]
        for row, found in rows.items()
        if any(number(found, name) for name in _OBJECTS)
    ]
    return _table("Objects, counted in its readings:", heading, table)


def _distances(scores):
    found = _dict(_dict(scores).get("kernel_distance"))
    table = []
    for row, what in (("synthesised", "synthesised"), ("training", "real training pictures")):
        one = _dict(found.get(row))
        if distance := number(one, "distance", ".4g"):
            spread = number(one, "spread", ".2g")
            table.append([what, distance, spread, number(one, "pictures", ".0f")])
    title = f"Kernel distance from the real pictures, by {_features(found)}; smaller is nearer:"
    return _table(title, ["distance", "spread", "pictures"], table)


def _nearest(scores):
    found = _dict(_dict(scores).get("nearest"))
    table = [
        [row, *(number(found.get(row), name) for name in _NEAREST)]
        for row in ("synthesised", "test")
        if any(number(found.get(row), name) for name in _NEAREST)
    ]
    title = (
        "Nearest training picture, in medians of the distance of real test pictures, by "
        f"{_features(found)}:"
    )
    return _table(title, list(_NEAREST.values()), table)


def _seeds(scores):
    found = _dict(_dict(scores).get("seeds"))
    texture, layout = number(found, "texture", ".2f"), number(found, "layout")
    said = [f"differ in texture by {texture} grey levels"] if texture else []
    said += [f"are read alike in {layout} of their pixels"] if layout else []
    count = number(found, "layouts", ".0f")
    of = f" (of {count} layouts)" if count else ""
    return [f"Two seeds of one layout{of} {' and '.join(said)}.", ""] if said else []


def number(node, name, form=".3f"):
    """Returns a finite number of plain data in words; "" for anything else."""
    value = _dict(node).get(name)
    return format(value, form) if is_number(value) else ""


def ends(row, name):
    """Returns the interval of a measure in words, if it has one."""
    found = _dict(row).get(f"{name}_interval")
    if not isinstance(found, list | tuple) or len(found) != 2 or not all(map(is_number, found)):
        return ""
    return " [{:.3f}, {:.3f}]".format(*found)


def is_number(value):
    """Returns whether plain data is a finite number."""
    return type(value) in (int, float) and math.isfinite(value)


def _features(found):
    name = _dict(found.get("features")).get("name")
    return f"the features {plain(name)}" if isinstance(name, str) else "unnamed features"


def _table(title, heading, rows):
    if not rows:
        return []
    lines = ["| | " + " | ".join(heading) + " |", "|---" * (len(heading) + 1) + "|"]
    return [title, "", *lines, *(f"| {' | '.join(row)} |" for row in rows), ""]


def _dict(value):
    return value if isinstance(value, Mapping) else {}
