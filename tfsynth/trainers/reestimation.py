"""The balance between the layers of a perceptual loss, found while it trains.

Cascaded Refinement Networks, https://arxiv.org/abs/1707.09405, section 3.
"""

import keras


class ReestimateLayerWeights(keras.callbacks.Callback):
    """Balances the layers of perceptual losses after an epoch, and logs their weights.

    In that epoch the means of the layers' weighted terms are computed; after it, each layer's
    weight is divided by the mean of its term over that of the image's, so that all layers add as
    much to the loss. The means are over the errors that enter the loss: with several pictures those
    of the best ones, where the published program uses all.

    Factors and means are part of a checkpoint: a run that stops and resumes has the same result.

    Args:
        epoch: The epoch, counted from 1; 100 as published.
        steps_per_epoch: Steps in an epoch.
    """

    def __init__(self, epoch, steps_per_epoch):
        super().__init__()
        self.epoch = epoch
        self.steps_per_epoch = steps_per_epoch

    def on_epoch_begin(self, epoch, logs=None):
        # By the number of steps: a run may be taken up in the middle of the epoch, or, between
        # its last step and its checkpoint, at its end.
        balanced = [factors for factors in self.model.game.layer_factors if factors is not None]
        if self.model.step == (self.epoch - 1) * self.steps_per_epoch:
            for factors in balanced:
                factors.restart()
        if self.model.step == self.epoch * self.steps_per_epoch:
            for factors in balanced:
                factors.balance()

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs.update(self.model.game.layer_weights)
