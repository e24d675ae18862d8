"""Layouts that are drawn for a model, by its classes: streets, worlds and cells.

A further kind is one entry of `DRAWERS`.
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from tfsynth import streets
from tfsynth.layouts.cells import CROP, MODALITIES, draw_cells
from tfsynth.layouts.labels import LabelSet
from tfsynth.layouts.worlds import TILE, draw_world

# Number of drawn layouts; as many as a sample sheet has rows.
COUNT = 6
# Sides in pixels that layouts are drawn at: a larger one is not for a first look.
_LEAST_SIDE, _MOST_SIDE = 32, 8192
# Of what a file says of its training.
_MOST_TRAINED, _MOST_NESTED = 2048, 8


@dataclasses.dataclass(frozen=True)
class LayoutDrawer:
    """Draws layouts of one label set.

    Args:
        label_set: Callable that returns the `LabelSet`.
        draw: Callable of height, width, seed, index and scale; returns labels and instances.
        size: (height, width) for a model that does not say its training size.
        side: Side in pixels of the pictures that the sizes of things are those of; 0: things
            grow with the layout.
        builder: Class of a data set whose `size` is the side in pixels of crops that it does not
            resize; "": there is none.
        name: Of the layouts, before their number.
        draw_whole: Callable of height, width and seed, for a layout that is drawn once, whose
            left and right edges join, where a size of twice the height is asked for; `None`: there
            is no such layout.
        whole_name: Of that layout.
    """

    label_set: Callable[[], LabelSet]
    draw: Callable[..., tuple[np.ndarray, np.ndarray]]
    size: tuple[int, int]
    side: int
    name: str
    builder: str = ""
    draw_whole: Callable[..., tuple[np.ndarray, np.ndarray]] | None = None
    whole_name: str = ""


@dataclasses.dataclass(frozen=True)
class DrawnLayouts:
    """Layouts that were drawn.

    Args:
        layouts: Dict of name without ending -> dict of `labels` and `instances`.
        joined: Whether their left and right edges join.
    """

    layouts: dict[str, dict[str, np.ndarray]]
    joined: bool = False


def _street(height, width, seed, index, scale):
    street = streets.draw_street(height, width, seed=seed, split="test", index=index)
    return street.labels, street.instances


def _region(height, width, seed, index, scale):
    labels = draw_world(height, width, (seed, index), scale=scale)
    # No things: a class is one instance.
    return labels, labels.astype(np.int32)


def _world(height, width, seed, scale):
    labels = draw_world(height, width, (seed, 0), whole=True, scale=scale)
    return labels, labels.astype(np.int32)


def _cells(height, width, seed, index, scale):
    # One kind of picture after the other.
    modality = MODALITIES[index % len(MODALITIES)]
    return draw_cells(height, width, (seed, index), modality, scale)


def _label_set_of_streets() -> LabelSet:
    return LabelSet(streets.CLASS_NAMES, streets.CLASS_COLOURS, streets.VOID_IDS)


@functools.cache
def _installed(name):
    return LabelSet.load(name)


DRAWERS = (
    LayoutDrawer(_label_set_of_streets, _street, (64, 128), 0, "test"),
    LayoutDrawer(
        *(lambda: _installed("planet"), _region, (TILE, TILE), TILE, "region"),
        draw_whole=_world,
        whole_name="world",
    ),
    LayoutDrawer(lambda: _installed("nuclei"), _cells, (CROP, CROP), CROP, "cells", "Nuclei"),
)


def drawer_of(synthesizer):
    """Returns the `LayoutDrawer` of a model's label set; `None` for classes of its own."""
    if synthesizer.label_set is None:
        return None
    found = (drawer for drawer in DRAWERS if drawer.label_set() == synthesizer.label_set)
    return next(found, None)


def draw_layouts(synthesizer, size=None, seed=0):
    """Draws layouts to try a model on.

    Args:
        synthesizer: A `Synthesizer` with the classes of one of `DRAWERS`.
        size: (height, width) in pixels; `None` for the size that the model was trained at. For
            the classes of planet, a width of twice the height asks for one whole world.
        seed: Seed of the layouts, 0 or more.

    Returns:
        `DrawnLayouts`: six of them, or one whole world. Of streets the first test layouts of
        that seed; of cells one kind of picture after the other.

    Raises:
        ValueError: If the model has other classes, or a side is too small or too large.
    """
    drawer = drawer_of(synthesizer)
    if drawer is None:
        raise ValueError(
            "Layouts can be drawn for a model with the classes of the drawn streets, of planet or "
            "of nuclei only, and this one has other classes: name label maps (or condition "
            "pictures), or a folder of them."
        )
    if size is not None and not all(_LEAST_SIDE <= side <= _MOST_SIDE for side in size):
        raise ValueError(
            f"Layouts are drawn with sides of {_LEAST_SIDE} to {_MOST_SIDE} pixels. Received: "
            f"{size[0]} x {size[1]} (height x width)."
        )
    scale = _scale(synthesizer.provenance, drawer)
    if size is not None and drawer.draw_whole is not None and size[1] == 2 * size[0]:
        labels, instances = drawer.draw_whole(*size, seed, scale)
        whole = {"labels": labels, "instances": instances}
        return DrawnLayouts({f"{drawer.whole_name}_{seed:05d}": whole}, joined=True)
    height, width = size or _training_sizes(synthesizer.provenance).get("size", drawer.size)
    drawn = {}
    for index in range(COUNT):
        labels, instances = drawer.draw(height, width, seed, index, scale)
        drawn[f"{drawer.name}_{index:05d}"] = {"labels": labels, "instances": instances}
    return DrawnLayouts(drawn)


def _scale(provenance, drawer):
    """Returns the size at which a model saw things in training, by that in its data."""
    sizes = _training_sizes(provenance)
    # Pictures were resized to this, and then cut.
    seen = sizes.get("load_size") or sizes.get("size")
    if not seen or not drawer.side:
        return 1.0
    return min(max(min(seen) / _side_in_data(provenance, drawer), 0.25), 4.0)


def _side_in_data(provenance, drawer):
    """Returns the side of the pictures of a model's data set, in the pixels of `drawer.side`."""
    node = _data_of(provenance)
    # A share of a data set names the whole one.
    for _ in range(_MOST_NESTED):
        node = node.get("dataset") if isinstance(node, dict) else None
        if drawer.builder and isinstance(node, dict) and node.get("class") == drawer.builder:
            side = node.get("size")
            if type(side) is int and _LEAST_SIDE <= side <= _MOST_TRAINED:
                return side
    return drawer.side


def _data_of(provenance):
    """Returns the node `data` of the config in provenance, plain data of any shape."""
    found = provenance
    for name in ("config", "data"):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _training_sizes(provenance):
    """Returns those of `size` and `load_size` that provenance, plain data of any shape, says."""
    found, sizes = _data_of(provenance), {}
    for name in ("size", "load_size"):
        sides = found.get(name) if isinstance(found, dict) else None
        # A file can say anything: what is drawn at 2048 is large enough for a first look.
        if isinstance(sides, list | tuple) and len(sides) == 2:
            if all(type(side) is int and _LEAST_SIDE <= side <= _MOST_TRAINED for side in sides):
                sizes[name] = tuple(sides)
    return sizes
