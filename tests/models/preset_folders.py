"""Preset folders that were changed after they were written, by hand or with ill will."""

import hashlib
import json
import os
import shutil

from tests.models import bundles


def sums_of(folder):
    """Writes the sums of what is in the folder now, as somebody would who changed it."""
    names = sorted(path.name for path in folder.iterdir() if path.name != "sha256.json")
    sums = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    (folder / "sha256.json").write_text(json.dumps(sums))
    return folder


def with_config(source, folder, change):
    """Copies a preset whose config was changed in place by `change(config)`, with right sums."""
    shutil.copytree(source, folder)
    config = json.loads((folder / "config.json").read_text())
    changed = change(config)
    (folder / "config.json").write_text(json.dumps(config if changed is None else changed))
    return sums_of(folder)


def with_weights(source, folder, change):
    """Copies a preset whose weights were changed by `change(h5py.File)`, with right sums."""
    shutil.copytree(source, folder)
    path = folder / "model.weights.h5"
    path.write_bytes(bundles.changed_weights(path.read_bytes(), change))
    return sums_of(folder)


def as_the_hub_keeps_it(source, cache, shared=("model.weights.h5",)):
    """Copies a preset into a cache as huggingface_hub lays it out; returns the snapshot's folder.

    Files of `shared` lie in the store of all repositories, as some do since version 2.
    """
    repository = cache / "models--owner--name"
    snapshot = repository / "snapshots" / ("0123456789" * 4)
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    for path in source.iterdir():
        data = path.read_bytes()
        # Small ones by git's SHA-1, others by SHA-256.
        large = path.suffix != ".json" and path.suffix != ".md"
        name = (hashlib.sha256 if large else hashlib.sha1)(data).hexdigest()
        blob = repository / "blobs" / name
        if path.name in shared:
            place = hashlib.sha256(b"of the store" + data).hexdigest()
            store = cache / "blobs" / place[:2]
            store.mkdir(parents=True)
            (store / place).write_bytes(data)
            os.symlink(f"../../blobs/{place[:2]}/{place}", blob)
        else:
            blob.write_bytes(data)
        os.symlink(f"../../blobs/{name}", snapshot / path.name)
    return snapshot
