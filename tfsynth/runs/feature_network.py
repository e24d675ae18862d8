"""The feature network of a run: trained on its own data before all else, and kept for others."""

import hashlib
import json
import time
import warnings

from tfsynth import registry
from tfsynth.files import cache_folder, replace_file, sha256_of, write_text
from tfsynth.metrics import FeatureTraining
from tfsynth.metrics.features import weights_sha256
from tfsynth.models import read_model
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
    key = _digest([*parts, list(config.data.size), setup.precision])
    folder = cache_folder() / "features" / key
    found = _load(folder)
    if found is None:
        started = time.monotonic()
        with registry.own_random_numbers(training.seed):
            trained = training.fit(network, setup.splits["train"], config.data.size, verbose)
        found = trained, round(time.monotonic() - started, 1)
        _store(folder, *found, recipe)
    trained, seconds = found
    network.set_weights(trained.get_weights())
    return seconds


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


def _load(folder):
    """Returns (network, seconds), or `None` if none is there; warns if what is there is damaged."""
    record, weights = folder / "features.json", folder / "features.keras"
    if not record.exists():
        return None
    try:
        stored = json.loads(record.read_text(encoding="utf-8"))
        if stored["sha256"] != sha256_of(weights):
            raise ValueError("the weights' checksum is not the recorded one")
        return read_model(weights, compile=False), float(stored["seconds"])
    # A file that another version wrote can fail in any way that Keras knows.
    except Exception as error:
        warnings.warn(
            f"The cached feature network {folder} is damaged and is trained again ({error}).",
            stacklevel=2,
        )
        return None


def _store(folder, network, seconds, recipe):
    record, weights = folder / "features.json", folder / "features.keras"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        record.unlink(missing_ok=True)
        replace_file(weights, network.save)
        stored = {"recipe": recipe, "seconds": seconds, "sha256": sha256_of(weights)}
        write_text(record, json.dumps(stored, indent=1) + "\n")
    except OSError as error:
        warnings.warn(
            f"The feature network could not be kept in {folder} ({error}); the next run trains it "
            "again. Make room there, or name another cache folder.",
            stacklevel=2,
        )


def _digest(parts):
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
