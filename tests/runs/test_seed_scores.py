"""Two seeds of one layout, in the scores of models that draw something and of those that do not."""

import numpy as np
import pytest

from tests import tiny
from tests.runs.untrained import write_run
from tests.synthesis.synthesizers import noisy_synthesizer, styled_synthesizer, synthesizer
from tfsynth import experiment, registry
from tfsynth.config import parse_config
from tfsynth.data.examples import Examples
from tfsynth.metrics import texture_difference
from tfsynth.runs.evaluation import evaluate
from tfsynth.runs.judges import fit_judges
from tfsynth.runs.seed_scores import draws_anything


@pytest.mark.parametrize(
    ("model", "draws"),
    [
        (synthesizer, False),
        (noisy_synthesizer, True),
        (lambda: noisy_synthesizer(dropout=0.0), False),
        (styled_synthesizer, True),
        (lambda: styled_synthesizer(styles=None), False),
    ],
)
def test_noise_and_styles_are_drawn(model, draws):
    assert draws_anything(model()) is draws


def test_seeds_change_texture_and_leave_the_layout(tree, tmp_path):
    unet = {"class": "UNetGenerator", "input_channels": 15, "filters": 2, "depth": 3}
    tree = {**tree, "evaluation": tiny.PROTOCOL, "game": {**tree["game"], "generator": unet}}
    run = write_run(tree, tmp_path / "run")
    model = experiment.load_synthesizer(run.path)
    for weight in model.generator.trainable_weights:
        weight.assign(10 * weight)  # The first weights are so small that the picture is grey.
    model.save(run.synthesizer)
    found = evaluate(run.path, verbose=False)["seeds"]
    config = parse_config(tree)
    dataset = registry.build(config.data.dataset)
    (judge,) = fit_judges(config, dataset, verbose=False)
    textures, agreements = [], []
    for number, example in enumerate(Examples(dataset.split("test"), config.data.size)):
        # Three layouts with the seeds 0 to 2 are scored; the seeds 3 to 5 come after them.
        seeds = (number, number + 3)
        layout = example["labels"], example["instances"]
        first, second = (model.synthesize(*layout, seed=seed) for seed in seeds)
        textures.append(texture_difference(first, second))
        read = [judge.segmenter.read(picture[None])[0] for picture in (first, second)]
        counted = ~np.isin(example["labels"], dataset.label_set.void_ids)
        agreements.append((read[0] == read[1])[counted].mean())
    assert found == {
        "texture": pytest.approx(np.mean(textures)),
        "layout": pytest.approx(np.mean(agreements)),
        "layouts": 3,
    }
    assert found["texture"] > 0.1 and 0 <= found["layout"] < 1
