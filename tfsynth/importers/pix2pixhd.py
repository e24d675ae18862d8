"""The published checkpoints of pix2pixHD: which tensor belongs to which layer, both ways.

A checkpoint holds no architecture; it follows from names and shapes. Nothing is skipped in silence:
every tensor of the file goes into a layer, is a running statistic that the published program never
used, or makes the file refused.
"""

import re

import numpy as np

from tfsynth.importers.torch_files import CheckpointError, read_state_dict, write_state_dict
from tfsynth.networks import (
    FeatureEncoder,
    GlobalGenerator,
    LocalEnhancer,
    MultiscaleDiscriminator,
)

# Instance norm without scale and offset stored these before PyTorch 0.4. The published program
# always normalised by the picture's own statistics, so that dropping them is exact.
_UNUSED = ("running_mean", "running_var", "num_batches_tracked")


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
    state = _plain_discriminator(read_state_dict(path))
    try:
        role, network = _architecture(state)
        _fill(network, state)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    return {role: network}


def write_pix2pixhd(network, path, container="zip"):
    """Writes a network as a checkpoint that the published program loads.

    Args:
        network: A `GlobalGenerator`, `LocalEnhancer`, `FeatureEncoder` or
            `MultiscaleDiscriminator` with the published layers: transposed convolutions, zero
            padding and instance norm, for others have no place there.
        path: The file to write.
        container: "zip", as PyTorch writes since 1.6, or "legacy".

    Raises:
        ValueError: If the published program has no such network.
    """
    options = {"upsampling": "transposed", "padding": "zeros", "normalization": "instance"}
    for option, published in options.items():
        value = getattr(network, option, published)
        if value != published:
            raise ValueError(
                f"The published program has no {option} {value!r}, only {published!r}: this "
                "network would compute something else there."
            )
    state = {}
    for name, layer_name in checkpoint_names(network).items():
        layer = network.get_layer(layer_name)
        kernel = np.asarray(layer.kernel, "float32").transpose(3, 2, 0, 1)
        state[f"{name}.weight"] = np.ascontiguousarray(kernel)
        state[f"{name}.bias"] = np.asarray(layer.bias, "float32")
    write_state_dict(path, state, container=container)


def checkpoint_names(network):
    """Returns the names of a network's convolutions in a checkpoint, in its order.

    Args:
        network: One of pix2pixHD's networks.

    Returns:
        Dict of the name without `.weight` or `.bias` -> the name of our layer.
    """
    if isinstance(network, MultiscaleDiscriminator):
        return _discriminator_names(network.num_scales, network.num_layers)
    depth = network.num_downsamples
    if isinstance(network, LocalEnhancer):
        names = _trunk_names(depth, network.num_blocks)
        for number in range(1, network.num_enhancers + 1):
            last = number == network.num_enhancers
            names |= _enhancer_names(number, network.num_local_blocks, last)
        return names
    blocks = getattr(network, "num_blocks", 0)
    return {**_trunk_names(depth, blocks), f"model.{5 + 6 * depth + blocks}": "head_conv"}


def _trunk_names(depth, blocks):
    names = {"model.1": "stem_conv"}
    for i in range(depth):
        names[f"model.{4 + 3 * i}"] = f"down{i}_conv"
    first = 4 + 3 * depth
    for j in range(blocks):
        names |= _block_names(f"model.{first + j}", f"block{j}")
    for i in range(depth):
        # Ours are numbered by their level, as the way down is.
        names[f"model.{first + blocks + 3 * i}"] = f"up{depth - 1 - i}_conv"
    return names


def _enhancer_names(number, blocks, last):
    ours = f"enhancer{number}"
    names = {f"model{number}_1.1": f"{ours}_stem_conv", f"model{number}_1.4": f"{ours}_down_conv"}
    for j in range(blocks):
        names |= _block_names(f"model{number}_2.{j}", f"{ours}_block{j}")
    names[f"model{number}_2.{blocks}"] = f"{ours}_up_conv"
    if last:
        names[f"model{number}_2.{blocks + 4}"] = f"{ours}_head_conv"
    return names


def _block_names(theirs, ours):
    return {f"{theirs}.conv_block.1": f"{ours}_conv1", f"{theirs}.conv_block.5": f"{ours}_conv2"}


def _discriminator_names(scales, layers):
    return {
        f"scale{s}_layer{j}.0": f"scale{s}_layer{j}_conv"
        for s in range(scales)
        for j in range(layers + 2)
    }


def _architecture(state):
    """Returns the role and a fresh network, from names and shapes alone."""
    _refuse_relatives(state)
    if any(name.startswith("scale") for name in state):
        return "discriminator", _discriminator(state)
    if "model.1.weight" not in state:
        raise CheckpointError(
            "This is no generator, encoder or discriminator of pix2pixHD: there is no tensor "
            f"`model.1.weight`. It starts with {', '.join(list(state)[:3]) or 'nothing'}."
        )
    blocks = _indices(state, r"model\.(\d+)\.conv_block\.1\.weight")
    filters, channels = _shape(state, "model.1.weight")[:2]
    if not blocks:
        last = max(_indices(state, r"model\.(\d+)\.weight"))
        return "encoder", FeatureEncoder(
            input_channels=channels,
            num_features=_shape(state, f"model.{last}.weight")[0],
            filters=filters,
            num_downsamples=_depth(last - 5, 6, f"model.{last}.weight"),
        )
    settings: dict = {
        "input_channels": channels,
        "num_downsamples": _depth(blocks[0] - 4, 3, f"model.{blocks[0]}.conv_block.1.weight"),
        "num_blocks": len(blocks),
    }
    enhancers = _indices(state, r"model(\d+)_1\.1\.weight")
    if not enhancers:
        last = max(_indices(state, r"model\.(\d+)\.weight"))
        output = _shape(state, f"model.{last}.weight")[0]
        return "generator", GlobalGenerator(output_channels=output, filters=filters, **settings)
    outer = max(enhancers)
    local = _shape(state, f"model{outer}_1.1.weight")[0]
    if filters != local * 2**outer:
        raise CheckpointError(
            f"The coarse generator must have {local} * 2^{outer} = {local * 2**outer} filters to "
            f"fit its {outer} enhancer(s); it has {filters}."
        )
    last = max(_indices(state, rf"model{outer}_2\.(\d+)\.weight"))
    return "generator", LocalEnhancer(
        output_channels=_shape(state, f"model{outer}_2.{last}.weight")[0],
        filters=local,
        num_enhancers=outer,
        num_local_blocks=len(_indices(state, rf"model{outer}_2\.(\d+)\.conv_block\.1\.weight")),
        **settings,
    )


