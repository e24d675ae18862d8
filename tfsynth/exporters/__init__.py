"""Trained models for other programs; the module of a format is imported when it is used.

A format is a module with `PRECISIONS`, the first of which is the default; `write`; `foreign`,
which names what somebody else wrote; and, unless it takes every network, `blockers`. What was
written is compared with the model before it takes its final name: by its pictures, if there is a
runtime that draws them, else by `write` itself.
"""

import importlib
from pathlib import Path
from typing import Any, NamedTuple

from tfsynth.files import is_taken, new_folder, replace_file


class Format(NamedTuple):
    """A format.

    Args:
        module: Of this package.
        writes: "folder" or "file".
        pictures: Whether a runtime draws pictures with what is written.
        sized: Whether it can be of one size.
    """

    module: str
    writes: str
    pictures: bool = False
    sized: bool = False


FORMATS = {
    "saved_model": Format("saved_model", "folder", pictures=True),
    "tflite": Format("litert", "file", pictures=True, sized=True),
    "onnx": Format("onnx", "file", pictures=True, sized=True),
    "keras": Format("keras_file", "file"),
    "preset": Format("preset", "folder"),
    "pix2pixhd": Format("pix2pixhd", "folder"),
}


# Of the weights; each format has some of them.
PRECISIONS = ("float32", "float16", "int8", "int8-weights", "int8-static")


class Exported(NamedTuple):
    """What an export wrote: the path, and the `verification.Report` of its pictures, if any."""

    path: Path
    report: Any


def precisions(format):
    """Returns the names of the precisions of a format, the first of which is the default."""
    return _module(format).PRECISIONS


def export(
    synthesizer,
    path,
    format="saved_model",
    precision=None,
    *,
    size=None,
    layouts=None,
    replace=False,
    check=None,
    progress=False,
    **details,
):
    """Writes a synthesizer in another program's format and verifies what was written.

    Args:
        synthesizer: A `Synthesizer`.
        path: Folder or file to write. It is written completely or not at all.
        format: One of `FORMATS`.
        precision: One of `precisions(format)`; `None` for the first.
        size: (height, width) in pixels, the only size that the exported model then takes, of one
            picture at a time; `None` for all sizes. Formats that are not `sized` take all.
        layouts: List of layouts to verify with, dicts of `labels` (height, width) or `condition`
            (height, width, channels) and `instances` (height, width); `None` for made ones.
        replace: Whether to replace what an export in the same format wrote.
        check: Callable that gets the model and the path of what was written under a temporary name,
            and raises if it is not right.
        progress: Whether to show progress.
        **details: For the model card of a "preset"; see `Synthesizer.save_to_preset`.

    Returns:
        An `Exported`.

    Raises:
        ValueError: If the format is unknown, has no such precision or no sizes, or lacks an
            operation of the network; if a weight is not finite, or the pictures of the
            written model differ by more than its tolerance.
        ImportError: If a package is missing that the format needs.
        FileExistsError: If there is something at `path` that is not to be replaced.
    """
    module, precision = _checked(format, precision, size)
    if details and format != "preset":
        raise ValueError(
            f"These are for the model card of a preset: {', '.join(details)}. Use the format "
            "'preset', or leave them out."
        )
    path = Path(path).absolute()
    require_free(path, format, replace)
    from tfsynth.exporters import verification
    from tfsynth.exporters.description import describe
    from tfsynth.exporters.finite import require_finite
    from tfsynth.registry import own_random_numbers

    def write(temporary):
        module.write(
            synthesizer,
            temporary,
            precision=precision,
            size=size or (None, None),
            layouts=layouts,
            description=describe(synthesizer, format=format, precision=precision, size=size),
            **details,
        )
        if check is not None:
            check(synthesizer, temporary)
        if not FORMATS[format].pictures:
            return None
        return verification.verify(
            synthesizer, temporary, precision, size=size, layouts=layouts, progress=progress
        )

    with own_random_numbers():
        _require_convertible(synthesizer, format, precision, size)
        require_finite(synthesizer)
        layouts = layouts or verification.made_layouts(synthesizer, size=size)
        path.parent.mkdir(parents=True, exist_ok=True)
        if FORMATS[format].writes == "folder":
            with new_folder(path, replace=replace) as temporary:
                return Exported(path, write(temporary))
        reports = []
        replace_file(path, lambda temporary: reports.append(write(temporary)))
        return Exported(path, reports[0])


def find_blockers(synthesizer, format="saved_model", precision=None, *, size=None):
    """Returns what keeps a model from being exported; nothing is converted.

    Args:
        synthesizer, format, precision, size: As in `export`.

    Returns:
        List of `blockers.Blocker`: layer, operator and what to use instead.
    """
    module, precision = _checked(format, precision, size)
    if not hasattr(module, "blockers"):
        return []
    return module.blockers(synthesizer, precision=precision, size=size or (None, None))


def require_free(path, format, replace=False):
    """Raises `FileExistsError` if there is something at a path that is not to be replaced.

    Args:
        path: `pathlib.Path` that an export would write.
        format: One of `FORMATS`.
        replace: Whether what an export in this format wrote may be replaced.
    """
    if not is_taken(path):
        return
    if not replace:
        raise FileExistsError(
            f"{path} exists already. Name another {FORMATS[format].writes}, or remove it first; "
            "--overwrite replaces what an export in the same format wrote."
        )
    found = _module(format).foreign(path)
    if found:
        raise FileExistsError(
            f"{path} holds what no export in the format {format!r} wrote: {found}. Move that away, "
            f"or name another {FORMATS[format].writes}."
        )


def _checked(format, precision, size):
    """Returns the module of a format and the precision; raises `ValueError` if it has none such."""
    if format not in FORMATS:
        raise ValueError(
            f"Unknown export format {format!r}. Known formats: {', '.join(sorted(FORMATS))}."
        )
    import keras

    if FORMATS[format].pictures and keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"The format {format!r} is written by Keras on TensorFlow, and KERAS_BACKEND is "
            f"{keras.backend.backend()!r}. Leave it out and export again: the model is the same."
        )
    known = precisions(format)
    if precision not in (None, *known):
        raise ValueError(
            f"The format {format!r} has the precisions {', '.join(known)}. Received: {precision!r}."
        )
    if size is not None and not FORMATS[format].sized:
        raise ValueError(
            f"A {format} takes every size: leave `size` out. Of one size are: "
            f"{', '.join(name for name, found in FORMATS.items() if found.sized)}."
        )
    return _module(format), precision or known[0]


def _require_convertible(synthesizer, format, precision, size):
    found = find_blockers(synthesizer, format, precision, size=size)
    if found:
        lines = [f"  {b.layer}: {b.operator}. {b.instead}" for b in found]
        raise ValueError(
            f"The format {format!r} lacks what this network computes. Nothing was written.\n"
            + "\n".join(lines)
        )


def _module(format):
    return importlib.import_module(f"tfsynth.exporters.{FORMATS[format].module}")
