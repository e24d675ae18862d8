"""Training in phases: one config, some of whose keys change from phase to phase.

pix2pixHD trains its coarse network at half the size, then an enhancer around it, then both
(https://arxiv.org/abs/1711.11585, section 3.1). A config says so in `phases`:

    phases:
      coarse: {data.size: [256, 512], game.generator: {class: GlobalGenerator, ...}}
      enhancer: {train.frozen: [generator.global], init_except: [generator.head, ...]}
      joint: {}
"""

import copy
import re

from tfsynth.config import ConfigError, parse_config, set_key

# A phase is a part of one run: what the run is about stays.
_OF_THE_RUN = (
    *("name", "seed", "precision", "phases", "init_from", "evaluation", "second_evaluation"),
    *("data.dataset", "data.max_instances", "train.then", "train.keep_checkpoints"),
)


def split_into_phases(config):
    """Returns the phases of a config, in order.

    A phase is the config with the keys changed that `phases` names for it. The second and
    later ones start from the weights of the one before; of these, `init_except` names what
    does not fit. A budget `train.minutes` of the config is shared among the phases in
    proportion to their own `train.minutes`, equally if they name none.

    Args:
        config: A `Config`.

    Returns:
        List of (name, `Config`); a config without phases is one, with an empty name.

    Raises:
        ConfigError: If a phase changes what belongs to the run or breaks a rule of the config.
    """
    if not config.phases:
        return [("", config)]
    tree = config.to_dict()
    changes = tree.pop("phases")
    phases = []
    for index, (name, keys) in enumerate(changes.items()):
        try:
            phases.append((name, _phase(tree, name, keys, first=index == 0)))
        except ConfigError as error:
            raise ConfigError(f"`phases.{name}`: {error}") from error
    if phases[-1][1].data != config.data:
        raise ConfigError(
            f"`phases.{phases[-1][0]}` is the last phase, whose model is the run's: it cannot "
            "change `data`. Give the config the data settings of the last phase."
        )
    return _with_minutes(config, changes, phases)


def _phase(tree, name, keys, first):
    if not re.fullmatch(r"[a-z0-9_-]+", str(name)):
        raise ConfigError(
            "The name of a phase is made of a-z, 0-9, _ and -, since it is also a folder's. "
            f"Received: {name!r}."
        )
    tree = copy.deepcopy(tree)
    if not first:
        tree.update(init_from=None, init_except=[])
    for key, value in (keys or {}).items():
        if any(key == own or key.startswith(f"{own}.") for own in _OF_THE_RUN):
            raise ConfigError(f"`{key}` belongs to the whole run: a phase cannot change it.")
        set_key(tree, key, copy.deepcopy(value))
    return parse_config(tree)


def _with_minutes(config, changes, phases):
    """Shares the run's budget of wall time among the phases."""
    budget = config.train.minutes
    if budget is None:
        return phases
    named = [(keys or {}).get("train.minutes") for keys in changes.values()]
    shares = [float(share) for share in named if share is not None] or [1.0] * len(phases)
    if len(shares) < len(phases):
        without = [name for name, share in zip(changes, named, strict=True) if share is None]
        raise ConfigError(
            "`train.minutes` is named for all phases or for none: it is shared. Not named by: "
            f"{', '.join(f'`phases.{name}`' for name in without)}."
        )
    shared = []
    for (name, phase), share in zip(phases, shares, strict=True):
        tree = phase.to_dict()
        tree["train"]["minutes"] = budget * share / sum(shares)
        shared.append((name, parse_config(tree)))
    return shared
