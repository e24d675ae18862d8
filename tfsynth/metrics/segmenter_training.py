"""The training of the scoring segmenter: its loss, its schedule and its progress bar."""

import keras
from keras import ops
from tqdm import tqdm

# Share of the steps in which the learning rate rises.
_RISE = 0.1
_FIRST_RATE = 0.05
_CLIP_NORM = 1.0
_TEXT = "training the segmenter"
# XLA makes a step of so small a network slower on a CPU: 1.8 times in bfloat16.
JIT_COMPILE = False if keras.backend.backend() == "tensorflow" else "auto"


def weighted_cross_entropy(weights):
    """Returns a loss: the mean cross-entropy over the pixels that are not void, weighted.

    Args:
        weights: Float array (num_classes + 1,), one per class and 0 for void, the last.

    Returns:
        Callable (positions (batch, height, width) in 0..num_classes, logits (batch, height,
        width, num_classes)) -> float32 scalar; 0 if all pixels are void.
    """
    num_classes = len(weights) - 1

    def loss(positions, logits):
        positions = ops.reshape(ops.cast(positions, "int32"), (-1,))
        logits = ops.reshape(ops.cast(logits, "float32"), (-1, num_classes))
        weight = ops.take(ops.convert_to_tensor(weights, "float32"), positions)
        # Void has no logit; its weight is 0, so any other will do.
        some_class = ops.minimum(positions, num_classes - 1)
        entropy = ops.sparse_categorical_crossentropy(some_class, logits, from_logits=True)
        return ops.sum(entropy * weight) / ops.maximum(ops.sum(weight), 1.0)

    return loss


def train(network, batches, loss, learning_rate, weight_decay, progress=True, text=_TEXT):
    """Trains a network by AdamW, https://arxiv.org/abs/1711.05101, under one cycle of rates.

    The rate rises linearly from a twentieth of its peak in the first tenth of the steps,
    then falls to zero as a cosine does.

    Args:
        network: A Keras model.
        batches: A `keras.utils.PyDataset`: one step per batch.
        loss: Callable (target, output) -> scalar.
        learning_rate: Peak of the rates.
        weight_decay: AdamW's, per unit of learning rate.
        progress: Whether to show a progress bar.
        text: What it says.
    """
    steps = len(batches)
    rise = int(_RISE * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        _FIRST_RATE * learning_rate,
        steps - rise,
        warmup_target=learning_rate if rise else None,
        warmup_steps=rise,
    )
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay=weight_decay, global_clipnorm=_CLIP_NORM
    )
    network.compile(optimizer, loss, jit_compile=JIT_COMPILE)
    with tqdm(total=steps, desc=text, disable=not progress) as bar:
        network.fit(batches, verbose=0, shuffle=False, callbacks=[_ShowLoss(bar)])


class _ShowLoss(keras.callbacks.Callback):
    """Moves a bar, and shows the loss of the last steps: Keras logs the mean since the start."""

    EVERY = 10

    def __init__(self, bar):
        super().__init__()
        self.bar = bar
        self.sum = 0.0

    def on_train_batch_end(self, batch, logs=None):
        self.bar.update()
        if (batch + 1) % self.EVERY == 0:
            total = (batch + 1) * float((logs or {})["loss"])
            self.bar.set_postfix(loss=f"{(total - self.sum) / self.EVERY:.3f}", refresh=False)
            self.sum = total
