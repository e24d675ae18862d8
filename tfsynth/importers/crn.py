"""The published TensorFlow 1 checkpoints of Cascaded Refinement Networks: tensors and layers.

A checkpoint holds no architecture; it follows from names and shapes. `g_8_conv2/weights` is the
kernel of the second convolution of the module that works on 8 rows. No tensor is skipped without a
message: every one belongs to a layer, is a moment of the optimizer, or is an error.
"""

import glob
import math
import re
from pathlib import Path

import numpy as np

from tfsynth.importers.foreign import refuse_other_kinds
from tfsynth.importers.torch.pickles import RefusedError
from tfsynth.importers.torch.state_dicts import CheckpointError
from tfsynth.networks import CascadedRefinementNetwork

# Adam's two moments of every variable, and its powers of beta: a generator needs neither.
_SLOTS = ("/Adam", "/Adam_1")
_POWERS = ("beta1_power", "beta2_power")


def read_crn(prefix):
    """Reads the generator of a published CRN checkpoint.

    The network makes pictures in [-1, 1]; the published one, whose graph ends with
    127.5 x + 127.5, makes grey levels.

    Args:
        prefix: What its files' names begin with, e.g. `result_512p/model.ckpt` for
            `model.ckpt.index` and `model.ckpt.data-00000-of-00001`; or one of the files.

    Returns:
        Dict of the role "generator" and a `CascadedRefinementNetwork`.

    Raises:
        CheckpointError: If the files are no such checkpoint, are damaged or cut short, or have a
            tensor too many, too few or of another shape.
        OSError: If they cannot be read.
    """
    prefix = _prefix(prefix)
    try:
        tensors = _Tensors(prefix)
        rows, settings = _architecture(tensors.shapes)
        _check(tensors.shapes, rows, settings)
        # Not before: a network is as large as the shapes say, and a file may say anything.
        network = CascadedRefinementNetwork(**settings)
        for name, variable in checkpoint_variables(network, rows).items():
            variable.assign(tensors[name])
    except CheckpointError as error:
        raise CheckpointError(f"{prefix}: {error}") from None
    return {"generator": network}


def trained_rows(prefix):
    """Returns the height of the pictures that a checkpoint's network was trained on.

    Args:
        prefix: As in `read_crn`, which has read it.
    """
    rows, settings = _architecture(_Tensors(_prefix(prefix)).shapes)
    return rows * 2 ** (len(settings["widths"]) - 1)


def checkpoint_files(prefix):
    """Returns the files of a checkpoint, the index first, as `Path`s.

    Args:
        prefix: As in `read_crn`.

    Raises:
        CheckpointError: If there is no index, or a data file is missing.
    """
    prefix = _prefix(prefix)
    index = prefix.with_name(f"{prefix.name}.index")
    if not index.is_file():
        raise CheckpointError(
            f"There is no {index}. A TensorFlow checkpoint is named by what its files' names have "
            "in common, e.g. `model.ckpt` for model.ckpt.index and model.ckpt.data-00000-of-00001."
        )
    digits = "[0-9]" * 5
    name = glob.escape(prefix.name)
    found = sorted(prefix.parent.glob(f"{name}.data-{digits}-of-{digits}"))
    count = int(found[0].name[-5:]) if found else 1
    wanted = [prefix.with_name(f"{prefix.name}.data-{i:05}-of-{count:05}") for i in range(count)]
    missing = [str(file) for file in wanted if file not in found]
    if missing:
        raise CheckpointError(
            f"The index {index} is there and the data is not: {', '.join(missing[:3])} is missing. "
            "Download it beside the index."
        )
    return [index, *wanted]


def checkpoint_variables(network, rows=4):
    """Returns the variables of a network by their names in a checkpoint.

    Args:
        network: A `CascadedRefinementNetwork`.
        rows: Height of the coarsest module; 4 in the published networks.

    Returns:
        Dict of name -> `keras.Variable`, in the order of the layers.
    """
    variables = {}
    for i in range(len(network.widths)):
        for number in (1, 2):
            name = f"g_{rows * 2**i}_conv{number}"
            norm = network.get_layer(f"module{i}_norm{number}")
            variables[f"{name}/weights"] = network.get_layer(f"module{i}_conv{number}").kernel
            variables[f"{name}/LayerNorm/gamma"] = norm.gamma
            variables[f"{name}/LayerNorm/beta"] = norm.beta
    name, head = f"g_{rows * network.size_multiple}_conv100", network.get_layer("head_conv")
    return {**variables, f"{name}/weights": head.kernel, f"{name}/biases": head.bias}


