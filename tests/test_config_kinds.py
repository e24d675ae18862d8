"""Every node of a config in turn replaced by what does not belong there: one sentence, one key."""

import random

import pytest

from tfsynth import experiment
from tfsynth.config import config_names, load_config, parse_config, set_key

STRANGE = [
    *(None, True, -1, 0, 1e9, 10**9, float("nan"), "text", "2e-4", [], {}, [[[]]]),
    *({"class": "L1Loss"}, {"class": "keras.layers.StringLookup"}),
]
# Built in a blink; other sizes of networks meet the same checks.
SMALL = {
    "filters": 2,
    "num_blocks": 1,
    "widths": [4, 4, 4],
    "depth": 6,
    "dilations": [1, 1],
}


def small(node):
    """Returns a game of a config with small networks and without the files of losses."""
    if isinstance(node, dict):
        kept = {key: SMALL.get(key, small(value)) for key, value in node.items()}
        if kept.get("class") in ("PerceptualLoss", "DiversityLoss", "SegmentationLoss"):
            return {"class": "L1Loss", "weight": 1.0}
        return kept
    return [small(item) for item in node] if isinstance(node, list) else node


def places(node, at=()):
    """Yields the path of every value in plain data."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for name, value in items:
        yield (*at, name)
        if isinstance(value, dict | list):
            yield from places(value, (*at, name))


def replaced(tree, place, value):
    """Returns plain data with another value in one place."""
    name, *rest = place
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[name] = replaced(tree[name], rest, value) if rest else value
    return copy


@pytest.mark.parametrize("name", ["streets_encoder", "streets_pix2pix", "camvid_pix2pixhd_256"])
def test_a_value_of_another_kind_is_refused_in_a_sentence_that_names_it(name):
    tree = load_config(name).to_dict()
    tree["game"] = small(tree["game"])
    numbers = random.Random(name)
    tries = [(place, value) for place in places(tree) for value in STRANGE]
    for place, value in numbers.sample(tries, 60):
        try:
            experiment.describe(parse_config(replaced(tree, place, value)))
        except (ValueError, OSError) as error:
            key = str([part for part in place if isinstance(part, str)][-1])
            wanted = [key.rpartition(".")[-1], *(["classes"] if key == "num_classes" else [])]
            assert any(word in str(error).lower() for word in wanted), (place, value, str(error))


@pytest.mark.parametrize(
    ("change", "value", "message"),
    [
        ("name", "/tmp/x", "`name` is also the name of the run's folder.*--run-dir"),
        ("name", "../x", "Received: '../x'"),
        ("name", "", "Received: ''"),
        ("name", ".", "`name` is also"),
        ("name", "a/b", "`name` is also"),
        ("name", "a\nb", "`name` is also"),
        ("name", "x" * 300, "at most 120 bytes"),
        ("train.minutes", float("nan"), "`train.minutes` takes a finite number"),
        ("train.minutes", float("inf"), "`train.minutes` takes a finite number"),
        ("game.terms.1.weight", float("nan"), "`game.terms.1.weight` takes a finite number"),
        ("game.terms.1.weight", "2e-4", "`game.terms.1.weight` takes a number. Received: '2e-4'"),
        ("seed", -1, "`seed` is 0 or more. Received: -1"),
        ("seed", 2**32, "`seed` takes a finite number up to 4294967295"),
        ("phases", {"a": 5}, "`phases.a` takes the keys that it changes.*Received: 5"),
        ("phases", {"a": {1: 5}}, "`phases.a` takes the keys that it changes"),
        ("init_except", [1], "`init_except.0` takes text. Received: 1"),
        ("train.ema_decay", 1, "`train.ema_decay` is at least 0 and below 1"),
        ("train.ema_half_life", 0, "`train.ema_half_life` is above 0 and at most 1"),
        ("train.ema_half_life", 2.0, "`train.ema_half_life` is above 0 and at most 1"),
        ("data.label_warp", 0.5, "`data.label_warp` is 0..0.2, a share of the height. Rec.* 0.5"),
        ("data.label_warp", -0.1, "`data.label_warp` is 0..0.2"),
        ("feature_training", {}, "`feature_training` names a class and its arguments, such as"),
        ("feature_training", {"class": "L1Loss"}, "`feature_training` takes a FeatureTraining"),
        (
            "feature_training",
            {"class": "FeatureTraining", "half": 3},
            "`half` is 0, 1 or nothing",
        ),
        (
            "feature_training",
            {"class": "FeatureTraining", "steps": "many"},
            "`feature_training.steps` takes a whole number",
        ),
        ("train.xla", "maybe", "`train.xla` takes auto, true or false"),
        ("train.batch_size", 10**9, "A batch has at most 536,870,912 pixels; `train.batch_size`"),
        ("data.size", [10**9, 10**9], "`data.size` .* makes"),
        ("data.load_size", [10**5, 10**5], "`data.load_size` has at most"),
        ("data.dataset", {}, "`data.dataset` names a class"),
        ("data.dataset", {"class": "L1Loss"}, "`data.dataset` takes a Dataset. Received: a L1Loss"),
        ("data.dataset.height", "64", "`data.dataset.height` takes a whole number. Received: '64'"),
        ("schedule", {}, "`schedule` names a class"),
        ("schedule", {"class": "L1Loss"}, "`schedule` names a part such as ConstantThenLinear"),
        ("evaluation", {"class": "L1Loss"}, "`evaluation` names a part such as SegmenterProtocol"),
        ("second_evaluation", {"class": "L1Loss"}, "`second_evaluation` names a part such as Segm"),
        ("second_evaluation", {"steps": 2}, "`second_evaluation` names a class"),
        ("second_evaluation.half", 3, "`second_evaluation`: `half` is 0 or 1"),
        (
            "evaluation.filters",
            [True],
            "`evaluation.filters.0` takes a whole number. Receiv.* true",
        ),
        ("optimizers.generator", None, "`optimizers.generator` names a class.*Received: null"),
        ("optimizers.generator", {"class": "L1Loss"}, "`optimizers.generator` takes a Optimizer"),
        ("optimizers.generator.learning_rate", "2e-4", "learning_rate` takes a number or a Lear"),
        ("optimizers.generator.beta_1", None, "`optimizers.generator.beta_1` takes a number"),
        ("optimizers", {}, "Each player needs one optimizer"),
        ("game.encoder", {}, "`game`: `encoder` is a part such as FeatureEncoder"),
        ("game.discriminator.class", "GlobalGenerator", "takes no `num_scales`"),
        ("game.adversarial_loss.weight", [], "`game.adversarial_loss.weight` takes a number"),
        (
            "game.adversarial_loss",
            {"class": "keras.layers.StringLookup"},
            "`adversarial_loss` is a",
        ),
        ("game.terms", [{"class": "keras.layers.StringLookup"}], "A StringLookup is none of it"),
        ("game.conditional", "maybe", "`game.conditional` takes true or false. Received: 'maybe'"),
        (
            "game.generator.filters",
            10**9,
            "`game.generator.filters` takes numbers from 0 to 10,000",
        ),
        ("game.generator.num_blocks", -1, "num_blocks` takes numbers from 0 to 10,000. Rec.* -1"),
        ("game.generator.filters", {"class": "L1Loss"}, "filters` takes a whole number. .* L1Loss"),
        ("game.generator.filtres", 8, "`game.generator`: GlobalGenerator takes no `filtres`"),
        ("game.generator.class", "GlobalGenertor", "`game.generator`: No class 'GlobalGenertor'"),
        ("game.conditioning.num_classes", 0, "`game.conditioning`: `num_classes` must be at least"),
    ],
)
def test_a_setting_of_another_kind(change, value, message):
    tree = load_config("streets_encoder").to_dict()
    tree["second_evaluation"] = {**tree["evaluation"], "seed": 1}
    set_key(tree, change, value)
    with pytest.raises(ValueError, match=message):
        experiment.describe(parse_config(tree))


def test_a_generator_is_no_discriminator():
    tree = load_config("streets_encoder").to_dict()
    node = {"class": "GlobalGenerator", "input_channels": 18, "filters": 2, "num_blocks": 1}
    tree["game"]["discriminator"] = node
    with pytest.raises(ValueError, match="`discriminator` returns lists of features"):
        experiment.describe(parse_config(tree))


def test_all_installed_configs_keep_the_rules():
    for name in config_names():
        assert parse_config(load_config(name).to_dict()) == load_config(name)
