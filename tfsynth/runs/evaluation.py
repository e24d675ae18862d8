"""Scores of synthesised photographs by a segmenter, beside three reference rows."""

import json
from pathlib import Path

from tqdm import tqdm

from tfsynth import metrics, models, registry, sheets
from tfsynth.config import ConfigError
from tfsynth.data.examples import Examples
from tfsynth.files import cache_folder, remove_abandoned, write_text
from tfsynth.metrics import references
from tfsynth.metrics.segmenter_batches import rgb
from tfsynth.runs.checks import check_classes, check_keras
from tfsynth.runs.feature_scores import FeatureScores, refuse_training_split
from tfsynth.runs.folder import RunFolder
from tfsynth.runs.judges import fit_judges, refuse_trained_against
from tfsynth.runs.parts import build_dataset, build_protocols
from tfsynth.runs.seed_scores import SEEDED, draws_anything, seed_scores
from tfsynth.synthesis.deployment import open_model


@registry.own_random_numbers()
def evaluate(
    model_path,
    *,
    config=None,
    output=None,
    split="test",
    limit=None,
    size=None,
    features=None,
    verbose=True,
):
    """Scores the synthesised photographs of a split, beside three reference rows.

    A small segmenter, trained once on the data's real training pairs and cached, segments
    each picture; its prediction is compared with the layout that the picture was made
    from. A second one, if the config has a `second_evaluation`, judges the same pictures. The
    references are scored in the same way: `oracle`, the real photographs;
    `flat`, each class painted in its mean colour; `floor`, real photographs against
    other pictures' layouts. A model with styles draws them with the seeds 0, 1, ...; its
    row `reconstructed` has the style of the real photograph instead. Of a model that
    makes several pictures of a layout, one is scored per layout, each index in turn.

    Args:
        model_path: A run folder, or a `.keras` file, preset, shipped name or exported model
            together with
            `config`.
        config: A `Config` that names data and protocol; `None` for the run folder's.
        output: JSON file to write, in a folder that is there; `None` for `metrics.json` in
            the run folder, or `metrics_<split>_<limit>.json` for a part of the data. Needed if
            `config` has other data or protocols than the run folder's.
        split: Name of the split.
        limit: Number of first examples to score; `None` for all.
        size: (height, width) in pixels that the model's pictures are resized to and scored at;
            `None` for that of the config, which is the size of the layouts.
        features: A `.keras` file, a network from RGB pictures in [-1, 1] to features, by which
            the synthesised pictures are compared with the real ones; `None` for no such scores.
        verbose: Whether to show progress.

    Returns:
        `{"protocol": ..., "synthesised": {"mean_iou": ..., ...}, "oracle": ..., "flat":
        ..., "floor": ...}`, values 0..1 (see `SegmenterProtocol.score`); of a second judge the
        same under `second`. Of a model that draws noise or styles `seeds`, what two seeds change
        (see `runs.seed_scores`). With `features` also `kernel_distance`, that of synthesised and
        of real training pictures from the real pictures of the split, and `nearest`, how near
        the nearest training picture is to the synthesised and to the real pictures, in medians of
        the latter.

    Raises:
        ValueError: If there is no protocol, model and data do not fit, there are fewer
            than 2 examples, a judge is a network that the model was trained against, a
            `.keras` file comes without `config` or `output`, `config` is another than the run
            folder's and comes without `output`, or `features` is no feature network.
        FileNotFoundError: If there is no such model, no such file of features, or no folder for
            the output.
    """
    check_keras()  # The segmenter would learn less, and be kept for later.
    remove_abandoned(cache_folder(), within=True)
    path = models.find_model(model_path)
    target = _target(path, output, split, limit, config)
    synthesizer = open_model(path)
    config = config or own_config(path)
    size = tuple(size or config.data.size)
    by_features = None
    if features is not None:
        refuse_training_split(split)
        by_features = FeatureScores(features, size)
    dataset = _data_of(config, synthesizer, model_path)
    layouts = _examples(dataset.split(split), config.data.size, config, limit)
    examples = _examples(dataset.split(split), size, config, limit)
    if len(examples) < 2:
        raise ConfigError(
            "A score needs 2 examples or more: its `floor` row holds photographs against other "
            f"pictures' layouts. Received: {len(examples)} of the split {split!r}."
        )
    check_classes(dataset, split, verbose)
    first, *more = judges = fit_judges(config, dataset, verbose)
    refuse_trained_against(judges, getattr(synthesizer, "provenance", {}))
    training = _examples(dataset.split("train"), size, config)
    colours = references.mean_colours(_pairs(training), dataset.label_set.num_classes)
    real = list(_pairs(examples))
    made = {"synthesised": _scored(_synthesised(synthesizer, layouts, verbose), real)}
    if synthesizer.encoder is not None:
        made["reconstructed"] = _scored(_reconstructed(synthesizer, layouts), real)
    objects = _objects(judges, examples, dataset.label_set)

    def rows():
        return {
            **made,
            "oracle": real,
            "flat": references.flat_pairs(real, colours),
            "floor": references.shuffled_pairs(real, config.seed),
        }

    scores = {
        "protocol": first.protocol.name,
        "dataset": registry.describe(dataset),
        "split": split,
        "examples": len(examples),
        "size": list(size),
        **first.score(rows(), *objects),
    }
    for judge in more:
        scores["second"] = {"protocol": judge.protocol.name, **judge.score(rows(), *objects)}
    if draws_anything(synthesizer):
        some = _examples(dataset.split(split), config.data.size, config, min(SEEDED, len(real)))
        again = _scored(_synthesised(synthesizer, some, verbose, len(real)), real[: len(some)])
        scores["seeds"] = seed_scores(first, made["synthesised"][: len(some)], again)
    if by_features is not None:
        synthesised, photographs = (
            [picture for _, picture in row] for row in (made["synthesised"], real)
        )
        scores |= by_features.score(synthesised, photographs, _Photographs(training))
    write_text(target, json.dumps(scores, indent=1) + "\n")
    return scores


