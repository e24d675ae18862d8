"""Photographs whose left and right edges join, as the map of a whole world has them."""

import numpy as np

from tfsynth.synthesis import checks

# Columns that a network is shown beyond each edge: a quarter of the width, within these.
_FEWEST, _MOST = 16, 128


def wrapped(synthesizer, condition, instances):
    """Returns a layout with its right edge repeated at its left, and its left one at its right.

    Args:
        synthesizer: A `Synthesizer` or an `ExportedSynthesizer`.
        condition, instances: As `synthesize` takes them.

    Returns:
        Condition and instances, and the number of columns that were added at each edge.

    Raises:
        ValueError: See `synthesize`.
    """
    condition, single = checks.checked_condition(
        condition, synthesizer.conditioning, synthesizer.label_set
    )
    batch = condition[None] if single else condition
    if instances is not None or "instances" in synthesizer.input_names:
        checks.batch_of_instances(synthesizer, instances, batch, single)
    width = batch.shape[2]
    margin = min(max(width // 4, _FEWEST), _MOST)
    columns = np.arange(-margin, width + margin) % width
    condition = np.take(condition, columns, axis=1 if single else 2)
    if instances is not None:
        instances = np.take(instances, columns, axis=-1)
    return condition, instances, margin


def unwrapped(pictures, margin):
    """Returns pictures of a wrapped layout without what was added, so that their edges join.

    The first column becomes the one that was synthesised to the right of the last. Over half of
    the margin it fades into the picture's own left part: the two differ where a network draws
    noise by the place in the picture, or sees farther than the margin.

    Args:
        pictures: Uint8 array (..., height, width + 2 margin, channels).
        margin: Columns at each edge.

    Returns:
        Uint8 array (..., height, width, channels).
    """
    width = pictures.shape[-2] - 2 * margin
    joined = pictures[..., margin : margin + width, :].copy()
    fade = min(margin // 2, width)
    beyond = pictures[..., margin + width : margin + width + fade, :].astype(np.float32)
    own = joined[..., :fade, :].astype(np.float32)
    share = (np.arange(fade, dtype=np.float32) / fade)[:, None]
    joined[..., :fade, :] = np.round(beyond + share * (own - beyond)).astype(np.uint8)
    return joined
