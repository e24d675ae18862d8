"""Checks for NaN and infinity in losses, scores and weights."""

import math

import keras
import numpy as np

_REMEDY = (
    "Lower the learning rate, or use precision float32 or mixed_bfloat16, into a new --run-dir: "
    "a run keeps its settings."
)


class NotFiniteError(FloatingPointError):
    """A loss, a score or a weight is NaN or infinite: the training has diverged."""


class NonFiniteGuard(keras.callbacks.Callback):
    """Ends the run when any loss or validation score is NaN or infinite, naming it.

    Keras's own `TerminateOnNaN` reads the log key `loss` only, which a game of
    several players does not have. It goes before the callback that saves.

    Raises:
        NotFiniteError: At the end of the first step with such a loss, or of the epoch
            with such a score.
    """

    def on_train_batch_end(self, batch, logs=None):
        self._check(logs, lambda: f"in step {self.model.step}")

    def on_epoch_end(self, epoch, logs=None):
        self._check(logs, lambda: f"at the end of epoch {epoch + 1}")

    def _check(self, logs, when):
        # Asked for in need only: under JAX a look at the model copies its state back.
        for name, value in (logs or {}).items():
            if not math.isfinite(value):
                raise NotFiniteError(
                    f"`{name}` became {float(value)} {when()}. The last checkpoint is from before "
                    f"it. {_REMEDY}"
                )


def require_finite(trainer):
    """Raises `NotFiniteError` if a weight or an optimizer's moment is NaN or infinite."""
    optimizers = trainer.player_optimizers.values()
    variables = [*trainer.variables, *(v for o in optimizers for v in o.variables)]
    for variable in variables:
        if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
            raise NotFiniteError(
                f"The weights `{variable.path}` are not finite in step {trainer.step}: no "
                f"checkpoint was written of it. {_REMEDY}"
            )
