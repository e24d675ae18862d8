"""A table trained anew, in seconds: what is trained, what is skipped, what is refused."""

import hashlib
import json
import shutil

import keras
import numpy as np
import pytest
import yaml
from PIL import Image

from tests import tiny
from tfsynth import __version__, experiment, registry
from tfsynth.config import ConfigError, load_config, parse_config
from tfsynth.files import sha256_of
from tfsynth.reproduction.provenance import machine, version
from tfsynth.reproduction.reproduce import reproduce
from tfsynth.reproduction.row_runs import config_key, with_features

# Whole runs take long: `make slow` runs them.
pytestmark = pytest.mark.slow

PUBLISHED = [
    {
        "measure": "mean_iou",
        "where": "A paper, table 1, Cityscapes",
        "confirmed": False,
        "values": {"matched": {"value": 0.75, "confirmed": True}, "plain": 0.25, "oracle": 0.875},
    },
    {
        "measure": "preference",
        "where": "A paper, Cityscapes, shown to people",
        "preferred": "matched",
        "confirmed": False,
        "values": {"plain": 66.25},
    },
]
QUESTIONS = [
    {"question": "Matching", "with": "matched", "without": "plain", "measure": "spectrum_error"}
]


@pytest.fixture(scope="module")
def written(make_table, tmp_path_factory):
    """The table and the folder of its first reproduction: three rows, two runs, one seed."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("reproduce")
        patch.setenv("TFSYNTH_CACHE", str(folder / "cache"))
        plain = {"game.terms": []}
        rows = {"plain": plain, "matched": {}, "again": {}}
        table = make_table(rows, PUBLISHED, questions=QUESTIONS)
        page = reproduce(table, "streets", minutes=0.001, seeds=1, output=folder, verbose=False)
        yield table, page


def again(written, **options):
    """Reproduces once more; returns the runs whose results are new, and the page's text."""
    table, page = written
    before = {path: path.stat().st_mtime_ns for path in page.parent.rglob("result.json")}
    folder = page.parents[2]
    settings = {"minutes": 0.001, "seeds": 1, "output": folder, "verbose": False, **options}
    assert reproduce(table, "streets", **settings) == page
    after = {path: path.stat().st_mtime_ns for path in page.parent.rglob("result.json")}
    new = sorted(path.parent.name for path in after if after[path] != before.get(path))
    return new, page.read_text()


def test_rows_with_the_same_settings_are_one_run(written):
    _, page = written
    assert page.parent.name == "0.001-minutes"
    assert page.parent.parent.name == "streets"
    table = json.loads(page.with_suffix(".json").read_text())
    rows = table["rows"]
    assert rows["matched"]["runs"] == rows["again"]["runs"] != rows["plain"]["runs"]
    assert len(list((page.parent / "runs").iterdir())) == 2
    assert rows["matched"]["measures"] == rows["again"]["measures"]


def test_each_run_holds_its_complete_config_and_how_it_was_made(written):
    _, page = written
    for folder in (page.parent / "runs").iterdir():
        config = load_config(folder / "config.yaml")
        assert folder.name == f"tiny-{config_key(config)}-seed0" == f"{config.name}-seed0"
        assert (config.train.minutes, config.train.then) == (0.001, ())
        result = json.loads((folder / "result.json").read_text())
        assert result["steps"] >= 1 and result["images_per_second"] > 0
        assert result["minutes"] > 0.001
        assert result["machine"] == machine()
        assert result["version"].split()[0] == __version__ == version().split()[0]
        assert result["precision"] == "float32"
        assert set(result["measures"]) == {"mean_iou", "spectrum_error"}
        assert 0 <= result["measures"]["mean_iou"] <= 1
        assert set(result["references"]) == {"oracle", "flat", "floor"}


def test_the_page_shows_both_figures_and_where_they_come_from(written):
    _, page = written
    lines = page.read_text().splitlines()
    (matched,) = [line for line in lines if line.startswith("| row matched | 1")]
    cells = [cell.strip() for cell in matched.split("|")[1:-1]]
    assert cells[:2] + cells[4:] == ["row matched", "1", "undecided", "0.75", "–"]
    (plain,) = [line for line in lines if line.startswith("| row plain | 1")]
    assert [cell.strip() for cell in plain.split("|")][-3:-1] == ["0.25†", "66.25†"]
    (oracle,) = [line for line in lines if line.startswith("| real photographs (oracle)")]
    assert oracle.endswith("| 0.875† | – |")
    assert "(1) A paper, table 1, Cityscapes." in lines
    assert any(
        line.endswith("3 test pictures. `train.minutes` is 0.001 in all rows.") for line in lines
    )
    assert "† recalled, not read again in the paper: do not quote." in lines
    (order,) = [line for line in lines if line.startswith("- (1), by mean IoU")]
    assert "as published in 0 of 1 pairs of rows; undecided: row matched over row plain" in order
    with Image.open(page.with_suffix(".png")) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    for colour in ((31, 119, 180), (204, 204, 204)):  # Bars measured, and published.
        assert (pixels == colour).all(axis=-1).sum() > 1000


