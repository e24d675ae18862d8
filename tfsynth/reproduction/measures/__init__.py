"""What is measured in a trained model, by name: a table's `measures` say which it takes.

A new measure is a function and an entry in one of these files, or in a new one that is named here.
Nothing here imports Keras before it measures, so that tables can be read and listed at once.
"""

from tfsynth.reproduction.measures import pictures, several, styles, usefulness
from tfsynth.reproduction.measures.measure import Measure as Measure

MEASURES: dict[str, Measure] = {
    **pictures.MEASURES,
    **styles.MEASURES,
    **several.MEASURES,
    **usefulness.MEASURES,
}
