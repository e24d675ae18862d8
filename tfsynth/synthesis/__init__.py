"""What is left when training is over: a synthesizer, its styles, and its work on files."""

from tfsynth.synthesis.style_table import StyleTable as StyleTable
from tfsynth.synthesis.synthesizer import Synthesizer as Synthesizer
