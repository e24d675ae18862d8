"""Presets on the Hugging Face Hub: their addresses, and the links of the hub's cache.

`huggingface_hub` is imported on use. It keeps a downloaded file once, by its hash, and links to it:

    models--OWNER--NAME/snapshots/COMMIT/config.json -> ../../blobs/HASH
    models--OWNER--NAME/blobs/HASH -> ../../blobs/XX/HASH      (some files, since version 2)

Source: `file_download.py` and `utils/_shared_blobs.py` of huggingface_hub 2.4.0.
"""

import os
import re
from pathlib import Path

from tfsynth.models.archive import BundleError

SCHEME = "hf://"
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?"
_URI = re.compile(rf"hf://({_NAME}/{_NAME})(?:@([A-Za-z0-9][A-Za-z0-9._/-]{{0,199}}))?")
_BLOB = re.compile(r"\.\./\.\./blobs/([0-9a-f]{40}|[0-9a-f]{64})")
_SHARED = re.compile(r"\.\./\.\./blobs/([0-9a-f]{2})/(\1[0-9a-f]{62})")


def is_uri(name_or_path):
    """Returns whether it is meant as an address of the hub."""
    return isinstance(name_or_path, str) and name_or_path.startswith(SCHEME)


def parse_uri(uri):
    """Returns repository ("owner/name") and revision (or `None`) of an address of the hub.

    Args:
        uri: `hf://owner/name` or `hf://owner/name@revision`; a revision is a branch, a tag or a
            commit.

    Raises:
        ValueError: If it is no such address.
    """
    match = _URI.fullmatch(uri)
    if match is None or ".." in uri or "--" in match[1]:
        raise ValueError(
            f"{uri[:200]} is no address of a preset. It is hf://owner/name, or "
            "hf://owner/name@revision with a branch, a tag or a commit."
        )
    return match[1], match[2]


def download(uri, names):
    """Downloads the named files of a repository, or finds them in the hub's cache.

    Args:
        uri: See `parse_uri`.
        names: Names of the only files that are fetched.

    Returns:
        The `pathlib.Path` of the folder with them.

    Raises:
        ValueError: If it is no address of the hub.
        ModuleNotFoundError: If `huggingface_hub` is not installed.
        ConnectionError: If it cannot be had: the network, the name or the access.
    """
    repository, revision = parse_uri(uri)
    try:
        from huggingface_hub import snapshot_download  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{uri} needs the package huggingface_hub: pip install 'tfsynth[hub]'. A folder that "
            "was downloaded in another way is a preset too.",
            name="huggingface_hub",
        ) from error
    try:
        found = snapshot_download(repository, revision=revision, allow_patterns=list(names))
    # Its errors are of many kinds, and those of the library for HTTP that it is based on.
    except Exception as error:
        line = (str(error).strip() or type(error).__name__).splitlines()[0][:300].rstrip(". ")
        raise ConnectionError(
            f"{uri} cannot be downloaded: {line}. See whether the name is right, the network is "
            "there, and `hf auth login` gives access if it is private."
        ) from error
    return Path(found)


def file_behind(path):
    """Returns the path of a preset's file: itself, or where the hub's cache links to.

    Args:
        path: `pathlib.Path` of a file in a folder whose own path has no links.

    Raises:
        BundleError: If it is any other link.
    """
    if not path.is_symlink():
        return path
    snapshots = path.parent.parent
    repository, cache = snapshots.parent, snapshots.parent.parent
    link = _BLOB.fullmatch(_target(path))
    if link and snapshots.name == "snapshots" and repository.name.startswith("models--"):
        blob = repository / "blobs" / link[1]
        if _is_folder(blob.parent) and not blob.is_symlink():
            return blob
        shared = _SHARED.fullmatch(_target(blob)) if _is_folder(blob.parent) else None
        if shared:
            place = cache / "blobs" / shared[1]
            if _is_folder(place.parent) and _is_folder(place):
                return place / shared[2]
    raise BundleError(
        f"its {path.name} is a link, and a preset holds its files themselves: copy the files, not "
        "links to them"
    )


def _target(link):
    return os.readlink(link).replace(os.sep, "/")


def _is_folder(path):
    return path.is_dir() and not path.is_symlink()
