"""Files that are given in place of a checkpoint: what they are, and what to do."""

import re

from tfsynth.importers.torch.pickles import RefusedError

_UNPACK = "Unpack it and name the file inside"
# Bytes at the start of a file, what they say, and the remedy.
_STARTS = (
    (
        b"version https://git-lfs",
        "a Git-LFS pointer, three lines of text that stand for a file",
        "Fetch the file itself: `git lfs pull` in its repository, or the download of its page",
    ),
    (b"\x1f\x8b", "compressed with gzip", f"{_UNPACK} (`gunzip`)"),
    (b"BZh", "compressed with bzip2", f"{_UNPACK} (`bunzip2`)"),
    (b"\xfd7zXZ\0", "compressed with xz", f"{_UNPACK} (`unxz`)"),
    (b"\x28\xb5\x2f\xfd", "compressed with Zstandard", f"{_UNPACK} (`unzstd`)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (
        b"\x89HDF",
        "an HDF5 file",
        "Only Keras's VGG-19 is read from one, by a name in .h5",
    ),
    (b"\x93NUMPY", "an array of NumPy", "Give the table of styles as --styles, and here a .pth"),
    (b"GGUF", "a GGUF file of a language model", "Name the .pth file of a network"),
    (b"\x89PNG", "a picture", "Name the .pth file of a network"),
    (b"\xff\xd8\xff", "a picture", "Name the .pth file of a network"),
)
# The length of a header in JSON, then the header.
_SAFETENSORS = re.compile(rb"[\s\S]{5}\0\0\0\{\s*\"")


def refuse_other_kinds(start):
    """Raises `RefusedError` if a file is of a kind that is often given in place of a checkpoint.

    Args:
        start: Its first bytes, 512 of them if there are as many.
    """
    for magic, what, remedy in _STARTS:
        if start.startswith(magic):
            raise RefusedError(f"it begins with {start[:16]!r}: it is {what}. {remedy}.")
    if _SAFETENSORS.match(start):
        raise RefusedError(
            "it is a file of safetensors. Save it for PyTorch: "
            "`torch.save(safetensors.torch.load_file(path), 'new.pth')`."
        )
    if start[257:262] == b"ustar":
        raise RefusedError(f"it is a tar archive. {_UNPACK} (`tar -xf`).")
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise RefusedError(
            f"it begins with {start[:16]!r}: it seems to be a web page that was saved in place of "
            "the download. Open it in a browser, follow it to the file and fetch that."
        )
