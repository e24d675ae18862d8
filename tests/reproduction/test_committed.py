"""A table that grows over several sittings: committed results, and what is said of them."""

import json

import pytest

from tfsynth.config import ConfigError
from tfsynth.files import sha256_of
from tfsynth.reproduction import committed
from tfsynth.reproduction.reproduce import reproduce
from tfsynth.runs.folder import RunFolder

# Whole runs take long: `make slow` runs them.
pytestmark = pytest.mark.slow

MEASURES = ("spectrum_error",)
ROWS = {"plain": {"game.terms": []}, "matched": {}}


@pytest.fixture(scope="module")
def first(make_table, tmp_path_factory):
    """The folder of committed results after a sitting of one row and one seed."""
    folder = tmp_path_factory.mktemp("first")
    table = make_table(ROWS, measures=MEASURES)
    sit(table, folder, rows=["plain"], results=folder / "committed", publish=True)
    return folder / "committed"


def sit(table, folder, **options):
    settings = {"minutes": 0.001, "seeds": 1, "output": folder / "out", "verbose": False}
    return reproduce(table, **{**settings, **options})


def read(path):
    return json.loads(path.read_text())


@pytest.fixture
def kept(first, tmp_path):
    """A copy of the committed results, and the function that changes the one result."""
    (path,) = first.iterdir()
    copy = tmp_path / "committed" / path.name
    copy.parent.mkdir()

    def change(**changes):
        copy.write_text(json.dumps({**read(path), **changes}))
        return copy.parent

    change()
    return change


def test_a_result_is_published_under_the_name_of_its_run(first):
    (path,) = first.iterdir()
    result = read(path)
    assert path.name == f"{result['config']['name']}-seed0.json"
    assert set(result["code"]["measures"]) == set(MEASURES)
    assert len(result["code"]["training"]) == 8


def test_the_next_sitting_trains_what_is_new(kept, make_table, tmp_path, capsys):
    table = make_table(ROWS, measures=MEASURES)
    results = kept()
    page = sit(table, tmp_path, results=results, publish=True)
    said = capsys.readouterr().out
    assert (
        "2 runs: 1 taken from committed results, 1 to be trained. Training takes 1 x 0.001" in said
    )
    assert len(list((page.parent / "runs").iterdir())) == 1
    assert len(list(results.iterdir())) == 2
    (old,) = {path.name for path in results.iterdir()} - {
        f"{path.name}.json" for path in (page.parent / "runs").iterdir()
    }
    rows = read(page.with_suffix(".json"))["rows"]
    taken = read(results / old)
    assert (
        rows["plain"]["measures"]["spectrum_error"]["mean"] == (taken["measures"]["spectrum_error"])
    )
    assert rows["plain"]["training"]["0"]["steps"] == taken["steps"]
    text = page.read_text()
    assert "- **row plain, seed 0**: a committed result, not trained here.\n" in text
    assert "row matched, seed 0" not in text
    # Once more: all is finished, nothing is written.
    sit(table, tmp_path, results=results, publish=True)
    said = capsys.readouterr().out
    assert "2 runs: 1 finished here, 1 taken from committed results, none to be trained." in said
    assert "To be committed" not in said


def test_a_table_of_committed_results_alone_needs_no_training(kept, make_table, tmp_path):
    table = make_table({"plain": ROWS["plain"]}, measures=MEASURES)
    results = kept()
    (path,) = results.iterdir()
    seed = results / path.name.replace("seed0", "seed4")
    result = read(path)
    seed.write_text(json.dumps({**result, "seed": 4, "config": {**result["config"], "seed": 4}}))
    page = sit(table, tmp_path, results=results)
    assert not (page.parent / "runs").exists()
    assert list(read(page.with_suffix(".json"))["rows"]["plain"]["training"]) == ["0", "4"]


@pytest.mark.parametrize(
    ("code", "note"),
    [
        (None, "it does not say by which code it was made"),
        ("training", "trained by other code than today's (00000000, now "),
        ("measures", "measured by other code than today's: spectrum_error"),
    ],
)
def test_results_of_other_code_are_taken_with_a_note(kept, make_table, tmp_path, code, note):
    own = read(next(kept().iterdir()))["code"]
    other = {"training": "00000000", "measures": {"spectrum_error": "00000000"}}
    changed = None if code is None else {**own, code: other[code]}
    table = make_table({"plain": ROWS["plain"]}, measures=MEASURES)
    page = sit(table, tmp_path, results=kept(code=changed))
    (line,) = [line for line in page.read_text().splitlines() if line.startswith("- **row plain")]
    assert "a committed result, not trained here; " in line and note in line
    assert not (page.parent / "runs").exists()


