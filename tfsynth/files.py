"""Files and folders that are written completely or not at all, and their SHA-256."""

import contextlib
import ctypes
import errno
import hashlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

fcntl: Any = None
with contextlib.suppress(ImportError):  # There is none on Windows.
    import fcntl

# What is being written lies in a folder of this name beside its place, with a file that is locked
# as long as the writer lives. The name of no other file or folder begins so.
WORKING = ".working-"
_LOCK = "lock"
# Where the file system has no locks, a writer is taken for dead after so long.
_OLD_SECONDS = 86_400.0


@contextlib.contextmanager
def working_folder(parent):
    """Gives an empty folder in `parent`, on the same file system, and removes it after the block.

    The one place that makes temporary names. A folder that a killed process left is removed the
    next time that something is written in `parent`; see `remove_abandoned`.

    Args:
        parent: `pathlib.Path` of a folder that exists.

    Raises:
        OSError: If the disk is full or read-only.
    """
    remove_abandoned(parent)
    made = None
    while made is None:
        made = _locked_folder(parent)
    folder, lock = made
    with lock:
        try:
            yield folder
        finally:
            _remove(folder)


def _locked_folder(parent):
    """Returns a new folder and its lock; `None` if another process took it for a dead one's."""
    folder = Path(tempfile.mkdtemp(prefix=WORKING, dir=parent))
    if fcntl is None:
        (folder / _LOCK).touch()
        return folder, contextlib.nullcontext()
    with contextlib.ExitStack() as undo:
        undo.callback(_remove, folder)
        try:
            lock = undo.enter_context(open(folder / _LOCK, "w+b"))
            # On a drive that is mounted without locks, a new folder is nobody else's.
            if not _lock(lock, without=True):
                return None
            locked = os.path.samestat(os.fstat(lock.fileno()), os.stat(folder / _LOCK))
        except FileNotFoundError:
            if not Path(parent).is_dir():
                raise
            return None
        if locked:
            undo.pop_all()
            return folder, lock
    return None


def _lock(file, without):
    """Locks an open file; returns whether nobody else has, `without` where there are no locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return without
    return True


def remove_abandoned(folder, within=False):
    """Removes what processes that were killed had begun to write in a folder.

    Args:
        folder: `pathlib.Path`; it need not exist.
        within: Whether to look into all folders inside it too.
    """
    # Not by `glob`, which fails if another process removes a folder meanwhile.
    for place, folders, _ in os.walk(folder):
        for name in [name for name in folders if name.startswith(WORKING)]:
            if not Path(place, name).is_symlink():
                _remove_if_abandoned(Path(place, name))
        if not within:
            break
        # What is in one is its writer's, or went with it.
        folders[:] = [name for name in folders if not name.startswith(WORKING)]


def _remove_if_abandoned(folder):
    try:
        with open(folder / _LOCK, "r+b") as lock:
            old = time.time() - folder.stat().st_mtime > _OLD_SECONDS
            if fcntl is not None and _lock(lock, without=old):
                _remove(folder)  # Under its lock: a writer that is about to take it makes another.
        if fcntl is None and old:
            _remove(folder)
    except FileNotFoundError:
        # A writer that was killed before it made the lock, or is about to; one with files and
        # without a lock was made by somebody else, and stays.
        with contextlib.suppress(OSError):
            os.rmdir(folder)
    except OSError:
        pass  # Another user's.


def _remove(folder):
    """Removes a working folder, its lock last, by which it is known should this be broken off."""
    for name in _names_in(folder) - {_LOCK}:
        inside = folder / name
        if inside.is_dir() and not inside.is_symlink():
            shutil.rmtree(inside, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                inside.unlink()
    shutil.rmtree(folder, ignore_errors=True)


def _names_in(folder):
    try:
        return set(os.listdir(folder))
    except OSError:  # Another process has removed it.
        return set()


def replace_file(path, write):
    """Writes a file under a temporary name, flushes it to the disk and renames it.

    After a crash at any moment, `path` is the old file or the complete new one.

    Args:
        path: `pathlib.Path` where the file is wanted; its folder must exist.
        write: Callable that gets the temporary path, which has the same name.

    Raises:
        OSError: If the disk is full or read-only, or `path` is a folder; what was there stays.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "A folder lies where a file is to be", str(path))
    # The name stays: Keras and Pillow choose the format by its suffix.
    with working_folder(path.parent) as folder:
        temporary = folder / path.name
        write(temporary)
        _flush(temporary)
        os.replace(temporary, path)
        _flush_folder(path.parent)