def test_the_page_answers_the_questions(written):
    _, page = written
    lines = page.read_text().splitlines()
    (found,) = [line for line in lines if line.startswith("| Matching | spectrum error, dB |")]
    assert found.endswith("| undecided |")  # A single seed decides nothing.


def test_the_sheet_shows_the_first_layouts_by_all_rows(written):
    _, page = written
    path = page.with_name("matching-sheet.png")
    assert f"![The first test layouts by all rows]({path.name})" in page.read_text()
    with Image.open(path) as picture:
        sheet = np.asarray(picture)
    # labels, three rows and real, each 64 pixels wide, 2 between them and around.
    assert sheet.shape[1] == 2 + 5 * (64 + 2)
    top = sheet.shape[0] - 3 * (32 + 2)  # The data has three test streets.
    matched, again = (sheet[top : top + 32, 2 + 66 * i : 66 + 66 * i] for i in (2, 3))
    np.testing.assert_array_equal(matched, again)
    row = json.loads(page.with_suffix(".json").read_text())["rows"]["matched"]
    run = load_config(f"{row['runs']}-seed0/config.yaml")
    example = registry.build(run.data.dataset).split("test").load(0)
    model = experiment.load_synthesizer(f"{row['runs']}-seed0")
    drawn = model.synthesize(example["labels"], example["instances"], seed=0)
    np.testing.assert_array_equal(matched, drawn)
    # One model makes one picture of a layout: there are no samples to show.
    assert not list(page.parent.glob("*-samples.png"))


def test_what_is_done_is_not_done_again(written):
    text = written[1].read_text()
    assert again(written) == ([], text)


def test_a_run_that_was_trained_but_not_measured_is_only_measured(written):
    (folder, *_) = sorted((written[1].parent / "runs").iterdir())
    steps = json.loads((folder / "result.json").read_text())["steps"]
    (folder / "result.json").unlink()
    new, _ = again(written)
    assert new == [folder.name]
    assert json.loads((folder / "result.json").read_text())["steps"] == steps


def test_a_measure_that_a_result_lacks_is_taken_without_training(written, make_table):
    table, page = written
    rows = {"plain": {"game.terms": []}, "matched": {}, "again": {}}
    more = make_table(rows, measures=("mean_iou", "diversity"))
    steps = {path: read(path)["steps"] for path in page.parent.rglob("result.json")}
    new, text = again((more, page))
    assert len(new) == 2
    for path, before in steps.items():
        result = read(path)
        assert result["steps"] == before
        # The model draws nothing at random.
        assert result["measures"]["diversity"] == 0
        assert set(result["measures"]) == {"mean_iou", "spectrum_error", "diversity"}
    assert "| row plain | 1 |" in text and "spread over samples, of 255" in text
    again(written)  # The page as it was.


def test_a_distance_of_features_is_taken_anew_by_other_features(written, make_table, tmp_path):
    table, page = written
    rows = {"plain": {"game.terms": []}, "matched": {}, "again": {}}

    def by(name, bias):
        picture = keras.Input((None, None, 3))
        path = tmp_path / f"{name}.keras"
        ones = keras.layers.Conv2D(2, 1, kernel_initializer="ones", bias_initializer=bias)
        keras.Model(picture, ones(picture)).save(path)
        node = {"path": str(path), "sha256": sha256_of(path)}
        measures = ("mean_iou", "kernel_distance")
        return make_table(rows, measures=measures, features=node)

    first, other = by("first", "zeros"), by("other", "ones")
    new, text = again((first, page))
    assert len(new) == 2
    assert "| row | seeds | mean IoU | kernel distance | verdict |" in text
    assert f"Features of first.keras, SHA-256 {first.measure_features['sha256']}." in text
    (path, _) = sorted(page.parent.rglob("result.json"))
    result = read(path)
    assert result["measure_features"]["name"].startswith("first ")
    distance = result["measures"]["kernel_distance"]
    assert distance != result["references"]["oracle"]["kernel_distance"]
    assert again((first, page))[0] == []
    assert len(again((other, page))[0]) == 2
    assert read(path)["measures"]["kernel_distance"] != distance
    again(written)  # The page as it was.


