"""A LiteRT file with its description: a zip archive behind the flatbuffer, as TFLite's metadata is.

LiteRT reads the flatbuffer and never what follows it; `unzip` lists the rest. The description has
the SHA-256 of the flatbuffer: LiteRT does not survive every damaged one, so a file is compared
with it before LiteRT sees it.
"""

import hashlib
import importlib.util
import io
import json
import zipfile
from typing import NamedTuple

from tfsynth.exporters import description

MAGIC = b"TFL3"
# What the archive has beside the description: the names of the classes, one per line, as programs
# for TFLite's metadata expect them.
LABELS = "labels.txt"
# The key of the description under which size and SHA-256 of the flatbuffer are.
FLATBUFFER = "flatbuffer"
# Of the flatbuffer: a limit of its own, offsets of 31 bits.
_MOST_BYTES = 2**31
# Of the description, and of what the archive may have in all, compressed.
_MOST_DESCRIPTION = 2**20
_MOST_ARCHIVE = 2**22
# A fixed date: the same model gives the same file.
_DATE = (1980, 1, 1, 0, 0, 0)


class Stored(NamedTuple):
    """What a file holds.

    Args:
        flatbuffer: Bytes of the model, for LiteRT.
        description: Dict, as of `exporters.description.describe`.
    """

    flatbuffer: bytes
    description: dict


def require_litert():
    """Raises `ImportError` if LiteRT is not installed."""
    if importlib.util.find_spec("ai_edge_litert") is None:
        raise ImportError(
            "A LiteRT model needs the package ai-edge-litert: pip install 'tfsynth[litert]'."
        )


def is_litert(path):
    """Returns whether a file begins as a LiteRT flatbuffer does, whatever it is called."""
    with open(path, "rb") as file:
        return file.read(8)[4:] == MAGIC


def write_file(path, flatbuffer, described):
    """Writes a flatbuffer and, behind it, what it is.

    Args:
        path: `pathlib.Path` of the file.
        flatbuffer: Bytes of the model.
        described: Dict of plain JSON types, as of `exporters.description.describe`.
    """
    stored = {"bytes": len(flatbuffer), "sha256": hashlib.sha256(flatbuffer).hexdigest()}
    parts = {description.NAME: json.dumps({**described, FLATBUFFER: stored}, indent=1)}
    if described["label_set"]:
        names = [entry["name"] for entry in described["label_set"]["classes"]]
        parts[LABELS] = "\n".join(names) + "\n"
    path.write_bytes(flatbuffer)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)


def read_file(path):
    """Returns what a file holds, once the flatbuffer is the one that was described.

    Args:
        path: `pathlib.Path` of the file.

    Raises:
        ValueError: If it is no LiteRT file, not one of tfsynth's, or damaged.
        OSError: If it cannot be read.
    """
    if not is_litert(path):
        raise ValueError(f"{path} is no LiteRT model: it does not have the mark TFL3 at byte 4.")
    if path.stat().st_size > _MOST_BYTES + _MOST_ARCHIVE:
        raise ValueError(f"{path} is larger than a LiteRT model can be, 2 GiB.")
    content = path.read_bytes()
    try:
        described = description.read(_text(content))
        stored = described[FLATBUFFER]
        flatbuffer = content[: stored["bytes"]]
        intact = hashlib.sha256(flatbuffer).hexdigest() == stored["sha256"]
    # Of a damaged archive, the module raises errors of many kinds.
    except Exception as error:
        raise ValueError(
            f"{path} is no LiteRT model of `tfsynth export`, or damaged: {error}. Export it again."
        ) from None
    if not intact:
        raise ValueError(
            f"{path} is damaged: its model is not the one that was exported, by SHA-256. "
            "Export or copy it again."
        )
    return Stored(flatbuffer, described)


def _text(content):
    """Returns the description in the archive at the end, of a bounded size."""
    # The archive alone: a model of gigabytes is not copied to look for it.
    with zipfile.ZipFile(io.BytesIO(content[-_MOST_ARCHIVE:])) as archive:
        if description.NAME not in archive.namelist():
            raise ValueError(f"there is no {description.NAME} in it")
        with archive.open(description.NAME) as file:
            text = file.read(_MOST_DESCRIPTION + 1)
    if len(text) > _MOST_DESCRIPTION:
        raise ValueError(f"its {description.NAME} is larger than {_MOST_DESCRIPTION} bytes")
    return text.decode("utf-8")
