"""Results of several seeds against each other, and their order against the published one."""

import dataclasses
import itertools

import numpy as np

from tfsynth.reproduction.measures import MEASURES

# What a pair of rows, ordered in a paper, does here.
AS_PUBLISHED, REVERSED, UNDECIDED = "as published", "reversed", "undecided"
# Whether a part helps, or it is undecided.
YES, WORSE = "yes", "no: worse"


@dataclasses.dataclass(frozen=True)
class Summary:
    """One measure of one row.

    Attributes:
        values: Dict of seed -> number.
    """

    values: dict

    @property
    def mean(self):
        """The mean over the seeds."""
        return float(np.mean(list(self.values.values())))

    @property
    def spread(self):
        """The largest minus the smallest over the seeds; infinite for a single one."""
        numbers = list(self.values.values())
        return float(np.ptp(numbers)) if len(numbers) > 1 else float("inf")


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two rows of which a paper says that one is better.

    Attributes:
        better, worse: The rows, as published.
        measure: What they are compared by here.
        here: `AS_PUBLISHED`, `REVERSED` or `UNDECIDED`.
        gap: The better's mean minus the worse's, here.
    """

    better: str
    worse: str
    measure: str
    here: str
    gap: float


def summarise(results, measure):
    """Returns the `Summary` of each row that has numbers of a measure.

    Args:
        results: Dict of row -> dict of seed -> result, with `measures` in it.
        measure: Name of the measure.
    """
    summaries = {}
    for row, by_seed in results.items():
        numbers = {seed: result["measures"].get(measure) for seed, result in by_seed.items()}
        numbers = {seed: number for seed, number in numbers.items() if number is not None}
        if numbers:
            summaries[row] = Summary(numbers)
    return summaries


def is_decided(a, b):
    """Returns whether two summaries differ by more than the larger spread over their seeds.

    The spread of a single seed is unknown: nothing is decided by it.
    """
    return abs(a.mean - b.mean) > max(a.spread, b.spread)


def verdicts(summaries, measure):
    """Says of each row where it stands against the best one.

    Args:
        summaries: Dict of row -> `Summary`.
        measure: Name of the measure.

    Returns:
        Dict of row -> "best", "behind" or "undecided": the gap to the best row is within the
        spread over seeds. Where a row cannot be told from it, the best is undecided too.
    """
    if not summaries:
        return {}
    sign = 1 if MEASURES[measure].higher_is_better else -1
    best = max(summaries, key=lambda row: sign * summaries[row].mean)
    found = {
        row: "behind" if is_decided(summary, summaries[best]) else UNDECIDED
        for row, summary in summaries.items()
        if row != best
    }
    found[best] = UNDECIDED if UNDECIDED in found.values() else "best"
    return {row: found[row] for row in summaries}


def answer(question, results):
    """Says whether a part helps.

    Args:
        question: A `Question`.
        results: See `summarise`.

    Returns:
        Dict of its `question`, its `measures` with the part and without it, the mean `with` the
        part and `without` it, and the
        `answer`: `YES`, `WORSE` or `UNDECIDED`; `None` if one of its rows has no number.
    """
    of_one, of_other = (summarise(results, measure) for measure in question.measures)
    if question.with_part not in of_one or question.without not in of_other:
        return None
    there, away = of_one[question.with_part], of_other[question.without]
    sign = 1 if MEASURES[question.measure].higher_is_better else -1
    said = YES if sign * (there.mean - away.mean) > 0 else WORSE
    return {
        "question": question.question,
        "measures": list(question.measures),
        "rows": [question.with_part, question.without],
        "with": there.mean,
        "without": away.mean,
        "answer": said if is_decided(there, away) else UNDECIDED,
    }


def compare_order(published, results, measures):
    """Compares the order of rows with that of a published column.

    Args:
        published: A `Published`.
        results: See `summarise`.
        measures: Names of the table's measures. What people preferred is compared by the first.

    Returns:
        List of `Pair`, one for each two rows that the paper tells apart and that have results.
    """
    measure = published.measure if published.measure in measures else measures[0]
    sign = 1 if MEASURES[measure].higher_is_better else -1
    summaries, ranks = summarise(results, measure), published.ranks()
    pairs = []
    for a, b in itertools.combinations([row for row in ranks if row in summaries], 2):
        # People compared each row with the preferred one, and no others with each other.
        compared = published.measure != "preference" or published.preferred in (a, b)
        if ranks[a] == ranks[b] or not compared:
            continue
        better, worse = (a, b) if ranks[a] > ranks[b] else (b, a)
        gap = summaries[better].mean - summaries[worse].mean
        here = AS_PUBLISHED if sign * gap > 0 else REVERSED
        if not is_decided(summaries[better], summaries[worse]):
            here = UNDECIDED
        pairs.append(Pair(better, worse, measure, here, gap))
    return pairs
