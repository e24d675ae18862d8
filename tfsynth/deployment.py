"""A trained synthesizer at work on files: load it, draw with it, export it."""

from pathlib import Path

import keras
from tqdm import tqdm

from tfsynth import exporters, registry
from tfsynth.data import images
from tfsynth.data.builders import pairing
from tfsynth.data.dataset import DataError
from tfsynth.files import replace_file
from tfsynth.run_folder import RunFolder
from tfsynth.synthesizer import Synthesizer


def load_synthesizer(path):
    """Loads a synthesizer from its `.keras` file or from a run folder.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the file is damaged, or holds something else.
    """
    path = Path(path)
    file = RunFolder(path).synthesizer if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(
            f"No synthesizer at {file}. Name a .keras file that training wrote, or a run folder."
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
    label_coding="ids",
    overwrite=False,
    samples=1,
    seed=0,
    like=None,
):
    """Writes a photograph for every label map, as PNG under the same name.

    Names are those that pair files in training: the stem, without the endings of
    Cityscapes. Everything is checked first: the files' existence, that no two label
    maps share a name, that nothing is overwritten. Each PNG appears whole or not at all.

    Args:
        model_path: A `.keras` file or a run folder.
        inputs: Label maps (PNG with ids or a palette) and folders of them. In a folder,
            hidden files and those with Cityscapes' ending of something else are left out.
        output_dir: Folder of the photographs; made if need be.
        instances: Folder of instance maps with the same names, subfolders included, or,
            for one input, a file. `None`: a model that reads edges gets those between
            classes.
        label_coding: "ids", or "colour": pixels are the colours of the model's classes.
        overwrite: Whether to replace photographs that are there; an input never is.
        samples: Photographs of each label map, `NAME-1.png` and so on if more than one, each
            with styles of its own; for models with styles.
        seed: Seed of the styles of the first; each further one has the next.
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
    synthesizer = load_synthesizer(model_path)
    if label_coding == "colour":
        synthesizer.label_set.require_unique_colours()
    _require_styles(synthesizer, samples, like)
    maps = _label_maps(inputs, "colour" if label_coding == "colour" else "label")
    instance_maps = _companions(maps, instances, "instance map", "instance")
    references = _companions(maps, like, "photograph", "photo")
    output_dir = Path(output_dir)
    endings = [f"-{i + 1}" for i in range(samples)] if samples > 1 else [""]
    targets = {name: [output_dir / f"{name}{end}.png" for end in endings] for name in maps}
    written = [path for paths in targets.values() for path in paths]
    _refuse_inputs(written, [*maps.values(), *instance_maps.values(), *references.values()])
    if not overwrite:
        _refuse_existing(written)
    for name, path in tqdm(maps.items(), "synthesising", unit="image", disable=len(maps) < 2):
        labels = images.read_label_map(path, synthesizer.label_set, label_coding)
        ids = images.read_instance_map(instance_maps[name]) if instance_maps else labels
        if ids.shape != labels.shape:
            raise DataError(
                f"{instance_maps[name]} is {ids.shape[1]}x{ids.shape[0]} pixels, its label map "
                f"{path} {labels.shape[1]}x{labels.shape[0]}; they must be equal."
            )
        styles = _styles_like(synthesizer, references[name], ids, labels) if references else None
        for i, target in enumerate(targets[name]):
            photograph = synthesizer.synthesize(labels, ids, styles, seed + i)
            output_dir.mkdir(parents=True, exist_ok=True)
            _write_photograph(target, photograph)
    return written


def export(model_path, output_dir, *, format="saved_model"):
    """Exports a trained synthesizer for other programs; see `exporters.export`.

    Args:
        model_path: A `.keras` file or a run folder.
        output_dir: Folder to write; must not exist, or be empty.
        format: One of `exporters.FORMATS`.

    Returns:
        The path written.
    """
    return exporters.export(load_synthesizer(model_path), Path(output_dir), format=format)


def _write_photograph(path, photograph):
    replace_file(path, lambda temporary: images.write_photo(temporary, photograph))


def _label_maps(inputs, role):
    """Returns the label maps by the names of their photographs."""
    maps = {}
    for path in map(Path, inputs):
        if path.is_dir():
            found = _label_maps_in(path, role)
        elif path.is_file():
            # Who names a file means it, whatever its ending says.
            found = {pairing.pairing_name(Path(path.name), role) or path.stem: path}
        else:
            raise DataError(f"No label map or folder at {path}.")
        for name in found:
            if name in maps:
                raise _shared_name(name, maps[name], found[name])
        maps.update(found)
    return maps


def _label_maps_in(folder, role):
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in images.MAP_EXTENSIONS:
            continue
        name = pairing.pairing_name(Path(path.name), role)
        if name in found:
            raise _shared_name(name, found[name], path)
        if name is not None:
            found[name] = path
    if not found:
        raise DataError(
            f"{folder} holds no label maps ({', '.join(sorted(images.MAP_EXTENSIONS))})."
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


def _require_styles(synthesizer, samples, like):
    if samples < 1:
        raise ValueError(f"`samples` must be at least 1. Received: {samples}.")
    if synthesizer.encoder is None and (samples > 1 or like is not None):
        raise ValueError(
            "This model was trained without a feature encoder: it has no styles, and draws one "
            "photograph of a layout."
        )
    if samples > 1 and like is not None:
        raise ValueError(
            "Several samples differ by their styles, and `like` gives every object its style: "
            "ask for one of the two."
        )
    if samples > 1 and synthesizer.styles is None:
        raise ValueError(
            "This model has an encoder but no styles yet, so that its samples would be all the "
            "same: collect some with `tfsynth styles`."
        )


def _styles_like(synthesizer, path, instances, labels):
    photograph = images.read_photo(path)
    if photograph.shape[:2] != labels.shape:
        raise DataError(
            f"{path} is {photograph.shape[1]}x{photograph.shape[0]} pixels, its label map "
            f"{labels.shape[1]}x{labels.shape[0]}; they must be equal."
        )
    return synthesizer.encode(photograph, instances, labels)


def _companions(maps, source, what, role):
    """Returns the files that go with label maps, by the same names; none at all if none are
    wanted."""
    if source is None:
        return {}
    source = Path(source)
    if source.is_file():
        if len(maps) > 1:
            raise DataError(
                f"{source} is one {what}, and there are {len(maps)} label maps. Give "
                "the folder that holds one for each, of the same name."
            )
        return dict.fromkeys(maps, source)
    extensions = images.MAP_EXTENSIONS | images.PHOTO_EXTENSIONS
    found = {}
    for key, file in pairing.list_files(source, role, extensions).items():
        found.setdefault(Path(key).name, []).append(file)
    for name, path in maps.items():
        count = len(found.get(name, ()))
        if count != 1:
            raise DataError(
                f"The label map {path} needs one {what} {name}.* in {source}; there are {count}."
            )
    return {name: found[name][0] for name in maps}
