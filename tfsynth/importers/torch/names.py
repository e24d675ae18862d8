"""Names of tensors that a program put a prefix before: `module.`, `netG.`, `ema.`."""

import re
from collections.abc import Mapping
from typing import Any

from tfsynth.importers.torch.pickles import RefusedError
from tfsynth.importers.torch.tensors import listing


def without_prefix(state: Mapping[str, Any], own: str) -> dict[str, Any]:
    """Returns a state_dict under the names of the network itself.

    Args:
        state: Name -> array.
        own: Regular expression of what a name of the network begins with.

    Returns:
        The arrays, without the prefix that all names have. Where no name can be of the network,
        they are returned as they are.

    Raises:
        RefusedError: If names have different prefixes, so that they are of several networks.
    """
    pattern = re.compile(rf"((?:[A-Za-z_][A-Za-z0-9_]*\.)*?){own}")
    matches = {name: pattern.match(name) for name in state}
    prefixes = sorted({match[1] for match in matches.values() if match})
    if not prefixes or prefixes == [""]:
        return dict(state)
    shown = ", ".join(f"`{prefix}`" if prefix else "none" for prefix in prefixes[:5])
    remedy = (
        "Save one alone: `torch.save({n.removeprefix(p): t for n, t in state.items() if "
        "n.startswith(p)}, new_path)` with one of them as `p`"
    )
    if len(prefixes) > 1:
        raise RefusedError(
            f"its names have different prefixes ({shown}), as those of several networks in one "
            f"file do, or of a network and its average. {remedy}."
        )
    others = [name for name in state if not name.startswith(prefixes[0])]
    if others:
        raise RefusedError(
            f"beside tensors with the prefix {shown} it has {listing(others, 3)}. {remedy}."
        )
    return {name.removeprefix(prefixes[0]): array for name, array in state.items()}
