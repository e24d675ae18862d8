"""What a folder that is laid out otherwise may be meant as, and splits that hold the same files."""

import filecmp
from collections.abc import Sequence
from pathlib import Path

from tfsynth.data.builders.pairing import Pair

# The endings of folders -> the data set that reads them.
_CLASSES = {
    ("_A", "_B"): "PicturePairs(root)",
    ("_label", "_img"): "PairedFolders(root)",
}
_TRAINING = ("train", "training")


def hint(folder: Path, endings: tuple[str, str]) -> str:
    """Returns what a folder without the splits that were looked for may be, or "".

    Args:
        folder: The folder.
        endings: Of the folders of conditions and photographs that were looked for.

    Returns:
        Sentences with a space before them.
    """
    there = {path.name for path in folder.iterdir() if path.is_dir()}
    for pair, name in _CLASSES.items():
        if sorted(pair) != sorted(endings):
            found = [split for split in _TRAINING if {split + pair[0], split + pair[1]} <= there]
            if found:
                return f" {found[0]}{pair[0]}/ and {found[0]}{pair[1]}/ are read by {name}."
    side_by_side = endings == ("", "")
    plain = [split for split in _TRAINING if split in there]
    if plain and not side_by_side:
        inside = _folders(folder / plain[0])
        if inside:
            moves = " && ".join(f"mv {plain[0]}/{name} {plain[0]}_{name}" for name in inside[:3])
            return (
                f" {plain[0]}/ holds the folders {inside[:6]}: make them {plain[0]}{endings[0]}/ "
                f"and {plain[0]}{endings[1]}/, such as by `{moves}` and a change of names."
            )
        return (
            f" {plain[0]}/ holds files alone: pairs of pictures in one file are read by "
            "PicturePairs(root, side_by_side=True)."
        )
    kinds = sorted(name for name in there if set(_folders(folder / name)) & set(_TRAINING))
    if kinds:
        split = next(name for name in _folders(folder / kinds[0]) if name in _TRAINING)
        return (
            f" The splits are inside {kinds[:6]}; they belong into the names: "
            f"`ln -s {kinds[0]}/{split} {split}{endings[0]}` where {kinds[0]}/ holds what the "
            f"conditions are, and likewise {split}{endings[1]} for the photos."
        )
    return ""


def _folders(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def first_of_equal_splits(pairs: Sequence[Pair], others: Sequence[Pair]) -> Pair | None:
    """Returns the first pair if the files of two splits are the same or have the same bytes.

    Args:
        pairs: One split.
        others: The other.
    """
    mine = {_identity(pair.photo) for pair in pairs}
    if mine & {_identity(pair.photo) for pair in others}:
        return pairs[0]
    if len(pairs) != len(others):
        return None
    for pair, other in zip(pairs, others, strict=True):
        for one, two in ((pair.condition, other.condition), (pair.photo, other.photo)):
            if not filecmp.cmp(one, two, shallow=False):
                return None
    return pairs[0]


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
