"""The published checkpoints of pix2pixHD: tensors and layers.

A checkpoint holds no architecture; it follows from names and shapes. No tensor is skipped without a
message: every one belongs to a layer, is a running statistic that the published program never used,
or is an error.
"""

import re

import numpy as np

from tfsynth.importers.torch.names import without_prefix
from tfsynth.importers.torch.pickles import RefusedError
from tfsynth.importers.torch.state_dicts import CheckpointError, read_state_dict
from tfsynth.importers.torch.tensors import listing
from tfsynth.networks import (
    FeatureEncoder,
    GlobalGenerator,
    LocalEnhancer,
    MultiscaleDiscriminator,
)
from tfsynth.networks.pix2pixhd_tensors import convolutions

# Instance norm without scale and offset stored these before PyTorch 0.4. The published program
# always normalised by the picture's own statistics, so that dropping them is exact.
_UNUSED = ("running_mean", "running_var", "num_batches_tracked")

# As the published program writes an index: no leading zeros, and no network has a thousand layers.
_INDEX = r"(0|[1-9][0-9]{0,2})"

# What the names of generators and encoders, and of discriminators of either form, begin with.
_OWN_NAMES = r"(?:model\d*(?:_\d)?\.\d|scale\d+_layer\d|layer\d+\.\d)"


def read_pix2pixhd(path):
    """Reads one network of a published pix2pixHD checkpoint, without PyTorch.

    Args:
        path: A file such as `latest_net_G.pth`, `..._net_D.pth` or `..._net_E.pth`.

    Returns:
        Dict of one role, "generator", "discriminator" or "encoder", and the network.

    Raises:
        CheckpointError: If the file is no such checkpoint, or has a tensor too many, too few or
            of another shape.
        OSError: If it cannot be read.
    """
    read = state = read_state_dict(path)
    try:
        read = without_prefix(read, _OWN_NAMES)
        state = _plain_discriminator(read)
        _refuse_relatives(state)
        role, kind, settings = _architecture(state)
        arrays = _arrays(kind, settings, state)
    except (CheckpointError, RefusedError) as error:
        hint = "" if state is read else " (Its tensors `layerS.I` are `scaleS_layerL.P` here.)"
        raise CheckpointError(f"{path}: {error}{hint}") from None
    network = kind(**settings)
    for (layer, attribute), array in arrays.items():
        getattr(network.get_layer(layer), attribute).assign(array)
    return {role: network}


def _architecture(state):
    """Returns the role, class and settings of a network, from names and shapes alone."""
    if any(name.startswith("scale") for name in state):
        return "discriminator", MultiscaleDiscriminator, _discriminator(state)
    if "model.1.weight" not in state:
        raise CheckpointError(
            "This is no generator, encoder or discriminator of pix2pixHD: there is no tensor "
            f"`model.1.weight`. It starts with {listing(state, 3)}."
        )
    blocks = _indices(state, rf"model\.{_INDEX}\.conv_block\.1\.weight")
    last = max(_indices(state, rf"model\.{_INDEX}\.weight"))
    filters, channels = _shape(state, "model.1.weight")[:2]
    settings = {"input_channels": channels, "filters": filters}
    if not blocks:
        settings["num_features"] = _shape(state, f"model.{last}.weight")[0]
        settings["num_downsamples"] = _depth(last - 5, 6, f"model.{last}.weight")
        return "encoder", FeatureEncoder, settings
    name = f"model.{blocks[0]}.conv_block.1.weight"
    settings["num_downsamples"] = _depth(blocks[0] - 4, 3, name)
    settings["num_blocks"] = len(blocks)
    enhancers = _indices(state, rf"model{_INDEX}_1\.1\.weight")
    if not enhancers:
        settings["output_channels"] = _shape(state, f"model.{last}.weight")[0]
        return "generator", GlobalGenerator, settings
    return "generator", LocalEnhancer, settings | _enhanced(state, max(enhancers), filters)


def _enhanced(state, outer, filters):
    """Returns the settings that enhancers add to those of the coarse generator."""
    local = _shape(state, f"model{outer}_1.1.weight")[0]
    if filters != local * 2**outer:
        raise CheckpointError(
            f"The coarse generator must have {local} * 2^{outer} = {local * 2**outer} filters to "
            f"fit its {outer} enhancer(s); it has {filters}."
        )
    last = max(_indices(state, rf"model{outer}_2\.{_INDEX}\.weight"), default=0)
    blocks = _indices(state, rf"model{outer}_2\.{_INDEX}\.conv_block\.1\.weight")
    return {
        "output_channels": _shape(state, f"model{outer}_2.{last}.weight")[0],
        "filters": local,
        "num_enhancers": outer,
        "num_local_blocks": len(blocks),
    }


def _discriminator(state):
    scales = _indices(state, rf"scale{_INDEX}_layer0\.0\.weight")
    layers = _indices(state, rf"scale0_layer{_INDEX}\.0\.weight")
    if not scales or len(layers) < 3:
        raise CheckpointError(
            "A discriminator has tensors `scale0_layer0.0.weight`, `scale0_layer1.0.weight` and "
            f"so on, of 3 layers at least; this file has {listing(state, 3)}."
        )
    filters, channels = _shape(state, "scale0_layer0.0.weight")[:2]
    return {
        "input_channels": channels,
        "filters": filters,
        "num_layers": len(layers) - 2,
        "num_scales": len(scales),
    }


