"""A run from its config to its pictures: train, evaluate, synthesize, export, describe.

Read this file first. The checks before training are in `runs.preparation`, the paths of the files
that a run writes in `runs.folder`.
"""

from pathlib import Path

from tqdm import tqdm

from tfsynth import models, registry, trainers
from tfsynth.config import ConfigError
from tfsynth.data.examples import Examples
from tfsynth.files import replace_file
from tfsynth.layers import dtype_policy
from tfsynth.networks import cost
from tfsynth.runs.checks import check_keras, check_size
from tfsynth.runs.evaluation import evaluate as evaluate
from tfsynth.runs.evaluation import own_config as own_config
from tfsynth.runs.folder import RunFolder
from tfsynth.runs.parts import assemble_trainer, build_dataset
from tfsynth.runs.phases import split_into_phases
from tfsynth.runs.preparation import claimed, prepare
from tfsynth.runs.results import leave_behind
from tfsynth.runs.training import train_phases
from tfsynth.synthesis import styles
from tfsynth.synthesis.deployment import load_synthesizer as load_synthesizer
from tfsynth.synthesis.deployment import synthesize as synthesize
from tfsynth.synthesis.exporting import export as export
from tfsynth.synthesis.exporting import find_blockers as find_blockers

# Forward passes in a training step whose outputs are kept for the gradients: the discriminator sees
# real and fake; of the real ones nothing passes through the features.
PASSES = {"generator": 1, "discriminator": 2, "encoder": 1, "features": 1}


@registry.own_random_numbers()
def train(config, run_dir, *, device=None, strategy=None, verbose=True, callbacks=()):
    """Trains the model of a config, or resumes the run in the folder where it stopped.

    Everything that can be checked is checked before the folder is made: settings,
    every file of the data, the size against the networks, the room on the disk.

    Args:
        config: A `Config`.
        run_dir: Folder of the run.
        device: See `trainers.choose_devices`.
        strategy: A `tf.distribute.Strategy` to train under; `device` is then ignored.
        verbose: Whether to show progress.
        callbacks: Further Keras callbacks.

    Returns:
        The run folder's path.

    Raises:
        ValueError: If settings or data break a rule, or a loss or weight became NaN or
            infinite.
        FileExistsError: If the folder holds another run.
        BlockingIOError: If another process trains in it.
        OSError: If the folder cannot be written.
        KeyboardInterrupt: On Ctrl-C, after the state was saved; on a second one, at once.
    """
    run = RunFolder(Path(run_dir))
    check_keras()
    run.refuse_other_config(config)
    if strategy is None:
        strategy = trainers.choose_devices(device, config.train.batch_size)
    resuming = any(store.newest() for store in run.stores(config))
    with dtype_policy(trainers.precision_of(config.precision)):
        with trainers.scope_of(strategy):
            replicas = strategy.num_replicas_in_sync if strategy else 1
            setup = prepare(config, replicas, verbose, resuming)
        with claimed(run, setup):
            trained = train_phases(setup, run, strategy, verbose, callbacks)
            renew = trained or run.unfinished.exists() or not run.synthesizer.exists()
            leave_behind(setup, run, renew, verbose)
    return run.path


@registry.own_random_numbers()
def cluster_styles(
    model_path, *, config=None, split="train", output=None, verbose=True, **settings
):
    """Collects the styles of a data set's objects in a trained synthesizer, in place of its own.

    Args:
        model_path: A run folder, or a `.keras` file or shipped name together with `config`.
        config: A `Config` that names the data; `None` for the run folder's.
        split: Name of the split.
        output: The `.keras` file to write; `None` replaces the model's own.
        verbose: Whether to show progress.
        **settings: `clusters`, `minimum_area` and `seed`; see `styles.cluster`.

    Returns:
        The path written and the `Synthesizer`.

    Raises:
        ValueError: If the model has no encoder, data and model do not fit, or a shipped
            model would be replaced.
        FileNotFoundError: If there is no such model, or no folder for the output.
    """
    path = models.find_model(model_path)
    synthesizer = load_synthesizer(path)
    target = Path(output or models.bundle_of(path))
    if not target.absolute().parent.is_dir():
        raise FileNotFoundError(f"There is no folder {target.parent} for the model. Make it first.")
    models.require_own(target)
    config = config or own_config(path)
    dataset = build_dataset(config)
    if dataset.label_set != synthesizer.label_set:
        raise ConfigError(
            f"{model_path} was trained with other classes than the data's. Name the config of its "
            "data."
        )
    examples = Examples(dataset.split(split), config.data.size, config.data.max_instances)
    bar = tqdm(examples, "collecting styles", unit="image", disable=not verbose)
    synthesizer.styles = styles.collect(synthesizer, bar, **settings)
    replace_file(target, synthesizer.save)
    return target, synthesizer


def describe(config):
    """Estimates the cost of a run without training.

    Args:
        config: A `Config`.

    Returns:
        A text with the parameters, multiply-accumulates and activations of each network in each
        phase, for one picture of its size, and an estimate of the memory of a training step.

    Raises:
        ValueError: If the config cannot be built, or the networks cannot take its size.
    """
    lines = []
    for phase, settings in split_into_phases(config):
        lines += _describe_phase(phase, settings)
    lines.append(
        "GMAC: 1e9 multiply-accumulates, one forward pass, one picture. The memory is an "
        "estimate:\nweights, gradients and Adam's moments of those that train, averages, and the "
        "outputs of each pass\nthat are kept for the gradients; the framework's own is not in it."
    )
    return "\n".join(lines)


def _describe_phase(phase, config):
    trainer = assemble_trainer(config)
    check_size(trainer.game, config.data.size)
    height, width = config.data.size
    networks = trainer.networks
    trained = [weight for player in trainer.players for weight in trainer.weights_of(player)]
    costs = {
        role: cost.network_cost(network, height, width, trained, passed=role == "features")
        for role, network in networks.items()
    }
    averaged = [role for role in trainer.shipped if trainer.has_averages]
    title = f"{config.name}, phase {phase}" if phase else config.name
    channels = trainer.game.conditioning.channels
    lines = [
        f"{title}: {height} x {width} pixels, {channels} condition channels",
        f"{'network':40} {'parameters':>12} {'trained':>12} {'GMAC':>8} {'activations':>12} "
        f"{'kept':>12}",
    ]
    for role, network in networks.items():
        c = costs[role]
        lines.append(
            f"{role + ' ' + type(network).__name__:40} {c.parameters:12,} "
            f"{c.trained_parameters:12,} {c.macs / 1e9:8.2f} {c.activation_values:12,} "
            f"{c.kept_values:12,}"
        )
    terms = [f"{loss.weight:g} x {loss.name}" for loss in trainer.game.terms]
    lines.append(f"terms beside the adversarial loss, if any: {', '.join(terms) or 'none'}")
    batch = config.train.batch_size
    for name, size in (("float32", 4), ("mixed_bfloat16", 2)):
        needed = cost.training_bytes(costs, batch, size, PASSES, averaged)
        lines.append(f"training, batch {batch}, {name}: about {needed / 2**30:.2f} GiB")
    return lines
