"""Which changes of the code change a result's hash, tried on a package written here."""

import pytest

from tfsynth.config import load_config, parse_config
from tfsynth.reproduction import code_hash
from tfsynth.reproduction.measures import MEASURES

MODULES = {
    "losses/__init__.py": '"""Losses."""\nfrom tfsynth.losses.one import One\n',
    "losses/one.py": 'class One:\n    """A loss."""\n\n    def call(self):\n        return 1\n',
    "losses/two.py": "class Two:\n    pass\n",
    "files.py": "def write():\n    pass\n",
    "runs/__init__.py": "",
    "runs/main.py": "from tfsynth import losses\nfrom tfsynth.files import write\nlosses.One()\n",
}
CACHED = ("_tree", "_normalised", "_imports", "_file")


@pytest.fixture
def hash_of(tmp_path, monkeypatch):
    """Returns a function: the hash of `runs/main.py` with some of the files changed."""

    def forget():
        for name in CACHED:
            getattr(code_hash, name).cache_clear()

    def hashed(changes):
        for name, text in {**MODULES, **changes}.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        forget()
        return code_hash.code_hash(["tfsynth.runs.main"], closed={"files"})

    monkeypatch.setattr(code_hash, "PACKAGE", tmp_path)
    forget()
    yield hashed
    monkeypatch.undo()
    forget()


def test_what_decides_a_number_changes_the_hash(hash_of):
    before = hash_of({})
    assert len(before) == 8 and before == hash_of({})
    changes = [
        {"losses/one.py": MODULES["losses/one.py"].replace("1", "2")},
        {"runs/main.py": MODULES["runs/main.py"] + "losses.One()\n"},
        # The name comes from another module now.
        {"losses/__init__.py": "from tfsynth.losses.two import Two as One\n"},
        {"losses/one.py": MODULES["losses/one.py"].replace("return", "if self: return")},
    ]
    assert len({before, *map(hash_of, changes)}) == 5


def test_what_decides_none_leaves_it(hash_of):
    before = hash_of({})
    one = MODULES["losses/one.py"]
    for changes in (
        {"losses/one.py": one.replace("A loss.", "One loss.\n\n    Of many.\n    ")},
        {"losses/one.py": "# A comment.\n\n" + one.replace("return 1", "return 1  # Or 2.")},
        {"losses/two.py": "class Two:\n    changed = True\n"},
        # A new name beside the one that is used.
        {
            "losses/__init__.py": MODULES["losses/__init__.py"]
            + "from tfsynth.losses.two import Two"
        },
        # A closed part.
        {"files.py": "def write():\n    print()\n"},
    ):
        assert hash_of(changes) == before, changes


def test_a_run_depends_on_the_classes_that_its_config_names():
    demo = load_config("demo")
    reached = code_hash.reached(code_hash.modules_of(demo.to_dict()))
    assert {"tfsynth.networks.pix2pixhd", "tfsynth.streets.draw"} <= reached
    assert not reached & {"tfsynth.networks.crn", "tfsynth.losses.perceptual"}
    assert "tfsynth.data.builders.paired_folders" not in reached
    found = {code_hash.training_hash(load_config(name)) for name in ("demo", "streets_crn")}
    assert len(found) == 2


def test_the_judge_decides_scores_and_not_the_model():
    demo = load_config("demo")
    without = parse_config(
        {**demo.to_dict(), "evaluation": None, "second_evaluation": None, "train": {"then": []}}
    )
    assert code_hash.training_hash(without) == code_hash.training_hash(demo)
    judge = code_hash.reached(code_hash.modules_of(demo.evaluation))
    assert {"tfsynth.metrics.segmenter_score", "tfsynth.metrics.segmenter_training"} <= judge


def test_measures_in_other_files_have_other_hashes():
    demo = load_config("demo")
    names = ("mean_iou", "spectrum_error", "style_error", "useful_both")
    first, second, *others = (code_hash.measuring_hash(demo, MEASURES[name]) for name in names)
    assert first == second and len({first, *others}) == 3
