"""What an exported model says of itself, as JSON inside of it."""

import json

import tfsynth
from tfsynth.exporters.signature import tensors

# Raised when a reader of exported models needs to know more than before.
FORMAT_VERSION = 1
# The name of the description wherever an export keeps it under one.
NAME = "tfsynth.json"


def describe(synthesizer, *, format, precision, size=None):
    """Returns the description of an export, a dict of plain JSON types.

    Args:
        synthesizer: The `Synthesizer` that is exported.
        format: One of `exporters.FORMATS`.
        precision: One of the format's `PRECISIONS`.
        size: (height, width) in pixels, if the export takes one picture of this size only.
    """
    generator, labels = synthesizer.generator, synthesizer.label_set
    free = size is None or None in size
    specs = (tensors(synthesizer) if free else tensors(synthesizer, 1, size)).items()
    encoder, table = synthesizer.encoder, synthesizer.styles
    config = synthesizer.provenance.get("config", {})
    styles = None
    if encoder is not None:
        styles = {
            "features": encoder.num_features,
            "regions": synthesizer.encoder_regions,
            "classes": sorted(table.centres) if table else [],
        }
    return {
        "format_version": FORMAT_VERSION,
        "tfsynth": tfsynth.__version__,
        "format": format,
        "precision": precision,
        "inputs": {name: {"shape": list(shape), "dtype": dtype} for name, (shape, dtype) in specs},
        "label_set": labels and labels.to_dict(),
        "size_multiple": generator.size_multiple,
        "minimum_size": generator.minimum_size,
        "training_size": config.get("data", {}).get("size"),
        "output_channels": generator.output_channels,
        "num_outputs": synthesizer.num_outputs,
        "edges": synthesizer.conditioning.edges,
        "noise": synthesizer.has_noise,
        "styles": styles,
        "provenance": synthesizer.provenance,
    }


def read(text):
    """Returns the description that `text` holds.

    Raises:
        ValueError: If it is none, or of a later version.
    """
    try:
        found = json.loads(text)
        version = found["format_version"]
        inputs = {name: (spec["shape"], spec["dtype"]) for name, spec in found["inputs"].items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"it holds no description that tfsynth wrote: {error!r}") from None
    if version != FORMAT_VERSION or not inputs:
        raise ValueError(
            f"its description has version {version!r}; this tfsynth reads version {FORMAT_VERSION}"
        )
    return found
