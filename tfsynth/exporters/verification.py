"""The pictures of an exported model beside the model's own: what differs is not kept.

Compared at three sizes, one of them no multiple of the network's, one picture at a time and three
at once, and with several seeds. The runtime is that of the format, on this machine's CPU.
"""

import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from tfsynth.exporters import runtimes, signature
from tfsynth.exporters.made_layouts import made_layouts as made_layouts

# Larger pictures are compared at this size: time, and what may differ, grow no further.
LARGEST = (256, 512)
SEEDS = (0, 5, 2**31 - 1)
# Rounds in which both models draw one picture in turns; the shortest time of each counts.
ROUNDS = 5


class Tolerance(NamedTuple):
    """How far pictures may differ.

    Args:
        levels: Grey levels that a share of the values may differ by.
        share: That share, 0..1.
        psnr: The least peak signal-to-noise ratio in dB, of the worst picture.
    """

    levels: int
    share: float = 1.0
    psnr: float = 0.0


EXACT = Tolerance(0)
# By the precision of the weights: in float32 runtimes differ in the order of their sums, which can
# round a value to the next grey level.
TOLERANCES = {
    "float32": Tolerance(1),
    "float16": Tolerance(2, 0.999),
    "int8": Tolerance(255, psnr=28.0),
    "int8-weights": Tolerance(255, psnr=30.0),
    "int8-static": Tolerance(255, psnr=25.0),
}


class Row(NamedTuple):
    """What one comparison found: differences in grey levels, of all pictures of its batch."""

    height: int
    width: int
    batch: int
    seeds: tuple
    largest: int
    mean: float
    psnr: float
    within: float


class Report(NamedTuple):
    """What a verification found.

    Args:
        rows: A list of `Row`.
        tolerance: The `Tolerance` that all rows keep.
        bytes: Size of the export.
        seconds: The shortest time of one picture of `size`; of the export, and of the model.
        size: (height, width) of that picture.
    """

    rows: list
    tolerance: Tolerance
    bytes: int
    seconds: tuple
    size: tuple

    def as_text(self):
        """Returns a table, with a line on size and time."""
        lines = [f"{'pixels':>11} {'batch':>5} {'largest':>8} {'mean':>7} {'PSNR':>8}  difference"]
        for row in self.rows:
            psnr = "equal" if row.psnr == float("inf") else f"{row.psnr:.1f} dB"
            size = f"{row.height} x {row.width}"
            lines.append(f"{size:>11} {row.batch:5} {row.largest:8} {row.mean:7.3f} {psnr:>8}")
        export, model = (1000 * seconds for seconds in self.seconds)
        height, width = self.size
        lines.append(
            f"{self.bytes / 1e6:.2f} MB. A picture of {height} x {width} takes {export:.0f} ms, "
            f"the model's own {model:.0f} ms (the shortest of {ROUNDS} in turns, on this machine)."
        )
        return "\n".join(lines)


def verify(synthesizer, path, precision, *, size=None, layouts, progress=False):
    """Compares the pictures of an export with those of its model.

    Args:
        synthesizer: The `Synthesizer` that was exported.
        path: What was written.
        precision: The precision of its weights.
        size: (height, width) if it takes only one.
        layouts: As in `exporters.export`.
        progress: Whether to show progress.

    Returns:
        A `Report`.

    Raises:
        ValueError: If a picture differs by more than the tolerance.
    """
    runtime = runtimes.open_runtime(path)
    exact = runtime.description["format"] == "saved_model"
    tolerance = EXACT if exact else TOLERANCES[precision]
    rows = []
    found = list(_comparisons(synthesizer, layouts, size))
    for inputs in tqdm(found, "verifying", unit="batch", disable=not progress, leave=False):
        expected = _own_pictures(synthesizer, inputs)
        got = runtime.run(inputs)
        row = compare(expected, got, tolerance, tuple(inputs.get("seed", ())))
        rows.append(row)
        _require_within(row, tolerance)
    seconds, height_and_width = _timed(synthesizer, runtime, found[0])
    return Report(rows, tolerance, size_of(path), seconds, height_and_width)


def compare(expected, got, tolerance=EXACT, seeds=()):
    """Returns the `Row` of two batches of pictures.

    Args:
        expected: Uint8 (batch, height, width, channels).
        got: Uint8 of the same shape.
        tolerance: Whose share is counted.
        seeds: The seeds that they were drawn with.

    Raises:
        ValueError: If the shapes differ.
    """
    if expected.shape != got.shape or got.dtype != np.uint8:
        raise ValueError(
            f"The exported model returns {got.dtype} {got.shape}, the model {expected.dtype} "
            f"{expected.shape}. Nothing was written."
        )
    difference = np.abs(expected.astype(np.int16) - got)
    # Of each picture of the batch, of which the worst counts.
    axes = tuple(range(1, difference.ndim))
    error = float(np.square(difference, dtype=np.float64).mean(axes).max())
    batch, height, width = got.shape[:3]
    return Row(
        *(height, width, batch, seeds),
        largest=int(difference.max()),
        mean=float(difference.mean()),
        psnr=float("inf") if error == 0 else float(10 * np.log10(255**2 / error)),
        within=float((difference <= tolerance.levels).mean(axes).min()),
    )


