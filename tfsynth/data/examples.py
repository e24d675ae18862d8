"""The examples of a split at one size, in order, as often as asked for."""

from tfsynth.data import pipeline


class Examples:
    """Examples one by one, as NumPy, in the form of a batch's elements.

    Args:
        split: A `Split`.
        size: (height, width) in pixels that each is resized to.
        max_instances: Most instances in one example.
        limit: Number of first examples; `None` for all.

    Iterating gives dicts of `labels` (height, width) or `condition` (height, width, channels)
    uint8, `instances` (height, width) and `image` (height, width, channels) uint8; each
    iteration starts anew.
    """

    def __init__(self, split, size, max_instances=256, limit=None):
        self.split = split
        self.size = size
        self.max_instances = max_instances
        self.count = min(limit or len(split), len(split))

    def __len__(self):
        return self.count

    def __iter__(self):
        stream = pipeline.batches(
            self.split,
            batch_size=1,
            size=self.size,
            steps=self.count,
            training=False,
            max_instances=self.max_instances,
        )
        with pipeline.surface_data_errors():
            for batch in stream:
                yield {key: tensor[0].numpy() for key, tensor in batch.items()}
