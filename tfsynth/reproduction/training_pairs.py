"""Pairs to train a segmenter on: real ones, synthetic ones, and both in turn."""

from collections.abc import Sequence

from tqdm import tqdm

from tfsynth.data.stream import Stream
from tfsynth.layouts.recombination import Recombination


class RealPairs(Sequence):
    """The training pairs of a data set at one size, read when they are asked for.

    Args:
        split: A `Split` with a label set.
        size: (height, width) in pixels.
        max_instances: Most instances of an example.
    """

    def __init__(self, split, size, max_instances=256):
        self.label_set = split.label_set
        self._split = split
        self._stream = Stream(split, tuple(size), max_instances=max_instances)

    def __len__(self):
        return len(self._split)

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(f"Pair {index} of {len(self)}.")
        return dict(zip(self._stream.names, self._stream.element(index), strict=True))


class SyntheticPairs(Sequence):
    """What a model makes of the layouts of real pairs, recombined.

    Nothing but these pairs and the model is read. Pair k is of layout k of a `Recombination`, drawn
    with seed k; all are made at once, and kept.

    Args:
        synthesizer: A `Synthesizer` of label maps.
        real: `RealPairs`, or a sequence of examples with a `label_set`.
        count: Number of pairs.
        seed: Seed of the layouts.
        progress: Whether to show a progress bar.

    Attributes:
        recombination: The `Recombination`.
    """

    def __init__(self, synthesizer, real, count, seed=0, progress=False):
        self.label_set = real.label_set
        layouts = [(example["labels"], example["instances"]) for example in real]
        self.recombination = Recombination(layouts, self.label_set.num_classes, seed)
        self._pairs = []
        for k in tqdm(range(count), "synthesising training pairs", disable=not progress):
            labels, instances = self.recombination.layout(k)
            image = synthesizer.synthesize(labels, instances, seed=k)
            self._pairs.append({"labels": labels, "instances": instances, "image": image})

    def __len__(self):
        return len(self._pairs)

    def __getitem__(self, index):
        return self._pairs[index]


class InTurn(Sequence):
    """The pairs of two sequences in turn, the shorter one repeated: half are of each.

    Args:
        first, second: Sequences of examples, of one `label_set`, neither empty.
    """

    def __init__(self, first, second):
        self.label_set = first.label_set
        self._parts = (first, second)

    def __len__(self):
        return 2 * max(len(part) for part in self._parts)

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(f"Pair {index} of {len(self)}.")
        part = self._parts[index % 2]
        return part[index // 2 % len(part)]
