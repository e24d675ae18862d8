"""How many tries, and which: read from the environment, so that any try can be repeated alone.

`FAULTS_SHARE`: the share of all tries, 1 for all (`make faults`), 0.05 where there is no time.
`FAULTS_SEED`: the seed of all that is random, 0 by default. `FAULTS_ONLY`: one try by its name, as
the report gives it, for example `train:17`; or all of a kind, `train`.
"""

import os
import random

SHARE = float(os.environ.get("FAULTS_SHARE", "1"))
SEED = int(os.environ.get("FAULTS_SEED", "0"))
ONLY = os.environ.get("FAULTS_ONLY", "")


def tries(kind, whole):
    """Yields (name, random numbers) of the tries of a kind.

    Args:
        kind: Its name.
        whole: The number of all its tries; the share of them is tried, at least one.

    The random numbers of a try depend on the seed and its name alone.
    """
    for number in range(max(1, round(whole * SHARE))):
        if chosen(f"{kind}:{number}"):
            yield f"{kind}:{number}", generator(f"{kind}:{number}")
    if ":" in ONLY and ONLY.rpartition(":")[0] == kind:
        number = int(ONLY.rpartition(":")[2])
        if number >= max(1, round(whole * SHARE)):
            yield ONLY, generator(ONLY)


def chosen(name):
    """Returns whether a try is to be made: all are, unless `FAULTS_ONLY` names others."""
    return not ONLY or ONLY in (name, name.rpartition(":")[0])


def generator(name):
    """Returns the random numbers of a try."""
    return random.Random(f"{SEED}/{name}")


def some(kinds, count):
    """Returns all kinds; where there is little time (a share below 0.2), so many, by the seed."""
    kinds = list(kinds)
    if SHARE >= 0.2 or ONLY:
        return kinds
    chosen = generator("some").sample(range(len(kinds)), min(count, len(kinds)))
    return [kinds[i] for i in sorted(chosen)]
