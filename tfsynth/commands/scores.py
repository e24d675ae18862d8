"""Scores in words: the mean IoU of each row, by each judge."""

ROWS = ("synthesised", "oracle", "flat", "floor")


def mean_ious(scores):
    """Returns dict of judge, "mean IoU" or "second", -> the mean IoU of each row, in words.

    Args:
        scores: What `tfsynth evaluate` writes.

    Raises:
        LookupError, TypeError, ValueError: If it is something else.
    """
    said = {"mean IoU": _rows(scores)}
    if "second" in scores:
        said["second"] = _rows(scores["second"])
    return said


def _rows(scores):
    found = {row: scores[row] for row in ROWS}
    known = {row: found[row] for row in ROWS if found[row]["mean_iou"] is not None}
    return "   ".join(f"{row} {_value(scores)}" for row, scores in known.items())


def _value(row):
    """Returns a mean IoU with its interval, if it has one: 0.542 [0.531, 0.549]."""
    interval = row.get("mean_iou_interval")
    ends = "" if interval is None else " [{:.3f}, {:.3f}]".format(*interval)
    return f"{row['mean_iou']:.3f}{ends}"
