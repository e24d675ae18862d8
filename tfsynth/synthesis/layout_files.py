"""Layouts to try a model on, as files: those of a run's examples, and drawn ones."""

import functools
from collections.abc import Callable

from tfsynth.data import write_instance_map, write_label_map, write_photo
from tfsynth.files import replace_file


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