def test_results_made_here_by_other_code_have_a_note_too(kept, make_table, tmp_path):
    table = make_table({"plain": ROWS["plain"]}, measures=MEASURES)
    results = kept(code={"training": "00000000", "measures": {}})
    (path,) = results.iterdir()
    run = tmp_path / "out" / "streets" / "0.001-minutes" / "runs" / path.stem
    run.mkdir(parents=True)
    (run / "result.json").write_text(path.read_text())
    empty = tmp_path / "empty"
    empty.mkdir()
    page = sit(table, tmp_path, results=empty)
    assert "- **row plain, seed 0**: trained by other code than today's (00000000" in (
        page.read_text()
    )


def test_a_measure_that_a_committed_result_lacks_is_a_dash(kept, make_table, tmp_path):
    table = make_table({"plain": ROWS["plain"]}, measures=("spectrum_error", "grid_peak"))
    page = sit(table, tmp_path, results=kept())
    (line,) = [line for line in page.read_text().splitlines() if line.startswith("| row plain | 1")]
    assert line.split("|")[4].strip() == "–"


def test_all_can_be_trained_anew(kept, make_table, tmp_path):
    table = make_table({"plain": ROWS["plain"]}, measures=MEASURES)
    page = sit(table, tmp_path, results=kept(), train_all=True)
    assert len(list((page.parent / "runs").glob("*/result.json"))) == 1
    assert "a committed result" not in page.read_text()


def test_without_a_checkout_there_is_nothing_to_publish_in(make_table, tmp_path, monkeypatch):
    monkeypatch.setattr(committed, "committed_folder", lambda: None)
    with pytest.raises(ConfigError, match="There is no checkout to publish results in"):
        sit(make_table(ROWS, measures=MEASURES), tmp_path, publish=True)
    assert not (tmp_path / "out").exists()


def test_the_results_of_this_checkout_are_beside_its_tables():
    folder = committed.committed_folder()
    assert (folder.parent / "README.md").is_file() and folder.name == "runs"


def test_results_of_other_conditions_are_averaged_with_a_note(kept, make_table, tmp_path):
    result = read(next(kept().iterdir()))
    assert len(result["data_fingerprint"]) == 16
    (path,) = kept(machine="another", backend="none", data_fingerprint="0").iterdir()
    for seed in (1, 2):
        more = {**result, "seed": seed, "config": {**result["config"], "seed": seed}}
        path.with_name(path.name.replace("seed0", f"seed{seed}")).write_text(json.dumps(more))
    table = make_table({"plain": ROWS["plain"]}, measures=MEASURES)
    page = sit(table, tmp_path, results=path.parent)
    (line,) = [line for line in page.read_text().splitlines() if "seed 0**" in line]
    assert (
        f"; made on another machine than most here: another, they on {result['machine']};" in line
    )
    assert "; made by another backend than most here: none, they by " in line
    assert line.endswith(f"; made of other data: 0, not {result['data_fingerprint']}.")
    assert "seed 1**: a committed result, not trained here.\n" in page.read_text()


def test_a_distance_by_other_features_is_left_out_with_a_note(kept, make_table, tmp_path):
    network = tmp_path / "network.keras"
    network.write_bytes(b"a network")
    node = {"path": str(network), "sha256": sha256_of(network)}
    measures = (*MEASURES, "kernel_distance")
    table = make_table({"plain": ROWS["plain"]}, measures=measures, features=node)
    result = read(next(kept().iterdir()))
    both = {
        "measures": {**result["measures"], "kernel_distance": 0.125},
        "references": {"oracle": {"kernel_distance": 0.0625}},
    }

    def shown(sha256):
        origin = {"name": "vgg sha256:1", "sha256": sha256}
        page = sit(table, tmp_path, results=kept(**both, measure_features=origin))
        numbers = read(page.with_suffix(".json"))
        assert "spectrum_error" in numbers["rows"]["plain"]["measures"]
        distance = numbers["rows"]["plain"]["measures"].get("kernel_distance", {}).get("mean")
        return distance, numbers["references"]["oracle"].get("kernel_distance"), page.read_text()

    *distances, text = shown(node["sha256"])
    assert distances == [0.125, 0.0625] and "left out" not in text
    *distances, text = shown("1" * 64)
    assert distances == [None, None]
    assert "; kernel distance left out: measured by the features of vgg sha256:1.\n" in text


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"seed": 3}, "its seed is 3 and 0"),
        ({"config": {"seed": 3}}, "its seed is 0 and 3"),
        ({"config": {"precision": "auto"}}, "its settings have the hash "),
        ({"config": {"trian": 1}}, "its `config` cannot be read: "),
    ],
)
def test_a_result_of_another_run_is_refused_by_its_file(
    kept, make_table, tmp_path, changes, problem
):
    result = read(next(kept().iterdir()))
    config = {**result["config"], **changes.get("config", {})}
    results = kept(**{**changes, "config": config})
    (path,) = results.iterdir()
    with pytest.raises(ConfigError) as error:
        sit(make_table(ROWS, measures=MEASURES), tmp_path, results=results)
    assert str(error.value).startswith(f"{path} is ") and problem in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda text: f"<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> other\n", "it is no JSON: "),
        (lambda text: text[: len(text) // 2], "it is no JSON: "),
        (lambda text: "", "it is no JSON: "),
        (lambda text: "\N{LATIN SMALL LETTER SHARP S}".encode("latin-1"), "it is no JSON: "),
        (lambda text: "{}", "it lacks `config`, `seed`, "),
        (lambda text: "[]", "it is not a mapping "),
        (lambda text: json.dumps({**json.loads(text), "measures": []}), "its `measures` is a list"),
        (lambda text: json.dumps({**json.loads(text), "code": {}}), "its `code` lacks `training`"),
        (
            lambda text: json.dumps({**json.loads(text), "measures": {"mean_iou": "1"}}),
            "one of its `measures` is no number",
        ),
    ],
)
def test_a_damaged_result_is_refused_by_its_file(kept, make_table, tmp_path, damage, problem):
    results = kept()
    (path,) = results.iterdir()
    damaged = damage(path.read_text())
    path.write_bytes(damaged if isinstance(damaged, bytes) else damaged.encode())
    with pytest.raises(ConfigError) as error:
        sit(make_table(ROWS, measures=MEASURES), tmp_path, results=results)
    assert str(error.value).startswith(f"{path} is no result of a run: {problem}")
    assert not (tmp_path / "out").exists()


