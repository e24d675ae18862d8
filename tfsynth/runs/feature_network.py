"""The feature network of a run: trained on its own data before all else, and kept for others."""

import time

from tfsynth import registry
from tfsynth.files import cache_folder
from tfsynth.metrics import FeatureTraining, network_cache
from tfsynth.metrics.features import weights_sha256
from tfsynth.runs.parts import build_feature_training

# Raised when network, loss or variation change without a setting that says so: no network of before
# is then taken from the cache.
_VERSION = 1


def train_features(setup, verbose=True):
    """Gives the feature network of a setup's game its trained weights, from the cache or anew.

    Args:
        setup: A `Setup`, its trainer at the start of a phase.
        verbose: Whether to show progress.

    Returns:
        Seconds that training took, also if it was another run that trained; 0 without such a
        network.
    """
    network = setup.trainer.game.features
    if network is None:
        return 0.0
    config = setup.config
    training: FeatureTraining = build_feature_training(config)
    recipe = feature_recipe(network, training)
    parts = [_VERSION, recipe, setup.dataset.fingerprint, setup.dataset.label_set.to_dict()]
    folder = cache_folder() / "features"
    folder /= network_cache.key_of([*parts, list(config.data.size), setup.precision])
    files = folder / "features.keras", folder / "features.json"
    place = network_cache.CachedNetwork(*files, "feature network", "run", ("seconds",))
    found = place.load()
    if found is None:
        started = time.monotonic()
        with registry.own_random_numbers(training.seed):
            trained = training.fit(network, setup.splits["train"], config.data.size, verbose)
        record = {"recipe": recipe, "seconds": round(time.monotonic() - started, 1)}
        place.store(trained, record)
        found = trained, record
    trained, record = found
    network.set_weights(trained.get_weights())
    return float(record["seconds"])


def start_from(trainer, networks, exceptions=()):
    """Takes weights over as `BaseTrainer.start_from` does, but not those of a feature network.

    A run trains it on its own data, before all else.

    Args:
        trainer: A `Trainer`.
        networks: Dict of role -> network.
        exceptions: See `trainers.plan_transfer`.
    """
    own = ("features",) if "features" in {*networks, *trainer.networks} else ()
    trainer.start_from(networks, (*exceptions, *own))


def without_features(networks):
    """Returns a dict of role -> network without the feature network."""
    return {role: network for role, network in networks.items() if role != "features"}


def same_features(first, second):
    """Returns whether two feature networks of one run, or `None`, are trained to the same one."""
    if first is None or second is None:
        return first is second
    return registry.describe(first) == registry.describe(second)


def feature_provenance(setup):
    """Returns what is stored of a run's feature network: {"feature_network": ...}, or {}.

    By `weights_sha256` a protocol refuses to judge a model with the network that it was trained
    against.
    """
    network = setup.trainer.game.features
    if network is None:
        return {}
    training = build_feature_training(setup.config)
    recipe = feature_recipe(network, training)
    return {
        "feature_network": {
            "weights_sha256": weights_sha256(network),
            "half": training.half,
            "seed": training.seed,
            "recipe": recipe,
        }
    }


def feature_recipe(network, training):
    """Returns what decides a feature network beside its data, as plain data."""
    return {"network": registry.describe(network), "training": registry.describe(training)}
