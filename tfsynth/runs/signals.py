"""The signals of a training: what goes wrong with its pictures, before anybody looks at them."""

import math

import keras
import numpy as np
from keras import ops
from tqdm import tqdm

from tfsynth import metrics, trainers
from tfsynth.data.stream import Stream
from tfsynth.layers import to_unit_range
from tfsynth.losses import LeastSquaresLoss
from tfsynth.runs.signal_limits import Signal, faults

# Pictures that are drawn, and photographs that they are compared with.
PICTURES = 16
# Training photographs among which the nearest one is looked for.
TRAINING_PICTURES = 128
# Pixels, about, of the shorter side of pictures whose distances are compared.
_COMPARED_SIDE = 16
# Measurements in a row that a fault must be there, or gone, before that counts: a few steps of a
# game can look like anything.
PATIENCE = 3


class SignalLogs(keras.callbacks.Callback):
    """Measures the same layouts after every few epochs; says in a sentence when a signal is off.

    Into TensorBoard go `signals/<name>`, with a line each for `synthesised`, `real` (photographs of
    the same layouts) and, of what a discriminator says, `real_training`. Training is the same with
    it and without it.

    Args:
        probe: Callable without arguments -> dict of name -> `Signal`; a `SignalProbe`.
        folder: `pathlib.Path` of the logs.
        every: Epochs between two measurements.
        say: Callable (text) for the sentences; `None` for none.
    """

    def __init__(self, probe, folder, every=1, say=tqdm.write):
        super().__init__()
        self.probe = probe
        self.every = every
        self.say = say
        self._scalars = trainers.ScalarWriters(folder)
        self._off = {}  # Fault -> measurements in a row with it, or without it after it was said.
        self._said = set()

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every:
            return
        signals = self.probe()
        for name, signal in signals.items():
            for kind, value in vars(signal).items():
                if not math.isnan(value):
                    self._scalars.add(kind, f"signals/{name}", value, epoch)
        self._scalars.flush()
        self._say_what_is_new(faults(signals))

    def on_train_end(self, logs=None):
        self._scalars.close()

    def _say_what_is_new(self, found):
        for fault in {*found, *self._off}:
            # A change of state must last.
            changes = (fault in found) != (fault in self._said)
            self._off[fault] = self._off.get(fault, 0) + 1 if changes else 0
            if self._off[fault] < PATIENCE:
                continue
            self._off[fault] = 0
            self._said ^= {fault}
            if fault in found and self.say is not None:
                self.say(found[fault])


