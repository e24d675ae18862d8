"""The signals of a training: what goes wrong with its pictures, before anybody looks at them."""

import concurrent.futures
import math
import os
from typing import Any

import keras
import numpy as np
from keras import ops

from tfsynth import trainers
from tfsynth.data.stream import Stream
from tfsynth.layers import to_unit_range
from tfsynth.losses import LeastSquaresLoss
from tfsynth.runs.picture_signals import Photographs, shrunken
from tfsynth.runs.signal_limits import Signal, faults

# Pictures that are drawn, and photographs that they are compared with.
PICTURES = 16
# Fewer say too little for a sentence.
FEWEST_PICTURES = 8
# Training photographs among which the nearest one is looked for.
TRAINING_PICTURES = 128
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
        say: Callable (text) for the sentences, such as `tqdm.write`; `None` for none.
    """

    def __init__(self, probe, folder, every=1, say=None):
        super().__init__()
        self.probe = probe
        self.every = every
        self.say = say
        self._scalars = trainers.ScalarWriters(folder)
        self._said = set()  # Faults that are there, as far as was said.
        self._unlike = {}  # Fault -> measurements in a row that are unlike that.

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
        unlike = [*(found.keys() - self._said), *(self._said - found.keys())]
        self._unlike = {fault: self._unlike.get(fault, 0) + 1 for fault in sorted(unlike)}
        for fault, times in self._unlike.items():
            if times == PATIENCE:
                self._said ^= {fault}
                if fault in found and self.say is not None:
                    self.say(found[fault])


class SignalProbe:
    """Measures the signals of a trainer on fixed examples, spread over their split.

    Called, it returns dict of name -> `Signal`: those of `Photographs.compare`, and `called_real`
    of a game with a discriminator. The model that ships is measured, in the styles of the
    photographs if it has an encoder; of several pictures of a layout, the first. The photographs
    are read, and measured, in the first call.

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
        self._photographs: Any = None  # From the first call on, a `Photographs`.

    def __call__(self):
        if not self._batches:
            self._read()
        seen = [self._view.predict_on_batch(batch) for batch in self._batches]
        # Where several replicas share the model, each draws all of a batch.
        each = len(self._batches[0]["held_out"]["image"])
        seen = {key: np.concatenate([outputs[key][:each] for outputs in seen]) for key in seen[0]}
        found = self._photographs.compare(seen.pop("picture"))
        if not seen:
            return found
        shares = {name: float(values.mean()) for name, values in seen.items()}
        if not self.new:
            shares["real_training"] = shares.pop("real")
        return {"called_real": Signal(**shares), **found}

    def _read(self):
        held_out = self._examples(self.held_out, PICTURES)
        batch = min(self.batch_size, len(held_out))
        held_out = held_out[: len(held_out) // batch * batch]
        # The discriminator sees as many training photographs, again and again if there are few.
        training = self._examples(self.training, len(held_out)) if self.new else held_out
        training = [training[k % len(training)] for k in range(len(held_out))]
        for first in range(0, len(held_out), batch):
            part = slice(first, first + batch)
            inputs = {"held_out": _stacked(held_out[part])}
            if self.new:
                inputs["training"] = _stacked(training[part])
            self._batches.append(inputs)
        # Only what is compared of the many is kept.
        near = self._examples(self.training, TRAINING_PICTURES, lambda e: shrunken(e["image"]))
        layouts = [e["labels"] for e in held_out] if "labels" in held_out[0] else None
        photographs = [example["image"] for example in held_out]
        self._photographs = Photographs(photographs, layouts, near if self.new else ())

    def _examples(self, split, count, part=lambda example: example):
        """Returns a part of elements at even distances: neighbours may be frames of one video."""
        stream = Stream(split, self.size, max_instances=self.max_instances)
        count = min(count, len(split))

        def read(k):
            element = stream.element(k * len(split) // count)
            return part(dict(zip(stream.names, element, strict=True)))

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            return list(pool.map(read, range(count)))


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


def _stacked(examples):
    return {name: np.stack([example[name] for example in examples]) for name in examples[0]}
