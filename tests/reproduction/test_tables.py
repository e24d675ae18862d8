"""The tables: what they name is there, and their figures say where they come from."""

import pytest

from tfsynth.config import ConfigError
from tfsynth.reproduction.row_runs import whole_data
from tfsynth.reproduction.tables import load_table, parse_table, table_names

ROWS = [
    (table, dataset, row)
    for table in map(load_table, table_names())
    for dataset, rows in table.datasets.items()
    for row in rows
]
TREE = {
    "title": "Two",
    "question": "Which?",
    "measures": ["mean_iou"],
    "rows": {"a": "first", "b": "second"},
    "datasets": {"streets": {"a": {"config": "demo"}, "b": {"config": "demo", "seed": 4}}},
}


# Of comparisons that no paper has.
OWN = ("camvid", "diversity", "parts", "recipe", "usefulness")


def test_the_tables_of_the_papers_are_there():
    expected = "crn discriminators generators instances losses objectives scores"
    assert " ".join(name for name in table_names() if name not in OWN) == expected


@pytest.mark.parametrize(
    ("table", "dataset", "row"), ROWS, ids=[f"{t.name}-{d}-{r}" for t, d, r in ROWS]
)
def test_each_row_is_a_complete_config_on_the_terms_of_the_others(table, dataset, row):
    config = table.config(dataset, row)
    first = table.config(dataset, next(iter(table.datasets[dataset])))
    assert whole_data(config.data.dataset) == whole_data(first.data.dataset)
    assert (table.measured_at(dataset, row) or config.data.size) == first.data.size
    assert config.evaluation == first.evaluation is not None
    assert config.train.minutes == first.train.minutes
    players = {"generator", "discriminator"} & set(config.game)
    assert set(config.optimizers) == players


@pytest.mark.parametrize("name", OWN)
def test_our_own_comparisons_ask_of_rows_that_can_be_compared(name):
    table = load_table(name)
    assert not table.published and table.questions
    for rows in table.datasets.values():
        for question in table.questions:
            assert {question.with_part, question.without} <= set(rows)
            assert set(question.measures) <= set(table.measures)


def test_a_row_at_half_the_size_is_measured_at_the_full_one():
    parts = load_table("parts")
    assert parts.config("streets", "half_size").data.size == (32, 64)
    assert parts.measured_at("streets", "half_size") == (64, 128)
    assert parts.measured_at("streets", "plain") is None
    assert parts.default_dataset == "streets"


def test_parts_are_the_demo_with_one_part_changed():
    parts = load_table("parts")
    plain, ema = (parts.config("streets", row).to_dict() for row in ("plain", "ema"))
    assert plain["data"]["dataset"]["seed"] == 1 and ema["train"]["ema_decay"] == 0.99
    ema["train"]["ema_decay"] = None
    assert ema == plain


@pytest.mark.parametrize("dataset", ["nuclei", "streets"])
def test_usefulness_has_shares_of_one_data_set_and_is_else_the_same(dataset):
    table = load_table("usefulness")
    shares, others = [], []
    for row in ("quarter", "half", "whole"):
        tree = table.config(dataset, row).to_dict()
        node = tree["data"]["dataset"]
        assert node["class"] == "Share"
        shares.append(node.pop("share"))
        others.append(tree)
    assert shares == [0.25, 0.5, 1.0]
    assert others[0] == others[1] == others[2]
    # Crops of one picture of nuclei are not torn apart.
    separator = table.config(dataset, "half").data.dataset.get("source_separator")
    assert separator == ("_" if dataset == "nuclei" else None)


def test_a_question_can_be_of_two_measures_of_one_row():
    (first, *_) = load_table("usefulness").questions
    assert (first.with_part, first.without) == ("quarter", "quarter")
    assert first.measures == ("useful_both", "useful_real")


