"""How a run was made: on what, by which version, and how long it was trained."""

import dataclasses
import os
import platform
import subprocess
from pathlib import Path

from tfsynth import __version__
from tfsynth.data import Share
from tfsynth.layers import gpu_names
from tfsynth.runs.parts import build_dataset
from tfsynth.runs.phases import split_into_phases
from tfsynth.trainers import Checkpoints


def machine():
    """Returns what computes, in words."""
    gpus = gpu_names()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    info = Path("/proc/cpuinfo")  # Linux only.
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = names[0] if names else platform.processor() or platform.machine()
    return f"{cores} cores of {processor}{f', {len(gpus)} GPU' if gpus else ''}"


def version():
    """Returns the package's version and, in a checkout, its commit."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return __version__
    words = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        done = subprocess.run(words, capture_output=True, text=True)
    except OSError:
        return __version__
    return f"{__version__} ({done.stdout.strip()})" if done.returncode == 0 else __version__


def data_fingerprint(config):
    """Returns digits that change with the content of a config's data set, whole if it is a `Share`.

    Raises:
        ValueError: If the data set cannot be built.
        OSError: If its files cannot be read.
    """
    dataset = build_dataset(config)
    while isinstance(dataset, Share):
        dataset = dataset.dataset
    return dataset.fingerprint


def training(config, folder):
    """Returns how long and how often a run was trained, over its phases.

    Args:
        config: Its `Config`.
        folder: Its `RunFolder`.

    Returns:
        Dict of `steps`, `minutes` and `images_per_second`, the last `None` if no time has passed.
    """
    steps, images, seconds = 0, 0, 0.0
    for name, phase in split_into_phases(config):
        store = Checkpoints(dataclasses.replace(folder, phase=name).checkpoints)
        state = store.newest() or {"step": 0, "seconds": 0.0}
        steps += state["step"]
        images += state["step"] * phase.train.batch_size
        seconds += state["seconds"]
    rate = images / seconds if seconds else None
    return {"steps": steps, "minutes": seconds / 60, "images_per_second": rate}
