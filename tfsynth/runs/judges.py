"""The judges of a run: the segmenters of its protocols, and which of them may not judge."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from tfsynth import metrics
from tfsynth.config import ConfigError
from tfsynth.files import cache_folder, sha256_of
from tfsynth.runs.parts import build_protocols

# Keys of losses that name the file of a network that pictures are made to please.
_FILE_KEYS = ("segmenter", "features")


@dataclasses.dataclass(frozen=True)
class Judge:
    """A protocol and its trained segmenter.

    Attributes:
        key: The key of the config that names the protocol.
        protocol: The protocol.
        segmenter: What its `fit` returned.
    """

    key: str
    protocol: metrics.SegmenterProtocol
    segmenter: metrics.FittedSegmenter

    def score(self, rows, instances, things):
        """Returns dict of row -> scores.

        Args:
            rows: Dict of row -> iterable of (labels, image).
            instances: Sequence of the instance maps of the layouts; `None` if no judge counts.
            things: Ids of the classes whose objects are counted.
        """
        own = instances if self.protocol.instances else None
        return {
            name: self.protocol.score(self.segmenter, pairs, own, things)
            for name, pairs in rows.items()
        }


def fit_judges(config, dataset, verbose):
    """Returns the `Judge`s of a config, the first one first; each is trained, or was once.

    Args:
        config: A `Config`.
        dataset: Its `Dataset`.
        verbose: Whether to show progress.
    """
    held_out = dataset.split("validation") if "validation" in dataset.split_names else None

    def fit(protocol):
        train = dataset.split("train")
        return protocol.fit(train, dataset.fingerprint, _cache(), verbose, validation=held_out)

    protocols = build_protocols(config)
    return [Judge(key, protocol, fit(protocol)) for key, protocol in protocols.items()]


def refuse_known_judges(config, dataset):
    """Raises `ConfigError` if a loss of a config names a judge of it that was trained before.

    Args:
        config: A `Config`.
        dataset: Its `Dataset`.
    """
    provenance = {"config": config.to_dict()}
    if not any(_files(provenance)):
        return
    train = dataset.split("train")
    for key, protocol in build_protocols(config).items():
        segmenter = protocol.cached(train, dataset.fingerprint, _cache())
        if segmenter is not None:
            refuse_trained_against([Judge(key, protocol, segmenter)], provenance)


def refuse_trained_against(judges, provenance):
    """Raises `ConfigError` if a judge is a network that a model was trained to please.

    Such a network is fooled by what the training found out about it, so that its score says
    little of the pictures.

    Args:
        judges: Sequence of `Judge`.
        provenance: That of the model: `feature_network`, by the SHA-256 of its weights, and the
            `config`, whose losses name files of networks.
    """
    network = provenance.get("feature_network")
    trained_on = network.get("weights_sha256") if isinstance(network, Mapping) else None
    files = list(_files(provenance.get("config")))
    for judge in judges:
        own = metrics.weights_sha256(judge.segmenter.network)
        if own == trained_on:
            raise _refused(judge, f"the feature network of its run (SHA-256 of its weights {own})")
        for path, sha256 in files:
            if sha256 is not None and sha256 == judge.segmenter.sha256:
                raise _refused(judge, f"the network in {path} (SHA-256 {sha256})")


def _refused(judge, network):
    return ConfigError(
        f"`{judge.key}` would judge by {network}, which the model was trained against: the judge "
        f"{judge.protocol.name} is that network. Give `{judge.key}` another `seed`, `half` or "
        "other levels, and score again."
    )


def _files(node):
    """Yields path and SHA-256, or `None`, of each network that a config's losses name."""
    if isinstance(node, Mapping):
        for key in _FILE_KEYS:
            if isinstance(node.get(key), str):
                sha256 = node.get("sha256")
                found = sha256 if isinstance(sha256, str) else _sha256_if_there(node[key])
                yield node[key], found and found.lower()
        node = list(node.values())
    if isinstance(node, list | tuple):
        for value in node:
            yield from _files(value)


def _sha256_if_there(path):
    """Returns the SHA-256 of a file that a config names without one."""
    path = Path(path).expanduser()
    return sha256_of(path) if path.is_file() else None


def _cache():
    return cache_folder() / "segmenters"