def _plain_discriminator(state):
    """Renames the tensors of a discriminator that was trained without feature matching."""
    renamed = {}
    for name, array in state.items():
        match = re.fullmatch(rf"layer{_INDEX}\.{_INDEX}\.([a-z_]+)", name)
        if match is None:
            return state
        scale, index, kind = match.groups()
        # Convolutions stand at 0, 2, 5, 8, ..., each norm behind its convolution.
        layer, place = divmod(int(index) + 1, 3)
        if int(index) == 0:
            layer, place = 0, 0
        renamed[f"scale{scale}_layer{layer}.{place}.{kind}"] = array
    return renamed


def _arrays(kind, settings, state):
    """Returns what every weight is given: (layer, "kernel" or "bias") -> float32 array.

    All shapes are compared before a network is built: the network of a damaged file may be larger
    than the memory.
    """
    left, arrays = dict(state), {}
    described = f"a {kind.__name__} with {_described(settings)}"
    expected = convolutions(kind.__name__, settings)
    for name, convolution in expected.items():
        shapes = {"weight": convolution.shape, "bias": (convolution.outputs,)}
        for part, shape in shapes.items():
            array = left.pop(f"{name}.{part}", None)
            if array is None:
                raise CheckpointError(
                    f"The tensor `{name}.{part}` is missing. By its other tensors this is "
                    f"{described}."
                )
            if array.shape != shape:
                raise CheckpointError(
                    f"The tensor `{name}.{part}` has the shape {array.shape}; {described} needs "
                    f"{shape} there."
                )
            arrays[convolution.layer, "kernel" if part == "weight" else part] = _finite(
                # (out, in, rows, columns) -> (rows, columns, in, out), and of transposed
                # convolutions (in, out, rows, columns) -> (rows, columns, out, in).
                array.transpose(2, 3, 1, 0) if part == "weight" else array,
                f"{name}.{part}",
            )
    norms = {_behind(name) for name in expected}
    unknown = [
        name
        for name in left
        if name.rpartition(".")[0] not in norms or name.rpartition(".")[2] not in _UNUSED
    ]
    if unknown:
        raise CheckpointError(
            f"{len(unknown)} tensor(s) have no place in {described}: {listing(unknown, 5)}."
        )
    return arrays


def _finite(array, name):
    if not np.issubdtype(array.dtype, np.floating):
        raise CheckpointError(
            f"The tensor `{name}` holds {array.dtype} values; weights are floating-point numbers."
        )
    with np.errstate(over="ignore"):
        array = array.astype("float32")
    if not np.isfinite(array).all():
        raise CheckpointError(
            f"The tensor `{name}` holds values that are not finite float32 numbers: the training "
            "that it is from had failed. Take an earlier checkpoint of it."
        )
    return array


def _refuse_relatives(state):
    if not state:
        raise CheckpointError("The file holds no tensors. Name the checkpoint of a network.")
    if any(name.endswith(("weight_orig", "weight_u")) or "conv_0" in name for name in state) or (
        "model.1.0.weight" in state
    ):
        raise CheckpointError(
            "This is a network of the SPADE repository, which wraps its convolutions and may "
            "normalise their spectra: its tensors do not fit pix2pixHD's layers."
        )
    empty = [name for name, a in state.items() if not a.size]
    if empty:
        raise CheckpointError(f"It has tensors without elements: {listing(empty, 3)}.")
    affine = [name for name, a in state.items() if name.endswith(".weight") and a.ndim == 1]
    if affine:
        raise CheckpointError(
            f"The network has batch norms ({listing(affine, 1)}: {len(affine)} of them): it was "
            "trained with `--norm batch`. Networks here have instance norms without scale and "
            "offset, the published default; batch norms have both, and use the statistics of the "
            "batch in synthesis too, so that no weights make these networks compute the same. "
            "Import a model of `--norm instance`, or train one here on the same data."
        )
    flat = [name for name, a in state.items() if name.endswith(".weight") and a.ndim != 4]
    if flat:
        raise CheckpointError(
            f"Every weight of pix2pixHD's networks is a 4-dimensional kernel; {listing(flat[:1])} "
            f"has the shape {state[flat[0]].shape}."
        )


def _indices(state, pattern):
    matches = (re.fullmatch(pattern, name) for name in state)
    return sorted({int(match[1]) for match in matches if match})


def _shape(state, name):
    if name not in state:
        raise CheckpointError(f"The tensor `{name}` is missing.")
    return state[name].shape


def _depth(distance, step, name):
    depth, rest = divmod(distance, step)
    if rest or depth < 0:
        raise CheckpointError(
            f"No network of pix2pixHD has `{name}`: its index fits no number of downsamplings. "
            "Encoders from before the reflections were added are such; they cannot be read."
        )
    return depth


def _behind(name):
    """Returns the name of the norm that follows a convolution."""
    prefix, _, index = name.rpartition(".")
    return f"{prefix}.{int(index) + 1}"


def _described(settings):
    return ", ".join(f"{name} {number}" for name, number in settings.items())
