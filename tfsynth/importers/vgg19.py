"""torchvision's VGG-19 weights, `vgg19-dcbb9e9d.pth`, as our feature network."""

from tfsynth.importers.torch_files import CheckpointError, read_state_dict
from tfsynth.networks import VGG19

# Index of each convolution in torchvision's `features`; ReLUs and poolings stand between.
_INDICES = {
    "conv1_1": 0,
    "conv1_2": 2,
    "conv2_1": 5,
    "conv2_2": 7,
    "conv3_1": 10,
    "conv3_2": 12,
    "conv3_3": 14,
    "conv3_4": 16,
    "conv4_1": 19,
    "conv4_2": 21,
    "conv4_3": 23,
    "conv4_4": 25,
    "conv5_1": 28,
    "conv5_2": 30,
    "conv5_3": 32,
    "conv5_4": 34,
}


def read_vgg19(path, **settings):
    """Reads torchvision's VGG-19 without PyTorch.

    Args:
        path: The file, `vgg19-dcbb9e9d.pth` or another with its names.
        **settings: Arguments of `VGG19`; by default those of pix2pixHD.

    Returns:
        A `VGG19`.

    Raises:
        CheckpointError: If a tensor is missing, has another shape, or is no part of VGG-19.
        OSError: If the file cannot be read.
    """
    state = read_state_dict(path)
    network = VGG19(**settings)
    known = {f"features.{i}.{kind}" for i in _INDICES.values() for kind in ("weight", "bias")}
    strange = [n for n in state if n not in known and not n.startswith("classifier.")]
    if strange:
        raise CheckpointError(
            f"{path}: this is no VGG-19 of torchvision (without batch norm): it has the tensors "
            f"{', '.join(strange[:3])}."
        )
    for layer in network.layers:
        if not layer.weights:
            continue
        for kind, variable in (("weight", layer.kernel), ("bias", layer.bias)):
            name = f"features.{_INDICES[layer.name]}.{kind}"
            array = state.get(name)
            if array is None:
                raise CheckpointError(f"{path}: the tensor `{name}` is missing.")
            array = array.transpose(2, 3, 1, 0) if kind == "weight" else array
            if array.shape != tuple(variable.shape):
                raise CheckpointError(
                    f"{path}: `{name}` has the shape {array.shape} in our order of axes; VGG-19 "
                    f"has {tuple(variable.shape)} there."
                )
            variable.assign(array)
    return network
