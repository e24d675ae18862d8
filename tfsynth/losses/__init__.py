"""Losses: functions of the outputs of networks."""

from tfsynth.losses.adversarial import CrossEntropyLoss as CrossEntropyLoss
from tfsynth.losses.adversarial import HingeLoss as HingeLoss
from tfsynth.losses.adversarial import LeastSquaresLoss as LeastSquaresLoss
from tfsynth.losses.diversity import DiversityLoss as DiversityLoss
from tfsynth.losses.feature_matching import FeatureMatchingLoss as FeatureMatchingLoss
from tfsynth.losses.feature_reconstruction import (
    FeatureReconstructionLoss as FeatureReconstructionLoss,
)
from tfsynth.losses.loss import Loss as Loss
from tfsynth.losses.perceptual import PUBLISHED_LAYER_WEIGHTS as PUBLISHED_LAYER_WEIGHTS
from tfsynth.losses.perceptual import PerceptualLoss as PerceptualLoss
from tfsynth.losses.reconstruction import L1Loss as L1Loss
from tfsynth.losses.segmentation import (
    SegmentationConsistencyLoss as SegmentationConsistencyLoss,
)
from tfsynth.losses.segmentation import SegmentationLoss as SegmentationLoss
