"""The settings of a run, as dataclasses."""

import dataclasses
from dataclasses import dataclass, field

from tfsynth.plain import write_yaml


class ConfigError(ValueError):
    """A setting that is unknown, of the wrong kind or out of range."""


@dataclass(frozen=True)
class DataSettings:
    """The data, and the size in which it is read.

    Attributes:
        dataset: Node of a `Dataset`: `class:` and its arguments.
        size: (height, width) in pixels of a training batch, and of evaluation.
        load_size: (height, width) that a picture is resized to cover before the random
            crop of `size`, at least as large; `None` for `size` itself.
        keep_aspect: Whether a training picture keeps its aspect ratio when it is resized; `False`
            stretches it to `load_size`, as pictures of the other splits are to `size`.
        flip: Whether half of the training pictures are mirrored left to right.
        max_instances: Most instances in one picture; more is an error.
        label_warp: Largest displacement of the layouts that the generator sees in training, as a
            share of the height, such as 0.025, half of the time; 0 for none. What it is compared
            with stays straight.
    """

    dataset: dict
    size: tuple[int, int]
    load_size: tuple[int, int] | None = None
    keep_aspect: bool = True
    flip: bool = True
    max_instances: int = 256
    label_warp: float = 0.0


@dataclass(frozen=True)
class TrainSettings:
    """The length of training, and how often checkpoints and samples are written.

    Attributes:
        batch_size: Pictures in a step, over all devices.
        steps_per_epoch: Steps between two checkpoints and validations; `None` for one
            pass over the training split.
        minutes: Budget of wall time. The schedule is shortened in proportion, so that
            the decay ends with the budget; `None` for all epochs of the schedule.
        validation_examples: First pictures of the validation split that are scored
            after each epoch, a batch or more; 0 for none. Data without such a split
            has no validation scores.
        sample_rows: First pictures of the validation split (of the test split for
            `samples.png`) on a sample sheet.
        sample_every: Epochs between two sample sheets.
        keep_checkpoints: Checkpoints kept, at least 2: one may be damaged.
        then: Steps after training: any of "evaluate", "export".
        reestimate_epoch: Epoch, counted from 1, whose mean terms balance the layers of perceptual
            losses from the next epoch on; `None` for constant weights. See
            `trainers.ReestimateLayerWeights`.
        ema_decay: Decay of the moving averages of the weights of the networks that ship, such as
            0.999, which are validated, shown and shipped in their place; `None` for none.
        ema_half_life: In place of `ema_decay`, their half-life as a share of the pictures seen so
            far, such as 0.05.
        frozen: Parts that do not train: networks such as "encoder", or sections of one such as
            "generator.global".
        styles_together: Whether the styles of a picture are drawn together, from photographs that
            look alike, in place of each object's from the clusters of its class.
        xla: Whether TensorFlow compiles losses and gradients with XLA; "auto" for yes on
            accelerators and no on CPUs. JAX always compiles.
    """

    batch_size: int = 1
    steps_per_epoch: int | None = None
    minutes: float | None = None
    validation_examples: int = 16
    sample_rows: int = 6
    sample_every: int = 1
    keep_checkpoints: int = 2
    then: tuple[str, ...] = ()
    reestimate_epoch: int | None = None
    ema_decay: float | None = None
    ema_half_life: float | None = None
    frozen: tuple[str, ...] = ()
    styles_together: bool = False
    xla: str | bool = "auto"


@dataclass(frozen=True)
class Config:
    """One experiment.

    Attributes:
        name: Name of the result; the default run folder is `runs/<name>`.
        data: See `DataSettings`.
        game: Node of a `Game`: networks and losses are its arguments.
        optimizers: Node of an optimizer per player.
        schedule: Node of a learning-rate schedule; its `epochs` is the length of the run.
        train: See `TrainSettings`.
        evaluation: Node of a scoring protocol, or `None`.
        feature_training: Node of a `FeatureTraining`, how the game's `features` are trained before
            all else, at `data.size` of the config (of its last phase); `None` for its defaults. The
            seconds are part of `train.minutes`.
        second_evaluation: Node of another one, a second judge whose scores stand beside those of
            the first, or `None`. A claim should hold under both: let them differ in what they
            see, in `seed` and in `half`.
        seed: Seed of the first weights, which differ between backends, of order and augmentation.
        precision: One of `PRECISIONS`; "auto" is mixed_bfloat16 where the machine
            computes faster in it, else float32.
        init_from: Source of the run's first weights: a run folder, an imported model's
            folder, a `.keras` file or a shipped model; `None` for random weights.
        init_except: Layers, or prefixes of their names, that start from random weights all the
            same or are left out: "generator.head", "discriminator". Any other one that does
            not fit is an error.
        phases: Mapping of phase name -> mapping of dotted key -> value in that phase; `None`
            for a run in one phase. See `tfsynth.runs.phases`.
    """

    name: str
    data: DataSettings
    game: dict
    optimizers: dict
    schedule: dict
    train: TrainSettings = field(default_factory=TrainSettings)
    evaluation: dict | None = None
    feature_training: dict | None = None
    second_evaluation: dict | None = None
    seed: int = 0
    precision: str = "auto"
    init_from: str | None = None
    init_except: tuple[str, ...] = ()
    phases: dict | None = None

    def to_dict(self):
        """Returns the settings as plain data, defaults included."""
        return _plain(dataclasses.asdict(self))

    def to_yaml(self):
        """Returns the settings as YAML that `load_config` reads again."""
        return write_yaml(self.to_dict())


def _plain(node):
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_plain(value) for value in node]
    return node
