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
# Parts of the names that folders of conditions, and of photographs, often have.
_CONDITIONS = ("label", "mask", "annot", "segment", "gtfine", "gtcoarse")
_PHOTOS = ("image", "photo", "img", "rgb", "picture")


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
    plain = [split for split in _TRAINING if split in there]
    if plain and endings != ("", ""):
        inside = _folders(folder / plain[0])
        if inside:
            moved = [f"{plain[0]}/{name}" for name in inside]
            text = _commands("mv", moved, plain[0], endings)
            return f" {plain[0]}/ holds the folders {inside[:6]}: {text}"
        return (
            f" {plain[0]}/ holds files alone: pairs of pictures in one file are read by "
            "PicturePairs(root, side_by_side=True)."
        )
    kinds = sorted(name for name in there if set(_folders(folder / name)) & set(_TRAINING))
    if kinds:
        split = next(name for name in _folders(folder / kinds[0]) if name in _TRAINING)
        text = _commands("ln -s", [f"{kind}/{split}" for kind in kinds], split, endings)
        return f" The splits are inside {kinds[:6]}; they belong into the names: {text}"
    return ""


def _commands(verb: str, folders: Sequence[str], split: str, endings: tuple[str, str]) -> str:
    """Returns what makes two folders those of the conditions and photos of a split."""
    conditions = [name for name in folders if any(word in name.lower() for word in _CONDITIONS)]
    photos = [name for name in folders if any(word in name.lower() for word in _PHOTOS)]
    if len(conditions) == 1 and len(photos) == 1 and conditions != photos:
        pairs = zip((conditions[0], photos[0]), endings, strict=True)
        commands = " && ".join(f"{verb} {name} {split}{ending}" for name, ending in pairs)
        return f"`{commands}` there, and the other splits likewise."
    return (
        f"`{verb} NAME {split}{endings[0]}` for the one that holds the conditions, and "
        f"`{verb} NAME {split}{endings[1]}` for that of the photos."
    )


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
