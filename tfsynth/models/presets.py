"""Presets: a model as a folder of plain files, to be shared.

    config.json         the model, as Keras writes it: names of classes and their arguments
    metadata.json       the versions of preset, tfsynth and Keras
    model.weights.h5    the weights
    README.md           the model card, for people: never read here
    preview.png         a layout and its photograph, if one could be made: never read here
    sha256.json         the SHA-256 of each of these

What is read is copied into a private `.keras` file, its SHA-256 taken on the way, and that file is
read by `reading.load` as any other. So no byte is taken apart before its sum was compared, and
what was compared is what is read, whoever writes into the folder meanwhile.
"""

import errno
import hashlib
import itertools
import json
import os
import re
import shutil
import stat
import tempfile
import zipfile
from pathlib import Path

from tfsynth.files import sha256_of, working_folder
from tfsynth.models.archive import (
    CONFIG,
    METADATA,
    MOST_CONFIG_BYTES,
    MOST_METADATA_BYTES,
    MOST_WEIGHT_BYTES,
    WEIGHTS,
    BundleError,
    Window,
    read_members,
)
from tfsynth.models.hub import file_behind

CARD, PREVIEW, SUMS = "README.md", "preview.png", "sha256.json"
NEEDED = (CONFIG, METADATA, WEIGHTS, SUMS)
FILES = (*NEEDED, CARD, PREVIEW)
# Raised when a preset needs code that older versions lack.
PRESET_VERSION = 1

_MOST_ENTRIES = 1000
_BLOCK = 2**20
_SHA256 = re.compile(r"[0-9a-f]{64}")
# A path is a link: of Linux, and of macOS and the BSDs.
_IS_A_LINK = (errno.ELOOP, getattr(errno, "EMLINK", errno.ELOOP))


