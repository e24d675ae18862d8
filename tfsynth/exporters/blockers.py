"""What keeps a network from being exported, said before any conversion."""

from typing import NamedTuple


class Blocker(NamedTuple):
    """An operation of a network that a format does not have.

    Args:
        layer: Name of the layer.
        operator: Name of the operation.
        instead: What to use in its place.
    """

    layer: str
    operator: str
    instead: str
