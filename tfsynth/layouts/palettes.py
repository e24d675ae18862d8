"""The meaning of a palettised label map: whether its indices or its colours tell the classes.

A program that saves a picture with a palette lists the colours in an order of its own. The index
of a pixel is then not the id of its class, but its colour still is that of the class.
"""

from collections.abc import Collection, Sequence

import numpy as np

from tfsynth.layouts.guesses import pascal_palette
from tfsynth.layouts.labels import DataError, LabelSet

Colour = tuple[int, int, int]
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
# Programs that reduce colours to 5 bits, or convert profiles, change each part by up to so much.
_NEAR = 7


def ids_by_palette(
    label_set: LabelSet,
    palette: Sequence[Colour],
    used: Sequence[int],
    source: object,
    transparent: Collection[int] = (),
) -> np.ndarray | None:
    """Returns the ids of palette indices by colour, or None where the index itself is the value.

    - The colours in use are those of the classes, index by index: the indices are values.
    - They are all colours of classes, but at other indices: the colours tell.
    - They are strange to the label set, as those of a palette for display: the indices are values.
    - Neither is plain: an error. So are colours that are nearly those of other classes, and greys
      whose levels are ids as well as their indices.

    Args:
        label_set: The classes.
        palette: The colours of the file by index.
        used: The indices in use.
        source: The file or name that a message begins with.
        transparent: The indices that are not opaque, whose colours are not seen.

    Returns:
        `(256,)` int32, ids at the indices in use; or None.

    Raises:
        DataError: the colours say other classes than the indices, and do not say all of them
            plainly.
    """
    if is_grey_scale(palette, used):
        return None
    colours = {index: palette[index] for index in used if index < len(palette)}
    by_index = {index: label_set.id_of_value(index) for index in used}
    try:
        by_colour = _by_colour(label_set, palette, used, source, transparent)
    except DataError:
        # What says more of greys comes first.
        _refuse_greys(label_set, colours, by_index, source)
        raise
    _refuse_greys(label_set, colours, by_colour or by_index, source)
    if by_colour is None:
        return None
    ids = np.zeros(256, np.int32)
    ids[list(by_colour)] = list(by_colour.values())
    return ids


# What gives a grey picture of the indices.
_INDICES = "`Image.fromarray(np.asarray(Image.open(path)))`"


def _refuse_greys(label_set, colours, ids, source) -> None:
    """Raises `DataError` where all colours in use are greys whose levels are other ids.

    So is a grey map of ids that a program has saved with a palette. Black alone says nothing.
    """
    levels = {index: colour[0] for index, colour in colours.items() if len(set(colour)) == 1}
    by_grey = {index: label_set.id_of_value(level) for index, level in levels.items()}
    other = [index for index, i in by_grey.items() if i != ids[index]]
    if len(levels) < len(ids) or None in by_grey.values() or not other or not any(levels.values()):
        return
    index = other[0]
    raise DataError(
        f"{source}: the palette of this label map is one of greys, with the grey {levels[index]} "
        f"at index {index}. The grey is the id of {_name(label_set, levels[index])}, the index "
        f"that of {_name(label_set, index)}. Save the map without a palette: with Pillow, "
        f"`Image.open(path).convert('L')` if the greys are the ids, {_INDICES} if the indices are."
    )


def _by_colour(label_set, palette, used, source, transparent) -> dict[int, int] | None:
    """Returns the id of every index in use by its colour, or None where the index is the value."""
    owners: dict[Colour, list[int]] = {}
    for i, colour in enumerate(label_set.colours):
        owners.setdefault((colour[0], colour[1], colour[2]), []).append(i)
    colours = {index: palette[index] for index in used if index < len(palette)}
    moved, strange = [], []
    for index in used:
        colour, i = colours.get(index), label_set.id_of_value(index)
        if colour is None or colour not in owners:
            strange.append(index)
        elif i not in owners[colour] and not (colour == _BLACK and label_set.is_alias(index)):
            # Black at an alias is no colour: programs fill what a palette leaves free with it.
            moved.append(index)
    pascal = _is_pascal(palette, used)
    if pascal and (strange or not moved):
        return None
    near = {index: _nearest(label_set, colours[index]) for index in strange if index in colours}
    far = [index for index in strange if not near.get(index)]
    # Nearly the colours of other classes: half of those in use are no chance.
    other = [i for i, ids in near.items() if ids and label_set.id_of_value(i) not in ids]
    if far and (len(other) < 2 or 2 * len(other) < len(used)):
        other = []
    plain = [i for i in moved if colours[i] not in (_BLACK, _WHITE)]
    # Palettes of any meaning have black and white: one of them elsewhere says nothing.
    if not plain and not other and (not moved or (len(moved) < 2 and len(moved) < len(strange))):
        same = [i for i in used if colours.get(i) in owners and colours[i] not in (_BLACK, _WHITE)]
        if far and same and _is_compact(palette, used, label_set.num_classes):
            raise _undecided(label_set, colours, far[0], same[0], source)
        return None
    shared = [index for index in used if len(owners.get(colours.get(index, _BLACK), [])) > 1]
    repeated = len(set(colours.values())) < len(colours)
    # An optimised palette of black alone: the grey 0, or the class that is black.
    lone = list(used) == [0] and set(palette) == {_BLACK}
    hidden = [index for index in used if index in transparent]
    if strange or shared or repeated or lone or hidden or pascal:
        first = next(i for i in (*plain, *other, *moved, *used) if i in colours)
        others = [index for index in [*strange, *hidden] if index != first]
        raise _undecided(label_set, colours, first, others[0] if others else None, source)
    return {index: owners[colours[index]][0] for index in used}


