"""The training data of the scoring segmenter: pictures in memory, augmented by a seed."""

import math
from collections.abc import Sequence

import keras
import numpy as np
from PIL import Image, ImageFilter
from PIL.Image import Resampling

from tfsynth.layers import to_unit_range

# Pictures are kept in memory up to this size of a set, and read again each time beyond it.
_MEMORY_BYTES = 2**30
# Class frequencies settle long before this many pictures.
_COUNTED_EXAMPLES = 1000
# No class is weighted as if it were rarer than this.
_RAREST = 1e-4


def rgb(image):
    """Returns a photograph (height, width, 3), a grey one repeated."""
    image = np.asarray(image)
    return np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image


def pad_to_multiple(array, multiple, **how):
    """Pads axes 1 and 2 of a batch at their ends to a multiple; `how` is for `np.pad`."""
    padding = [(0, 0)] * array.ndim
    for axis in (1, 2):
        padding[axis] = (0, -array.shape[axis] % multiple)
    return np.pad(array, padding, **how) if np.any(padding) else array


def resize_pair(labels, image, size):
    """Resizes labels to the nearest and a photograph antialiased, if they are not of `size`.

    Args:
        labels: Integer array (height, width).
        image: Uint8 array (height, width, 3).
        size: (height, width) wanted.
    """
    if labels.shape == tuple(size):
        return labels, image
    image = Image.fromarray(image).resize(tuple(size)[::-1], Resampling.LANCZOS)
    return resize_ids(labels, size), np.asarray(image)


def resize_ids(ids, size):
    """Resizes a map of ids (height, width) to the nearest, if it is not of `size`."""
    if ids.shape == tuple(size):
        return ids
    # Pillow's integer pictures are of 32 bits.
    picture = Image.fromarray(ids.astype(np.int32))
    return np.asarray(picture.resize(tuple(size)[::-1], Resampling.NEAREST))


def stacked_pairs(pairs, instances, size, batch_size):
    """Yields labels and images of one size, stacked, and a list of their instance maps.

    Args:
        pairs: Iterable of (labels (height, width), image (height, width, 3)).
        instances: Iterable of their instance maps, or `None`: each is `None` then.
        size: (height, width) that all are resized to.
        batch_size: Most pairs of a batch.

    Raises:
        ValueError: If labels and image differ in size.
    """
    group, maps = [], []
    for (labels, image), own in _zipped(pairs, instances):
        labels, image = np.asarray(labels), np.asarray(image)
        if labels.shape != image.shape[:2]:
            raise ValueError(
                f"Labels and picture must be of one size. Received: {labels.shape} and "
                f"{image.shape[:2]}."
            )
        group.append(resize_pair(labels, image, size))
        maps.append(None if own is None else resize_ids(np.asarray(own), size))
        if len(group) == batch_size:
            yield *(np.stack(part) for part in zip(*group, strict=True)), maps
            group, maps = [], []
    if group:
        yield *(np.stack(part) for part in zip(*group, strict=True)), maps


def _zipped(pairs, instances):
    if instances is None:
        return ((pair, None) for pair in pairs)
    return zip(pairs, instances, strict=True)


class EverySecond(Sequence):
    """Every second example of a split, each read when it is asked for.

    Args:
        examples: Sequence of examples.
        first: Position of the first one: 0 for the even positions, 1 for the odd ones.
    """

    def __init__(self, examples, first):
        self.examples = examples
        self.positions = range(first, len(examples), 2)

    def __len__(self):
        return len(self.positions)

    def __getitem__(self, index):
        return self.examples[self.positions[index]]


