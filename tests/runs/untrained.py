"""A run folder whose model was never trained: what scores it needs no training first."""

from tfsynth import registry
from tfsynth.config import parse_config
from tfsynth.runs.folder import RunFolder
from tfsynth.synthesis.synthesizer import Synthesizer

# A second judge of the smallest run: other levels, seed and half.
SECOND = {
    **{"class": "SegmenterProtocol", "steps": 3, "batch_size": 2, "filters": [4, 4, 4]},
    **{"blocks": [0, 0, 0], "seed": 1, "half": 1},
}


def write_run(tree, folder, provenance=None):
    """Writes a run's config and a model with random weights; returns the `RunFolder`."""
    run = RunFolder(folder)
    run.path.mkdir()
    run.config.write_text(parse_config(tree).to_yaml())
    parts = {key: registry.build(tree["game"][key]) for key in ("generator", "conditioning")}
    label_set = registry.build(tree["data"]["dataset"]).label_set
    Synthesizer(**parts, label_set=label_set, provenance=provenance).save(run.synthesizer)
    return run