def _nearest(label_set: LabelSet, colour: Colour) -> list[int]:
    """Returns the ids of the classes whose colours are nearly this one, the nearest first.

    Greys are left out: palettes of any meaning have some.
    """
    distances = np.abs(label_set.palette.astype(int) - colour).max(axis=1)
    ids = [int(i) for i in np.argsort(distances, kind="stable") if distances[i] <= _NEAR]
    return [i for i in ids if len(set(label_set.colours[i])) > 1]


def _is_compact(palette: Sequence[Colour], used: Sequence[int], num_classes: int) -> bool:
    """Returns whether a palette lists what one picture holds, and not the classes of a data set."""
    top = max(used) + 1
    return list(used) == list(range(top)) and top < num_classes and set(palette[top:]) <= {_BLACK}


def _undecided(label_set, colours, index, other, source) -> DataError:
    """Returns the error for an index whose colour is a class's, or is none beside such a one."""
    near = _nearest(label_set, colours[index])
    exact = [i for i, colour in enumerate(label_set.colours) if tuple(colour) == colours[index]]
    says = f"{colours[index]}, that of no class"
    if exact:
        says = f"{colours[index]} of the class {label_set.names[exact[0]]!r}"
    elif near:
        says = f"{colours[index]}, nearly that of the class {_name(label_set, near[0], True)}"
    rest = "the rest of the palette does not tell which is meant"
    if other is not None and other in colours:
        rest = (
            f"index {other} is {colours[other]}, so that the palette does not tell which is meant"
        )
    return DataError(
        f"{source}: index {index} of this label map's palette has the colour {says}, and as an id "
        f"it would be {_name(label_set, index)}; {rest}. If the colours are the classes', give "
        "every pixel one of them, opaque, and use label_coding: colour (--label-coding colour), "
        "with a colour of its own for every class. If the indices are ids, save the map as a grey "
        f"PNG of them: {_INDICES} with Pillow."
    )


def _name(label_set: LabelSet, value: int, is_id: bool = False) -> str:
    i = value if is_id else label_set.id_of_value(value)
    return "no class" if i is None else f"{label_set.names[i]!r} {label_set.colours[i]}"


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

    Files without a palette, or with that of their own greys, agree with any of colours.
    """

    def __init__(self) -> None:
        self._first: tuple[object, list[Colour]] | None = None
        self._by_index: dict[int, tuple[Colour, object]] = {}
        self._by_colour: dict[Colour, tuple[int, object]] = {}
        # The files that hold a value as it is, and that store a grey as another number.
        self._plain: dict[int, object] = {}
        self._greys: dict[int, tuple[int, object]] = {}

    def add(
        self,
        source: object,
        palette: Sequence[Colour] | None,
        used: Sequence[int],
        stretch: int = 1,
    ) -> None:
        """Compares the palette of another file, over the indices in use, with those before.

        Args:
            source: The file, for messages.
            palette: Its colours by index; None if it has none.
            used: The indices, or the values, in use.
            stretch: Without a palette, the grey that shows 1, which is more than 1 for few bits.

        Raises:
            DataError: one index has two colours, or one colour two indices, or a grey that is
                stored as another number in one file is a value in another; names both files.
        """
        if palette is None or is_grey_scale(palette, used):
            if stretch == 1:
                for value in used:
                    self._plain.setdefault(value, source)
            self._add_greys(source, {stretch * value: value for value in used})
            return
        new = [(index, palette[index]) for index in used if index < len(palette)]
        for index, colour in new:
            if index in self._by_index:
                before, other = self._by_index[index]
                if before != colour:
                    raise self._disagree(source, index, colour, other, index, before)
            elif colour in self._by_colour and not self._repeats(index, colour):
                place, other = self._by_colour[colour]
                # A palette that has it twice itself, as where black fills what is free.
                if list(palette[place : place + 1]) != [colour]:
                    raise self._disagree(source, index, colour, other, place, colour)
        for index, colour in new:
            self._by_index.setdefault(index, (colour, source))
            self._by_colour.setdefault(colour, (index, source))
        if self._first is None:
            self._first = (source, list(palette))
        if all(len(set(colour)) == 1 for _, colour in new):
            self._add_greys(source, {colour[0]: index for index, colour in new})

    def _add_greys(self, source: object, stored: dict[int, int]) -> None:
        """Notes how greys are stored; raises where one of them is a value in another file."""
        for level, value in stored.items():
            if level != value:
                self._greys.setdefault(level, (value, source))
        for level in sorted(self._greys.keys() & self._plain.keys()):
            value, source = self._greys[level]
            raise DataError(
                f"{source}: this label map stores the grey {level} as {value}, by its palette or "
                f"its few bits, as programs do that make files small; and {level} is a value in "
                f"{self._plain[level]}. Save all as grey PNGs of 8 bits: with Pillow, "
                f"`Image.open(path).convert('L')` if the greys are the ids."
            )

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
