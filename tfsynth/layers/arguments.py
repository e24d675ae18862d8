"""The range of the numbers that say how large a network is.

A config or a file of a stranger can ask for any network. These bounds are eight times what is
published or more; they keep the time to put a network together in seconds. Whether its weights fit
the memory is another question, and depends on the machine.
"""

import operator

# The most of each; the least is 1 if nothing else is said.
_MOST = {
    "channels": 8192,
    "condition_channels": 8192,
    "depth": 16,
    "filters": 8192,
    "input_channels": 8192,
    "max_instances": 2**20,
    "mixed_channels": 8192,
    "noise_channels": 8192,
    "num_blocks": 128,
    "num_classes": 8192,
    "num_downsamples": 12,
    "num_enhancers": 8,
    "num_features": 8192,
    "num_layers": 16,
    "num_local_blocks": 32,
    "num_outputs": 1024,
    "num_scales": 12,
    "output_channels": 8192,
    "padding": 4096,
}
# Filters of one layer: those of the widest published networks are 1024.
MOST_WIDTH = 16_384
# Entries of a list with one number for each part of a network.
MOST_PARTS = 64
# Those of one whose parts work at sizes that halve from each to the next.
MOST_LEVELS = 13


def check_sizes(least=1, **sizes):
    """Raises `ValueError` unless sizes of a network are whole numbers in their range.

    Args:
        least: The least of each.
        **sizes: The numbers, by the names of the arguments that they came as.
    """
    for name, value in sizes.items():
        try:
            number = operator.index(value)
        except TypeError:
            message = f"`{name}` must be a whole number. Received: {_short(value)}."
            raise ValueError(message) from None
        if number < least:
            raise ValueError(f"`{name}` must be at least {least}. Received: {value}.")
        if number > _MOST[name]:
            raise ValueError(f"`{name}` must be at most {_MOST[name]}. Received: {_short(value)}.")


def check_list(name, numbers, least=1, most=MOST_WIDTH, parts=MOST_PARTS):
    """Raises `ValueError` unless an argument is a short list of whole numbers, one for each part.

    Args:
        name: That of the argument.
        numbers: Its value, a list or a tuple.
        least, most: Range of each number.
        parts: The most entries.
    """
    is_list = isinstance(numbers, list | tuple)
    if not is_list or not 1 <= len(numbers) <= parts:
        received = f"{len(numbers)} of them" if is_list else _short(numbers)
        raise ValueError(
            f"`{name}` has one number per part, at least one and at most {parts}. "
            f"Received: {received}."
        )
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
            raise ValueError(
                f"`{name}` has one number per part, a whole one from {least} to {most}. "
                f"Received: {_short(numbers)}."
            )


def check_width(channels):
    """Raises `ValueError` if the widest layer of a network has too many channels.

    Args:
        channels: Their number, as it follows from the arguments.
    """
    if channels > MOST_WIDTH:
        raise ValueError(
            f"A layer has at most {MOST_WIDTH} channels; by these arguments the widest would have "
            f"{_short(channels)}."
        )


def _short(value):
    text = repr(value) if not isinstance(value, int) or value < 10**40 else "more than 10^40"
    return text if len(text) < 80 else f"{text[:77]}..."
