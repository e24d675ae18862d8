"""Sample sheets of a run, and the files that it writes at its end."""

import warnings

import keras
from tqdm import tqdm

from tfsynth import exporters, sheets
from tfsynth.data.examples import Examples
from tfsynth.files import new_folder, replace_file
from tfsynth.layers import dtype_policy
from tfsynth.layouts.statistics import layout_statistics
from tfsynth.runs.curves import write_curves
from tfsynth.runs.evaluation import evaluate
from tfsynth.runs.feature_network import feature_provenance
from tfsynth.runs.judges import loss_networks, names_networks
from tfsynth.synthesis import styles
from tfsynth.synthesis.deployment import load_synthesizer
from tfsynth.synthesis.exporting import example_layouts
from tfsynth.synthesis.layout_files import write_layouts
from tfsynth.synthesis.synthesizer import Synthesizer

# Pictures of one layout on a sheet, at most.
SHOWN_OUTPUTS = 3
# Training layouts whose statistics are stored, at most.
COUNTED = 200


def leave_behind(setup, run, renew, verbose):
    """Writes the results of a finished run: synthesizer, sheet, layouts, scores, export.

    Args:
        setup: The `Setup`, its trainer trained.
        run: Its `RunFolder`.
        renew: Whether to replace existing results, because training has continued since.
        verbose: Whether to show progress.
    """
    config = setup.config
    if renew:
        provenance = {
            "config": config.to_dict(),
            "steps": setup.trainer.step,
            "precision": setup.precision,
            **_statistics(setup),
            **feature_provenance(setup),
            **_loss_provenance(setup, run),
        }
        trained = synthesizer_of(setup, provenance=provenance)
        if trained.encoder is not None:
            data = config.data
            examples = Examples(setup.splits["train"], data.size, data.max_instances)
            bar = tqdm(examples, "collecting styles", unit="image", disable=not verbose)
            trained.styles = styles.collect(
                trained, bar, seed=config.seed, together=config.train.styles_together
            )
        replace_file(run.synthesizer, trained.save)
    if renew or not run.curves.exists():
        write_curves(run, [phase.name for phase in setup.phases])
    # The model in the file is shown and scored, in float32.
    with dtype_policy("float32"):
        _show_and_score(setup, run, load_synthesizer(run.synthesizer), renew, verbose)
    run.unfinished.unlink(missing_ok=True)


def _statistics(setup):
    """Returns the statistics of the training layouts, by which exports make their own."""
    if setup.dataset.label_set is None:
        return {}
    data, classes = setup.config.data, setup.dataset.label_set.num_classes
    examples = Examples(setup.splits["train"], data.size, data.max_instances, COUNTED)
    maps = (example["labels"] for example in examples)
    return {"layout_statistics": layout_statistics(maps, classes)}


def _loss_provenance(setup, run):
    """Returns {"loss_networks": ...}, of all phases, or {}; none of them may be a judge.

    Of earlier phases their checkpoints tell, which hold the SHA-256 of each file as it was read.
    """
    found = loss_networks(setup.trainer.game)
    for phase, store in zip(setup.phases[:-1], run.stores(setup.config)[:-1], strict=True):
        if not names_networks(phase.config):
            continue
        try:
            latest = store.latest()
        # Of a file that is another by now, or gone, no checkpoint is read: no reason to end here.
        except (ValueError, FileNotFoundError) as error:
            warnings.warn(
                f"The model does not record which fixed networks phase {phase.name} was trained "
                f"against: {error}",
                stacklevel=2,
            )
            continue
        if latest is not None:
            found += [one for one in loss_networks(latest[0].game) if one not in found]
    return {"loss_networks": found} if found else {}


def _show_and_score(setup, run, synthesizer, renew, verbose):
    config = setup.config
    examples = first_examples(setup, config, "test", f"{run.sheet} and {run.layouts} show")
    if renew or not run.sheet.exists():
        sheets.write_sheet(run.sheet, draw_sheet(synthesizer, examples))
    shown = dict(zip(examples.split.stems[: len(examples)], examples, strict=True))
    write_layouts(run.layouts, shown, synthesizer, renew)
    if "export" in config.train.then and (renew or not run.export.exists()):
        _export(synthesizer, run)
    if "evaluate" in config.train.then and (renew or not run.metrics.exists()):
        evaluate(run.path, verbose=verbose)


def _export(synthesizer, run):
    if keras.backend.backend() != "tensorflow":
        print(
            f"No SavedModel: Keras on TensorFlow writes it. Give\n"
            f"  KERAS_BACKEND=tensorflow tfsynth export {run.path} -o {run.export}"
        )
        return
    # An earlier export, were it of another version of tfsynth, belongs to the run.
    with new_folder(run.export, replace=True) as written:
        exporters.export(synthesizer, written, layouts=example_layouts(synthesizer))


def first_examples(setup, config, wanted, what):
    """Returns the first examples of a split; of another, saying so, if the data has no such."""
    data, rows = config.data, config.train.sample_rows
    name = setup.shown_split(wanted)
    if name != wanted:
        print(f"The data has no {wanted} split: {what} the {name} split.")
    return Examples(setup.splits[name], data.size, data.max_instances, rows)


def synthesizer_of(setup, **more):
    """Returns the synthesizer of a setup's trainer; they share their networks."""
    game, shipped = setup.trainer.game, setup.trainer.shipped
    return Synthesizer(
        shipped["generator"],
        game.conditioning,
        setup.dataset.label_set,
        encoder=shipped.get("encoder"),
        encoder_regions=game.encoder_regions,
        encoder_reduction=game.encoder_reduction,
        # Keras would count how many were made: the file would tell how often a run was resumed.
        name="synthesizer",
        **more,
    )


def draw_sheet(synthesizer, examples):
    """Draws condition | synthesised | real.

    With an encoder there is `reconstructed` before the real picture, whose styles it has;
    `synthesised` has sampled styles, as soon as the synthesizer has a table of them. If the
    generator makes several pictures of a layout, the first ones are shown.
    """
    name = synthesizer.conditioning.condition_name
    encodes = synthesizer.encoder is not None
    samples = not encodes or synthesizer.styles is not None
    shown = min(synthesizer.num_outputs, SHOWN_OUTPUTS)
    headings = [f"synthesised {i + 1}" for i in range(shown)] if shown > 1 else ["synthesised"]
    rows = []
    for seed, example in enumerate(examples):
        condition, instances, image = (example[k] for k in (name, "instances", "image"))
        row = {name: condition}
        if samples:
            pictures = synthesizer.synthesize_all(condition, instances, seed=seed)
            row |= dict(zip(headings, pictures, strict=False))
        if encodes:
            styles = synthesizer.encode(image, instances, example.get("labels"))
            row["reconstructed"] = synthesizer.synthesize(condition, instances, styles)
        rows.append({**row, "real": image})
    return sheets.sheet([[*row.values()] for row in rows], synthesizer.label_set, [*rows[0]])
