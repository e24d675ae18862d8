"""The files that a synthesis reads and writes: found and paired by name."""

from pathlib import Path

from tfsynth.data import images
from tfsynth.data.builders import pairing
from tfsynth.data.dataset import DataError


def conditions(inputs, role):
    """Returns the label maps or condition pictures by the names of their photographs.

    Args:
        inputs: Paths of files and folders.
        role: What they are, in the words of `pairing`.

    Raises:
        DataError: If a path does not exist, a folder has none, or two share a name.
    """
    maps = {}
    for path in inputs:
        if not str(path):
            raise DataError(
                f"One of the {pairing.NAMES[role]}s to read is the empty name ''. Name a file."
            )
        path = Path(path)
        if path.is_dir():
            found = _conditions_in(path, role)
        elif path.is_file():
            # A file that is named explicitly is taken with any ending.
            found = {pairing.pairing_name(Path(path.name), role) or path.stem: path}
        else:
            raise DataError(f"No {pairing.NAMES[role]} or folder at {path}. Check the path.")
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


def refuse_existing(targets):
    """Raises `FileExistsError` if a file to write is there."""
    there = [path for path in targets if path.exists()]
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
                f"{source} is one {what}, and there are {len(maps)} {pairing.NAMES[role]}s. Give "
                "the folder that holds one for each, of the same name."
            )
        return dict.fromkeys(maps, source)
    extensions = images.MAP_EXTENSIONS | images.PHOTO_EXTENSIONS
    found = {}
    for key, file in pairing.list_files(source, kind, extensions).items():
        found.setdefault(Path(key).name, []).append(file)
    chosen = {}
    for name, path in maps.items():
        files = found.get(name, [])
        # The folder's own come first: photographs may have their layouts in a folder beside them.
        files = [file for file in files if file.parent == source] or files
        if len(files) != 1:
            raise DataError(
                f"The {pairing.NAMES[role]} {path} needs one {what} {name}.* in {source}; there "
                f"are {len(files)}."
            )
        chosen[name] = files[0]
    return chosen


def _conditions_in(folder, role):
    found = {}
    extensions = images.PHOTO_EXTENSIONS if role == "condition" else images.MAP_EXTENSIONS
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in extensions:
            continue
        name = pairing.pairing_name(Path(path.name), role)
        if name in found:
            raise _shared_name(name, found[name], path)
        if name is not None:
            found[name] = path
    if not found:
        raise DataError(
            f"{folder} holds no {pairing.NAMES[role]}s ({', '.join(sorted(extensions))}). Name "
            "another folder."
        )
    return found


def _shared_name(name, first, second):
    return DataError(
        f"{first} and {second} share the name {name!r}: their photographs would overwrite each "
        "other. Synthesise them into two folders."
    )


def _identity(path):
    status = path.stat()
    return status.st_dev, status.st_ino
