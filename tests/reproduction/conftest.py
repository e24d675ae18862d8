"""Tables of a tiny config, trained in seconds."""

import pytest
import yaml

from tests import tiny
from tfsynth.reproduction.tables import parse_table


@pytest.fixture(scope="module")
def config_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("config")
    tree = {
        **tiny.tree(tiny.draw_streets(folder / "tfds")),
        "evaluation": tiny.PROTOCOL,
    }
    tree["game"]["discriminator"]["num_scales"] = 1
    tree["train"] = {"sample_rows": 1, "validation_examples": 0}
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


@pytest.fixture(scope="module")
def make_table(config_file):
    """Makes a table of the tiny config: `rows` are the recipes on streets, without the config."""

    def make(
        rows, published=(), measures=("mean_iou", "spectrum_error"), questions=(), features=None
    ):
        recipes = {row: {"config": str(config_file), **keys} for row, keys in rows.items()}
        tree = {
            "title": "Matching",
            "question": "What does matching bring?",
            "measures": list(measures),
            "rows": {row: f"row {row}" for row in rows},
            "datasets": {"streets": recipes},
            "published": list(published),
            "questions": list(questions),
            "measure_features": features,
        }
        return parse_table("matching", tree)

    return make
