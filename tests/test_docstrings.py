"""The examples in docstrings give what they say."""

import doctest
import importlib
import pkgutil

import keras
import numpy as np
import pytest

import tfsynth.layers
import tfsynth.losses
import tfsynth.networks
from tfsynth.layouts.labels import LabelSet
from tfsynth.synthesis.synthesizer import Synthesizer

PACKAGES = (tfsynth.layers, tfsynth.losses, tfsynth.networks)
MODULES = [
    *(
        f"{package.__name__}.{module.name}"
        for package in PACKAGES
        for module in pkgutil.iter_modules(package.__path__)
    ),
    *("tfsynth.synthesis.synthesizer", "tfsynth.trainers.schedules", "tfsynth.layouts.labels"),
    *("tfsynth.data.batches", "tfsynth.layouts.layout", "tfsynth.layouts.regions"),
    "tfsynth.metrics.segmenter",
]
# What a reader of an example has imported.
NAMES = {"keras": keras, "np": np, "LabelSet": LabelSet, "Synthesizer": Synthesizer}
for package in PACKAGES:
    NAMES |= {name: getattr(package, name) for name in vars(package) if not name.startswith("_")}
WITH_EXAMPLES = {
    *(
        "Conditioning",
        "ColourConditioning",
        "PictureConditioning",
        "BatchStatisticsNormalization",
        "DropoutNoise",
        "NoiseMaps",
        "InstanceNormalization",
        "ReflectionPadding2D",
        "UnpaddedAveragePooling2D",
    ),
    *("LeastSquaresLoss", "CrossEntropyLoss", "FeatureMatchingLoss", "L1Loss", "HingeLoss"),
    *("PerceptualLoss", "DiversityLoss", "SegmentationLoss"),
    *("FeatureReconstructionLoss", "SegmentationConsistencyLoss"),
    *("LayoutDecoder", "FeatureNetwork", "ProjectedDiscriminator"),
    *("InstanceWisePooling2D", "SpectralConv2D", "LocalEnhancer", "FeatureEncoder", "VGG19"),
    *("Layout", "components", "polygon_mask"),
    *("UNetGenerator", "PatchDiscriminator"),
    *("GlobalGenerator", "MultiscaleDiscriminator", "Segmenter", "Synthesizer"),
    *("CascadedRefinementNetwork", "FullResolutionNetwork", "AlignCornersUpSampling2D"),
    *("ConstantThenLinearDecay", "ConstantThenCosineDecay", "LabelSet", "nearest_size"),
}


def examples(name):
    """Returns the docstrings with examples of one module."""
    module = importlib.import_module(name)
    found = doctest.DocTestFinder().find(module, extraglobs=NAMES)
    return [test for test in found if test.examples]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    runner = doctest.DocTestRunner(verbose=False)
    printed = []
    for test in examples(name):
        runner.run(test, out=printed.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(printed)


def test_the_examples_are_found():
    found = {test.name.rpartition(".")[2] for name in MODULES for test in examples(name)}
    assert found >= WITH_EXAMPLES
