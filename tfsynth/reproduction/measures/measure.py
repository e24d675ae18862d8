"""What a measure is."""

import dataclasses
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True)
class Measure:
    """One number of a trained model.

    Attributes:
        title: Heading of its column, with the unit.
        measure: Function of a `Subject` -> number, or `None` where there is nothing to measure.
        higher_is_better: Which way is better.
        digits: Decimals shown.
        real: The same of the real photographs, a function of the `Subject`; `None` if that says
            nothing. Scores against the segmenter need none: their references are measured with
            them.
        by_features: Whether it compares features of the table's `measure_features`.
        heading: What it is about. Measures of another heading than the table's first one stand
            in tables of their own below.
        signed: Whether it is a difference, shown with its sign.
    """

    title: str
    measure: Callable[[Any], float | None]
    higher_is_better: bool = True
    digits: int = 3
    real: Callable[[Any], float | None] | None = None
    by_features: bool = False
    heading: str = ""
    signed: bool = False
