"""A trained synthesizer at work on files: load it, draw with it, export it."""

import itertools
import zipfile
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from tfsynth import exporters, models, registry
from tfsynth.data import images
from tfsynth.data.builders import pairing
from tfsynth.data.dataset import DataError
from tfsynth.files import replace_file
from tfsynth.layout_files import draw_streets, stems_of_streets
from tfsynth.regions import components
from tfsynth.run_folder import RunFolder
from tfsynth.synthesizer import Synthesizer


def load_synthesizer(path):
    """Loads a synthesizer from its `.keras` file or a run folder, or one that ships, by its name.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the file is damaged, or holds something else.
    """
    path = models.find_model(path)
    file = RunFolder(path).synthesizer if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(
            f"No synthesizer at {file}. Name a .keras file that training wrote, or a run folder."
        )
    if not zipfile.is_zipfile(file):
        raise ValueError(
            f"{file} cannot be loaded as a synthesizer: it is no .keras file, or a damaged one. "
            "Name one that training wrote, or a run folder."
        )
    registry.import_registered_classes()
    try:
        model = keras.saving.load_model(file)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{file} cannot be loaded as a synthesizer: {error}") from error
    if not isinstance(model, Synthesizer):
        raise ValueError(f"{file} holds a {type(model).__name__}, not a Synthesizer.")
    return model


def synthesize(
    model_path,
    inputs,
    output_dir,
    *,
    instances=None,
    instances_from=None,
    label_coding="ids",
    overwrite=False,
    samples=1,
    seed=0,
    like=None,
):
    """Writes a photograph for every label map or condition picture, as PNG of the same name.

    Names are those that pair files in training: the stem, without the endings of
    Cityscapes. Everything is checked first: the files' existence, that no two inputs
    share a name, that nothing is overwritten. Each PNG appears whole or not at all; it is
    grey, RGB or RGBA, as the photographs were that the model was trained on.

    Args:
        model_path: A `.keras` file, a run folder or the name of a model that ships.
        inputs: Label maps (PNG with ids or a palette), for a model of condition pictures such
            pictures (see `images.read_picture`), and folders of them. In a folder, hidden files
            and those with Cityscapes' ending of something else are left out. `None`, for a model
            of the drawn streets: the first test layouts, drawn into `output_dir`/layouts.
        output_dir: Folder of the photographs; made if need be.
        instances: Folder of instance maps with the same names, subfolders included, or,
            for one input, a file. `None`: a model that reads edges gets those between
            classes; one of condition pictures, which have none, refuses.
        instances_from: "components": in place of instance maps, every connected part of a
            class is an instance. A fallback: objects of one class that touch become one.
        label_coding: "ids", or "colour": pixels are the colours of the model's classes.
        overwrite: Whether to replace photographs that are there; an input never is.
        samples: Photographs of each label map, `NAME-1.png` and so on if more than one: each
            with styles and noise of its own, for models with either; or the pictures that the
            model makes of one layout, for models that make several, and no more than these.
        seed: Seed of the first; each further one has the next. A model that makes k pictures
            begins with picture seed mod k.
        like: Folder of photographs of the same names and sizes, or for one input a file, whose
            styles to take, object by object; for models with an encoder.

    Returns:
        The paths written, in order.

    Raises:
        ValueError: If a map is damaged or its ids do not fit the model; names the file.
        FileExistsError: If a photograph is there and `overwrite` is off, or it would
            replace one of the maps.
    """
    if label_coding not in images.LABEL_CODINGS:
        raise ValueError(
            f"`label_coding` is one of {list(images.LABEL_CODINGS)}. Received: {label_coding!r}."
        )
    if Path(output_dir).is_file():
        raise NotADirectoryError(f"{output_dir} is a file. Name a folder for the photographs.")
    synthesizer = load_synthesizer(model_path)
    _require_samples(synthesizer, samples, like)
    output_dir = Path(output_dir)
    endings = [f"-{i + 1}" for i in range(samples)] if samples > 1 else [""]
    if inputs is None:
        if label_coding != "ids":
            raise ValueError("Layouts that are drawn hold ids: leave `label_coding` out.")
        if not overwrite:
            _refuse_existing(
                [output_dir / f"{s}{e}.png" for s in stems_of_streets() for e in endings]
            )
        layouts = output_dir / "layouts"
        draw_streets(layouts, synthesizer, overwrite)
        inputs, drawn = [layouts / "labels"], layouts / "instances"
        instances = drawn if instances is None and instances_from is None else instances
    role = _role(synthesizer, label_coding, instances, instances_from)
    maps = _conditions(inputs, role)
    instance_maps = _companions(maps, role, instances, "instance map", "instance")
    references = _companions(maps, role, like, "photograph", "photo")
    targets = {name: [output_dir / f"{name}{end}.png" for end in endings] for name in maps}
    written = [path for paths in targets.values() for path in paths]
    _refuse_inputs(written, [*maps.values(), *instance_maps.values(), *references.values()])
    if not overwrite:
        _refuse_existing(written)
    for name, path in tqdm(maps.items(), "synthesising", unit="image", disable=len(maps) < 2):
        condition = _read(synthesizer, path, label_coding)
        what, like = f"{pairing.NAMES[role]} {path}", references.get(name)
        ids = _instances(condition, instance_maps.get(name), instances_from, what)
        styles = like and _styles_like(synthesizer, like, ids, condition, what)
        photographs = _photographs(synthesizer, condition, ids, styles, seed)
        for target, photograph in zip(targets[name], photographs, strict=False):
            output_dir.mkdir(parents=True, exist_ok=True)
            _write_photograph(target, photograph)
    return written


