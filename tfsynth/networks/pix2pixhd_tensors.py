"""The convolutions of pix2pixHD's networks, by their names in a published checkpoint."""

from typing import NamedTuple

# Channels of a discriminator stop doubling here.
MAX_DISCRIMINATOR_FILTERS = 512


class Convolution(NamedTuple):
    """A convolution of a checkpoint.

    Attributes:
        layer: The name of our layer.
        shape: That of the kernel in the checkpoint: (out, in, rows, columns), of transposed
            convolutions (in, out, rows, columns).
        outputs: The channels of its output, and elements of its bias.
    """

    layer: str
    shape: tuple[int, int, int, int]
    outputs: int


def convolutions(kind, settings):
    """Returns the convolutions of a network that need not be built.

    Args:
        kind: Name of the network's class: "GlobalGenerator", "LocalEnhancer", "FeatureEncoder" or
            "MultiscaleDiscriminator".
        settings: Its config, complete.

    Returns:
        Dict of the name in a checkpoint, without `.weight` or `.bias`, -> `Convolution`, in the
        checkpoint's order.
    """
    channels, filters = settings["input_channels"], settings["filters"]
    if kind == "MultiscaleDiscriminator":
        return _discriminator(channels, filters, settings["num_scales"], settings["num_layers"])
    depth = settings["num_downsamples"]
    if kind == "LocalEnhancer":
        count = settings["num_enhancers"]
        found = _trunk(channels, filters * 2**count, depth, settings["num_blocks"])
        for number in range(1, count + 1):
            width = filters * 2 ** (count - number)
            found |= _enhancer(number, channels, width, settings["num_local_blocks"])
        # Behind the blocks: transposed convolution, norm, ReLU, padding.
        head = f"model{count}_2.{settings['num_local_blocks'] + 4}"
        layer, outputs = f"enhancer{count}_head_conv", settings["output_channels"]
    else:
        is_encoder = kind == "FeatureEncoder"
        blocks = 0 if is_encoder else settings["num_blocks"]
        found = _trunk(channels, filters, depth, blocks)
        head = f"model.{5 + 6 * depth + blocks}"
        layer = "head_conv"
        outputs = settings["num_features" if is_encoder else "output_channels"]
    return {**found, head: _forward(layer, filters, outputs, 7)}


def _forward(layer, inputs, outputs, size):
    return Convolution(layer, (outputs, inputs, size, size), outputs)


def _transposed(layer, inputs, outputs, size):
    return Convolution(layer, (inputs, outputs, size, size), outputs)


def _trunk(channels, filters, depth, blocks):
    # Padding, norm and ReLU have places of their own: a convolution down or up is every third.
    found = {"model.1": _forward("stem_conv", channels, filters, 7)}
    widths = [filters * 2**i for i in range(depth + 1)]
    for i in range(depth):
        found[f"model.{4 + 3 * i}"] = _forward(f"down{i}_conv", widths[i], widths[i + 1], 3)
    first = 4 + 3 * depth
    for j in range(blocks):
        found |= _block(f"model.{first + j}", f"block{j}", widths[-1])
    for i in range(depth):
        # Ours are numbered by their level, as the way down is.
        level = depth - 1 - i
        up = _transposed(f"up{level}_conv", widths[level + 1], widths[level], 3)
        found[f"model.{first + blocks + 3 * i}"] = up
    return found


def _enhancer(number, channels, filters, blocks):
    ours = f"enhancer{number}"
    found = {
        f"model{number}_1.1": _forward(f"{ours}_stem_conv", channels, filters, 7),
        f"model{number}_1.4": _forward(f"{ours}_down_conv", filters, 2 * filters, 3),
    }
    for j in range(blocks):
        found |= _block(f"model{number}_2.{j}", f"{ours}_block{j}", 2 * filters)
    found[f"model{number}_2.{blocks}"] = _transposed(f"{ours}_up_conv", 2 * filters, filters, 3)
    return found


def _block(theirs, ours, filters):
    return {
        f"{theirs}.conv_block.1": _forward(f"{ours}_conv1", filters, filters, 3),
        f"{theirs}.conv_block.5": _forward(f"{ours}_conv2", filters, filters, 3),
    }


def _discriminator(channels, filters, scales, layers):
    inner = [min(filters * 2**j, MAX_DISCRIMINATOR_FILTERS) for j in range(layers + 1)]
    widths = [channels, *inner, 1]
    found = {}
    for s in range(scales):
        for j in range(layers + 2):
            name = f"scale{s}_layer{j}"
            found[f"{name}.0"] = _forward(f"{name}_conv", widths[j], widths[j + 1], 4)
    return found
