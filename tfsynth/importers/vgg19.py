"""VGG-19 weights of torchvision and of Keras as the feature network `VGG19`."""

import os
import warnings
from pathlib import Path

import keras
import numpy as np

from tfsynth.importers.torch.names import without_prefix
from tfsynth.importers.torch.pickles import RefusedError
from tfsynth.importers.torch.state_dicts import CheckpointError, read_state_dict
from tfsynth.models.archive import BundleError, Member
from tfsynth.models.weights import check_weights
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
    """Reads torchvision's VGG-19, without PyTorch, or Keras's own.

    Keras's are the weights of the authors of VGG-19, from Caffe, with which Cascaded Refinement
    Networks was trained too, and not those of pix2pixHD, whose losses they do not reproduce.

    Args:
        path: torchvision's file, `vgg19-dcbb9e9d.pth` or another with its names; or the one
            that `keras.applications.VGG19` downloads and keeps in `~/.keras/models/`,
            `vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5`. It must end in `.h5`.
        **settings: Arguments of `VGG19`; by default those of pix2pixHD, and for Keras's file
            with `preprocessing="keras"`, which its weights need.

    Returns:
        A `VGG19`.

    Raises:
        CheckpointError: If a tensor is missing, has another shape, or is no part of VGG-19.
        OSError: If the file cannot be read.
    """
    if Path(path).suffix == ".h5":
        network = VGG19(**{"preprocessing": "keras", **settings})
        _assign(network, _keras_tensors(path), path)
    else:
        network = VGG19(**settings)
        _assign(network, _torchvision_tensors(path), path)
    return network


def _torchvision_tensors(path):
    """Returns "layer.kind" -> (name in the file, array in Keras's order of axes)."""
    try:
        state = without_prefix(read_state_dict(path), r"(?:features|classifier)\.\d")
    except RefusedError as error:
        raise CheckpointError(f"{path}: {error}") from None
    known = {f"features.{i}.{kind}" for i in _INDICES.values() for kind in ("weight", "bias")}
    strange = [n for n in state if n not in known and not n.startswith("classifier.")]
    if strange:
        raise CheckpointError(
            f"{path}: this is no VGG-19 of torchvision (without batch norm): it has the tensors "
            f"{', '.join(strange[:3])}."
        )
    found = {}
    for layer, index in _INDICES.items():
        name = f"features.{index}.weight"
        kernel = state.get(name)
        found[f"{layer}.kernel"] = name, None if kernel is None else kernel.transpose(2, 3, 1, 0)
        found[f"{layer}.bias"] = f"features.{index}.bias", state.get(f"features.{index}.bias")
    return found


def _keras_tensors(path):
    """Returns "layer.kind" -> (name in the file, array)."""
    # Before Keras sees it, which may take a name for something to download, and HDF5 files for
    # those of a friend.
    with Path(path).open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        try:
            check_weights(file, Member("content", 0, size, 0))
        except BundleError as error:
            raise CheckpointError(
                f"{path}: {error}. Name the file that Keras downloads (`..._notop.h5`)."
            ) from error
    try:
        with warnings.catch_warnings():
            # Keras only warns of layers that it leaves at random.
            warnings.simplefilter("error", UserWarning)
            network = keras.applications.VGG19(include_top=False, weights=str(path))
    except (ValueError, KeyError, OSError, UserWarning) as error:
        raise CheckpointError(
            f"{path}: these are no weights of `keras.applications.VGG19` without its classifier "
            f"(`..._notop.h5`): {str(error).splitlines()[0].rstrip('.')}. Name the file that Keras "
            "downloads."
        ) from error
    found = {}
    for layer in _INDICES:
        name = layer.replace("conv", "block").replace("_", "_conv")
        kernel, bias = network.get_layer(name).get_weights()
        found |= {f"{layer}.kernel": (name, kernel), f"{layer}.bias": (name, bias)}
    return found


def _assign(network, tensors, path):
    for layer in network.layers:
        if not layer.weights:
            continue
        for kind, variable in (("kernel", layer.kernel), ("bias", layer.bias)):
            name, array = tensors[f"{layer.name}.{kind}"]
            if array is None:
                raise CheckpointError(f"{path}: the tensor `{name}` is missing.")
            if array.shape != tuple(variable.shape):
                raise CheckpointError(
                    f"{path}: `{name}` has the shape {array.shape} in our order of axes; VGG-19 "
                    f"has {tuple(variable.shape)} there."
                )
            if not np.isfinite(array).all():
                raise CheckpointError(
                    f"{path}: the tensor `{name}` holds values that are not finite: the file is "
                    "damaged. Fetch it again."
                )
            variable.assign(array)
