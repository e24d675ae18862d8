"""The meaning of a palettised label map: whether its indices or its colours tell the classes.

A program that saves a picture with a palette lists the colours in an order of its own. The index
of a pixel is then not the id of its class, but its colour still is that of the class.
"""

from collections.abc import Sequence

import numpy as np

from tfsynth.layouts.guesses import pascal_palette
from tfsynth.layouts.labels import DataError, LabelSet

Colour = tuple[int, int, int]
_BLACK = (0, 0, 0)


def ids_by_palette(
    label_set: LabelSet, palette: Sequence[Colour], used: Sequence[int], source: object
) -> np.ndarray | None:
    """Returns the ids of palette indices by colour, or None where the index itself is the value.

    - The colours in use are those of the classes, index by index: the indices are values.
    - They are all colours of classes, but at other indices: the colours tell.
    - They are strange to the label set, as those of a palette for display: the indices are values.
    - Neither is plain: an error.

    Args:
        label_set: The classes.
        palette: The colours of the file by index.
        used: The indices in use.
        source: The file or name that a message begins with.

    Returns:
        `(256,)` int32, ids at the indices in use; or None.

    Raises:
        DataError: the colours say other classes than the indices, and do not say all of them
            plainly.
    """
    if is_grey_scale(palette, used):
        return None
    owners: dict[Colour, list[int]] = {}
    for i, colour in enumerate(label_set.colours):
        owners.setdefault((colour[0], colour[1], colour[2]), []).append(i)
    colours = {index: palette[index] for index in used if index < len(palette)}
    by_index = {index: label_set.id_of_value(index) for index in used}
    moved, strange = [], []
    for index in used:
        colour, i = colours.get(index), by_index[index]
        if colour is None or colour not in owners:
            strange.append(index)
        elif i not in owners[colour] and not (colour == _BLACK and label_set.is_alias(index)):
            # Black at an alias is no colour: programs fill what a palette leaves free with it.
            moved.append(index)
    if not moved or (strange and len(moved) < 2 and len(moved) < len(strange)):
        return None
    if strange and _is_pascal(palette, used):
        return None
    shared = [index for index in used if len(owners.get(colours.get(index, _BLACK), [])) > 1]
    repeated = len(set(colours.values())) < len(colours)
    # An optimised palette of black alone: the grey 0, or the class that is black.
    lone = list(used) == [0] and set(palette) == {_BLACK}
    if strange or shared or repeated or lone or _is_pascal(palette, used):
        raise _undecided(label_set, colours, moved[0], owners, source)
    ids = np.zeros(256, np.int32)
    for index in used:
        ids[index] = owners[colours[index]][0]
    return ids


def _undecided(label_set, colours, index, owners, source) -> DataError:
    other = owners[colours[index]][0]
    i = label_set.id_of_value(index)
    own = "no class" if i is None else f"{label_set.names[i]!r} {label_set.colours[i]}"
    return DataError(
        f"{source}: index {index} of this label map's palette has the colour {colours[index]} of "
        f"the class {label_set.names[other]!r}, and as an id it would be {own}; the rest of the "
        "palette does not tell which is meant. If the indices are ids, save the map as a grey PNG "
        "without a palette; if the colours are the classes', use label_coding: colour "
        "(--label-coding colour), with a colour of its own for every class."
    )


def is_grey_scale(palette: Sequence[Colour], used: Sequence[int]) -> bool:
    """Returns whether the palette lists the greys 0, 1, 2 and so on: as good as none.

    Args:
        palette: The colours by index.
        used: The indices in use.
    """
    first = list(palette[: max([1, *used]) + 1])
    return (
        len(first) > 1
        and first == [(i, i, i) for i in range(len(first))]
        and (len(first) > max(used, default=0))
    )


def _is_pascal(palette: Sequence[Colour], used: Sequence[int]) -> bool:
    """Returns whether this is Pascal VOC's palette, with which ids of any data set are saved."""
    top = max([3, *used]) + 1
    return list(palette[:top]) == pascal_palette(top)


class Agreement:
    """The palettes of a data set's files, which must give one index one colour.

    Files without a palette, or with one of greys, are not compared.
    """

    def __init__(self) -> None:
        self._first: tuple[object, list[Colour]] | None = None
        self._by_index: dict[int, tuple[Colour, object]] = {}
        self._by_colour: dict[Colour, tuple[int, object]] = {}

    def add(self, source: object, palette: Sequence[Colour], used: Sequence[int]) -> None:
        """Compares the palette of another file, over the indices in use, with those before.

        Args:
            source: The file, for messages.
            palette: Its colours by index.
            used: The indices in use.

        Raises:
            DataError: one index has two colours, or one colour two indices; names both files.
        """
        if is_grey_scale(palette, used):
            return
        new = [(index, palette[index]) for index in used if index < len(palette)]
        for index, colour in new:
            if index in self._by_index:
                before, other = self._by_index[index]
                if before != colour:
                    raise self._disagree(source, index, colour, other, index, before)
            elif colour in self._by_colour and not self._repeats(index, colour):
                place, other = self._by_colour[colour]
                raise self._disagree(source, index, colour, other, place, colour)
        for index, colour in new:
            self._by_index.setdefault(index, (colour, source))
            self._by_colour.setdefault(colour, (index, source))
        if self._first is None:
            self._first = (source, list(palette))

    @property
    def palette(self) -> list[Colour]:
        """The colours by index: those in use, and the first file's for the rest."""
        first = list(self._first[1]) if self._first is not None else []
        top = max([len(first) - 1, *self._by_index])
        colours = first + [_BLACK] * (top + 1 - len(first))
        for index, (colour, _) in self._by_index.items():
            colours[index] = colour
        return colours

    def _repeats(self, index: int, colour: Colour) -> bool:
        """Returns whether the first palette itself has this colour at this index too."""
        return self._first is not None and self._first[1][index : index + 1] == [colour]

    def _disagree(self, source, index, colour, other, place, before) -> DataError:
        return DataError(
            f"{source}: the palette of this label map gives index {index} the colour {colour}, and "
            f"that of {other} gives index {place} the colour {before}: they list their colours in "
            "different orders, so that an index is not an id. Give a label file with the colour of "
            "every class and label_coding: colour; or, if the indices are ids nevertheless, save "
            "the maps as grey PNGs without a palette."
        )