def _data_of(config, synthesizer, model_path):
    """Returns the `Dataset` of a config; raises `ConfigError` if it cannot score the model."""
    if config.evaluation is None:
        raise ConfigError("The config has no `evaluation`: name a protocol to score with.")
    dataset = build_dataset(config)
    for protocol in build_protocols(config).values():
        protocol.check_data(dataset)
    if dataset.label_set != synthesizer.label_set:
        raise ConfigError(
            f"{model_path} was trained with other classes than the data's: "
            f"{', '.join(synthesizer.label_set.names) if synthesizer.label_set else 'none'}."
        )
    return dataset


def _target(model_path, output, split, limit, config):
    """Returns the file to write, before anything takes time."""
    if output is None:
        if model_path.is_file() or models.is_preset(model_path):
            what = "a file" if model_path.is_file() else "a preset"
            raise ConfigError(
                f"{model_path} is {what}, no run folder to put scores in: say where, with -o FILE."
            )
        run = RunFolder(model_path)
        _refuse_other_scores(run, config)
        return run.scores(split, limit)
    folder = Path(output).absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder} for the scores. Make it first.")
    if Path(output).is_dir():
        raise IsADirectoryError(f"{output} is a folder: name a file in it for the scores.")
    return Path(output)


def _refuse_other_scores(run, config):
    """Raises `ConfigError` if a run's own scores would be replaced by those of other settings."""
    if config is None or not run.config.is_file():
        return
    own = run.read_config()
    keys = ("data", "evaluation", "second_evaluation")
    if other := [key for key in keys if getattr(config, key) != getattr(own, key)]:
        raise ConfigError(
            f"The scores in {run.path} are by its own config, and this config differs in "
            f"{', '.join(f'`{key}`' for key in other)}: name another file for them, with -o FILE."
        )


def own_config(model_path):
    """Returns the config of a run folder; raises `ConfigError` if there is none."""
    run = RunFolder(model_path)
    if not run.config.is_file():
        raise ConfigError(
            f"{model_path} has no config.yaml beside its model: name the config whose data and "
            "protocol to use, with --config."
        )
    return run.read_config()


def _examples(split, size, config, limit=None):
    return Examples(split, size, config.data.max_instances, limit)


def _pairs(examples):
    return ((example["labels"], rgb(example["image"])) for example in examples)


def _objects(judges, examples, label_set):
    """Returns the instance maps of the examples, if a judge counts objects, and what it counts."""
    if not any(judge.protocol.instances for judge in judges):
        return None, ()
    instances = [example["instances"] for example in examples]
    labels = (example["labels"] for example in examples)
    things = metrics.thing_classes(labels, instances, label_set.scored_ids)
    if not things:
        print("No class has two objects in one layout: there is nothing to count.")
    return instances, things


class _Photographs:
    """The photographs of examples, read anew each time that they are looked through."""

    def __init__(self, examples):
        self.examples = examples

    def __len__(self):
        return len(self.examples)

    def __iter__(self):
        return (rgb(example["image"]) for example in self.examples)


def _scored(pictures, real):
    """Returns each picture beside the labels of its layout, at their size."""
    return [
        (labels, sheets.resized(rgb(picture), labels.shape))
        for picture, (labels, _) in zip(pictures, real, strict=True)
    ]


def _synthesised(synthesizer, layouts, verbose, first_seed=0):
    bar = tqdm(layouts, "synthesising", len(layouts), unit="image", disable=not verbose)
    for seed, layout in enumerate(bar, start=first_seed):
        yield synthesizer.synthesize(layout["labels"], layout["instances"], seed=seed)


def _reconstructed(synthesizer, layouts):
    for layout in layouts:
        labels, instances = layout["labels"], layout["instances"]
        styles = synthesizer.encode(layout["image"], instances, labels)
        yield synthesizer.synthesize(labels, instances, styles)
