"""The tables: what they name is there, and their figures say where they come from."""

import pytest

from tfsynth.config import ConfigError
from tfsynth.reproduction.tables import MEASURES, load_table, parse_table, table_names

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


def test_the_tables_of_the_papers_are_there():
    expected = "crn discriminators generators instances losses objectives scores"
    assert " ".join(table_names()) == expected


@pytest.mark.parametrize(
    ("table", "dataset", "row"), ROWS, ids=[f"{t.name}-{d}-{r}" for t, d, r in ROWS]
)
def test_each_row_is_a_complete_config_on_the_terms_of_the_others(table, dataset, row):
    config = table.config(dataset, row)
    first = table.config(dataset, next(iter(table.datasets[dataset])))
    assert config.data.dataset == first.data.dataset
    assert config.data.size == first.data.size
    assert config.evaluation == first.evaluation is not None
    assert config.train.minutes == first.train.minutes
    players = {"generator", "discriminator"} & set(config.game)
    assert set(config.optimizers) == players


@pytest.mark.parametrize("name", table_names())
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
        ({"datasets": {"streets": {"c": {"config": "demo"}}}}, "No row 'c'. Known: a, b."),
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


def test_a_recipe_that_breaks_a_rule_names_the_row():
    tree = {**TREE, "datasets": {"streets": {"a": {"config": "demo", "trian.minutes": 3}}}}
    with pytest.raises(ConfigError, match="Row `a` of the table `two`: Unknown key `trian`"):
        parse_table("two", tree).config("streets", "a")


def test_measures_have_titles():
    assert MEASURES["spectrum_error"].higher_is_better is False
    assert len({measure.title for measure in MEASURES.values()}) == len(MEASURES)
