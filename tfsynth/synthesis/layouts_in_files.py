"""Layouts in files, as synthesis and the verification of exports read them."""

import dataclasses
from typing import Any

import numpy as np

from tfsynth.data import checking, images
from tfsynth.data import maps as map_files
from tfsynth.data.builders.listing import NAMES
from tfsynth.data.dataset import DataError, require_same_turn
from tfsynth.layouts.regions import components
from tfsynth.synthesis import wrapping


@dataclasses.dataclass(frozen=True)
class LayoutFiles:
    """The layouts of a synthesis, read one at a time, each with what goes with it.

    `role` is what `maps` are, in the words of `pairing`; the layouts of `drawn` are no files yet.
    With `wrap` photographs are to be made with `wrap` of `Synthesizer.synthesize`.
    """

    synthesizer: Any
    role: str
    maps: dict
    instance_maps: dict
    references: dict
    instances_from: str | None
    drawn: dict
    wrap: bool = False

    def check(self, name):
        """Raises unless the model takes this layout; names its file."""
        condition, instances, _ = self.read(name)
        try:
            if self.wrap:
                condition, instances, _ = wrapping.wrapped(self.synthesizer, condition, instances)
            self.synthesizer.check(condition, instances)
        except ValueError as error:
            path = self.instance_maps.get(name, self.maps[name])
            raise DataError(f"{path}: {error}") from error

    def check_palettes(self):
        """Raises `DataError` if palettes of label maps list strange colours in other orders."""
        if self.role == "label" and len(self.maps) > 1 and not self.drawn:
            files = list(self.maps.values())
            checking.survey_label_maps(files, self.synthesizer.label_set, progress=False)

    def read(self, name):
        """Returns condition, instances, and the photograph to take styles of, if there is one."""
        synthesizer, path, drawn = self.synthesizer, self.maps[name], self.drawn.get(name)
        what = f"{NAMES[self.role]} {path}"
        turn = 1
        if drawn:
            condition = drawn["labels"]
        elif synthesizer.label_set is None:
            channels = synthesizer.conditioning.condition_channels
            condition, turn = images.picture_and_turn(
                path, channels, "condition_channels", thorough=True
            )
        else:
            coding = "colour" if self.role == "colour" else "ids"
            condition, turn = map_files.label_map_and_turn(path, synthesizer.label_set, coding)
        reference = self.references.get(name)
        if reference is not None:
            photograph, own = images.picture_and_turn(
                reference, synthesizer.output_channels, thorough=True
            )
            _require_same_size(reference, photograph, condition, what)
            require_same_turn(reference, "the photograph", own, turn, photograph.shape, what)
            reference = photograph
        return condition, self._instances(name, condition, turn, what), reference

    def _instances(self, name, condition, turn, what):
        """Returns the instances of one condition: those of a file, else made of the condition."""
        path = self.instance_maps.get(name)
        if path is not None:
            ids, own = map_files.instance_map_and_turn(path)
            _require_same_size(path, ids, condition, what)
            require_same_turn(path, "the instance map", own, turn, ids.shape, what)
            return ids
        if self.instances_from == "components":
            # An object across edges that join is one.
            return components(condition, joined=self.wrap)
        if name in self.drawn:
            return self.drawn[name]["instances"]
        # Without instance maps a class is one instance, and so is a whole picture.
        return condition if condition.ndim == 2 else np.zeros(condition.shape[:2], np.int32)


def role_of(synthesizer, label_coding, instances, instances_from):
    """Returns what the inputs are, in the words of `pairing`; refuses settings that do not fit."""
    if instances_from not in (None, "components"):
        raise ValueError(f"`instances_from` is 'components'. Received: {instances_from!r}.")
    if instances is not None and instances_from is not None:
        raise ValueError(
            "Instances are those of the maps in `instances`, or components of the label maps: "
            "ask for one of the two."
        )
    if synthesizer.label_set is not None:
        if label_coding == "colour":
            synthesizer.label_set.require_unique_colours()
        return "colour" if label_coding == "colour" else "label"
    if label_coding == "colour" or instances_from is not None:
        raise ValueError(
            "This model reads condition pictures, which have no classes: --label-coding and "
            "--instances-from are for label maps."
        )
    if synthesizer.conditioning.edges and instances is None:
        raise ValueError(
            "This model reads instance edges, which condition pictures do not have: give "
            "--instances, a folder of instance maps of the same names."
        )
    return "condition"


def _require_same_size(path, array, condition, what):
    if array.shape[:2] != condition.shape[:2]:
        raise DataError(
            f"{path} is {array.shape[1]}x{array.shape[0]} pixels, its {what} "
            f"{condition.shape[1]}x{condition.shape[0]}; they must be equal."
        )
