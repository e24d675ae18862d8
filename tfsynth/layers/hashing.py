"""Random numbers without a state: an integer hash of a seed and a counter.

The same numbers in NumPy, in `keras.ops` on any backend, with XLA, and in exported graphs: the
hash needs nothing but sums, products and remainders of int32 that never overflow, which every
runtime has and computes alike. (Shifts and exclusive ors of signed integers are not in all of
them, and what a product does that overflows is nowhere promised.)

A Feistel network over the integers modulo a prime, whose rounds cube: the construction of MiMC,
https://eprint.iacr.org/2016/492, section 2, with few rounds. It is no cipher: who knows the
numbers can find the seed.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from keras import ops

# The largest prime whose square, and the sum in a round, are in int32.
PRIME = 46337
# Added in the rounds, which would be alike without them: decimals of pi.
_CONSTANTS = (14159, 26535, 8979)
# Numbers of 32 bits are taken in parts of 15, which are smaller than the prime.
_PART = 2**15

# What a number is for: numbers of one seed for different purposes are independent.
STYLES, NOISE = 0, 1


class State(NamedTuple):
    """The hash of the words so far, two int32 arrays 0..`PRIME` - 1 of one shape."""

    left: Any
    right: Any


START = State(0, 0)


def absorb(state: State, *words: Any) -> State:
    """Returns the hash of further words.

    Args:
        state: The hash of the words before; `START` for none.
        words: Ints or int32 arrays or tensors, 0..`PRIME` - 1, whose shapes broadcast with that
            of the state.
    """
    left, right = state
    for word in words:
        left = (left + word) % PRIME
        for constant in _CONSTANTS:
            square = left * left % PRIME
            left, right = (square * left + right + constant) % PRIME, left
    return State(left, right)


def parts(number: Any) -> Sequence[Any]:
    """Returns three words for `absorb`, different ones for different numbers.

    Args:
        number: Of 32 bits, negative ones too: an int, or an int32 array or tensor.
    """
    if isinstance(number, int):
        magnitude, sign = max(number, -1 - number), 2 * (number < 0)
    else:
        library = np if isinstance(number, np.ndarray) else ops
        # -1 becomes 0: runtimes round quotients of negative numbers to different sides.
        magnitude = library.maximum(number, -1 - number)
        # Two Python integers would have a type that follows from Keras's `floatx`.
        sign = library.where(number < 0, library.full_like(number, 2), library.zeros_like(number))
    return magnitude % _PART, magnitude // _PART % _PART, magnitude // _PART**2 + sign
