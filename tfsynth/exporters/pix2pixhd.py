"""Checkpoints that the published pix2pixHD loads: its networks under its names, without PyTorch."""

import zipfile
from pathlib import Path

import numpy as np

from tfsynth.exporters.torch_writer import record_name, write_state_dict

# The options of our networks that the published program has.
_PUBLISHED = {"upsampling": "transposed", "normalization": "instance"}

# The published program writes its options into this file, and `tfsynth import` reads them there.
_OPTIONS = "opt.txt"
FILES = {"generator": "latest_net_G.pth", "encoder": "latest_net_E.pth"}
# The line that identifies a folder as an export of tfsynth.
_WRITER = "written_by: tfsynth"
_LOST = "Nothing was written; see whether the disk is sound."


PRECISIONS = ("float32",)


def write(synthesizer, path, **_):
    """Writes generator and encoder as checkpoints, and the options that they are loaded with.

    The folder has `latest_net_G.pth`, `latest_net_E.pth` if there is an encoder, and `opt.txt`.
    Each file is read again and compared, bit for bit. A table
    of styles is not written: the published program clusters its own.

    Args:
        synthesizer: A `Synthesizer`.
        path: `pathlib.Path` of an empty folder.

    Raises:
        ValueError: If the published program has no such networks, a weight is not finite, or
            the written file holds something else.
    """
    networks = {"generator": synthesizer.generator}
    if synthesizer.encoder is not None:
        networks["encoder"] = synthesizer.encoder
    if not hasattr(synthesizer.generator, "published_convolutions"):
        raise ValueError(
            "The format 'pix2pixhd' is for models whose generator is a GlobalGenerator or a "
            f"LocalEnhancer; this one has a {type(synthesizer.generator).__name__}, which the "
            "published program does not know. Export it as 'saved_model' or 'keras'."
        )
    states = {role: state_dict_of(network) for role, network in networks.items()}
    for role, state in states.items():
        write_state_dict(path / FILES[role], state)
        _verify(path / FILES[role], state)
    lines = [f"{name}: {value}" for name, value in sorted(_options(synthesizer).items())]
    title, end = "------------ Options -------------", "-------------- End ----------------"
    text = "\n".join([title, *lines, _WRITER, end, ""])
    (path / _OPTIONS).write_text(text, encoding="utf-8")


def foreign(path):
    """Returns what in a folder `write` did not write, in one text; "" if it wrote all of it."""
    path = Path(path)
    if not path.is_dir():
        return "a file"
    others = sorted({file.name for file in path.iterdir()} - {_OPTIONS, *FILES.values()})
    if others:
        return ", ".join(others)
    options = path / _OPTIONS
    if not options.is_file():
        return "checkpoints without options"
    text = options.read_text(encoding="utf-8", errors="replace")
    return "" if _WRITER in text else f"{_OPTIONS} of another program"


def write_pix2pixhd(network, path, container="zip"):
    """Writes a network as a checkpoint that the published program loads.

    Args:
        network: A `GlobalGenerator`, `LocalEnhancer`, `FeatureEncoder` or
            `MultiscaleDiscriminator` with the published layers: transposed convolutions and
            instance norm, for others have no place there.
        path: The file to write.
        container: "zip", as PyTorch writes since 1.6, or "legacy".

    Raises:
        ValueError: If the published program has no such network, or a weight is not finite.
    """
    write_state_dict(path, state_dict_of(network), container=container)


def state_dict_of(network):
    """Returns a network's weights as the published program has them.

    Args:
        network: As in `write_pix2pixhd`.

    Returns:
        Dict of the tensors' names, in the checkpoint's order, -> float32 array.

    Raises:
        ValueError: If the published program has no such network, or a weight is not finite.
    """
    if not hasattr(network, "published_convolutions"):
        raise ValueError(
            "The published program has networks like GlobalGenerator, LocalEnhancer, "
            f"FeatureEncoder and MultiscaleDiscriminator, and none like a {type(network).__name__}."
        )
    for option, published in _PUBLISHED.items():
        value = getattr(network, option, published)
        if value != published:
            raise ValueError(
                f"The published program has no {option} {value!r}, only {published!r}: this "
                "network would compute something else there."
            )
    state = {}
    for name, convolution in network.published_convolutions().items():
        layer = network.get_layer(convolution.layer)
        # Ours are (rows, columns, in, out), or transposed (rows, columns, out, in).
        kernel = np.asarray(layer.kernel, "float32").transpose(3, 2, 0, 1)
        state[f"{name}.weight"] = np.ascontiguousarray(kernel)
        state[f"{name}.bias"] = np.asarray(layer.bias, "float32")
        if not all(np.isfinite(state[f"{name}.{part}"]).all() for part in ("weight", "bias")):
            raise ValueError(
                f"The layer {convolution.layer} has weights that are not finite: the training "
                "that they are from had failed. Export an earlier state of the model."
            )
    return state


def _verify(path, state):
    """Raises unless a file holds the bytes of the arrays, each in its place."""
    try:
        with zipfile.ZipFile(path) as archive:
            records = [archive.read(record_name(key)) for key in range(len(state))]
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path.name} cannot be read again: {error}. {_LOST}") from error
    for (name, array), record in zip(state.items(), records, strict=True):
        if record != array.tobytes():
            raise ValueError(f"{path.name} holds another tensor `{name}` than the model. {_LOST}")


def _options(synthesizer):
    """Returns the options of the published program that say what a model reads and is."""
    generator, conditioning = synthesizer.generator, synthesizer.conditioning
    encoder, by_label = synthesizer.encoder, synthesizer.encoder_regions == "labels"
    local = hasattr(generator, "num_enhancers")
    channels = conditioning.channels - int(conditioning.edges)
    # Painted label maps are pictures there, and a picture has no classes.
    classes = channels if type(conditioning).__name__ == "Conditioning" else 0
    found = {
        "label_nc": classes,
        "input_nc": channels,
        "output_nc": generator.output_channels,
        "no_instance": not conditioning.edges,
        "instance_feat": encoder is not None and not by_label,
        "label_feat": encoder is not None and by_label,
        "norm": "instance",
        "netG": "local" if local else "global",
        "ngf": generator.filters,
        "n_downsample_global": generator.num_downsamples,
        "n_blocks_global": generator.num_blocks,
    }
    if local:
        found["n_local_enhancers"] = generator.num_enhancers
        found["n_blocks_local"] = generator.num_local_blocks
    if encoder is not None:
        found["feat_num"] = encoder.num_features
        found["nef"] = encoder.filters
        found["n_downsample_E"] = encoder.num_downsamples
    return found
