"""A history of synthesised pictures, https://arxiv.org/abs/1612.07828, section 2.3."""

import keras
import tensorflow as tf


class ImagePool(keras.layers.Layer):
    """Keeps pictures of earlier steps, and what they were made of.

    Until it is full every picture is kept. From then on each new one is, by the toss of a
    coin, shown to the discriminator as it is, or put in the place of an old one drawn by
    lot, which is shown instead. The pictures are part of a checkpoint, and the lots follow
    from the number of the step: a run that stops goes on as it would have.

    Args:
        size: Number of pictures, 1 or more.
        seed: Seed of the lots.
    """

    def __init__(self, size, seed=0, **kwargs):
        super().__init__(**kwargs)
        if size < 1:
            raise ValueError(f"`size` must be at least 1. Received: {size}.")
        self.size = size
        self.seed = seed

    def build(self, shapes):
        """Makes room.

        Args:
            shapes: Dict of name -> (shape of one element as a list, dtype).
        """
        self._shapes = shapes
        self.stored = {
            name: self.add_weight(
                name=name,
                shape=(self.size, *shape),
                dtype=dtype,
                initializer="zeros",
                trainable=False,
                autocast=False,
            )
            for name, (shape, dtype) in shapes.items()
        }
        self.built = True

    def draw(self, batch_size, step):
        """Draws what a step shows.

        Args:
            batch_size: Number of new pictures.
            step: Number of steps before this one, an integer scalar.

        Returns:
            `{"slot", "old", ...}`: int32 (batch,) the place of each new picture, -1 for none;
            boolean (batch,) whether the old picture there is shown instead; and under their
            names the old elements.
        """
        step = tf.cast(step, "int32")
        numbers = step * batch_size + tf.range(batch_size)
        full = numbers >= self.size
        seed = tf.stack([self.seed, step])
        old = full & (tf.random.stateless_uniform([batch_size], seed) > 0.5)
        lots = tf.random.stateless_uniform(
            [batch_size], seed + [1, 0], maxval=self.size, dtype="int32"
        )
        slot = tf.where(full, tf.where(old, lots, -1), numbers)
        places = tf.maximum(slot, 0)
        elements = {name: tf.gather(w.value, places) for name, w in self.stored.items()}
        return {"slot": slot, "old": old, **elements}

    def store(self, slot, elements):
        """Puts new elements in their places.

        Args:
            slot: As of `draw`.
            elements: Dict of name -> tensor (batch, ...).
        """
        kept = tf.where(slot >= 0)[:, 0]
        places = tf.gather(slot, kept)[:, None]
        for name, weight in self.stored.items():
            new = tf.cast(tf.gather(elements[name], kept), weight.dtype)
            weight.assign(tf.tensor_scatter_nd_update(weight.value, places, new))

    def get_build_config(self):
        return {"shapes": self._shapes} if self.built else None

    def build_from_config(self, config):
        if config:
            self.build(config["shapes"])