def resized(layout, size):
    """Returns a layout at another size, by the nearest pixels.

    The whole of it: a corner may be of one class, whose picture is nothing but rounding errors.

    Args:
        layout: Dict of arrays (height, width[, channels]).
        size: (height, width) in pixels; where one is `None`, it is that of the layout, or of
            `LARGEST`, if that is smaller.
    """
    found = {}
    for name, array in layout.items():
        rows, columns = (
            np.arange(wanted) * length // wanted
            for length, wanted in (
                (length, only or min(length, most))
                for length, only, most in zip(array.shape, size, LARGEST, strict=False)
            )
        )
        found[name] = array[rows][:, columns]
    return found


def size_of(path):
    """Returns the bytes of a file, or of all files in a folder."""
    path = Path(path)
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return sum(file.stat().st_size for file in files)


def _require_within(row, tolerance):
    if row.within >= tolerance.share and row.psnr >= tolerance.psnr:
        return
    allowed = (
        f"{tolerance.psnr:g} dB or more"
        if tolerance.psnr
        else f"{tolerance.levels} grey levels on {tolerance.share:.1%} of the values"
    )
    raise ValueError(
        f"The exported model draws other pictures than the model: at {row.height}x{row.width}, "
        f"{row.batch} at once, they differ by up to {row.largest} grey levels, {row.mean:.2f} on "
        f"average, {row.psnr:.1f} dB (allowed: {allowed}). Nothing was written."
    )


def _comparisons(synthesizer, layouts, size):
    """Yields the inputs of each comparison."""
    name, dtypes = synthesizer.conditioning.condition_name, _dtypes(synthesizer)
    layouts = [layout for layout in layouts if _has_regions(resized(layout, size or LARGEST), name)]
    if not layouts:
        raise ValueError(
            "The layouts to verify with are of one class each, or of one pixel: their pictures are "
            "nothing but rounding errors of the norms, which no export repeats. Give layouts with "
            "several classes."
        )
    height, width = (
        min(most, *(layout[name].shape[axis] for layout in layouts))
        for axis, most in enumerate(LARGEST)
    )
    if size is not None:
        sizes = [tuple(size)]
    else:
        # The second is odd, no multiple of what the network halves.
        odd = tuple(max((side - 3) // 2 * 2 + 1, 1) for side in (height, width))
        sizes = [(height, width), odd, ((height + 1) // 2, (width + 1) // 2)]
    for number, (rows, columns) in enumerate(sizes):
        for batch in (1, 3):
            chosen = [layouts[(number + i) % len(layouts)] for i in range(batch)]
            seeds = [SEEDS[(number + i) % len(SEEDS)] for i in range(batch)]
            yield _batch(chosen, (rows, columns), dtypes, seeds)


def _has_regions(layout, name):
    condition = layout[name]
    return bool((condition != condition[:1, :1]).any())


def _dtypes(synthesizer):
    return {name: dtype for name, (_, dtype) in signature.tensors(synthesizer).items()}


def _batch(layouts, size, dtypes, seeds):
    layouts, found = [resized(layout, size) for layout in layouts], {}
    for name, dtype in dtypes.items():
        maps = [layout[name] for layout in layouts if name != "seed"]
        found[name] = np.array(seeds if name == "seed" else maps, dtype)
    return found


def _own_pictures(synthesizer, inputs):
    """Returns the pictures of the compiled model, which `synthesize` returns too."""
    given = {name: inputs[name] for name in synthesizer.input_names}
    pictures = np.asarray(synthesizer.predict_on_batch(given))
    if pictures.ndim == 4:
        return pictures
    # (batch, k, height, width, channels) -> (batch, height, width, channels)
    return pictures[np.arange(len(pictures)), inputs["seed"] % synthesizer.num_outputs]


def _timed(synthesizer, runtime, inputs):
    """Returns the shortest seconds of the export and of the model, and the picture's size."""
    draw = (lambda: runtime.run(inputs), lambda: _own_pictures(synthesizer, inputs))
    shortest = [float("inf")] * 2
    for turn in range(ROUNDS + 1):  # The first traces.
        for which, function in enumerate(draw):
            start = time.perf_counter()
            function()
            if turn:
                shortest[which] = min(shortest[which], time.perf_counter() - start)
    name = synthesizer.conditioning.condition_name
    return tuple(shortest), inputs[name].shape[1:3]