def _discriminator(state):
    scales = _indices(state, r"scale(\d+)_layer0\.0\.weight")
    layers = _indices(state, r"scale0_layer(\d+)\.0\.weight")
    if not scales or len(layers) < 3:
        raise CheckpointError(
            "A discriminator has tensors `scale0_layer0.0.weight`, `scale0_layer1.0.weight` and "
            f"so on; this file has {', '.join(list(state)[:3])}."
        )
    filters, channels = _shape(state, "scale0_layer0.0.weight")[:2]
    return MultiscaleDiscriminator(
        channels, filters=filters, num_layers=len(layers) - 2, num_scales=len(scales)
    )


def _plain_discriminator(state):
    """Renames the tensors of a discriminator that was trained without feature matching."""
    renamed = {}
    for name, array in state.items():
        match = re.fullmatch(r"layer(\d+)\.(\d+)\.(\w+)", name)
        if match is None:
            return state
        scale, index, kind = match.groups()
        # Convolutions stand at 0, 2, 5, 8, ..., each norm behind its convolution.
        layer, place = divmod(int(index) + 1, 3)
        if int(index) == 0:
            layer, place = 0, 0
        renamed[f"scale{scale}_layer{layer}.{place}.{kind}"] = array
    return renamed


def _fill(network, state):
    state = dict(state)
    assigned = []
    for name, layer_name in checkpoint_names(network).items():
        layer = network.get_layer(layer_name)
        for kind, variable in (("weight", layer.kernel), ("bias", layer.bias)):
            array = state.pop(f"{name}.{kind}", None)
            if array is None:
                raise CheckpointError(
                    f"The tensor `{name}.{kind}` is missing. By its other tensors this is a "
                    f"{type(network).__name__} with {_settings(network)}."
                )
            # Both (out, in, rows, columns) and, transposed, (in, out, rows, columns) are ours
            # with the axes reversed in pairs.
            array = array.transpose(2, 3, 1, 0) if kind == "weight" else array
            if array.shape != tuple(variable.shape):
                raise CheckpointError(
                    f"The tensor `{name}.{kind}` has the shape {array.shape} in our order of axes; "
                    f"a {type(network).__name__} with {_settings(network)} needs "
                    f"{tuple(variable.shape)} there."
                )
            assigned.append((variable, array))
    norms = {_behind(name) for name in checkpoint_names(network)}
    left = [
        name
        for name in state
        if name.rpartition(".")[0] not in norms or name.rpartition(".")[2] not in _UNUSED
    ]
    if left:
        raise CheckpointError(
            f"{len(left)} tensor(s) have no place in a {type(network).__name__} with "
            f"{_settings(network)}: {', '.join(left[:5])}{', ...' if len(left) > 5 else ''}."
        )
    for variable, array in assigned:
        variable.assign(array.astype("float32"))


def _refuse_relatives(state):
    if not state:
        raise CheckpointError("The file holds no tensors.")
    if any(name.startswith("module.") for name in state):
        raise CheckpointError(
            "The names begin with `module.`: the model was saved inside DataParallel. Save "
            "`model.module.state_dict()` instead."
        )
    if any(name.endswith(("weight_orig", "weight_u")) or "conv_0" in name for name in state) or (
        "model.1.0.weight" in state
    ):
        raise CheckpointError(
            "This is a network of the SPADE repository, which wraps its convolutions and may "
            "normalise their spectra: its tensors do not fit pix2pixHD's layers."
        )
    affine = [name for name, a in state.items() if name.endswith(".weight") and a.ndim == 1]
    if affine:
        raise CheckpointError(
            f"The network has batch norms ({affine[0]} and {len(affine) - 1} more): it was "
            "trained with `--norm batch`. Networks here have instance norms without scale and "
            "offset, the published default; batch norms have both, and use the statistics of the "
            "batch in synthesis too, so that no weights make these networks compute the same. "
            "Import a model of `--norm instance`, or train one here on the same data."
        )
    flat = [name for name, a in state.items() if name.endswith(".weight") and a.ndim != 4]
    if flat:
        raise CheckpointError(
            f"Every weight of pix2pixHD's networks is a 4-dimensional kernel; {flat[0]} has the "
            f"shape {state[flat[0]].shape}."
        )


def _indices(state, pattern):
    matches = (re.fullmatch(pattern, name) for name in state)
    return sorted({int(match[1]) for match in matches if match})


def _shape(state, name):
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


def _settings(network):
    config = network.get_config()
    known = ("input_channels", "filters", "num_downsamples", "num_blocks", "num_enhancers")
    known += ("num_local_blocks", "num_layers", "num_scales")
    return ", ".join(f"{name} {config[name]}" for name in known if name in config)
