"""The losses and signals of a run, drawn from what it logged for TensorBoard."""

import dataclasses
import itertools
import math
import re
import struct

from tfsynth.runs.figures import new_figure, write_figure

_COLOURS = {
    "train": "tab:blue",
    "validation": "tab:orange",
    "synthesised": "tab:red",
    "real": "tab:green",
    "real_training": "tab:olive",
}
_TAGS = re.compile("epoch_|signals/")
_COLUMNS = 3
# Logged for each epoch, but not a loss.
_RATE = "learning_rate"


def write_curves(run, phases):
    """Draws a panel per loss and signal over the epochs, into the run's folder.

    Phases follow each other. Without matplotlib, or losses, nothing is written.

    Args:
        run: The `RunFolder`.
        phases: Names of its phases, in order; one empty name for a run in one phase.

    Raises:
        OSError: If the file cannot be written.
    """
    curves, starts = read_curves(run, phases)
    if not curves:
        return
    rows = math.ceil(len(curves) / _COLUMNS)
    figure = new_figure(3.6 * _COLUMNS, 2.2 * rows + 0.5, "Loss curves")
    if figure is not None:
        draw_curves(figure, curves, starts)
        write_figure(run.curves, figure)


def read_curves(run, phases):
    """Reads the losses and signals that a run logged.

    Args:
        run: The `RunFolder`.
        phases: Names of its phases, in order.

    Returns:
        Dict of loss -> dict of "train" or "validation" -> dict of epoch -> value, the epochs
        counted from 1 over all phases; and dict of phase -> the epochs before it. The signals come
        after the losses: of them the kinds are "synthesised", "real" and "real_training".
    """
    curves, starts, start = {}, {}, 0
    for phase in phases:
        starts[phase] = last = start
        logs = dataclasses.replace(run, phase=phase).logs
        for kind in _COLOURS:
            for name, epoch, value in read_scalars(logs / kind):
                if _RATE not in name:
                    curves.setdefault(name, {}).setdefault(kind, {})[start + epoch + 1] = value
                    last = max(last, start + epoch + 1)
        start = last
    return curves, starts


def read_scalars(folder):
    """Yields (name, epoch, value) of all `epoch_<name>` and `signals/<name>` in event files.

    The order is that of writing, also in a run that was resumed: of an epoch that occurs twice,
    the last one is used.

    Args:
        folder: `pathlib.Path` of the files; nothing is yielded if it does not exist.
    """
    # TensorBoard's own readers import TensorFlow if it is installed, also for runs on JAX.
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.util.tensor_util import make_ndarray

    for path in sorted(folder.glob("events.out.tfevents.*")):
        for record in _records(path.read_bytes()):
            event = Event.FromString(record)
            for value in event.summary.value:
                if found := _TAGS.match(value.tag):
                    number = float(make_ndarray(value.tensor))
                    yield value.tag[found.end() :], event.step, number


def _records(content):
    """Yields the records of a TFRecord file: length, its checksum, the bytes, their checksum."""
    at = 0
    while at + 12 <= len(content):
        (length,) = struct.unpack_from("<Q", content, at)
        end = at + 12 + length
        if end + 4 > len(content):
            return  # The process was killed while it was written.
        yield content[at + 12 : end]
        at = end + 4


def draw_curves(figure, curves, starts):
    """Draws what `read_curves` returned.

    Args:
        figure: A matplotlib `Figure`; drawn on.
        curves, starts: See `read_curves`.
    """
    rows = math.ceil(len(curves) / _COLUMNS)
    panels = figure.subplots(rows, _COLUMNS, squeeze=False).flat
    for (name, kinds), panel in zip(curves.items(), panels, strict=False):
        for kind, points in kinds.items():
            # Each phase has a line of its own, not connected with the one before.
            for low, high in itertools.pairwise([*starts.values(), math.inf]):
                epochs = [epoch for epoch in sorted(points) if low < epoch <= high]
                values = [points[epoch] for epoch in epochs]
                # A single epoch is a point.
                marker = "o" if len(epochs) == 1 else None
                panel.plot(epochs, values, color=_COLOURS[kind], marker=marker, label=kind)
        panel.set_title(name.replace("_", " "), fontsize=10, pad=14 if len(starts) > 1 else 6)
        panel.xaxis.get_major_locator().set_params(integer=True)
        panel.set_ylim(bottom=min(0.0, panel.get_ylim()[0]))
        panel.grid(color="0.9")
        for phase, start in starts.items():
            if phase:
                panel.axvline(start + 0.5, color="0.6", linewidth=0.8)
                top = panel.get_xaxis_transform()
                panel.text(start + 0.5, 1.02, phase, transform=top, fontsize=8, color="0.4")
    for panel in panels:
        panel.set_axis_off()
    lines = {line.get_label(): line for axes in figure.axes for line in axes.get_lines()}
    shown = [kind for kind in _COLOURS if kind in lines]
    names = [kind.replace("_", " ") for kind in shown]
    handles = [lines[kind] for kind in shown]
    figure.legend(handles, names, loc="outside lower left", ncols=len(_COLOURS))
    figure.supxlabel("epochs", fontsize=10)
