"""The files of a folder by the names that pair them, and those that are not read."""

import dataclasses
import os
import unicodedata
from collections.abc import Collection
from pathlib import Path

from tfsynth.layouts.labels import DataError

# Endings in Cityscapes' file names (its README): the kind of the picture, after the scene's name.
_ENDINGS = {
    "label": ("_gtFine_labelIds", "_gtCoarse_labelIds"),
    "trained": ("_gtFine_labelTrainIds", "_gtCoarse_labelTrainIds"),
    "colour": ("_gtFine_color", "_gtCoarse_color"),
    "instance": ("_gtFine_instanceIds", "_gtCoarse_instanceIds"),
    "photo": ("_leftImg8bit",),
}
# Endings of other roles that a role takes too: painted label maps are condition pictures, and a
# photo may be one.
_ALSO = {"label": ("trained",), "condition": ("colour", "photo")}
# The name of a file of each role, in messages.
NAMES = {
    "label": "label map",
    "colour": "label map",
    "condition": "condition picture",
    "photo": "photo",
    "instance": "instance map",
}
# What lies beside pictures and is none.
_DOCUMENTS = frozenset(
    {"", ".txt", ".md", ".json", ".xml", ".csv", ".yaml", ".yml", ".html", ".db", ".ini", ".py"}
    | {".log", ".sh", ".pdf", ".license", ".zip", ".tar"}
)


@dataclasses.dataclass(frozen=True)
class Listing:
    """The files of a folder.

    Args:
        folder: The folder.
        files: Those that are read, by their name for pairing.
        unread: Those that are not, for their extension or because they are folders, likewise.
    """

    folder: Path
    files: dict[str, Path]
    unread: dict[str, Path]


def list_files(
    folder: Path,
    role: str,
    extensions: Collection[str],
    partner: str = "label",
    without: Collection[Path] = (),
) -> Listing:
    """Returns the image files under `folder` by their path in it, without extension and ending.

    Args:
        folder: The folder; subfolders are searched, hidden files are left out.
        role: "label", "colour", "condition", "photo" or "instance": files with Cityscapes' ending
            of another role are left out, so that its gtFine/ folder can serve for labels and
            instances.
        extensions: Lower-case file extensions with the dot.
        partner: The role of the files that these belong to, for the message.
        without: Subfolders to leave out, resolved.

    Raises:
        DataError: no such folder, no image in it, a link that leads nowhere or back to a folder
            above it, or two files with one name.
    """
    if not folder.is_dir():
        raise DataError(
            f"{folder}: there is no such folder; every {NAMES[partner]} needs "
            f"{'an' if role == 'instance' else 'a'} {NAMES[role]} there."
            if role != partner
            else f"{folder}: there is no such folder."
        )
    found = Listing(folder, {}, {})
    for base, subfolders, names in os.walk(folder, followlinks=True):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        if without:
            kept = [name for name in subfolders if (Path(base) / name).resolve() not in without]
            subfolders[:] = kept
        for name in subfolders:
            _refuse_circle(Path(base) / name)
            if Path(name).suffix.lower() in extensions:
                _note_unread(found, Path(base) / name, role)
        for name in sorted(names):
            file = Path(base) / name
            if name.startswith("."):
                continue
            if file.suffix.lower() not in extensions:
                _note_unread(found, file, role)
                continue
            _add(found.files, file, folder, role)
    if not found.files:
        there = sorted({file.suffix for file in found.unread.values() if file.suffix})
        other = f" Files ending in {there} are there and are not: convert them." if there else ""
        raise DataError(
            f"{folder}: no {NAMES[role]} in this folder. Files ending in {sorted(extensions)} are "
            f"read.{other}"
        )
    return found


def _add(files: dict[str, Path], file: Path, folder: Path, role: str) -> None:
    key = pairing_name(file.relative_to(folder), role)
    if key is None:
        return
    if not file.exists():
        raise DataError(
            f"{file}: this is a link to {os.readlink(file)}, which is not there. Remove the link, "
            "or bring the file back."
        )
    if key in files:
        form = ""
        if file.stem != files[key].stem and _composed(file.stem) == _composed(files[key].stem):
            form = " The names look alike: their accents are stored in different Unicode forms."
        raise DataError(
            f"{file}: {files[key].name} is there too, so two files stand for {key!r}. Keep one of "
            f"them.{form}"
        )
    files[key] = file


def _note_unread(found: Listing, file: Path, role: str) -> None:
    if file.suffix.lower() not in _DOCUMENTS:
        key = pairing_name(file.relative_to(found.folder), role)
        if key is not None:
            found.unread.setdefault(key, file)


def _refuse_circle(folder: Path) -> None:
    if folder.is_symlink() and folder.parent.resolve().is_relative_to(folder.resolve()):
        raise DataError(
            f"{folder}: this link leads back to {folder.resolve()}, above it, so that its files "
            "would be listed without end. Remove it."
        )


def pairing_name(relative: Path, role: str) -> str | None:
    """Returns the name that pairs a file, or None where its ending says another role.

    Accents are written in one Unicode form (NFC), in whichever a file system stores them.

    Args:
        relative: The file's path in its folder; the subfolders belong to the name.
        role: As in `list_files`.
    """
    stem = relative.stem
    for owner, endings in _ENDINGS.items():
        for ending in endings:
            if stem.endswith(ending) and stem != ending:
                if owner != role and owner not in _ALSO.get(role, ()):
                    return None
                stem = stem.removesuffix(ending)
                return _composed((relative.parent / stem).as_posix())
    return _composed((relative.parent / stem).as_posix())


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)