@contextlib.contextmanager
def new_folder(path, replace=False):
    """Gives a temporary folder to write into, and gives it its final name after the block.

    After a crash at any moment, `path` is as it was or the complete new folder; with `replace`, it
    is never absent where the system can exchange two names (Linux, macOS).

    Args:
        path: `pathlib.Path` of the folder wanted. The folders above it are made.
        replace: Whether a folder that is there is replaced. Without, it must be empty or absent.

    Raises:
        FileExistsError: If there is something at `path` that is not to be replaced; before the
            block, so that no work is lost.
        OSError: If the disk is full or read-only; what was at `path` stays.
    """
    path = Path(path).absolute()
    if is_taken(path) and not replace:
        raise FileExistsError(f"{path} exists already. Name another folder, or remove it first.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with working_folder(path.parent) as folder:
        # Named as it will be: a program may store its own name in what it writes.
        written = folder / path.name
        written.mkdir()
        yield written
        for inside in written.rglob("*"):
            _flush_folder(inside) if inside.is_dir() else _flush(inside)
        _flush_folder(written)
        move_into_place(written, path)


def is_taken(path):
    """Returns whether there is something at a path but an empty folder; also a link to nothing."""
    return os.path.lexists(path) and (not path.is_dir() or any(path.iterdir()))


def move_into_place(written, path):
    """Renames a file or folder; one that is at `path` changes places with it.

    Args:
        written: `pathlib.Path` on the same file system.
        path: `pathlib.Path` of its final place.

    Raises:
        OSError: If it cannot be renamed; what was at `path` stays.
    """
    if not _renamed(written, path) and not _exchanged(written, path):
        # For a moment there is none: this system has no exchange.
        old = written.with_name(f"old-{written.name}")
        os.rename(path, old)
        os.rename(written, path)
    _flush_folder(path.parent)


def _renamed(written, path):
    """Renames; returns whether it could: not if there is a folder, were it made this moment."""
    if path.is_dir():
        return False
    try:
        os.replace(written, path)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.EISDIR):
            raise
        return False
    return True


def _exchanged(one, other):
    """Exchanges two names in one step; returns whether the system could."""
    arguments = {"linux": ("renameat2", -100, 2), "darwin": ("renameatx_np", -2, 2)}
    if sys.platform not in arguments:
        return False
    name, here, exchange = arguments[sys.platform]
    function = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    if function is None:
        return False
    failed = function(here, os.fsencode(one), here, os.fsencode(other), exchange)
    if failed and ctypes.get_errno() not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(other))
    return not failed


def _flush(path):
    # Open for writing, without which Windows flushes nothing.
    with open(path, "r+b") as file:
        os.fsync(file.fileno())


def _flush_folder(path):
    """Flushes the names in a folder, without which a power cut can undo a renaming."""
    with contextlib.suppress(OSError):  # Windows opens no folder; some drives flush none.
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sha256_of(path: str | os.PathLike) -> str:
    """Returns the SHA-256 of a file's content in 64 hexadecimal digits; it is read in parts."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def config_folder():
    """Returns the folder of the configs that come with the package."""
    # A checkout holds it beside the package, an installed package inside.
    packaged = Path(__file__).parent / "configs"
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "configs"


def cache_folder():
    """Returns the folder of data and scoring networks that are kept between runs.

    `$TFSYNTH_CACHE`, else ~/.cache/tfsynth.
    """
    return Path(os.environ.get("TFSYNTH_CACHE") or "~/.cache/tfsynth").expanduser()


def write_text(path, text):
    """Writes a text file, completely or not at all."""
    replace_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
