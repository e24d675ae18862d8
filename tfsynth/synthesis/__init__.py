"""The trained model: a synthesizer, its styles, and synthesis from files."""

from tfsynth.synthesis.style_table import StyleTable as StyleTable
from tfsynth.synthesis.synthesizer import Synthesizer as Synthesizer
