"""The terms of a generator's objective: what a game requires of them before it is played."""

import inspect
import math

from tfsynth.hints import nearest


def check_terms(terms, shows, taken, conditioning, generator):
    """Raises `ValueError` unless a game can ask each term, and log it under its own name.

    Args:
        terms: List of `Loss`.
        shows: Names of the inputs that the game has for them.
        taken: Names that the game logs itself.
        conditioning, generator: Those of the game.
    """
    names, layers = set(), set()
    if not isinstance(terms, list | tuple):
        raise ValueError(f"`terms` is a list of losses. Received: {type(terms).__name__}.")
    for loss in terms:
        kind = type(loss).__name__.removeprefix("Tracked")  # Keras has its own lists and dicts.
        _check_kind(kind, loss)
        if not _is_weight(loss.weight):
            raise ValueError(
                f"`weight` of {kind} is a finite number, 0 or more. Received: {loss.weight!r}."
            )
        loss.check(conditioning.num_classes, generator.output_channels)
        _check_asks(kind, loss, shows)
        pictures = getattr(generator, "num_outputs", 1)
        if pictures > 1 and not loss.many_pictures:
            raise ValueError(
                f"A {kind} compares one picture, and the generator makes {pictures} of each "
                "layout: use a `DiversityLoss`, or set the generator's `num_outputs` to 1."
            )
        if not loss.name or loss.name in taken:
            raise ValueError(
                f"A term is logged under its `name`, which is not one of the game's own: "
                f"{', '.join(taken)}. Give {kind} one; received: {loss.name!r}."
            )
        if loss.name in names:
            raise ValueError(
                f"Two of `terms` are called `{loss.name}`, and each needs a name of its own in the "
                f"logs. List {kind} once, with the weights added up."
            )
        if shared := layers & set(loss.layers):
            raise ValueError(
                f"Two of `terms` log a layer called {', '.join(sorted(shared))}, and the balance "
                f"of layers is found from these logs. Give those of {kind} other names, or put "
                "the layers of both into one term."
            )
        names.add(loss.name)
        layers |= set(loss.layers)


def check_part(name, part, wanted, example):
    """Raises `ValueError` unless a part of a game has all attributes that are wanted of it.

    Args:
        name: The part's name.
        part: The part.
        wanted: Names of attributes.
        example: A class that has them, for the message.
    """
    if not all(hasattr(part, attribute) for attribute in wanted):
        kind = "nothing" if part is None else f"{type(part).__name__}"
        raise ValueError(f"`{name}` is a part such as {example}. Received: {kind}.")


def check_scalar(name, value):
    """Raises `ValueError` unless a term gave a scalar: the mean over the batch."""
    if len(value.shape) != 0:
        raise ValueError(
            f"The term `{name}` returns the mean over the batch, a scalar. It returned a tensor "
            f"{tuple(value.shape)}: take the mean of it."
        )


def _check_kind(kind, loss):
    asks = getattr(loss, "asks", ())
    if isinstance(asks, str):
        raise ValueError(f"`asks` of {kind} is a tuple of names. Received: the text {asks!r}.")
    if not asks:
        raise ValueError(
            f"`terms` lists what the generator minimises beside an adversarial loss. A {kind} is "
            "none of it: its `asks` names no input."
        )


def _check_asks(kind, loss, shows):
    asks = loss.asks
    if unknown := [name for name in asks if name not in shows]:
        raise ValueError(
            f"A {kind} asks for {', '.join(unknown)}, and this game shows {', '.join(shows)}."
            f"{nearest(unknown[0], shows)} Correct its `asks`, or leave it out of `terms`."
        )
    call = loss.terms if loss.layers else loss.__call__
    taken = [n for n in inspect.signature(call).parameters if n != "factors"]
    if not set(asks) <= set(taken):
        raise ValueError(
            f"{kind} is called with what it asks for, {', '.join(asks)}, by keyword; its call "
            f"takes {', '.join(taken)}. Make them the same."
        )


def _is_weight(value):
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= value < math.inf