class ResizedPairs:
    """The examples of a split as (positions, image), all of one size.

    A position is that of a class among the scored ones; void pixels have the number of
    scored classes, which no logit stands for.

    Args:
        examples: Sequence of dicts with `labels` (height, width) and `image` (height,
            width, 3) uint8.
        label_set: Their `LabelSet`.
        size: (height, width) to resize to: photographs antialiased, labels to the nearest;
            `None` for the size of the first.

    Raises:
        ValueError: If there is no example.
    """

    def __init__(self, examples, label_set, size=None):
        if len(examples) == 0:
            raise ValueError("The segmenter needs training pairs; the split is empty.")
        self.examples = examples
        self.num_classes = len(label_set.scored_ids)
        self.positions = np.full(label_set.num_classes, self.num_classes, np.int32)
        self.positions[list(label_set.scored_ids)] = np.arange(self.num_classes)
        self.size = tuple(size or examples[0]["labels"].shape)
        fits = 7 * math.prod(self.size) * len(examples) <= _MEMORY_BYTES
        self._kept = {} if fits else None

    def __len__(self):
        return len(self.examples)

    def __getitem__(self, index):
        if self._kept is None:
            return self._load(index)
        if index not in self._kept:
            self._kept[index] = self._load(index)
        return self._kept[index]

    def class_weights(self, balance, progress=None):
        """Returns loss weights, frequency ** -balance, whose mean over the pixels is 1.

        Args:
            balance: 0 for equal weights, 1 for equal classes.
            progress: Callable that wraps the iterable of indices, e.g. `tqdm`.

        Returns:
            Float32 array (num_classes + 1,); the last, of void, is 0.
        """
        step = max(1, len(self) // _COUNTED_EXAMPLES)
        indices = range(0, len(self), step)
        counts = np.zeros(self.num_classes + 1, np.int64)
        for index in progress(indices) if progress else indices:
            counts += np.bincount(self[index][0].ravel(), minlength=len(counts))
        frequencies = counts[:-1] / max(1, counts[:-1].sum())
        weights = np.maximum(frequencies, _RAREST) ** -balance
        mean = (weights * frequencies).sum()
        return np.append(weights / (mean or 1.0), 0).astype(np.float32)

    def _load(self, index):
        example = self.examples[index]
        positions = self.positions[example["labels"]]
        return resize_pair(positions, rgb(example["image"]), self.size)


class TrainingBatches(keras.utils.PyDataset):
    """Batches of varied pictures; element k of the stream depends on (seed, k) alone.

    Every epoch has an order of its own. A picture is mirrored in half of the cases, then
    varied:

    - zoom: a window of 1/z of the size, z log-uniform in 1..`zoom`, its aspect ratio up to
      5 % off, is resized to the whole;
    - jitter j, on pixels in [-1, 1] around the picture's mean: contrast by e^(+-0.3j) and each
      channel by e^(+-0.1j), brightness by +-0.2j and each channel by +-0.05j; in 3 of 10
      cases each, colour taken out by up to j, a Gaussian blur of a radius up to j pixels,
      normal noise of a deviation up to 0.1j.

    Args:
        pairs: `ResizedPairs`.
        batch_size: Pictures in a batch.
        steps: Number of batches.
        zoom: Largest magnification, at least 1; 1 for none.
        jitter: Strength j of the photometric variation, 0..1; 0 for none.
        seed: Whole number, 0 or more.
        multiple: Height and width are padded to a multiple of this; the padding is void.

    Each batch is (image (batch, height, width, 3) float32 in [-1, 1], positions (batch,
    height, width) int32).
    """

    def __init__(self, pairs, batch_size, steps, zoom, jitter, seed, multiple):
        super().__init__()
        self.pairs = pairs
        self.batch_size = batch_size
        self.steps = steps
        self.zoom = zoom
        self.jitter = jitter
        self.seed = seed
        self.multiple = multiple
        self._order = (-1, np.arange(0))

    def __len__(self):
        return self.steps

    def __getitem__(self, index):
        first = index * self.batch_size
        varied = [self.element(k) for k in range(first, first + self.batch_size)]
        image = np.stack([one[0] for one in varied])
        positions = np.stack([one[1] for one in varied])
        return (
            pad_to_multiple(image, self.multiple, mode="edge"),
            pad_to_multiple(positions, self.multiple, constant_values=self.pairs.num_classes),
        )

    def element(self, k):
        """Returns element k of the stream: (image, positions), not yet padded."""
        epoch, place = divmod(k, len(self.pairs))
        if self._order[0] != epoch:
            generator = np.random.default_rng((self.seed, 0, epoch))
            self._order = (epoch, generator.permutation(len(self.pairs)))
        positions, image = self.pairs[int(self._order[1][place])]
        generator = np.random.default_rng((self.seed, 1, k))
        if self.zoom > 1:
            positions, image = _zoomed(positions, image, self.zoom, generator)
        if generator.random() < 0.5:
            positions, image = positions[:, ::-1], image[:, ::-1]
        if self.jitter > 0:
            return _jittered(image, self.jitter, generator), positions
        return to_unit_range(np.asarray(image)), positions


def _zoomed(positions, image, zoom, generator):
    height, width = positions.shape
    scale = zoom ** -generator.random()
    stretch = math.exp(generator.uniform(-0.05, 0.05))
    window = (min(1, scale * stretch) * height, min(1, scale / stretch) * width)
    top = generator.uniform(0, height - window[0])
    left = generator.uniform(0, width - window[1])
    box = (left, top, left + window[1], top + window[0])
    size = (width, height)
    positions = Image.fromarray(positions).resize(size, Resampling.NEAREST, box)
    image = Image.fromarray(image).resize(size, Resampling.BILINEAR, box)
    return np.asarray(positions), np.asarray(image)


def _jittered(image, strength, generator):
    def symmetric(limit, size=None):
        return generator.uniform(-limit * strength, limit * strength, size)

    if generator.random() < 0.3:
        radius = generator.uniform(0, strength)
        image = Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius))
    pixels = to_unit_range(np.asarray(image))
    mean = pixels.mean()
    contrast = np.exp(symmetric(0.3) + symmetric(0.1, 3)).astype(np.float32)
    brightness = (mean + symmetric(0.2) + symmetric(0.05, 3)).astype(np.float32)
    pixels = (pixels - mean) * contrast + brightness
    if generator.random() < 0.3:
        kept = np.float32(1 - generator.uniform(0, strength))
        grey = pixels.mean(axis=-1, keepdims=True)
        pixels = grey + (pixels - grey) * kept
    if generator.random() < 0.3:
        noise = generator.standard_normal(pixels.shape, np.float32)
        pixels = pixels + noise * np.float32(generator.uniform(0, 0.1 * strength))
    return np.clip(pixels, -1, 1)
