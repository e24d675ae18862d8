"""What lies in a folder: names and contents, in a form that can be compared between two runs."""

import hashlib
import io
import json
import re
import zipfile

import h5py
import numpy as np
import yaml
from PIL import Image

# Names that only something unfinished has.
TEMPORARY = re.compile(
    r"^\.(working|writing|drawing|import|tmp)|^\.\d+-|\.part$|\.tmp$|\.new$|^incomplete|incomplete\."
    r"|^old-"
)
# Names with the time and the process in them, and locks that stay.
_NAMED_BY_TIME = re.compile(r"events\.out\.tfevents\.|^\.lock$|^lock$")
# Files whose bytes differ between two runs of the same: seconds of training, order in a graph.
_OTHER_EACH_TIME = re.compile(
    r"^(checkpoints\.json|saved_model\.(pb|sha256)|fingerprint\.pb|variables\..*|curves\.png|protocol\.json)$"
)


def paths_in(*folders):
    """Returns relative path -> path of each file and of each empty or temporary folder."""
    found = {}
    for folder in folders:
        for path in folder.rglob("*"):
            leaf = path.is_file() or TEMPORARY.search(path.name)
            if leaf and not _NAMED_BY_TIME.search(path.name):
                found[f"{folder.name}/{path.relative_to(folder)}"] = path
    return found


def unfinished(*folders):
    """Returns the paths of what somebody began to write in the folders."""
    return sorted(name for name, p in paths_in(*folders).items() if TEMPORARY.search(p.name))


def contents(*folders):
    """Returns relative path -> digest; of what differs in each run only that it can be read."""
    found = {}
    for name, path in paths_in(*folders).items():
        # What lies in a folder that is being written may be half a file.
        if any(TEMPORARY.search(part) for part in name.split("/")) or not path.is_file():
            continue
        found[name] = "there" if _OTHER_EACH_TIME.match(path.name) else digest(path)
    return found


def digest(path):
    """Returns a digest of what a file means: times in archives and notes are left out."""
    data = path.read_bytes()
    if path.suffix == ".keras":
        return _archive(data)
    return hashlib.sha256(data).hexdigest()


def _archive(data):
    whole = hashlib.sha256()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".h5"):
                with h5py.File(io.BytesIO(archive.read(name))) as file:
                    file.visititems(lambda n, o: whole.update(_bytes_of(n, o)))
            elif name != "metadata.json":
                whole.update(archive.read(name))
    return whole.hexdigest()


def _bytes_of(name, item):
    return name.encode() + (np.asarray(item).tobytes() if isinstance(item, h5py.Dataset) else b"")


def torn(*folders):
    """Returns the names of files, not temporary ones, that cannot be read to their end."""
    found = []
    for name, path in paths_in(*folders).items():
        if any(TEMPORARY.search(part) for part in name.split("/")) or not path.is_file():
            continue
        try:
            _read_whole(path)
        except Exception as error:
            found.append(f"{name} ({type(error).__name__})")
    return found


def _read_whole(path):
    if path.suffix in (".keras", ".pth") and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if archive.testzip():
                raise ValueError("a damaged member")
    elif path.suffix == ".keras":
        raise ValueError("no archive")
    elif path.suffix == ".png":
        with Image.open(path) as picture:
            picture.load()
    elif path.suffix == ".json":
        json.loads(path.read_text())
    elif path.suffix == ".yaml":
        yaml.safe_load(path.read_text())
