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


def names_networks(config):
    """Returns whether losses of a config name files of fixed networks."""
    return any(_files(config.to_dict()))


def loss_networks(game):
    """Returns what is stored of the fixed networks of a game's losses, as they are in memory.

    Args:
        game: A `Game`.

    Returns:
        List of `{"path", "sha256", "weights_sha256"}`: the file as the config names it, its SHA-256
        when it was read, and that of the network's weights, by which another file of the same
        network is known too.
    """
    return [
        {
            "path": term.path,
            "sha256": term.sha256,
            "weights_sha256": metrics.weights_sha256(term.network),
        }
        for term in game.terms
        # Not of a loss that was given the network itself, or that keeps it elsewhere.
        if all(getattr(term, name, None) for name in ("path", "sha256", "network"))
    ]


def refuse_known_judges(config, dataset, networks):
    """Raises `ConfigError` if a judge of a config that was trained before is the network of a loss.

    Args:
        config: A `Config`.
        dataset: Its `Dataset`.
        networks: What `loss_networks` returned of all games of the config.
    """
    if not networks and not names_networks(config):
        return
    provenance = {"config": config.to_dict(), "loss_networks": networks}
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
        provenance: That of the model: `feature_network`, by the SHA-256 of its weights;
            `loss_networks`, see the function of that name; and the `config`, whose losses name
            files of networks: those count that are not among `loss_networks`.
    """
    network = provenance.get("feature_network")
    trained_on = network.get("weights_sha256") if isinstance(network, Mapping) else None
    known = provenance.get("loss_networks")
    known = known if isinstance(known, list | tuple) else ()
    networks = [one for one in known if isinstance(one, Mapping)]
    recorded = [one.get("path") for one in networks]
    files = [file for file in _files(provenance.get("config")) if file[0] not in recorded]
    for judge in judges:
        own = metrics.weights_sha256(judge.segmenter.network)
        if own == trained_on:
            raise _refused(judge, f"the feature network of its run (SHA-256 of its weights {own})")
        for one in networks:
            if own == one.get("weights_sha256"):
                raise _refused(judge, _network_of_loss(one))
        for path, sha256, named in files:
            if sha256 is not None and sha256 == judge.segmenter.sha256:
                # Of a file without a recorded hash only what is there today is known.
                raise _refused(
                    judge, f"the network {'' if named else 'now '}in {path} (SHA-256 {sha256})"
                )


def _network_of_loss(one):
    """Returns what is said of a loss's network that is a judge."""
    path, sha256 = one.get("path"), one.get("sha256")
    found = _sha256_if_there(path) if isinstance(path, str) else None
    # The file there may be another one by now: both are of the time of training.
    if found is not None and found != sha256:
        return (
            f"the network that was in {path} at training (SHA-256 {sha256}; the file there now is "
            f"another; SHA-256 of its weights {one.get('weights_sha256')})"
        )
    return f"the network in {path} (SHA-256 {sha256})"


def _refused(judge, network):
    return ConfigError(
        f"`{judge.key}` would judge by {network}, which the model was trained against: the judge "
        f"{judge.protocol.name} is that network. Give `{judge.key}` another `seed`, `half` or "
        "other levels, and score again."
    )


def _files(node):
    """Yields path, SHA-256, or `None`, of each network that a config's losses name, and whether
    the config names the SHA-256 itself.
    """
    if isinstance(node, Mapping):
        for key in _FILE_KEYS:
            if isinstance(node.get(key), str):
                sha256 = node.get("sha256")
                named = isinstance(sha256, str)
                found = sha256 if named else _sha256_if_there(node[key])
                yield node[key], found and found.lower(), named
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
