"""A synthesizer as a preset: a folder with its model card, to be shared."""

from pathlib import Path

import keras
import numpy as np

from tfsynth import __version__, models, sheets
from tfsynth.exporters.finite import require_finite
from tfsynth.files import new_folder
from tfsynth.models import hub, presets
from tfsynth.models.model_card import Details, write_card
from tfsynth.models.origin import without_paths
from tfsynth.registry import own_random_numbers
from tfsynth.synthesis.drawn_layouts import draw_layouts, drawer_of


@own_random_numbers()
def save_preset(synthesizer, path, stored_dtype=None, **details):
    """Writes a synthesizer as a preset, and reads it again to compare the weights.

    Args:
        synthesizer: A `Synthesizer`.
        path: Folder to write; must not exist, or be empty. It is written completely or not at all.
        stored_dtype: "float32", or "float16" for half the size; `None` for the synthesizer's own.
        **details: Of `Details`.

    Returns:
        The path.

    Raises:
        FileExistsError: If there is something at `path`.
        ValueError: If a weight is not finite or too large for float16, a detail is of another
            kind, or the written weights are others.
    """
    if hub.is_uri(path):
        raise ValueError(
            f"A preset is written into a folder, and {path} is an address: name a folder, and "
            "upload it with `hf upload OWNER/NAME FOLDER`."
        )
    known = Details(**{"title": Path(path).absolute().name, **details}).check()
    require_finite(synthesizer)
    dtype = stored_dtype or synthesizer.stored_dtype
    config = synthesizer.get_config()
    changed = {"stored_dtype": dtype, "provenance": without_paths(config["provenance"])}
    copy = type(synthesizer).from_config({**config, **changed})
    copy.set_weights(synthesizer.get_weights())
    with new_folder(path) as written:
        bundle = written / "whole.keras"
        copy.save(bundle)
        versions = {"tfsynth_version": __version__, "keras_version": keras.__version__}
        presets.write_members(bundle, written, versions)
        bundle.unlink()
        preview = _preview(copy)
        if preview is not None:
            sheets.write_sheet(written / presets.PREVIEW, preview)
        card = write_card(copy, known, preview=None if preview is None else presets.PREVIEW)
        (written / presets.CARD).write_text(card, encoding="utf-8")
        presets.write_sums(written)
        _verify(synthesizer, written, dtype)
    return path


def _preview(synthesizer):
    """Returns a picture of a drawn layout and its photograph; `None` for other classes."""
    if drawer_of(synthesizer) is None:
        return None
    drawn = draw_layouts(synthesizer).layouts
    layouts = [drawn[name] for name in sorted(drawn)[:2]]
    rows = [
        [one["labels"], synthesizer.synthesize(one["labels"], one["instances"])] for one in layouts
    ]
    return sheets.sheet(rows, synthesizer.label_set, ("labels", "synthesised"))


def _verify(synthesizer, folder, dtype):
    # As anybody will read it: with every check.
    read = models.read_model(folder).get_weights()
    for weight, again in zip(synthesizer.get_weights(), read, strict=True):
        if not np.array_equal(weight.astype(dtype).astype(weight.dtype), again):
            raise ValueError(
                "The written preset holds other weights than the model. Nothing was written."
            )
