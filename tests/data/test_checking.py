"""Threads that keep the order, and a memory that never harms."""

import threading
import time
from pathlib import Path

import pytest

from tfsynth.data import checking
from tfsynth.files import cache_folder


def test_threads_keep_the_order():
    seen = set()

    def square(i):
        seen.add(threading.get_ident())
        return i * i

    assert checking.in_threads(square, range(200), "squares", progress=False) == [
        i * i for i in range(200)
    ]
    assert threading.get_ident() not in seen


def test_the_first_error_stops_the_rest():
    called = []

    def fail(i):
        called.append(i)
        time.sleep(0.001)
        if i >= 3:
            raise ValueError(f"item {i}")

    with pytest.raises(ValueError, match="item 3"):
        checking.in_threads(fail, range(5000), "failing", progress=False)
    assert len(called) < 1000


def test_what_is_remembered_is_recalled(private_cache):
    key = checking.digest(["a", 1])
    assert checking.recall(key) is None
    checking.remember(key, {"most": 3})
    assert checking.recall(key) == {"most": 3}
    assert [file.suffix for file in private_cache.rglob("*") if file.is_file()] == [".json"]


def test_the_cache_has_a_usual_place(monkeypatch):
    monkeypatch.delenv("TFSYNTH_CACHE")
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache_folder() == Path("/home/someone/.cache/tfsynth")


def test_digest_depends_on_every_part():
    assert checking.digest([1, [2, "a"]]) == checking.digest([1, [2, "a"]])
    assert len({checking.digest(part) for part in ([1, 2], [2, 1], [12], {"a": 1})}) == 4