class _Tensors:
    """The tensors of a checkpoint, read one at a time: its moments may be twice its weights."""

    def __init__(self, prefix):
        files = checkpoint_files(prefix)
        for file in files:
            with file.open("rb") as opened:
                try:
                    refuse_other_kinds(opened.read(512))
                except RefusedError as error:
                    raise CheckpointError(f"{file}: {error}") from None
        try:
            # Here, for the other importers work without TensorFlow.
            import tensorflow as tf
        except ImportError as error:
            raise CheckpointError(
                "checkpoints of TensorFlow are read by TensorFlow, which cannot be imported here "
                f"({error}). Install it, `pip install tensorflow`, or import on another machine: "
                "the model that is written needs it no more."
            ) from error
        self._error = tf.errors.OpError
        try:
            self._reader = tf.train.load_checkpoint(str(prefix))
            self.shapes = {
                name: tuple(shape)
                for name, shape in self._reader.get_variable_to_shape_map().items()
            }
            types = self._reader.get_variable_to_dtype_map()
        except self._error as error:
            raise CheckpointError(
                f"{files[0]} is no index of a TensorFlow checkpoint, or is damaged: "
                f"{error.message.rstrip('.')}. Name another, or fetch it again."
            ) from None
        other = [name for name, dtype in types.items() if dtype != tf.float32]
        if other:
            raise CheckpointError(
                f"Every tensor of a CRN is float32; `{other[0]}` is {types[other[0]].name}. This "
                "is another program's checkpoint."
            )
        _check_size(files[1:], sum(4 * math.prod(shape) for shape in self.shapes.values()))

    def __getitem__(self, name):
        try:
            # TensorFlow compares the checksum of every tensor that it reads.
            tensor = np.asarray(self._reader.get_tensor(name))
        except self._error as error:
            raise CheckpointError(
                f"The tensor `{name}` is damaged: {error.message.rstrip('.')}. Fetch it again."
            ) from None
        if not np.isfinite(tensor).all():
            raise CheckpointError(
                f"The tensor `{name}` holds values that are not finite: the training that it is "
                "from had failed. Take another checkpoint."
            )
        return tensor


def _prefix(path):
    path = Path(path)
    return path.with_name(re.sub(r"\.(index|meta|data-\d{5}-of-\d{5})$", "", path.name))


def _check_size(files, expected):
    actual = sum(file.stat().st_size for file in files)
    if actual != expected:
        cause = "it was cut short" if actual < expected else "it is of another checkpoint"
        raise CheckpointError(
            f"{', '.join(map(str, files))} should hold {expected:,} bytes by the index, and holds "
            f"{actual:,}: {cause}. Download it again, with its index."
        )


def _architecture(shapes):
    """Returns the rows of the coarsest module and the network's arguments, by names and shapes."""
    matches = (re.fullmatch(r"g_(\d+)_conv1/weights", name) for name in shapes)
    sizes = sorted(int(match[1]) for match in matches if match)
    if not sizes:
        raise CheckpointError(
            "This is no checkpoint of a CRN: there is no tensor `g_4_conv1/weights`. It holds "
            f"{', '.join(sorted(shapes)[:3]) or 'nothing'}."
        )
    if any(after != 2 * before for before, after in zip(sizes, sizes[1:], strict=False)):
        raise CheckpointError(
            "The modules of a CRN work on 4, 8, 16, ... rows, each on twice as many as the one "
            f"before; these are of {', '.join(map(str, sizes))} rows."
        )
    names = [f"g_{size}_conv1/weights" for size in sizes]
    head = f"g_{sizes[-1]}_conv100/biases"
    for name, axes in [*((name, 4) for name in names), (head, 1)]:
        if len(shapes.get(name, ())) != axes:
            found = f"has the shape {shapes[name]}" if name in shapes else "is missing"
            raise CheckpointError(f"A CRN has a tensor `{name}` of {axes} axes; here it {found}.")
    num_outputs, rest = divmod(shapes[head][0], 3)
    if rest or num_outputs == 0:
        raise CheckpointError(
            f"A CRN makes pictures of 3 channels; `{head}` has {shapes[head][0]} in all."
        )
    return sizes[0], {
        "input_channels": shapes[names[0]][2],
        "widths": [shapes[name][3] for name in names],
        "num_outputs": num_outputs,
    }


def _expected_shapes(rows, input_channels, widths, num_outputs):
    shapes, before = {}, 0
    for width in widths:
        for number, depth in ((1, before + input_channels), (2, width)):
            shapes[f"g_{rows}_conv{number}/weights"] = (3, 3, depth, width)
            shapes[f"g_{rows}_conv{number}/LayerNorm/gamma"] = (width,)
            shapes[f"g_{rows}_conv{number}/LayerNorm/beta"] = (width,)
        rows, before = 2 * rows, width
    head = f"g_{rows // 2}_conv100"
    shapes[f"{head}/weights"] = (1, 1, before, 3 * num_outputs)
    return {**shapes, f"{head}/biases": (3 * num_outputs,)}


def _check(shapes, rows, settings):
    """Raises `CheckpointError` unless the tensors are those of the network, and its optimizer's."""
    expected = _expected_shapes(rows, **settings)
    by_others = (
        f"By its other tensors this is a network of {settings['input_channels']} channels with "
        f"modules of {', '.join(map(str, settings['widths']))} filters and "
        f"{settings['num_outputs']} picture(s)"
    )
    for name, shape in expected.items():
        if name not in shapes:
            raise CheckpointError(f"The tensor `{name}` is missing. {by_others}.")
        if shapes[name] != shape:
            raise CheckpointError(
                f"The tensor `{name}` has the shape {shapes[name]}. {by_others}, which has {shape} "
                "there."
            )
    known = {*expected, *_POWERS, *(f"{name}{slot}" for name in expected for slot in _SLOTS)}
    left = sorted(set(shapes) - known)
    if left:
        raise CheckpointError(
            f"{len(left)} tensor(s) have no place in a CRN: {', '.join(left[:5])}"
            f"{', ...' if len(left) > 5 else ''}. {by_others}."
        )
