"""Weights and optimizers from one training to the next, strictly."""

import keras

from tfsynth.hints import nearest_names


def layer_shapes(networks):
    """Returns the shapes of all weights by layer: what can be taken over, and what takes it.

    Args:
        networks: Dict of role -> `keras.Model`.

    Returns:
        Dict of "role.layer" -> list of the shapes of its weights.
    """
    return {
        name: [tuple(weight.shape) for weight in layer.weights]
        for name, layer in _layers(networks).items()
    }


def plan_transfer(source, target, exceptions=()):
    """Checks that weights fit, and says which are taken over.

    Args:
        source: `layer_shapes` of the networks that the weights come from.
        target: `layer_shapes` of those that they go to.
        exceptions: Names, or prefixes of names that end before an underscore, of layers
            that are new in the target or left behind in the source.

    Returns:
        List of the names of the layers to copy.

    Raises:
        ValueError: If a layer of either side has no counterpart of its shapes and is not
            named, or an exception names nothing. Nothing is passed over in silence: a half
            random network looks like a badly trained one.
    """
    names = [*target, *(name for name in source if name not in target)]
    for exception in exceptions:
        if not any(_covers(exception, name) for name in names):
            raise ValueError(
                f"`init_except` names {exception!r}, which is no layer of either side. Nearest: "
                f"{nearest_names(exception, names)}."
            )
    wanted = [name for name in names if not any(_covers(e, name) for e in exceptions)]
    wrong = [name for name in wanted if source.get(name) != target.get(name)]
    if wrong:
        shown = "; ".join(
            f"{name}: {_shown(source.get(name))} there, {_shown(target.get(name))} here"
            for name in wrong[:4]
        )
        more = f" and {len(wrong) - 4} more" if len(wrong) > 4 else ""
        raise ValueError(
            f"These layers do not fit the weights to start from: {shown}{more}. Make the networks "
            "alike, or name in `init_except` what starts from random weights or is left out."
        )
    return wanted


def transfer_weights(source, target, exceptions=()):
    """Copies weights from networks to networks, layer by layer of the same name.

    Args:
        source: Dict of role -> `keras.Model`.
        target: Dict of role -> `keras.Model`; changed.
        exceptions: See `plan_transfer`.

    Raises:
        ValueError: See `plan_transfer`; nothing is changed then.
    """
    names = plan_transfer(layer_shapes(source), layer_shapes(target), exceptions)
    there, here = _layers(source), _layers(target)
    for name in names:
        for old, new in zip(there[name].weights, here[name].weights, strict=True):
            # A copy: two variables of JAX that share their memory cannot both be trained.
            new.assign(keras.ops.convert_to_numpy(old))


def transfer_optimizers(source, target):
    """Lets the optimizers of players whose weights are the same as before go on.

    Never the first player's, the generator's: its task has changed, so that its moments are
    of other gradients, and the steps of a phase count from 0. One whose weights are new in
    part starts anew as a whole: a step count of before, with empty moments, makes the first
    steps of Adam many times too large.

    Args:
        source: The `Trainer` of before.
        target: The `Trainer` that goes on; changed.
    """
    for player in list(target.players)[1:]:
        if player not in source.players or _shapes(source, player) != _shapes(target, player):
            continue
        old, new = source.player_optimizers[player], target.player_optimizers[player]
        if type(old) is type(new) and len(old.variables) == len(new.variables):
            rate = keras.ops.convert_to_numpy(new.learning_rate)
            for before, after in zip(old.variables, new.variables, strict=True):
                after.assign(keras.ops.convert_to_numpy(before))
            new.learning_rate = rate


def _layers(networks):
    return {
        f"{role}.{layer.name}": layer
        for role, network in networks.items()
        for layer in network.layers
        if layer.weights
    }


def _covers(exception, name):
    return name == exception or name.startswith((f"{exception}_", f"{exception}."))


def _shapes(trainer, player):
    return [(weight.path, tuple(weight.shape)) for weight in trainer.weights_of(player)]


def _shown(shapes):
    return "nothing" if shapes is None else " and ".join(map(str, shapes))
