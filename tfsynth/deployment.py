"""A trained synthesizer at work on files: load it, draw with it, export it."""

from pathlib import Path

import keras
from tqdm import tqdm

from tfsynth import exporters, registry
from tfsynth.data import images
from tfsynth.data.dataset import DataError
from tfsynth.run_folder import RunFolder
from tfsynth.synthesizer import Synthesizer

LABEL_SUFFIXES = (".png", ".bmp", ".tif", ".tiff")


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


def synthesize(model_path, inputs, output_dir, *, instances=None, overwrite=False):
    """Writes a photograph for every label map, as PNG under the same stem.

    Everything is checked first: the files' existence, that no two share a stem, that
    nothing is overwritten. Each PNG appears whole or not at all.

    Args:
        model_path: A `.keras` file or a run folder.
        inputs: Label maps (PNG with ids or a palette) and folders of them.
        output_dir: Folder of the photographs; made if need be.
        instances: Folder of instance maps with the same stems, or, for one input, a
            file. `None`: a model that reads edges gets those between classes.
        overwrite: Whether to replace photographs that are there.

    Returns:
        The paths written, in order.

    Raises:
        ValueError: If a map is damaged or its ids do not fit the model; names the file.
        FileExistsError: If a photograph is there and `overwrite` is off.
    """
    synthesizer = load_synthesizer(model_path)
    maps = _label_maps(inputs)
    output_dir = Path(output_dir)
    targets = {path: output_dir / f"{path.stem}.png" for path in maps}
    if not overwrite:
        _refuse_existing(targets.values())
    instance_maps = _instance_maps(maps, instances)
    written = []
    for path in tqdm(maps, "synthesising", unit="image", disable=len(maps) < 2):
        labels = images.read_label_map(path, synthesizer.label_set)
        ids = images.read_instance_map(instance_maps[path]) if instance_maps else labels
        if ids.shape != labels.shape:
            raise DataError(
                f"{instance_maps[path]} is {ids.shape[1]}x{ids.shape[0]} pixels, its label map "
                f"{path} {labels.shape[1]}x{labels.shape[0]}; they must be equal."
            )
        synthesizer.label_set.check(labels, source=path)
        photograph = synthesizer.synthesize(labels, ids)
        output_dir.mkdir(parents=True, exist_ok=True)
        images.write_photo(targets[path], photograph)
        written.append(targets[path])
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


def _label_maps(inputs):
    maps = []
    for path in map(Path, inputs):
        if path.is_dir():
            found = sorted(p for p in path.iterdir() if p.suffix.lower() in LABEL_SUFFIXES)
            if not found:
                raise DataError(f"{path} holds no label maps ({', '.join(LABEL_SUFFIXES)}).")
            maps += found
        elif path.is_file():
            maps.append(path)
        else:
            raise DataError(f"No label map or folder at {path}.")
    seen = {}
    for path in maps:
        if path.stem in seen:
            raise DataError(
                f"{seen[path.stem]} and {path} share the stem {path.stem!r}: their photographs "
                "would overwrite each other. Synthesise them into two folders."
            )
        seen[path.stem] = path
    return maps


def _refuse_existing(targets):
    there = [path for path in targets if path.exists()]
    if there:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise FileExistsError(
            f"{there[0]}{more} exists already. Use --overwrite to replace, or another folder."
        )


def _instance_maps(maps, instances):
    if instances is None:
        return {}
    instances = Path(instances)
    if instances.is_file() and len(maps) == 1:
        return {maps[0]: instances}
    found = {}
    for path in maps:
        candidates = [p for p in instances.glob(f"{path.stem}.*") if p.is_file()]
        if len(candidates) != 1:
            raise DataError(
                f"The label map {path} needs one instance map {path.stem}.* in {instances}; "
                f"there are {len(candidates)}."
            )
        found[path] = candidates[0]
    return found