def export(model_path, output, *, format="saved_model", half=False):
    """Exports a trained synthesizer for other programs; see `exporters.export`.

    Args:
        model_path: A `.keras` file, a run folder or the name of a model that ships.
        output: Folder to write, which must not exist or be empty; keras: file to write.
        format: One of `exporters.FORMATS`.
        half: Whether to store weights in float16; for "keras".

    Returns:
        The path written.
    """
    return exporters.export(load_synthesizer(model_path), Path(output), format=format, half=half)


def _photographs(synthesizer, condition, instances, styles, seed):
    """Yields one photograph after the other of one layout, the first of the given seed."""
    differs_by_seed = synthesizer.encoder is not None or "seed" in synthesizer.input_names
    if synthesizer.num_outputs > 1 and not differs_by_seed:
        # The network makes all of them at once.
        pictures = synthesizer.synthesize_all(condition, instances)
        yield from (pictures[(seed + i) % len(pictures)] for i in range(len(pictures)))
        return
    for number in itertools.count(seed):
        yield synthesizer.synthesize(condition, instances, styles, number)


def _write_photograph(path, photograph):
    replace_file(path, lambda temporary: images.write_photo(temporary, photograph))


def _role(synthesizer, label_coding, instances, instances_from):
    """Returns what the inputs are, in the words of `pairing`; refuses settings that do not fit."""
    if instances_from not in (None, "components"):
        raise ValueError(f"`instances_from` is 'components'. Received: {instances_from!r}.")
    if instances is not None and instances_from is not None:
        raise ValueError(
            "Instances are those of the maps in `instances`, or components of the label maps: "
            "ask for one of the two."
        )
    if synthesizer.label_set is not None:
        if label_coding == "colour":
            synthesizer.label_set.require_unique_colours()
        return "colour" if label_coding == "colour" else "label"
    if label_coding == "colour" or instances_from is not None:
        raise ValueError(
            "This model reads condition pictures, which have no classes: --label-coding and "
            "--instances-from are for label maps."
        )
    if synthesizer.conditioning.edges and instances is None:
        raise ValueError(
            "This model reads instance edges, which condition pictures do not have: give "
            "--instances, a folder of instance maps of the same names."
        )
    return "condition"


def _read(synthesizer, path, label_coding):
    if synthesizer.label_set is None:
        channels = synthesizer.conditioning.condition_channels
        return images.read_picture(path, channels, "condition_channels")
    return images.read_label_map(path, synthesizer.label_set, label_coding)


def _instances(condition, path, source, what):
    """Returns the instances of one condition: those of a file, else made of the condition."""
    if path is not None:
        ids = images.read_instance_map(path)
        _require_same_size(path, ids, condition, what)
        return ids
    if source == "components":
        return components(condition)
    # Without instance maps a class is one instance, and so is a whole picture.
    return condition if condition.ndim == 2 else np.zeros(condition.shape[:2], np.int32)