@pytest.mark.parametrize("name", [name for name in table_names() if name not in OWN])
def test_published_figures_say_where_they_come_from(name):
    table = load_table(name)
    assert table.published
    for column in table.published:
        assert "Cityscapes" in column.where or "NYU" in column.where
        assert any(str(year) in column.where for year in (2017, 2018, 2019))
        assert column.recalled <= set(column.values)
        limit = 100 if column.measure == "preference" else 1
        assert all(0 < value < limit for value in column.values.values())


def test_what_was_recalled_and_what_was_read_again():
    (isola, accuracy) = load_table("objectives").published
    assert isola.values["l1_cgan"] == 0.17 and accuracy.values["l1_cgan"] == 0.66
    assert not isola.recalled and not accuracy.recalled
    scores = load_table("scores").published[0]
    assert scores.recalled == {"pix2pix", "pix2pixhd", "oracle"}  # CRN's has a second source.
    assert load_table("crn").published[0].recalled == set(load_table("crn").rows) - {
        "crn",
        "crn_nine",
    }


def test_a_row_is_its_config_with_some_keys_changed():
    config = parse_table("two", TREE).config("streets", "b", {"train.minutes": 3})
    assert (config.name, config.seed, config.train.minutes) == ("demo", 4, 3)
    assert parse_table("two", TREE).config("streets", "a").seed == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"measures": ["mean_iuo"]}, "No measure 'mean_iuo'. Did you mean 'mean_iou'?"),
        (
            {"measures": ["kernel_distance"]},
            "The table `two` measures kernel_distance and names the network with `measure_features",
        ),
        ({"measure_features": {"path": "x"}}, "The table `two` measures features and names"),
        ({"measure_features": {"path": "x", "sha256": 3}}, "Received: {'path': 'x', 'sha256': 3}"),
        ({"datasets": {"streets": {"c": {"config": "demo"}}}}, "No row 'c'. Known: a, b."),
        (
            {"questions": [{"question": "", "with": "a", "without": "c", "measure": "mean_iou"}]},
            "No row 'c'. Known: a, b.",
        ),
        (
            {"questions": [{"question": "", "with": "a", "without": "b", "measure": "diversity"}]},
            "No measure of the table 'diversity'. Known: mean_iou.",
        ),
        (
            {"questions": [{"question": "", "row": "c", "with": "mean_iou", "without": ""}]},
            "No row 'c'. Known: a, b.",
        ),
        (
            {"questions": [{"question": "", "row": "a", "with": "mean_iou", "without": "grid"}]},
            "No measure of the table 'grid'. Known: mean_iou.",
        ),
        (
            {"datasets": {"streets": {"a": {"config": "demo", "measured_at": 64}}}},
            "`measured_at` takes .height, width. in pixels. Received: 64.",
        ),
        ({"datasets": {"streets": {"a": {}}}}, "Row `a` of the table `two` lacks the key `config`"),
        (
            {
                "published": [
                    {"measure": "mean_iou", "where": "", "confirmed": True, "values": {"x": 1}}
                ]
            },
            "No row 'x'. Known: a, b, oracle.",
        ),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        parse_table("two", {**TREE, **changes})


def test_the_network_of_measured_features_is_named():
    node = {"path": "weights/a.keras", "sha256": "AB"}
    table = parse_table("two", {**TREE, "measures": ["kernel_distance"], "measure_features": node})
    assert table.measure_features == node
    assert parse_table("two", TREE).measure_features is None


def test_a_change_does_not_touch_the_recipe():
    node = {"class": "Streets", "height": 64}
    tree = {**TREE, "datasets": {"streets": {"a": {"config": "demo", "data.dataset": node}}}}
    table = parse_table("two", tree)
    changed = table.config("streets", "a", {"data.dataset.height": 32})
    assert changed.data.dataset["height"] == 32
    assert table.config("streets", "a").data.dataset["height"] == 64


def test_a_recipe_that_breaks_a_rule_names_the_row():
    tree = {**TREE, "datasets": {"streets": {"a": {"config": "demo", "trian.minutes": 3}}}}
    with pytest.raises(ConfigError, match="Row `a` of the table `two`: Unknown key `trian`"):
        parse_table("two", tree).config("streets", "a")
