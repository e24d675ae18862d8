"""The judges of a run: the segmenters of its protocols, and which of them may not judge."""

import dataclasses

from tfsynth import metrics
from tfsynth.files import cache_folder
from tfsynth.runs.parts import build_protocols


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

    def score(self, rows):
        """Returns dict of row -> scores.

        Args:
            rows: Dict of row -> iterable of (labels, image).
        """
        return {name: self.protocol.score(self.segmenter, pairs) for name, pairs in rows.items()}


def fit_judges(config, dataset, verbose):
    """Returns the `Judge`s of a config, the first one first; each is trained, or was once.

    Args:
        config: A `Config`.
        dataset: Its `Dataset`.
        verbose: Whether to show progress.
    """
    held_out = dataset.split("validation") if "validation" in dataset.split_names else None

    def fit(protocol):
        folder = cache_folder() / "segmenters"
        train = dataset.split("train")
        return protocol.fit(train, dataset.fingerprint, folder, verbose, validation=held_out)

    protocols = build_protocols(config)
    return [Judge(key, protocol, fit(protocol)) for key, protocol in protocols.items()]
