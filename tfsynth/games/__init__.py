"""Games between networks, as mathematics: what each player minimises. Keras only."""

from tfsynth.games.adversarial import AdversarialGame as AdversarialGame
from tfsynth.games.game import Game as Game
from tfsynth.games.layer_factors import LayerFactors as LayerFactors
from tfsynth.games.regression import RegressionGame as RegressionGame
