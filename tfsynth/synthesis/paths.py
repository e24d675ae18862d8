"""The files that a synthesis reads and writes: found and paired by name."""

import os
import warnings
from collections import Counter
from pathlib import Path

from tfsynth.data.builders import pairing
from tfsynth.data.builders.listing import NAMES, list_files, pairing_name
from tfsynth.data.dataset import DataError
from tfsynth.data.images import PHOTO_EXTENSIONS
from tfsynth.data.maps import MAP_EXTENSIONS


def conditions(inputs, role, without=()):
    """Returns the label maps or condition pictures by the names of their photographs.

    Args:
        inputs: Paths of files and folders. Folders are searched as in training; the names of
            subfolders belong to the names, as in "aachen/scene".
        role: What they are, in the words of `pairing`.
        without: Folders (or `None`) inside those of `inputs` that hold something else, such as
            the photographs of the last time.

    Raises:
        DataError: If a path does not exist, a folder has none, or two share a name.
    """
    maps, other = {}, [Path(folder).resolve() for folder in without if folder is not None]
    for path in inputs:
        if not str(path):
            raise DataError(f"One of the {NAMES[role]}s to read is the empty name ''. Name a file.")
        path = Path(path)
        if path.is_dir():
            found = _conditions_in(path, role, other)
        elif path.is_file():
            # A file that is named explicitly is taken with any ending.
            found = {pairing_name(Path(path.name), role) or path.stem: path}
        else:
            raise DataError(f"No {NAMES[role]} or folder at {path}. Check the path.")
        for name in found:
            if name in maps:
                raise _shared_name(name, maps[name], found[name])
        maps.update(found)
    return maps


def refuse_inputs(targets, inputs):
    """Raises `FileExistsError` if a file to write is one of those to read."""
    # By device and inode: a link, or a folder of another name, may lead to the same file.
    there = {_identity(path): path for path in inputs}
    for target in targets:
        if target.exists() and _identity(target) in there:
            raise FileExistsError(
                f"Writing {target} would replace {there[_identity(target)]}, which it is made "
                "from. Name another folder for the photographs."
            )


def refuse_outside(targets, folder):
    """Raises `FileExistsError` if a link in a folder leads a file to write out of it."""
    for parent in dict.fromkeys(target.parent for target in targets):
        if not parent.resolve().is_relative_to(folder.resolve()):
            raise FileExistsError(
                f"{parent} is a link out of {folder}, the folder of the photographs. Remove the "
                "link, or name another folder."
            )


def refuse_blocked(targets, folder):
    """Raises `FileExistsError` if a folder lies where a file is to be written, or the reverse."""
    for target in targets:
        if target.is_dir():
            raise FileExistsError(
                f"{target} is a folder, in the place of a photograph to write. Move it away, or "
                "name another folder for the photographs."
            )
    for parent in dict.fromkeys(parent for target in targets for parent in target.parents):
        # A link that leads nowhere is no folder either.
        if os.path.lexists(parent) and not parent.is_dir():
            raise FileExistsError(
                f"{parent} is no folder, and photographs are to be written into one of that name. "
                f"Move it away, or name another folder than {folder}."
            )


def refuse_existing(targets):
    """Raises `FileExistsError` if a file to write is there, were it a link that leads nowhere."""
    there = [path for path in targets if os.path.lexists(path)]
    if there:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise FileExistsError(
            f"{there[0]}{more} exists already. Use --overwrite to replace, or another folder."
        )


def companions(maps, role, source, what, kind):
    """Returns the files that go with the conditions, by the same names.

    Args:
        maps: The conditions, as `conditions` returns them.
        role: What they are, in the words of `pairing`.
        source: Folder of the files, or for one condition the file; `None`: there are none.
        what: What the files are, for messages.
        kind: The same in the words of `pairing`.

    Raises:
        DataError: If a condition has none, or several in the folder itself, or none there and
            several in its folders.
    """
    if source is None:
        return {}
    source = Path(source)
    if source.is_file():
        if len(maps) > 1:
            raise DataError(
                f"{source} is one {what}, and there are {len(maps)} {NAMES[role]}s. Give "
                "the folder that holds one for each, of the same name."
            )
        return dict.fromkeys(maps, source)
    found = list_files(source, kind, pairing.EXTENSIONS).files
    by_name = {}
    for key, file in found.items():
        by_name.setdefault(Path(key).name, []).append(file)
    # A name that several conditions have, in several folders, says nothing without its folder.
    names = Counter(Path(name).name for name in maps)
    chosen = {}
    for name, path in maps.items():
        base = Path(name).name
        files = by_name.get(base, []) if names[base] == 1 else []
        # The same place comes first: photographs may have their layouts in a folder beside them.
        files = [found[name]] if name in found else files
        if len(files) != 1:
            raise DataError(
                f"The {NAMES[role]} {path} needs one {what} {name}.* in {source}; there "
                f"are {len(files)}."
            )
        chosen[name] = files[0]
    return chosen


def _conditions_in(folder, role, without):
    extensions = PHOTO_EXTENSIONS if role == "condition" else MAP_EXTENSIONS
    listing = list_files(folder, role, extensions, role, without)
    pictures = sorted(
        file
        for name, file in listing.unread.items()
        if name not in listing.files and file.suffix.lower() not in PHOTO_EXTENSIONS
    )
    pictures = [file for file in pictures if file.is_file()]
    if pictures:
        endings = ", ".join(sorted({file.suffix for file in pictures}))
        warnings.warn(
            f"{folder}: {len(pictures)} files ending in {endings} are not read, such as "
            f"{pictures[0].name}. Convert them to PNG.",
            stacklevel=2,
        )
    return dict(sorted(listing.files.items()))


def _shared_name(name, first, second):
    return DataError(
        f"{first} and {second} share the name {name!r}: their photographs would overwrite each "
        "other. Synthesise them into two folders."
    )


def _identity(path):
    status = path.stat()
    return status.st_dev, status.st_ino
