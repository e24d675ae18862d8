"""Which condition, photo and instance map belong together: those whose files have one name."""

import dataclasses
import os
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from tfsynth.data import images
from tfsynth.hints import nearest_names
from tfsynth.layouts.labels import DataError

# Endings in Cityscapes' file names (its README): what the picture is, after the scene's name.
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
# What a file of each role is called.
NAMES = {
    "label": "label map",
    "colour": "label map",
    "condition": "condition picture",
    "photo": "photo",
    "instance": "instance map",
}


@dataclasses.dataclass(frozen=True)
class Pair:
    """The files of one example.

    `condition` is a label map or a condition picture, the same file as `photo` where one holds
    both; `instance` is None where there is no instance map.
    """

    stem: str
    condition: Path
    photo: Path
    instance: Path | None = None

    @property
    def files(self) -> list[Path]:
        """The files that there are, each once."""
        files = (self.condition, self.photo, self.instance)
        return list(dict.fromkeys(file for file in files if file is not None))


def pair_folders(
    conditions: Path, photos: Path, instances: Path | None = None, role: str = "label"
) -> list[Pair]:
    """Returns the examples of three folders, sorted by name.

    Args:
        conditions: Folder of label maps or condition pictures.
        photos: Folder of photographs.
        instances: Folder of instance maps, or None.
        role: What is in `conditions`: "label", "colour" (label maps coded by colour) or
            "condition".

    Raises:
        DataError: a folder is missing or empty, two files have one name, or a file has no partner.
    """
    maps = images.MAP_EXTENSIONS | images.PHOTO_EXTENSIONS
    found = {
        role: list_files(conditions, role, maps, role),
        "photo": list_files(photos, "photo", images.PHOTO_EXTENSIONS, role),
    }
    if instances is not None:
        found["instance"] = list_files(instances, "instance", maps, role)
    # A file's name alone is enough where no name comes twice; the folders may be nested each in
    # its own way then.
    if all(_all_differ(Path(key).name for key in files) for files in found.values()):
        found = {
            kind: {Path(key).name: file for key, file in files.items()}
            for kind, files in found.items()
        }
    folders = {role: conditions, "photo": photos, "instance": instances}
    for kind in list(found)[1:]:
        _require_partners(found, role, kind, folders)
    return [
        Pair(
            key.replace("/", "__"),
            found[role][key],
            found["photo"][key],
            found["instance"][key] if instances is not None else None,
        )
        for key in sorted(found[role])
    ]


def list_files(
    folder: Path, role: str, extensions: Collection[str], partner: str = "label"
) -> dict[str, Path]:
    """Returns the image files under `folder` by their path in it, without extension and ending.

    Args:
        folder: The folder; subfolders are searched, hidden files are left out.
        role: "label", "colour", "condition", "photo" or "instance": files with Cityscapes' ending
            of another role are left out, so that its gtFine/ folder can serve for labels and
            instances.
        extensions: Lower-case file extensions with the dot.
        partner: The role of the files that these belong to, for the message.

    Raises:
        DataError: no such folder, no image in it, or two files with one name.
    """
    if not folder.is_dir():
        raise DataError(
            f"{folder}: there is no such folder; every {NAMES[partner]} needs "
            f"{'an' if role == 'instance' else 'a'} {NAMES[role]} there."
            if role != partner
            else f"{folder}: there is no such folder."
        )
    files: dict[str, Path] = {}
    for base, subfolders, names in os.walk(folder, followlinks=True):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(names):
            file = Path(base) / name
            if name.startswith(".") or file.suffix.lower() not in extensions:
                continue
            key = pairing_name(file.relative_to(folder), role)
            if key is None:
                continue
            if key in files:
                raise DataError(
                    f"{file}: {files[key].name} is there too, so two files stand for "
                    f"{key!r}. Keep one of them."
                )
            files[key] = file
    if not files:
        raise DataError(
            f"{folder}: no {NAMES[role]} in this folder. Files ending in {sorted(extensions)} are "
            "read."
        )
    return files


def pairing_name(relative: Path, role: str) -> str | None:
    """Returns the name that pairs a file, or None where its ending says another role.

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
                return (relative.parent / stem).as_posix()
    return (relative.parent / stem).as_posix()


def require_examples(exclude: Sequence[str], stems: Collection[str], folder: Path) -> None:
    """Raises `DataError` for the first name in `exclude` that is no example's.

    Args:
        exclude: Names of examples to leave out.
        stems: Those of all examples.
        folder: The data set's folder, for the message.
    """
    for name in exclude:
        if name not in stems:
            closest = nearest_names(name, stems, most=1, cutoff=0.0)
            raise DataError(
                f"{folder}: `exclude` names {name!r}, but no example is called so. The nearest "
                f"name: {closest!r}. Names have no extension and no ending of Cityscapes."
            )


def _all_differ(names) -> bool:
    return max(Counter(names).values(), default=0) < 2


def _require_partners(
    found: dict[str, dict[str, Path]], role: str, other: str, folders: dict[str, Path | None]
) -> None:
    """Raises `DataError` for the first file of either role that has no partner of the other."""
    for here, there in ((role, other), (other, role)):
        lonely = sorted(found[here].keys() - found[there].keys())
        if lonely:
            mine, wanted = NAMES[here], NAMES[there]
            raise DataError(
                f"{found[here][lonely[0]]}: this {mine} has no {wanted} of the same name in "
                f"{folders[there]}{_count(len(lonely), len(found[here]))}. Names must agree up to "
                f"the extension; add the {wanted} or take the {mine} away."
            )


def _count(lonely: int, all_of_them: int) -> str:
    return f" (likewise {lonely} of {all_of_them})" if lonely > 1 else ""