def test_only_seeds_that_are_asked_for_are_published(kept, make_table, tmp_path, capsys):
    table = make_table({"plain": ROWS["plain"]}, measures=MEASURES)
    (path,) = kept().iterdir()
    for seed in (0, 1):
        own_run(path, tmp_path, seed)
    results = tmp_path / "new" / "results"
    sit(table, tmp_path, results=results, publish=True)
    assert [found.name for found in results.iterdir()] == [path.name]
    assert f"To be committed: {results / path.name}\n" in capsys.readouterr().out


def own_run(path, folder, seed, **changes):
    """Puts a committed result where a run that was trained here has its own; returns the file."""
    result = {**read(path), "seed": seed, **changes}
    result["config"] = {**result["config"], "seed": seed}
    name = path.stem.replace("seed0", f"seed{seed}")
    run = folder / "out" / "streets" / "0.001-minutes" / "runs" / name
    run.mkdir(parents=True)
    (run / "result.json").write_text(json.dumps(result))
    return run / "result.json"


def test_another_committed_result_is_replaced_only_where_all_is_trained(
    kept, make_table, tmp_path, capsys
):
    table = make_table({"matched": {}, "plain": ROWS["plain"]}, measures=MEASURES)
    (path,) = kept().iterdir()
    before = path.read_text()
    own = own_run(path, tmp_path, 0, minutes=7.0)
    with pytest.raises(ConfigError, match="would replace a committed result that differs") as error:
        sit(table, tmp_path, results=path.parent, publish=True)
    # Before the other row was trained.
    assert str(path) in str(error.value) and path.read_text() == before
    assert list((tmp_path / "out").rglob("config.yaml")) == []
    options = {"results": path.parent, "publish": True, "rows": ["plain"]}
    sit(table, tmp_path, train_all=True, **options)
    assert path.read_text() == own.read_text() != before
    assert f"To be committed: replaces {path}\n" in capsys.readouterr().out
    # What is the same is not in the way.
    sit(table, tmp_path, **options)
    assert "To be committed" not in capsys.readouterr().out


def test_a_run_to_be_measured_again_is_in_the_way_before_it_is_measured(kept, make_table, tmp_path):
    (path,) = kept().iterdir()
    own = own_run(path, tmp_path, 0)
    path.write_text(own.read_text())
    table = make_table({"plain": ROWS["plain"]}, measures=(*MEASURES, "grid_peak"))
    # Without a model nothing can be measured, and the result stays the same.
    sit(table, tmp_path, results=path.parent, publish=True)
    RunFolder(own.parent).synthesizer.touch()
    with pytest.raises(ConfigError, match="would replace a committed result that differs"):
        sit(table, tmp_path, results=path.parent, publish=True)


@pytest.mark.parametrize("publish", [False, True])
def test_results_that_are_no_folder_are_refused_before_training(make_table, tmp_path, publish):
    path = tmp_path / "file"
    path.write_text("no folder")
    said = f"Results cannot be published in {path}: " if publish else f"no folder {path} of"
    with pytest.raises(ConfigError, match=said):
        sit(make_table(ROWS, measures=MEASURES), tmp_path, results=path, publish=publish)
    assert not (tmp_path / "out").exists()
