"""A trained model under measurement: the pictures that measures look at, each made once."""

import functools

from tfsynth import sheets
from tfsynth.data.examples import Examples
from tfsynth.metrics.segmenter_batches import rgb
from tfsynth.reproduction.drawn_objects import drawn_objects
from tfsynth.reproduction.measures import MEASURES

# First test pictures that are looked at.
PICTURES = 100


class Subject:
    """A trained model on the first test layouts.

    Args:
        synthesizer: A `Synthesizer` of label maps.
        dataset: The `Dataset`, with a test split.
        data: The run's `DataSettings`; the model is given layouts of their size.
        size: (height, width) in pixels that pictures are measured at, if that is another one:
            those of the model are resized to it. `None` for the run's.
        score: Function without arguments -> what `evaluate` returns; called when a measure asks
            for scores.
        protocol: The run's scoring protocol, by which measures may train segmenters of their own.
        seed: The run's seed.
        verbose: Whether measures that take long show progress.

    Attributes:
        size: As above, never `None`.
        facts: Dict of `protocol` and `examples`: by what protocol, and on how many pictures, a
            measure that trained segmenters has scored.
    """

    def __init__(
        self,
        synthesizer,
        dataset,
        data,
        size=None,
        score=None,
        protocol=None,
        seed=0,
        verbose=False,
    ):
        self.synthesizer = synthesizer
        self.dataset = dataset
        self.data = data
        self.size = tuple(size or data.size)
        self.protocol = protocol
        self.seed = seed
        self.verbose = verbose
        self.facts = {}
        self._score = score
        self._once = {}

    @functools.cached_property
    def layouts(self):
        """The first test examples at the size of the run."""
        return self._examples(self.data.size)

    @functools.cached_property
    def examples(self):
        """The first test examples at the size of measurement."""
        same = self.size == tuple(self.data.size)
        return self.layouts if same else self._examples(self.size)

    @functools.cached_property
    def pictures(self):
        """What the model makes of them with the seeds 0, 1, ...: uint8 (height, width, 3)."""
        return [
            sheets.resized(rgb(self.synthesize(layout, seed)), self.size)
            for seed, layout in enumerate(self.layouts)
        ]

    @functools.cached_property
    def real(self):
        """Their photographs, uint8 (height, width, 3)."""
        return [rgb(example["image"]) for example in self.examples]

    @functools.cached_property
    def scores(self):
        """What `evaluate` returns.

        Raises:
            ValueError: If the subject was given no `score`.
        """
        if self._score is None:
            raise ValueError("This subject was given no `score`: name measures that need none.")
        return self._score()

    @property
    def scored(self):
        """Whether a measure has asked for the scores."""
        return "scores" in self.__dict__

    def synthesize(self, example, seed):
        """Returns the model's picture of an example's layout."""
        return self.synthesizer.synthesize(example["labels"], example["instances"], seed=seed)

    def objects(self, split, class_id, limit=None):
        """Returns the `DrawnObject`s of a class; see `drawn_objects`."""
        return self.once(_objects, split, class_id, limit)

    def once(self, function, *arguments):
        """Returns function(subject, *arguments), computed on the first call."""
        key = (function, *arguments)
        if key not in self._once:
            self._once[key] = function(self, *arguments)
        return self._once[key]

    def _examples(self, size):
        split = self.dataset.split("test")
        return list(Examples(split, size, self.data.max_instances, PICTURES))


def _objects(subject, split, class_id, limit):
    return drawn_objects(subject.dataset.split(split), subject.size, class_id, limit)


def take_measures(subject, names):
    """Measures a subject.

    Args:
        subject: A `Subject`.
        names: Names of `MEASURES`.

    Returns:
        Two dicts of name -> number: of the model, `None` where there is nothing to measure, and of
        the real photographs, where that says something.
    """
    found = {name: MEASURES[name].measure(subject) for name in names}
    real = {name: MEASURES[name].real for name in names}
    of_real = {name: measure(subject) for name, measure in real.items() if measure is not None}
    return found, {name: number for name, number in of_real.items() if number is not None}
