import pytest

from tfsynth.config import ConfigError, config_names, load_config, parse_config

TREE = {
    "name": "small",
    "data": {"dataset": {"class": "Streets"}, "size": [64, 128]},
    "game": {"class": "AdversarialGame", "generator": {"filters": 8}, "terms": [{"weight": 1}]},
    "optimizers": {"generator": {"class": "keras.optimizers.Adam"}},
    "schedule": {"class": "ConstantThenLinearDecay"},
}


def write(folder, text):
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


def test_defaults_are_resolved_and_the_yaml_reads_back(tmp_path):
    config = parse_config(TREE)
    assert config.train.batch_size == 1
    assert config.data.size == (64, 128)
    assert load_config(write(tmp_path, config.to_yaml())) == config


def test_overrides_reach_every_depth(tmp_path):
    path = write(tmp_path, parse_config(TREE).to_yaml())
    changes = ["game.generator.filters=32", "train.minutes=1.5", "data.size=[32, 64]", "seed=4"]
    config = load_config(path, changes)
    assert config.game["generator"]["filters"] == 32
    assert config.train.minutes == 1.5
    assert config.data.size == (32, 64)
    assert config.seed == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("sede=1", "Unknown key `sede`. Did you mean `seed`?"),
        ("train.batchsize=2", "Unknown key `train.batchsize`. Did you mean `batch_size`?"),
        (
            "game.generater.filters=2",
            "Unknown key `game.generater`. Did you mean `generator`",
        ),
        ("seed=yes", "`seed` takes a whole number. Received: 'yes'"),
        ("seed=true", "`seed` takes a whole number. Received: true"),
        ("seed=x", "`seed` takes a whole number. Received: 'x'"),
        ("data.size=64", "`data.size` takes a list, such as .a, b.. Received: 64"),
        ("data.size=[64]", "takes .height, width. in pixels. Received: .64."),
        ("data=1", "`data` takes a mapping"),
        ("train.batch_size=0", "`train.batch_size` must be at least 1. Received: 0"),
        ("train.minutes=0", "`train.minutes` must be above 0"),
        ("train.then=[export, deploy]", "any of evaluate, export. Received: 'deploy'"),
        ("train.then=[evaluate]", "give an `evaluation`"),
        (
            "second_evaluation={class: SegmenterProtocol}",
            "`second_evaluation` stands beside `evaluation`, and there is none",
        ),
        ("second_evaluation=3", "`second_evaluation` takes a mapping"),
        ("precision=half", "`precision` takes one of auto, .* Received: 'half'"),
        ("game.generator.filters.x=2", "`game.generator.filters` is 8: it has no keys"),
        ("game.terms.1.weight=2", "Unknown key `game.terms.1`. Known here: 0"),
        ("game.terms.l1.weight=2", "Unknown key `game.terms.l1`"),
        ("precision=mixed_float16", "Received: 'mixed_float16'"),
        ("data.load_size=[64, 127]", "must cover `data.size` .64, 128.*Received: .64, 127."),
        ("data.load_size=[63, 128]", "must cover `data.size`"),
        ("train.batch_size=17", "at least `train.batch_size` 17, or 0 .*Received: 16"),
        ("data.size=[64", "override 'data.size=.64', line 1, is not readable YAML"),
        ("seed", "form key.key=value"),
    ],
)
def test_bad_settings_name_the_key_and_the_remedy(tmp_path, change, message):
    path = write(tmp_path, parse_config(TREE).to_yaml())
    with pytest.raises(ConfigError, match=message):
        load_config(path, [change])


@pytest.mark.parametrize(
    ("text", "number"), [("2e-4", 2e-4), ("1E5", 1e5), ("-.5e+3", -500.0), ("2.0e-4", 2e-4)]
)
def test_a_number_with_an_exponent_is_a_number(tmp_path, text, number):
    path = write(tmp_path, parse_config(TREE).to_yaml())
    config = load_config(path, [f"optimizers.generator.learning_rate={text}"])
    assert config.optimizers["generator"]["learning_rate"] == number
    assert load_config(write(tmp_path, config.to_yaml())) == config
    quoted = load_config(path, [f"data.dataset.root='{text}'"])
    assert quoted.data.dataset["root"] == text
    assert load_config(write(tmp_path, quoted.to_yaml())) == quoted


def test_an_entry_of_a_list_is_named_by_its_number(tmp_path):
    path = write(tmp_path, parse_config(TREE).to_yaml())
    config = load_config(path, ["game.terms.0.weight=3", "data.size.1=256"])
    assert config.game["terms"] == [{"weight": 3}]
    assert config.data.size == (64, 256)


def test_digits_in_quotes_are_text_on_purpose(tmp_path):
    tree = {**TREE, "data": {**TREE["data"], "dataset": {"class": "Folders", "root": "2024"}}}
    tree["data"]["dataset"]["exclude"] = ["000139", "12.5"]
    config = load_config(write(tmp_path, parse_config(tree).to_yaml()))
    assert config.data.dataset["root"] == "2024"
    assert config.data.dataset["exclude"] == ["000139", "12.5"]


def test_what_just_fits_is_taken():
    tree = {**TREE, "data": {**TREE["data"], "load_size": [64, 128]}}
    tree["train"] = {"batch_size": 16, "validation_examples": 16}
    assert parse_config(tree).data.load_size == (64, 128)
    tree["train"] = {"batch_size": 99, "validation_examples": 0}
    assert parse_config(tree).train.batch_size == 99


def test_a_missing_key_is_named():
    with pytest.raises(ConfigError, match="lacks the key `game`"):
        parse_config({key: value for key, value in TREE.items() if key != "game"})


def test_a_config_of_the_form_before_says_what_is_new():
    old = {"trainer" if key == "game" else key: value for key, value in TREE.items()}
    with pytest.raises(ConfigError, match="`trainer` is `game` now: .* a list `terms`"):
        parse_config(old)


def test_files_that_are_no_config(tmp_path):
    with pytest.raises(ConfigError, match="not readable YAML"):
        load_config(write(tmp_path, "a: [1"))
    with pytest.raises(ConfigError, match="must hold a mapping"):
        load_config(write(tmp_path, "- 1"))


def test_an_unknown_name_lists_the_installed_configs():
    with pytest.raises(ConfigError, match="Nearest: .*Installed: ") as caught:
        load_config("no_such_config")
    assert all(name in str(caught.value) for name in config_names())


def test_a_file_that_is_no_config_is_named_and_an_override_is_not_blamed_on_it(tmp_path):
    path = tmp_path / "cut.yaml"
    path.write_text("name: tiny\n")
    with pytest.raises(ConfigError, match=f"^{path}: The config lacks the key `data`"):
        load_config(path)
    with pytest.raises(ConfigError, match=f"^{path}: "):
        load_config(path, ["seed=1"])
    with pytest.raises(ConfigError, match="^Unknown key `sed`"):
        load_config("demo", ["sed=1"])


def test_a_second_judge_is_another_one():
    judge = {"class": "SegmenterProtocol", "seed": 1}
    same = {**TREE, "evaluation": judge, "second_evaluation": dict(judge)}
    with pytest.raises(ConfigError, match="`second_evaluation` is the same as `evaluation`"):
        parse_config(same)
