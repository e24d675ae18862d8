"""A table of shares from end to end, in seconds: generators, segmenters, page and bars."""

import json

import pytest

from tfsynth.config import load_config
from tfsynth.reproduction.reproduce import reproduce

# Whole runs take long: `make slow` runs them.
pytestmark = pytest.mark.slow

MEASURES = ("useful_both", "useful_real", "useful_synthetic", "useful_pairs", "useful_gain")


def shares(config_file):
    whole = load_config(str(config_file)).data.dataset
    return {
        row: {"data.dataset": {"class": "Share", "dataset": whole, "share": share}}
        for row, share in (("half", 0.5), ("whole", 1.0))
    }


def test_a_run_of_each_share_gives_all_numbers(config_file, make_table, tmp_path):
    question = {"question": "Both?", "row": "half", "with": MEASURES[0], "without": MEASURES[1]}
    table = make_table(shares(config_file), measures=MEASURES, questions=[question])
    page = reproduce(table, minutes=0.001, seeds=2, output=tmp_path, verbose=False)
    compared = json.loads(page.with_suffix(".json").read_text())
    assert len(list((page.parent / "runs").iterdir())) == 4
    for row, count in (("half", 2), ("whole", 4)):
        measures = compared["rows"][row]["measures"]
        assert measures["useful_pairs"]["mean"] == count
        by_seed = {name: measures[name]["by_seed"] for name in MEASURES}
        for seed in ("0", "1"):
            both, real, synthetic = (by_seed[name][seed] for name in MEASURES[:3])
            assert 0 <= both <= 1 and 0 <= real <= 1 and 0 <= synthetic <= 1
            assert by_seed["useful_gain"][seed] == both - real
        # Segmenters of other seeds are other segmenters.
        assert by_seed["useful_real"]["0"] != by_seed["useful_real"]["1"]
    text = page.read_text()
    gain = compared["rows"]["half"]["measures"]["useful_gain"]
    assert f"| row half | 2 ± 0 | {gain['mean']:+.3f} ± {gain['spread'] / 2:.3f} |" in text
    assert "| Both? | mean IoU, trained on both against mean IoU, trained on real |" in text
    assert "real photographs" not in text  # Nothing of them was measured.
    assert "Protocol segmenter-v" in text and ", 3 test pictures." in text
    assert "/the run's seed/" in text and "/seed0/" not in text
    assert page.with_suffix(".png").is_file()
