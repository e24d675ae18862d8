"""Files and folders whole or not at all, what a killed writer leaves, and their sums."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from tfsynth.files import (
    move_into_place,
    new_folder,
    remove_abandoned,
    replace_file,
    sha256_of,
    working_folder,
)

WRITER = """
import pathlib, sys, time
from tfsynth.files import working_folder
with working_folder(pathlib.Path(sys.argv[1])) as folder:
    (folder / "part").write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_sha256_of_the_published_example(tmp_path):
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    # FIPS 180-2, appendix B.1.
    assert sha256_of(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_of(str(path)) == sha256_of(path)


def test_sha256_of_a_file_larger_than_a_part(tmp_path):
    path = tmp_path / "large"
    content = bytes(range(256)) * 4096
    path.write_bytes(content)
    assert sha256_of(path) == hashlib.sha256(content).hexdigest()


@pytest.fixture
def writer(tmp_path):
    """A process that is writing in `tmp_path`, and its end by `kill -9`."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path, writer):
    assert len(list(tmp_path.iterdir())) == 1
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert len(list(tmp_path.iterdir())) == 1
    replace_file(tmp_path / "note.txt", lambda path: path.write_text("whole"))
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_what_a_living_writer_has_begun_stays(tmp_path, writer):
    begun = list(tmp_path.iterdir())
    replace_file(tmp_path / "note.txt", lambda path: path.write_text("whole"))
    remove_abandoned(tmp_path.parent, within=True)
    assert sorted(tmp_path.iterdir()) == sorted([*begun, tmp_path / "note.txt"])
    assert writer.poll() is None


@pytest.mark.parametrize("names", [[], ["lock"], ["lock", "part"]])
def test_a_folder_that_nobody_holds_is_removed_at_once(tmp_path, names):
    made = tmp_path / ".working-abcdefgh"
    made.mkdir()
    for name in names:
        (made / name).touch()
    remove_abandoned(tmp_path)
    assert not made.exists()


def test_writers_and_those_that_tidy_up_do_not_disturb_each_other(tmp_path):
    program = (
        "import pathlib, sys, time\n"
        "from tfsynth.files import remove_abandoned, working_folder\n"
        "folder, end = pathlib.Path(sys.argv[1]), time.monotonic() + 3\n"
        "while time.monotonic() < end:\n"
        "    if sys.argv[2] == 'tidy':\n"
        "        remove_abandoned(folder)\n"
        "        continue\n"
        "    with working_folder(folder) as made:\n"
        "        (made / 'part').write_text('x')\n"
        "        assert (made / 'part').read_text() == 'x'\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, tmp_path, role], stderr=subprocess.PIPE)
        for role in ("write", "write", "tidy", "tidy")
    ]
    ends = [process.communicate()[1] for process in processes]
    assert ends == [b""] * 4
    remove_abandoned(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_link_that_looks_like_one_is_not_followed(tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "lock").write_text("")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / ".working-link").symlink_to(kept, target_is_directory=True)
    remove_abandoned(tmp_path, within=True)
    assert (kept / "lock").is_file()


def test_a_failed_writer_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("old")

    def write(temporary):
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        replace_file(path, write)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_folder_refuses_what_is_there_before_the_work(tmp_path):
    there = tmp_path / "export"
    there.mkdir()
    (there / "mine").write_text("x")
    with pytest.raises(FileExistsError, match="export exists already"):
        with new_folder(there):
            raise AssertionError("the work began")
    assert [path.name for path in tmp_path.iterdir()] == ["export"]


def test_a_replaced_folder_is_never_absent(tmp_path):
    target = tmp_path / "1"
    with new_folder(target) as written:
        (written / "model").write_text("0")
    watch = (
        "import os, sys\n"
        "print('ready', flush=True)\n"
        "missed = 0\n"
        "while not os.path.exists(sys.argv[1] + '.end'):\n"
        "    missed += not os.path.exists(sys.argv[1] + '/model')\n"
        "print(missed)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", watch, target], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    for number in range(200):
        with new_folder(target, replace=True) as written:
            (written / "model").write_text(str(number))
    (tmp_path / "1.end").touch()
    missed = int(process.communicate()[0])
    assert (target / "model").read_text() == "199"
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["1", "1.end"]
    if sys.platform in ("linux", "darwin"):
        assert missed == 0


def test_a_working_folder_is_of_the_folder_it_is_for(tmp_path):
    with working_folder(tmp_path) as folder:
        assert folder.parent == tmp_path
        assert folder.name.startswith(".working-")
    assert list(tmp_path.iterdir()) == []


def test_removing_goes_on_if_folders_vanish_meanwhile(tmp_path):
    end = time.monotonic() + 1.0

    def write():
        while time.monotonic() < end:
            with working_folder(tmp_path) as folder:
                (folder / "inside").mkdir()

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        remove_abandoned(tmp_path, within=True)
    assert not any(tmp_path.iterdir())


def test_a_link_to_nothing_is_no_place_for_a_folder(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    with pytest.raises(FileExistsError, match="link exists already"), new_folder(tmp_path / "link"):
        pytest.fail("the work was begun")


def test_a_folder_of_somebody_else_is_left_alone_whatever_its_name(tmp_path):
    theirs = tmp_path / ".working-copy"
    theirs.mkdir()
    (theirs / "thesis.txt").write_text("a year's work")
    os.utime(theirs, (1, 1))
    remove_abandoned(tmp_path.parent, within=True)
    replace_file(tmp_path / "note.txt", lambda path: path.write_text("whole"))
    assert (theirs / "thesis.txt").read_text() == "a year's work"


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path):
    with pytest.raises(IsADirectoryError, match="A folder lies where .*the_model"):
        (tmp_path / "the_model").mkdir()
        replace_file(tmp_path / "the_model", lambda path: path.write_text(""))
    assert [path.name for path in tmp_path.iterdir()] == ["the_model"]


def test_a_folder_that_another_process_makes_this_moment_changes_places(tmp_path):
    written, path = tmp_path / "written", tmp_path / "path"
    for folder, text in ((written, "mine"), (path, "theirs")):
        folder.mkdir()
        (folder / "file").write_text(text)

    class NotThereYet(type(path)):
        def is_dir(self, **_):
            return False  # As it was when one looked.

    move_into_place(written, NotThereYet(path))
    assert (path / "file").read_text() == "mine"
