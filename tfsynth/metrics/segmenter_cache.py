"""Trained scoring segmenters on the disk, so that each data set trains one only once."""

import dataclasses
from pathlib import Path

from tfsynth.layouts.labels import LabelSet
from tfsynth.metrics.network_cache import CachedNetwork, key_of


@dataclasses.dataclass(frozen=True)
class CachedSegmenter:
    """The place of one segmenter: `<folder>/<key>/segmenter.keras` and `protocol.json`.

    The key is a hash of all that the weights depend on.

    Attributes:
        folder: Folder of all cached segmenters.
        protocol: Name of the protocol.
        fingerprint: That of the data set.
        label_set: The data set's `LabelSet`.
    """

    folder: Path
    protocol: str
    fingerprint: str
    label_set: LabelSet

    @property
    def path(self):
        """The segmenter's own folder."""
        return self.folder / key_of([self.protocol, self.fingerprint, self.label_set.to_dict()])

    @property
    def weights(self):
        """The network's file."""
        return self.path / "segmenter.keras"

    @property
    def record(self):
        """The file that says what the network is."""
        return self.path / "protocol.json"

    def load(self):
        """Returns what is there, or `None`: (float32 `Segmenter`, size, scores, SHA-256).

        The scores are those on the validation split, the SHA-256 that of the network's file. Warns
        and returns `None` if what is there is damaged.
        """
        found = self._place().load()
        if found is None:
            return None
        network, record = found
        return network, tuple(record["size"]), record["validation"], record["sha256"]

    def store(self, network, config, size, validation, seconds):
        """Writes a trained segmenter, and returns the SHA-256 of its file.

        Warns and returns `None` if it cannot be written, as the scores are still valid.

        Args:
            network: A float32 `Segmenter`.
            config: The protocol's arguments, plain data.
            size: (height, width) of the pictures that it was trained on.
            validation: Scores on the validation split, plain data, or `None`.
            seconds: How long training took.
        """
        record = {
            "protocol": self.protocol,
            "config": config,
            "dataset": self.fingerprint,
            "label_set": self.label_set.to_dict(),
            "size": list(size),
            "validation": validation,
            "seconds": seconds,
        }
        return self._place().store(network, record)

    def _place(self):
        said = "size", "validation"
        return CachedNetwork(self.weights, self.record, "segmenter", "evaluation", said)
