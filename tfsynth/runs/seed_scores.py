"""Two pictures of one layout, of two seeds: they should differ in texture and agree in layout."""

import numpy as np

from tfsynth import metrics

# First layouts of which a second picture is made.
SEEDED = 50


def draws_anything(synthesizer):
    """Returns whether another seed gives another picture: by noise, or by drawn styles."""
    styles = getattr(synthesizer, "has_styles", getattr(synthesizer, "styles", None) is not None)
    return bool(styles or synthesizer.has_noise)


def seed_scores(judge, first, second):
    """Returns plain data: `texture`, `layout` and the number of layouts.

    Args:
        judge: The `Judge` that reads the pictures.
        first: List of (labels (height, width), picture (height, width, 3)).
        second: The same layouts, with the pictures of other seeds.

    Returns:
        `{"texture", "layout", "layouts"}`: the mean `texture_difference`, in grey levels; and the
        share of the pixels that are not void in which the judge reads the same in both.
    """
    void = judge.segmenter.label_set.void_ids
    pairs = list(zip(first, second, strict=True))
    textures = [metrics.texture_difference(a, b) for (_, a), (_, b) in pairs]
    readings = [judge.protocol.readings(judge.segmenter, row) for row in (first, second)]
    agreements = [
        metrics.reading_agreement(a, b, ~np.isin(labels, void))
        for (labels, a, _), (_, b, _) in zip(*readings, strict=True)
    ]
    known = [agreement for agreement in agreements if not np.isnan(agreement)]
    return {
        "texture": float(np.mean(textures)),
        "layout": float(np.mean(known)) if known else None,
        "layouts": len(pairs),
    }