def test_measuring_again_replaces_numbers_and_trains_nothing(written):
    _, page = written
    (path, other) = sorted(page.parent.rglob("result.json"))
    result, untouched = read(path), read(other)
    changed = {**result, "measures": {**result["measures"], "mean_iou": 7.0}}
    for file, content in ((path, changed), (other, untouched)):
        file.write_text(json.dumps(content))
    new, _ = again(written, measure_again=True, seeds=2)
    assert len(new) == 2
    assert read(path) == result and read(other) == untouched
    assert not list((page.parent / "runs").glob("*-seed1"))


def test_without_a_model_nothing_is_measured_again(written, capsys):
    _, page = written
    (folder, *_) = sorted((page.parent / "runs").iterdir())
    model, before = folder / "synthesizer.keras", read(folder / "result.json")
    model.rename(folder / "kept")
    try:
        again(written, measure_again=True)
    finally:
        (folder / "kept").rename(model)
    said = f"There is no model in {folder}: mean_iou, spectrum_error cannot be measured."
    assert said in capsys.readouterr().out
    assert read(folder / "result.json") == before


def test_a_smaller_row_is_measured_at_the_full_size(written, make_table):
    table, page = written
    rows = {"full": {}, "half": {"data.size": [16, 32], "measured_at": [32, 64]}}
    small = make_table(rows, measures=("mean_iou", "spectrum_error"))
    reproduce(small, minutes=0.001, seeds=1, output=page.parents[2], verbose=False)
    (result,) = page.parent.rglob("result-32x64.json")
    scores = read(result.parent / "metrics.json")
    assert scores["size"] == [32, 64]
    assert scores["oracle"]["mean_iou"] == read(result)["references"]["oracle"]["mean_iou"]
    # The real photographs of both rows are the same, and read alike.
    (full, *_) = page.parent.rglob("result.json")
    assert read(full)["references"]["oracle"]["mean_iou"] == scores["oracle"]["mean_iou"]
    with Image.open(page.with_name("matching-sheet.png")) as picture:
        assert picture.width == 2 + 4 * (64 + 2)
    for left in result.parent, page.with_name("matching-sheet.png"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    again(written)


def read(path):
    return json.loads(path.read_text())


def test_a_second_seed_of_one_row_is_the_only_new_run(written):
    new, text = again(written, seeds=2, rows=["plain"])
    assert len(new) == 1 and new[0].endswith("-seed1")
    rows = json.loads(written[1].with_suffix(".json").read_text())["rows"]
    plain, matched = rows["plain"], rows["matched"]
    assert list(plain["training"]) == ["0", "1"] and list(matched["training"]) == ["0"]
    values = plain["measures"]["mean_iou"]["by_seed"]
    numbers = plain["measures"]["mean_iou"]
    assert numbers["mean"] == pytest.approx((values["0"] + values["1"]) / 2)
    assert numbers["spread"] == pytest.approx(abs(values["0"] - values["1"]))
    assert f"| row plain | 2 | {numbers['mean']:.3f} ± {numbers['spread'] / 2:.3f} |" in text


def refused(make_table, recipes, tmp_path, **options):
    """Returns what is said of a table that is refused; nothing was written."""
    settings = {"minutes": 1, "output": tmp_path / "out", "verbose": False, **options}
    with pytest.raises(ConfigError) as error:
        reproduce(make_table(recipes), "streets", **settings)
    assert not (tmp_path / "out").exists()
    return str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"minutes": 0}, "`minutes` must be above 0. Received: 0."),
        ({"minutes": float("nan")}, "`minutes` must be above 0. Received: nan."),
        ({"measure_again": True}, "No run of the table `matching` is finished in "),
        ({"seeds": 0}, "`seeds` must be at least 1. Received: 0."),
        ({"rows": ["b"]}, "No row 'b'. Known: a."),
        ({"features": "nowhere.keras"}, "There is no file nowhere.keras of a feature network."),
        ({"changes": {"evaluation": None}}, "The row `a` has no `evaluation`"),
        ({"changes": {"trian.minutes": 3}}, "Did you mean `train`?"),
        ({"changes": {"seed": 3}}, "`seed` is this command's own"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(make_table, tmp_path, options, message):
    assert message in refused(make_table, {"a": {}}, tmp_path, **options)


def test_unknown_names_are_answered_with_the_nearest(make_table, tmp_path):
    with pytest.raises(ConfigError, match="No table 'instnces'. Did you mean 'instances'"):
        reproduce("instnces", "streets", output=tmp_path)
    with pytest.raises(ConfigError, match="No data set 'street'. Did you mean 'streets'"):
        reproduce(make_table({"a": {}}), "street", output=tmp_path)


def test_all_rows_that_cannot_be_trained_are_told_at_once(make_table, tmp_path):
    loss = {"class": "PerceptualLoss", "features": "weights/nowhere.keras"}
    rows = {
        "whole": {},
        "file": {"game.terms": [loss]},
        "channels": {"game.generator.input_channels": 3},
    }
    said = refused(make_table, rows, tmp_path)
    assert "  file: `game.terms.0`: There is no file weights/nowhere.keras. The loss needs" in said
    assert "  channels: `game`: The generator's `input_channels` must be those" in said
    assert "whole" not in said


def test_a_missing_data_folder_is_told_first(make_table, tmp_path):
    node = {"class": "PairedFolders", "root": str(tmp_path / "nowhere"), "labels": "camvid"}
    rows = {"a": {"data.dataset": node}, "b": {"data.dataset": node, "data.flip": False}}
    said = refused(make_table, rows, tmp_path)
    assert f"  a, b: `data.dataset`: {tmp_path / 'nowhere'}" in said


def test_features_to_measure_that_are_not_there_are_told_before_training(make_table, tmp_path):
    path = tmp_path / "features.keras"
    options = {"minutes": 1, "output": tmp_path / "out", "verbose": False}
    node = {"path": str(path), "sha256": "0" * 64}
    table = make_table({"a": {}}, measures=("mean_iou", "kernel_distance"), features=node)
    with pytest.raises(ConfigError, match=f"the features of {path}, and there is no such file"):
        reproduce(table, **options)
    path.write_bytes(b"another")
    with pytest.raises(ConfigError, match="is not the network whose features the table `matching`"):
        reproduce(table, **options)
    assert not (tmp_path / "out").exists()


def test_rows_on_different_terms_are_not_compared(make_table, tmp_path):
    said = refused(make_table, {"a": {}, "b": {"data.size": [32, 32]}}, tmp_path)
    assert "The rows `a` and `b` differ in `data.size`: (32, 64) and (32, 32)." in said


def test_another_feature_network_is_named_by_its_own_hash(make_table, tmp_path):
    picture = keras.Input((None, None, 1))  # Of grey pictures: it cannot be used, and says so.
    path = tmp_path / "grey.keras"
    keras.Model(picture, {"relu": keras.layers.ReLU(name="relu")(picture)}).save(path)
    loss = {"class": "PerceptualLoss", "features": "x.keras", "layer_weights": {"relu": 1.0}}
    rows = {"a": {"game.terms": [{**loss, "sha256": "0" * 64}]}}
    said = refused(make_table, rows, tmp_path, features=path)
    assert "The perceptual loss reads pictures of 1 channels" in said


def test_another_file_takes_the_place_of_files_and_not_of_the_game_s_own_network(
    config_file, tmp_path
):
    path = tmp_path / "network.keras"
    path.write_bytes(b"a network")
    tree = yaml.safe_load(config_file.read_text())
    own = {"class": "FeatureNetwork", "num_classes": 3}
    loss = {"class": "PerceptualLoss", "features": "x.keras", "sha256": "0" * 64}
    tree["game"] |= {"features": own, "terms": [loss]}
    game = with_features(parse_config(tree), path).game
    assert game["features"] == own and "sha256" not in game
    digest = hashlib.sha256(b"a network").hexdigest()
    assert game["terms"] == [{**loss, "features": str(path), "sha256": digest}]


def test_a_run_is_known_by_its_settings_alone(config_file):
    tree = yaml.safe_load(config_file.read_text())
    judge = {**tiny.PROTOCOL, "half": 1}

    def key(sha256=None, features="a.keras", **changes):
        loss = {"class": "PerceptualLoss", "features": features, "sha256": sha256}
        game = {**tree["game"], "terms": [loss]}
        return config_key(parse_config({**tree, "game": game, **changes}))

    assert key() == key(seed=3, name="other")
    assert key() != key(precision="auto")
    assert key() == key(second_evaluation=None) != key(second_evaluation=judge)
    # Settings that an earlier version did not have count where they change something.
    assert key() == key(feature_training=None, data={**tree["data"], "label_warp": 0.0})
    assert key() != key(data={**tree["data"], "label_warp": 0.02})
    assert key() != key(train={**tree["train"], "ema_half_life": 0.05})
    assert key() != key(feature_training={"class": "FeatureTraining"})
    # Which file it is says its hash, or, where there is none, its path.
    assert key() != key(features="b.keras")
    assert key("1" * 64) == key("1" * 64, features="b.keras") != key("2" * 64)
