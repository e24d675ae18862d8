"""Layouts to try a model on, as files: those of a run's examples, and drawn streets."""

import functools
from collections.abc import Callable

from tfsynth import streets
from tfsynth.data import Streets, write_instance_map, write_label_map, write_photo
from tfsynth.files import replace_file

# Number of drawn streets; as many as a sample sheet has rows.
COUNT = 6
# For a model without its training size: the size of `configs/demo.yaml`.
SIZE = (64, 128)


def write_layouts(folder, examples, synthesizer, renew=True):
    """Writes conditions and instance maps of examples, as first inputs for synthesis.

    Args:
        folder: Gets the folders `labels` (or `condition`) and `instances`.
        examples: Dict of name without ending -> example, a dict of arrays.
        synthesizer: The `Synthesizer`; the arrays that it reads are written.
        renew: Whether to replace files that are there.
    """
    name = synthesizer.conditioning.condition_name
    writers: dict[str, Callable[..., None]] = {name: write_photo}
    if synthesizer.label_set is not None:
        writers[name] = functools.partial(write_label_map, label_set=synthesizer.label_set)
    # Label maps always have some: those of the data, or their own classes.
    if synthesizer.label_set or "instances" in synthesizer.input_names:
        writers["instances"] = write_instance_map
    for kind, write in writers.items():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        files = {stem: folder / kind / f"{stem}.png" for stem in examples}
        if renew or not all(file.exists() for file in files.values()):
            for stem, file in files.items():
                array = examples[stem][kind]
                replace_file(file, lambda path, w=write, a=array: w(path, a))


def draw_streets(synthesizer):
    """Draws the first test layouts of `Streets`, for a model of them.

    Args:
        synthesizer: A `Synthesizer` with the classes of `Streets`. The layouts have the size
            that it was trained at.

    Returns:
        Dict of name without ending -> dict of `labels` and `instances`, as `write_layouts` takes.

    Raises:
        ValueError: If the model has other classes.
    """
    if synthesizer.label_set != Streets().label_set:
        raise ValueError(
            "Layouts can be drawn for a model of the drawn streets only, and this one has other "
            "classes: name label maps (or condition pictures), or a folder of them."
        )
    height, width = _training_size(synthesizer.provenance)
    drawn = {}
    for index in range(COUNT):
        street = streets.draw_street(height, width, split="test", index=index)
        drawn[f"test_{index:05d}"] = {"labels": street.labels, "instances": street.instances}
    return drawn


def _training_size(provenance):
    """Returns (height, width) of the data, if provenance, plain data of any shape, says so."""
    found = provenance
    for name in ("config", "data", "size"):
        found = found.get(name) if isinstance(found, dict) else None
    sides = found if isinstance(found, list | tuple) and len(found) == 2 else SIZE
    # A file can say anything: what is drawn at 2048 is large enough for a first look.
    return sides if all(type(side) is int and 32 <= side <= 2048 for side in sides) else SIZE
