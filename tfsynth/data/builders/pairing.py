"""The pairing of conditions, photos and instance maps: files of one name."""

import dataclasses
import unicodedata
import warnings
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from tfsynth.data.builders.listing import NAMES, Listing, list_files
from tfsynth.data.images import PHOTO_EXTENSIONS
from tfsynth.data.maps import MAP_EXTENSIONS
from tfsynth.hints import nearest_names
from tfsynth.layouts.labels import DataError

# Files of any role may be of these; what they store decides whether they are read.
EXTENSIONS = MAP_EXTENSIONS | PHOTO_EXTENSIONS


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
        """The existing files, each once."""
        files = (self.condition, self.photo, self.instance)
        return list(dict.fromkeys(file for file in files if file is not None))


def pair_folders(
    conditions: Path, photos: Path, instances: Path | None = None, role: str = "label"
) -> list[Pair]:
    """Returns the examples of three folders, sorted by name.

    Pairs of files that are not read, such as two GIFs, are counted in a warning.

    Args:
        conditions: Folder of label maps or condition pictures.
        photos: Folder of photographs.
        instances: Folder of instance maps, or None.
        role: What is in `conditions`: "label", "colour" (label maps coded by colour) or
            "condition".

    Raises:
        DataError: a folder is missing or empty, two files have one name, or a file has no partner.
    """
    found = {
        role: list_files(conditions, role, EXTENSIONS, role),
        "photo": list_files(photos, "photo", PHOTO_EXTENSIONS, role),
    }
    if instances is not None:
        found["instance"] = list_files(instances, "instance", EXTENSIONS, role)
    # The file name alone is enough if no name occurs twice; the folders may then be nested
    # differently.
    if all(_all_differ(Path(key).name for key in listing.files) for listing in found.values()):
        found = {kind: _without_subfolders(listing) for kind, listing in found.items()}
    for kind in list(found)[1:]:
        _require_partners(found, role, kind)
    _warn_of_unread(found[role], found["photo"])
    _require_stems(found[role])
    return [
        Pair(
            _stem(key),
            found[role].files[key],
            found["photo"].files[key],
            found["instance"].files[key] if instances is not None else None,
        )
        for key in sorted(found[role].files)
    ]


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


def _all_differ(names: Iterable[str]) -> bool:
    return max(Counter(names).values(), default=0) < 2


def _without_subfolders(listing: Listing) -> Listing:
    files, unread = (
        {Path(key).name: file for key, file in there.items()}
        for there in (listing.files, listing.unread)
    )
    return Listing(listing.folder, files, unread)


def _require_partners(found: dict[str, Listing], role: str, other: str) -> None:
    """Raises `DataError` for the first file of either role that has no partner of the other."""
    for here, there in ((role, other), (other, role)):
        lonely = sorted(found[here].files.keys() - found[there].files.keys())
        if lonely:
            mine, wanted = NAMES[here], NAMES[there]
            raise DataError(
                f"{found[here].files[lonely[0]]}: this {mine} has no {wanted} of the same name in "
                f"{found[there].folder}{_count(len(lonely), len(found[here].files))}. Names must "
                f"agree up to the extension; add the {wanted} or take the {mine} away."
                f"{_hint(lonely[0], found[here], found[there])}"
            )


def _hint(key: str, here: Listing, there: Listing) -> str:
    """Returns what may be meant, as a sentence with a space before it, or ""."""
    if key in there.unread:
        file = there.unread[key]
        if file.is_dir():
            return f" {file} is a folder, not a file."
        return f" {file.name} is there, but files ending in {file.suffix} are not read: convert it."
    # Those that have no partner themselves; all of them, if this one has a second ending.
    free = [name for name in there.files if name not in here.files] or list(there.files)
    begun = [name for name in free if name.startswith(key) or key.startswith(name)]
    near = max(begun, key=len, default="") or nearest_names(key, free[:5000], most=1)
    if near in ("", "none"):
        return ""
    return f" Is it {there.files[near].name}? Then rename one of the two."


def _stem(key: str) -> str:
    return key.replace("/", "__")


def _require_stems(listing: Listing) -> None:
    """Raises `DataError` for two files whose subfolders and names make one stem."""
    owners: dict[str, Path] = {}
    for key, file in listing.files.items():
        other = owners.setdefault(_stem(key), file)
        if other != file:
            raise DataError(
                f"{file}: with its subfolder this is the example {_stem(key)!r}, and {other} is "
                "too. Rename one of them."
            )


def _count(lonely: int, all_of_them: int) -> str:
    return f" (likewise {lonely} of {all_of_them})" if lonely > 1 else ""


def _warn_of_unread(conditions: Listing, photos: Listing) -> None:
    lost = sorted(
        key
        for key in conditions.unread.keys() & photos.unread.keys()
        if key not in conditions.files and not conditions.unread[key].is_dir()
    )
    if lost:
        first, second = conditions.unread[lost[0]], photos.unread[lost[0]]
        noun = "pair of files is" if len(lost) == 1 else "pairs of files are"
        warnings.warn(
            f"{conditions.folder}: {len(lost)} {noun} not read for their extensions, such as "
            f"{first.name} and {second.name}. Convert them to PNG, or take them away.",
            stacklevel=2,
        )


def composed(names: Iterable[str]) -> list[str]:
    """Returns names in the Unicode form of `Pair.stem` (NFC)."""
    return [unicodedata.normalize("NFC", name) for name in names]