def _conditions(inputs, role):
    """Returns the label maps or condition pictures by the names of their photographs."""
    maps = {}
    for path in map(Path, inputs):
        if path.is_dir():
            found = _conditions_in(path, role)
        elif path.is_file():
            # Who names a file means it, whatever its ending says.
            found = {pairing.pairing_name(Path(path.name), role) or path.stem: path}
        else:
            raise DataError(f"No {pairing.NAMES[role]} or folder at {path}.")
        for name in found:
            if name in maps:
                raise _shared_name(name, maps[name], found[name])
        maps.update(found)
    return maps


def _conditions_in(folder, role):
    found = {}
    extensions = images.PHOTO_EXTENSIONS if role == "condition" else images.MAP_EXTENSIONS
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in extensions:
            continue
        name = pairing.pairing_name(Path(path.name), role)
        if name in found:
            raise _shared_name(name, found[name], path)
        if name is not None:
            found[name] = path
    if not found:
        raise DataError(
            f"{folder} holds no {pairing.NAMES[role]}s ({', '.join(sorted(extensions))})."
        )
    return found


def _shared_name(name, first, second):
    return DataError(
        f"{first} and {second} share the name {name!r}: their photographs would overwrite each "
        "other. Synthesise them into two folders."
    )


def _refuse_inputs(targets, inputs):
    # By device and inode: a link, or a folder of another name, may lead to the same file.
    there = {_identity(path): path for path in inputs}
    for target in targets:
        if target.exists() and _identity(target) in there:
            raise FileExistsError(
                f"The photograph {target} would replace {there[_identity(target)]}, which it is "
                "made from. Name another folder for the photographs."
            )


def _identity(path):
    status = path.stat()
    return status.st_dev, status.st_ino


def _refuse_existing(targets):
    there = [path for path in targets if path.exists()]
    if there:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise FileExistsError(
            f"{there[0]}{more} exists already. Use --overwrite to replace, or another folder."
        )


def _require_samples(synthesizer, samples, like):
    if samples < 1:
        raise ValueError(f"`samples` must be at least 1. Received: {samples}.")
    noisy = "seed" in synthesizer.input_names
    if synthesizer.encoder is None:
        pictures = synthesizer.num_outputs
        if like is not None:
            raise ValueError(
                "This model was trained without a feature encoder: it has no styles that `like` "
                "could give its objects."
            )
        if samples > pictures and not noisy:
            raise ValueError(
                f"This model has no styles to draw from, and makes {pictures} different "
                f"photograph{'s' if pictures > 1 else ''} of a layout: ask for at most "
                f"{pictures} samples. Received: {samples}."
            )
        return
    if samples > 1 and like is not None and not noisy:
        raise ValueError(
            "Several samples differ by their styles, and `like` gives every object its style: "
            "ask for one of the two."
        )
    if samples > 1 and synthesizer.styles is None and not noisy:
        raise ValueError(
            "This model has an encoder but no styles yet, so that its samples would be all the "
            "same: collect some with `tfsynth styles`."
        )


def _styles_like(synthesizer, path, instances, condition, what):
    photograph = images.read_photo(path, synthesizer.generator.output_channels)
    _require_same_size(path, photograph, condition, what)
    labels = condition if condition.ndim == 2 else None
    return synthesizer.encode(photograph, instances, labels)


def _require_same_size(path, array, condition, what):
    if array.shape[:2] != condition.shape[:2]:
        raise DataError(
            f"{path} is {array.shape[1]}x{array.shape[0]} pixels, its {what} "
            f"{condition.shape[1]}x{condition.shape[0]}; they must be equal."
        )


def _companions(maps, role, source, what, kind):
    """Returns the files that go with the conditions, by the same names; none at all if none are
    wanted."""
    if source is None:
        return {}
    source = Path(source)
    if source.is_file():
        if len(maps) > 1:
            raise DataError(
                f"{source} is one {what}, and there are {len(maps)} {pairing.NAMES[role]}s. Give "
                "the folder that holds one for each, of the same name."
            )
        return dict.fromkeys(maps, source)
    extensions = images.MAP_EXTENSIONS | images.PHOTO_EXTENSIONS
    found = {}
    for key, file in pairing.list_files(source, kind, extensions).items():
        found.setdefault(Path(key).name, []).append(file)
    for name, path in maps.items():
        count = len(found.get(name, ()))
        if count != 1:
            raise DataError(
                f"The {pairing.NAMES[role]} {path} needs one {what} {name}.* in {source}; there "
                f"are {count}."
            )
    return {name: found[name][0] for name in maps}
