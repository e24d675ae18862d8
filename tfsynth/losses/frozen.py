"""Fixed networks of losses: files named by path and SHA-256."""

from pathlib import Path

import keras

from tfsynth.files import sha256_of
from tfsynth.layers import dtype_policy
from tfsynth.models import read_model


def load_frozen(path, expected, what, remedy, policy=None):
    """Loads a network that is not trained; nothing is downloaded.

    Args:
        path: Path of a `.keras` file; `~` is the home folder.
        expected: The file's SHA-256 in hexadecimal digits, or `None` for any.
        what: The kind of file, for messages: "feature network".
        remedy: How to get such a file, for messages: a sentence without its full stop.
        policy: Name of the dtype policy to build it with; `None` for the one in force.

    Returns:
        The `keras.Model`, not trainable, and the file's SHA-256.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file's SHA-256 is another, or it is refused by `models.read_model`.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file {path}. The loss needs the weights of a {what}, which are never "
            f"downloaded; {remedy}, or name another."
        )
    found = sha256_of(path)
    if expected is not None and found != expected.lower():
        raise ValueError(
            f"{path} is not the {what} of this config: its SHA-256 is {found}, expected "
            f"{expected}. Losses and scores with another cannot be compared; give the right file, "
            "or change `sha256`."
        )
    with dtype_policy(policy):
        network = read_model(path, compile=False)
    if not isinstance(network, keras.Model):
        raise ValueError(f"{path} is no {what}: it holds a {type(network).__name__}.")
    network.trainable = False
    return network, found


def refuse_channels(loss, wanted, channels):
    """Raises `ValueError` unless pictures have the channels that a loss's network reads, or one."""
    if channels not in (1, wanted):
        raise ValueError(
            f"The {loss} reads pictures of {wanted} channels, or of one, which is repeated; the "
            f"generator's have {channels}. Leave the loss out, or name a network of as many "
            "channels."
        )
