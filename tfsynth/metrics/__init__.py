"""Scores of synthesised photographs, and the references that they are compared with."""

from tfsynth.metrics.boundaries import boundary_visibility as boundary_visibility
from tfsynth.metrics.boundaries import touching_boundaries as touching_boundaries
from tfsynth.metrics.references import flat_pairs as flat_pairs
from tfsynth.metrics.references import mean_colours as mean_colours
from tfsynth.metrics.references import shuffled_pairs as shuffled_pairs
from tfsynth.metrics.segmentation import SegmentationScores as SegmentationScores
from tfsynth.metrics.segmentation import confusion_matrix as confusion_matrix
from tfsynth.metrics.segmentation import segmentation_scores as segmentation_scores
from tfsynth.metrics.segmenter import Segmenter as Segmenter
from tfsynth.metrics.segmenter_score import FittedSegmenter as FittedSegmenter
from tfsynth.metrics.segmenter_score import SegmenterProtocol as SegmenterProtocol
from tfsynth.metrics.spectrum import radial_power_spectrum as radial_power_spectrum
from tfsynth.metrics.spectrum import spectrum_error as spectrum_error
