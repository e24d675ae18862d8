"""The smallest config that goes through everything, as a file for the program."""

TINY = """\
# Two steps on two drawn streets of 32 x 64 pixels.
name: tiny
precision: float32
data:
  dataset:
    {{class: Streets, height: 32, width: 64, train: 2, validation: 1, test: 1, data_dir: {data}}}
  size: [32, 64]
  flip: false
game:
  class: AdversarialGame
  conditioning: {{class: Conditioning, num_classes: 14}}
  generator:
    {{class: GlobalGenerator, input_channels: 15, filters: 2, num_downsamples: 2, num_blocks: 1}}
  discriminator: {{class: MultiscaleDiscriminator, input_channels: 18, filters: 2, num_scales: 1}}
  adversarial_loss: {{class: LeastSquaresLoss}}
optimizers:
  generator: {{class: keras.optimizers.Adam}}
  discriminator: {{class: keras.optimizers.Adam}}
schedule: {{class: ConstantThenLinearDecay, constant_epochs: 1, decay_epochs: 0}}
train: {{sample_rows: 1, validation_examples: 0, then: []}}
"""
