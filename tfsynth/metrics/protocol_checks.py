"""Whether a scoring protocol can be what its arguments say, and can score some data."""

import operator

PRECISIONS = ("auto", "float32", "mixed_bfloat16")
# Of channels, blocks and pictures: more is a slip, and takes hours or all memory.
_MOST = 4096


def check_arguments(protocol):
    """Raises `ValueError` if an argument is out of range.

    Args:
        protocol: A `SegmenterProtocol`, its attributes set.
    """
    p = protocol
    if (p.height is None) != (p.width is None):
        raise ValueError(f"Give both `height` and `width`, or none: {p.height} and {p.width}.")
    _check(">= 1", height=p.height or 1, width=p.width or 1, steps=p.steps)
    _check(">= 1", batch_size=p.batch_size, zoom=p.zoom, scales=len(p.scales))
    _check("> 0", learning_rate=p.learning_rate, scales=min(p.scales))
    _check(">= 0", weight_decay=p.weight_decay, balance=p.balance, jitter=p.jitter, seed=p.seed)
    _check("<= 1", balance=p.balance, jitter=p.jitter)
    if not p.filters or len(p.filters) != len(p.blocks):
        raise ValueError(
            "`filters` and `blocks` have one entry per level, at least one. Received: "
            f"{list(p.filters)} and {list(p.blocks)}."
        )
    for name in ("filters", "blocks", "batch_size"):
        values = getattr(p, name)
        every = [values] if name == "batch_size" else values
        if not all(0 <= value <= _MOST for value in every) or min(p.filters) < 1:
            raise ValueError(f"`{name}` takes 1 (blocks: 0) to {_MOST}. Received: {values}.")
    if p.precision not in PRECISIONS:
        raise ValueError(
            f"`precision` must be one of {', '.join(PRECISIONS)}. Received: {p.precision!r}."
        )
    if p.half not in (None, 0, 1):
        raise ValueError(f"`half` is 0 or 1, or null for all training pairs. Received: {p.half!r}.")


def check_data(dataset):
    """Raises `ValueError` if pictures of such data cannot be scored by a segmenter.

    Args:
        dataset: A `Dataset`.
    """
    if dataset.label_set is None:
        raise ValueError(
            "Segmentation scores need label maps to compare with, and the conditions of this "
            "data are pictures. Leave out `evaluation`, and `evaluate` in `train.then`."
        )
    if len(dataset.label_set.scored_ids) < 2:
        raise ValueError(
            "Segmentation scores need 2 classes or more that are not void; this data has "
            f"{len(dataset.label_set.scored_ids)}. Leave out `evaluation`, and `evaluate` in "
            "`train.then`."
        )
    if dataset.image_channels not in (1, 3):
        raise ValueError(
            "The segmenter reads photographs of 3 channels, or grey ones; this data's "
            f"`image_channels` is {dataset.image_channels}. Leave out `evaluation`, and "
            "`evaluate` in `train.then`."
        )


def _check(rule, **values):
    """Raises `ValueError` for the first value that breaks the rule, e.g. `">= 1"`."""
    sign, limit = rule.split()
    kept = {">=": operator.ge, ">": operator.gt, "<=": operator.le}[sign]
    for name, value in values.items():
        if not kept(value, float(limit)):
            raise ValueError(f"`{name}` must be {rule}. Received: {value}.")
