"""A share of the training pairs of another data set; validation and test are left whole."""

import hashlib
import itertools
from collections.abc import Sequence
from typing import Any

from tfsynth.data.dataset import CheckReport, Dataset, Example, Split
from tfsynth.layouts.labels import LabelSet
from tfsynth.registry import register


@register
class Share(Dataset):
    """Another data set with a share of its training pairs, to ask what fewer of them are worth.

    The sources of the pairs stand in an order that depends on `seed` and their names alone, and
    a share is the beginning of it: smaller shares are parts of larger ones, and a pair that is
    added to the data moves no other.

    Args:
        dataset: The whole `Dataset`.
        share: Share of the training pairs, above 0, up to 1. The number of pairs is the nearest
            one that whole sources make, at least one source.
        seed: Whole number; another one draws other shares.
        source_separator: Pairs whose names are the same up to the last occurrence of this text,
            such as crops of one photograph, are of one source, and stay together. `None`: each
            pair is its own source.

    Example: `Share(Streets(train=800), share=0.25).split("train")` has 200 streets.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(
        self,
        dataset: Dataset,
        share: float,
        seed: int = 0,
        source_separator: str | None = None,
    ) -> None:
        if not isinstance(dataset, Dataset):
            raise ValueError(
                f"`dataset` is the whole data set, such as `class: Streets`. Received: {dataset!r}."
            )
        if not 0 < share <= 1:
            raise ValueError(f"`share` must be above 0, and 1 at most. Received: {share}.")
        if seed < 0:
            raise ValueError(f"`seed` is a whole number of at least 0. Received: {seed}.")
        if source_separator == "":
            raise ValueError("`source_separator` is a text such as '_', or `None`. Received: ''.")
        self.dataset = dataset
        self.share = share
        self.seed = seed
        self.source_separator = source_separator
        self.condition_channels = dataset.condition_channels
        self.image_channels = dataset.image_channels

    @property
    def label_set(self) -> LabelSet | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The classes of the whole data set."""
        return self.dataset.label_set

    @property
    def label_hint(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of the whole data set."""
        return self.dataset.label_hint

    @property
    def instances_from(self) -> str | None:
        """What the whole data set makes instance maps of, where it reads none."""
        return getattr(self.dataset, "instances_from", None)

    @property
    def fingerprint(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Changes with the whole data set and with the share."""
        return _digest([self.dataset.fingerprint, *self._settings()])

    @property
    def inventory(self) -> str:
        """That of the whole data set, and the share."""
        return _digest([self.dataset.inventory, *self._settings()])

    @property
    def split_names(self) -> tuple[str, ...]:
        return self.dataset.split_names

    def split(self, name: str) -> Split:
        """Returns a split; "train" has the share only.

        Raises:
            DataError: there is no such split, or it is empty.
        """
        whole = self.dataset.split(name)
        return PartOfSplit(whole, self._kept(whole.stems)) if name == "train" else whole

    def get_config(self) -> dict[str, Any]:
        return {
            "dataset": self.dataset,
            "share": self.share,
            "seed": self.seed,
            "source_separator": self.source_separator,
        }

    def _kept(self, stems: Sequence[str]) -> list[int]:
        """Returns the positions of the pairs in the share, rising."""
        members: dict[str, list[int]] = {}
        for position, stem in enumerate(stems):
            members.setdefault(self._source_of(stem), []).append(position)
        order = sorted(members, key=lambda source: _digest([source, self.seed]))
        counts = itertools.accumulate(len(members[source]) for source in order)
        # The fewest sources whose pairs are nearest to the number wanted.
        distances = [abs(count - self.share * len(stems)) for count in counts]
        sources = distances.index(min(distances)) + 1
        return sorted(position for source in order[:sources] for position in members[source])

    def _source_of(self, stem: str) -> str:
        if self.source_separator is None:
            return stem
        return stem.rpartition(self.source_separator)[0] or stem

    def _settings(self) -> list[Any]:
        return [float(self.share), self.seed, self.source_separator]


class PartOfSplit(Split):
    """Some examples of a split, in its order.

    Args:
        whole: The `Split`.
        positions: Positions in it.
    """

    def __init__(self, whole: Split, positions: list[int]) -> None:
        self.whole = whole
        self.positions = positions
        self.label_set = whole.label_set
        self.stems = [whole.stems[position] for position in positions]
        self.condition_channels = whole.condition_channels
        self.image_channels = whole.image_channels

    def load(self, index: int) -> Example:
        return self.whole.load(self.positions[index])

    def check(self, progress: bool = True, max_instances: int | None = None) -> CheckReport:
        """Checks the whole split: what it finds is kept for all shares of it."""
        report = self.whole.check(progress, max_instances)
        return CheckReport(len(self), report.most_instances, report.fullest_stem)


def _digest(parts: list[Any]) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
