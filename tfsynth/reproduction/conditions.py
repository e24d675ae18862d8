"""Under which conditions the results of a table were made, where they are not the same for all."""

import collections
import re

from tfsynth.reproduction.provenance import data_fingerprint

# Keys of a result, with what is said of one that differs from most.
_CONDITIONS = {
    "machine": "made on another machine than most here: {own}, they on {usual}",
    "backend": "made by another backend than most here: {own}, they by {usual}",
    "data_fingerprint": "made of other data: {own}, not {usual}",
}
# The part of a protocol's name that says the seed of its segmenter.
_SEED = re.compile(r"(?<=/)seed\d+(?=/|$)")


def usual_conditions(results, data=None):
    """Returns what most of a table's results were made with.

    Args:
        results: Sequence of results, in the order of the table: of two machines with as many
            results the first counts as usual.
        data: Fingerprint of the data set as it is here; `None` if it is not here.

    Returns:
        Dict of key of a result -> its usual value; without those that no result says.
    """
    usual = {}
    for key in _CONDITIONS:
        counts = collections.Counter(result[key] for result in results if result.get(key))
        if counts:
            usual[key] = counts.most_common(1)[0][0]
    if data is not None:
        usual["data_fingerprint"] = data
    return usual


def differences(result, usual):
    """Returns texts that say in what a result was made under other conditions than usual."""
    return [
        said.format(own=result[key], usual=usual[key])
        for key, said in _CONDITIONS.items()
        if key in usual and result.get(key) not in (None, usual[key])
    ]


def data_here(config):
    """Returns the fingerprint of a config's data set; `None` if it is not on this machine."""
    try:
        return data_fingerprint(config)
    except (ValueError, OSError):  # Committed results are shown without their data too.
        return None


def protocol_of(results, key):
    """Returns the name of the protocol of all results; `None` if none of them has one.

    Args:
        results: Sequence of results; those of before there were second judges do not say that
            they have none.
        key: `protocol` or `second_protocol`.

    Returns:
        The name. Where segmenters had the seeds of their runs, it says so in place of a seed;
        several protocols are named one after another.
    """
    names = list(dict.fromkeys(result[key] for result in results if result.get(key)))
    if len(names) > 1:
        names = list(dict.fromkeys(_SEED.sub("the run's seed", name) for name in names))
    return " and ".join(names) or None