class SignalProbe:
    """Measures the signals of a trainer on fixed examples, spread over their split.

    Called, it returns dict of name -> `Signal`. What does not change, the numbers of photographs,
    is measured in the first call. The model that ships is measured, in the styles of the
    photographs if it has an encoder; of several pictures of a layout, the first.

    Args:
        trainer: A compiled trainer.
        held_out: `Split` of the layouts and photographs.
        training: `Split` of the training; `held_out` itself if there is no other.
        size: (height, width) in pixels.
        batch_size: Pictures that fit into memory at once.
        max_instances: Most instances in one example.
    """

    def __init__(self, trainer, held_out, training, size, batch_size=1, max_instances=256):
        self.new = held_out is not training
        self.size, self.batch_size, self.max_instances = size, batch_size, max_instances
        self.held_out, self.training = held_out, training
        self._view = _View(trainer, name="signals")
        self._batches = []
        self._photographs = None

    def __call__(self):
        if self._photographs is None:
            self._read()
        seen = [self._view.predict_on_batch(batch) for batch in self._batches]
        # Where several replicas share the model, each draws all of a batch.
        per_batch = len(self._batches[0]["held_out"]["image"])
        seen = {key: np.concatenate([s[key][:per_batch] for s in seen]) for key in seen[0]}
        pictures = [_three_channels(picture) for picture in seen["picture"]]
        found = {}
        if "synthesised" in seen:
            shares = {key: float(seen[key].mean()) for key in seen if key != "picture"}
            if not self.new:
                shares = {"synthesised": shares["synthesised"], "real_training": shares["real"]}
            found["called_real"] = Signal(**shares)
        made = _measure(pictures, self._layouts)
        found |= {name: Signal(made[name], self._real[name]) for name in made}
        # The period at which the grid exceeds that of real pictures most.
        grid, real_grid = self._grid_of(pictures), self._real_grid
        period = max(grid.ratios, key=lambda p: _over(grid.ratios[p], real_grid.ratios[p]))
        found["grid"] = Signal(grid.ratios[period], real_grid.ratios[period])
        if self._held_out_distance > 0:
            distance = float(np.median(self._distances(pictures)))
            found["nearest_training"] = Signal(distance, self._held_out_distance)
        return found

    def _read(self):
        """Reads the photographs, and measures what does not change."""
        held_out = self._examples(self.held_out, PICTURES)
        batch = min(self.batch_size, len(held_out))
        held_out = held_out[: len(held_out) // batch * batch]
        training = self._examples(self.training, TRAINING_PICTURES) if self.new else held_out
        # The discriminator sees as many training photographs, over and over if there are few.
        shown = [training[k * len(training) // len(held_out)] for k in range(len(held_out))]
        for first in range(0, len(held_out), batch):
            part = slice(first, first + batch)
            inputs = {"held_out": _stacked(held_out[part])}
            if self.new:
                inputs["training"] = _stacked(shown[part])
            self._batches.append(inputs)
        self._photographs = [_three_channels(example["image"]) for example in held_out]
        self._layouts = [_layout(example) for example in held_out]
        self._regions = [_inside_regions(ids) for ids in self._layouts]
        self._real = _measure(self._photographs, self._layouts)
        self._real_grid = self._grid_of(self._photographs)
        self._near = [_shrunken(_three_channels(example["image"])) for example in training]
        # 0 if there are no photographs beside those of the training: nothing to compare with.
        self._held_out_distance = float(np.median(self._distances(self._photographs)))

    def _examples(self, split, count):
        """Returns elements of a split at even distances: neighbours may be frames of one video."""
        stream = Stream(split, self.size, max_instances=self.max_instances)
        count = min(count, len(split))
        numbers = [k * len(split) // count for k in range(count)]
        return [dict(zip(stream.names, stream.element(n), strict=True)) for n in numbers]

    def _grid_of(self, pictures):
        return metrics.grid_peak(pictures, self._regions)

    def _distances(self, pictures):
        shrunken = [_shrunken(picture) for picture in pictures]
        return metrics.nearest_training_distances(shrunken, self._near, metrics.pixel_features())


class _View(keras.Model):
    """One compiled pass: pictures of the model that ships, and what the discriminator says."""

    def __init__(self, trainer, **kwargs):
        super().__init__(**kwargs)
        self.trainer = trainer
        self.built = True  # The trainer is.

    def call(self, inputs):
        batch = inputs["held_out"]
        picture = ops.cast(self.trainer(batch), "float32")
        if len(picture.shape) == 5:  # (batch, k, height, width, channels)
            picture = picture[:, 0]
        pixels = ops.clip(ops.round((picture + 1.0) * 127.5), 0, 255)
        found = {"picture": ops.cast(pixels, "uint8")}
        if hasattr(self.trainer.game, "discriminate"):
            found["synthesised"] = self._called_real(batch, picture)
            found["real"] = self._called_real(batch, to_unit_range(batch["image"]))
        if "training" in inputs and "real" in found:
            batch = inputs["training"]
            found["real_training"] = self._called_real(batch, to_unit_range(batch["image"]))
        return found

    def _called_real(self, batch, picture):
        """Returns the share of patches called real, the mean over scales, (batch,)."""
        game = self.trainer.game
        # Half way between the targets, or where a patch is as probably real as not.
        limit = 0.5 if isinstance(game.adversarial_loss, LeastSquaresLoss) else 0.0
        shares = []
        for scale in game.discriminate(batch, picture):
            called = ops.cast(ops.cast(scale[-1], "float32") > limit, "float32")
            shares.append(ops.mean(ops.reshape(called, (ops.shape(called)[0], -1)), axis=-1))
        return ops.mean(ops.stack(shares), axis=0)


def _measure(pictures, layouts):
    found = {
        "saturation": metrics.saturation(pictures),
        "border_energy": metrics.border_energy(pictures),
    }
    if min(pictures[0].shape[:2]) >= 8:
        found["high_frequencies"] = metrics.high_frequency_energy(pictures)
    if len(pictures) > 1:
        found["fixed_pattern"] = metrics.fixed_pattern(pictures, layouts)
    return found


def _stacked(examples):
    return {name: np.stack([example[name] for example in examples]) for name in examples[0]}


def _three_channels(image):
    return np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image[..., :3]


def _layout(example):
    return example.get("labels", np.zeros(example["image"].shape[:2], np.uint8))


def _inside_regions(ids):
    """Marks the pixels whose right and lower neighbours have the same id."""
    inside = np.ones(ids.shape, bool)
    inside[:, :-1] &= ids[:, :-1] == ids[:, 1:]
    inside[:-1] &= ids[:-1] == ids[1:]
    return inside


def _shrunken(image):
    """Returns the means of square blocks, uint8: pixels of large pictures are hardly alike."""
    height, width = image.shape[:2]
    n = max(1, min(height, width) // _COMPARED_SIDE)
    rows, columns = height // n, width // n
    blocks = image[: rows * n, : columns * n].reshape(rows, n, columns, n, -1)
    return np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)


def _over(ratio, reference):
    over = ratio / reference
    return -math.inf if math.isnan(over) else over