def load(folder):
    """Returns the model of a preset.

    Args:
        folder: `pathlib.Path` of a folder. Files whose names begin with a dot, as programs for
            versions leave them, are not looked at.

    Raises:
        BundleError: If files are missing, too many, links, too large or changed, or the model
            breaks a rule of `reading.load`.
        OSError: If a file cannot be read, or there is no room for a copy in the folder for
            temporary files.
    """
    from tfsynth.models import reading

    # The caller's own path may lead over links; from here on, none is followed.
    folder = folder.resolve()
    sums = _checked_sums(folder)
    config = _checked(folder, CONFIG, MOST_CONFIG_BYTES, sums)
    metadata = _checked(folder, METADATA, MOST_METADATA_BYTES, sums)
    _check_version(_object(METADATA, metadata))
    # Of what the config describes, so that a file without end is not copied first.
    most = min(MOST_WEIGHT_BYTES, reading.most_weight_bytes(config))
    with working_folder(Path(tempfile.gettempdir())) as private:
        bundle = private / "preset.keras"
        with zipfile.ZipFile(bundle, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(CONFIG, config)
            archive.writestr(METADATA, metadata)
            with archive.open(WEIGHTS, "w", force_zip64=True) as copy:
                _copy_weights(folder, most, sums[WEIGHTS], copy, private.parent)
        return reading.load(bundle, compile=False)


def write_members(bundle, folder, versions):
    """Writes the files of a preset that hold the model.

    Args:
        bundle: `pathlib.Path` of the `.keras` file that holds it.
        folder: `pathlib.Path` of a folder to write into.
        versions: Dict of package -> version, for people who look for what wrote it.
    """
    with bundle.open("rb") as file:
        members = read_members(file)
        for name in (CONFIG, WEIGHTS):
            with (folder / name).open("wb") as copy:
                shutil.copyfileobj(Window(file, members[name]), copy, _BLOCK)
    # Keras's own has the time of day, by which two presets of one model would differ.
    _write_json(folder / METADATA, {"preset_version": PRESET_VERSION, **versions})


def write_sums(folder):
    """Writes the SHA-256 of each file in the folder of a preset, the last of its files."""
    names = sorted(path.name for path in folder.iterdir())
    _write_json(folder / SUMS, {name: sha256_of(folder / name) for name in names})


def holds_only_a_preset(folder):
    """Returns whether a folder has the files of a preset and no others."""
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return names >= set(NEEDED) and names <= set(FILES)


def _write_json(path, content):
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _checked_sums(folder):
    """Returns the listed sums by name; raises unless the listed files are those of the folder."""
    names = _names(folder)
    _require_names(names)
    sums = _object(SUMS, _read(folder, SUMS, MOST_METADATA_BYTES))
    for name, expected in sums.items():
        if not isinstance(expected, str) or not _SHA256.fullmatch(expected):
            raise BundleError(
                f"its {SUMS} gives {name[:60]!r} no SHA-256 of 64 hexadecimal digits in lower case"
            )
    if unlisted := sorted(set(names) - set(sums) - {SUMS}):
        raise BundleError(f"its {SUMS} has no sum of {unlisted[0]}")
    if absent := sorted(set(sums) - set(names)):
        raise BundleError(f"it lacks {_shown(absent[0])}, of which its {SUMS} has a sum")
    for name in names:
        with _open(folder, name):
            pass  # A card that is a link or a device is none either, though it is not read.
    return sums


def _names(folder):
    with os.scandir(folder) as entries:
        names = (entry.name for entry in entries if not entry.name.startswith("."))
        return sorted(itertools.islice(names, _MOST_ENTRIES))


def _require_names(names):
    missing, other = set(NEEDED) - set(names), set(names) - set(FILES)
    lists = (("lacks", sorted(missing)), ("holds", sorted(other)[:5]))
    said = [f"{verb} {', '.join(map(_shown, some))}" for verb, some in lists if some]
    if said:
        raise BundleError(
            f"a preset holds {', '.join(NEEDED)} and may hold {CARD} and {PREVIEW}; it "
            f"{' and '.join(said)}"
        )


def _shown(name):
    """Returns a name of a stranger's as one may print it: short, without control characters."""
    return repr(name[:60])[1:-1]


def _checked(folder, name, most, sums):
    """Returns the bytes of a small file whose SHA-256 is the listed one."""
    data = _read(folder, name, most)
    _compare(name, hashlib.sha256(data).hexdigest(), sums[name])
    return data


def _read(folder, name, most):
    with _open(folder, name) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise BundleError(f"its {name} has more than {most:,} bytes, the most that are read")
    return data


def _copy_weights(folder, most, expected, copy, private):
    digest, size = hashlib.sha256(), 0
    with _open(folder, WEIGHTS) as file:
        size = os.fstat(file.fileno()).st_size
        if size <= most and size > shutil.disk_usage(private).free:
            # Before the disk is full, which other programs need too.
            raise OSError(errno.ENOSPC, "No space left on device", str(private))
        while size <= most and (block := file.read(_BLOCK)):
            # It may grow while it is read.
            size = max(size, file.tell())
            digest.update(block)
            copy.write(block)
    if size > most:
        raise BundleError(
            f"its {WEIGHTS} has {size:,} bytes, and the model that its {CONFIG} describes takes "
            f"{most:,} at most: they are not of one model"
        )
    _compare(WEIGHTS, digest.hexdigest(), expected)


def _compare(name, found, expected):
    if found != expected:
        raise BundleError(
            f"its {name} has the SHA-256 {found}, and its {SUMS} says {expected}: one of them was "
            "changed or damaged since the preset was written"
        )


def _open(folder, name):
    """Opens a file of a preset, which is no link, folder, pipe or device."""
    # Without a wait for what may be a pipe; text is not translated on Windows.
    flags = os.O_RDONLY
    for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY", "O_NOCTTY"):
        flags |= getattr(os, flag, 0)
    path = file_behind(folder / name)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno in _IS_A_LINK:  # It became one this moment.
            raise BundleError(f"its {name} is a link") from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BundleError(f"its {name} is no file, but a folder, a pipe or a device")
    return os.fdopen(descriptor, "rb")


def _object(name, data):
    """Returns the JSON object in the bytes of a small file, each key once."""

    def once(pairs):
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a key comes twice")
        return found

    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"its {name} is no JSON: {str(error)[:200]}") from error
    if not isinstance(found, dict):
        raise BundleError(f"its {name} is no JSON object")
    return found


def _check_version(metadata):
    version = metadata.get("preset_version")
    if type(version) is not int or version < 1:
        raise BundleError(f"its {METADATA} has no whole number `preset_version`")
    if version > PRESET_VERSION:
        raise BundleError(
            f"it is a preset of version {version}, and this tfsynth reads versions up to "
            f"{PRESET_VERSION}: upgrade tfsynth"
        )
