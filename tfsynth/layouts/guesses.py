"""Classes that are guessed from what label maps hold."""

from collections.abc import Iterable, Sequence

from tfsynth.layouts.messages import DataError, listing

# More classes than any published data set has (ADE20K names about 3,700): beyond this the numbers
# are instance ids (class * 1000 + number), given as labels by mistake.
_MOST_INFERRED_CLASSES = 4096

Colour = Sequence[int]


def guess_classes(
    values: Iterable[int], palette: Sequence[Colour] | None = None
) -> tuple[list[str], Sequence[Colour], tuple[int, ...], dict[int, int]]:
    """Returns names, colours, void ids and aliases; see `LabelSet.from_values`.

    Raises:
        DataError: no values, a negative one, or so large that they must be instance ids.
    """
    found = sorted({int(value) for value in values})
    if not found or found[0] < 0:
        raise DataError(f"Label ids start at 0; the label maps hold {listing(found)}.")
    apart = found[-1] == 255 and (len(found) == 1 or found[-2] < 254)
    ids = found[:-1] if apart else found
    count = (ids[-1] + 1 if ids else 0) + apart
    if count > _MOST_INFERRED_CLASSES:
        raise DataError(
            f"The label maps hold the id {found[-1]}, which would make {count} classes. These "
            "look like instance ids (class * 1000 + number). Put class ids into the label "
            "folder, or give a label file."
        )
    table = pascal_palette(count)
    given = [tuple(colour) for colour in palette or ()]
    sources = [255 if apart and i == count - 1 else i for i in range(count)]
    colours = [given[s] if s < len(given) else table[i] for i, s in enumerate(sources)]
    names = [f"class {i}" for i in range(count)]
    if not apart:
        return names, colours, (), {}
    mask = found == [0, 255]
    if not mask:
        names[-1] = "void"
    return names, colours, () if mask else (count - 1,), {255: count - 1}


def pascal_palette(count: int) -> list[tuple[int, int, int]]:
    """Returns `count` colours by the rule of the Pascal VOC development kit.

    The bits of the id, three at a time from the lowest, become the bits of red, green and blue
    from the highest: 0 is black, 1 (128, 0, 0), 2 (0, 128, 0), 3 (128, 128, 0).
    """
    colours = []
    for i in range(count):
        parts = [0, 0, 0]
        for place in range(8):
            for channel in range(3):
                parts[channel] |= ((i >> (3 * place + channel)) & 1) << (7 - place)
        colours.append((parts[0], parts[1], parts[2]))
    return colours
