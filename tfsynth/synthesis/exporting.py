"""The export of a trained model: which layouts it is verified with, and what would block it."""

from pathlib import Path

from tqdm import tqdm

from tfsynth import exporters
from tfsynth.synthesis.deployment import load_synthesizer
from tfsynth.synthesis.drawn_layouts import draw_layouts, drawer_of
from tfsynth.synthesis.layouts_in_files import LayoutFiles, role_of
from tfsynth.synthesis.paths import companions, conditions

# Layouts of a folder that an export is verified with, at most.
MOST_EXAMPLES = 12


def export(
    model_path,
    output,
    *,
    format="saved_model",
    precision=None,
    size=None,
    examples=None,
    overwrite=False,
    check=None,
    progress=False,
    **details,
):
    """Exports a trained synthesizer for other programs; see `exporters.export`.

    Args:
        model_path: A `.keras` file, a run folder or the name of a model that ships.
        output: Folder or file to write.
        format, precision, size: See `exporters.export`.
        examples: Folder of layouts to verify with, the first twelve: label maps or condition
            pictures in it or in its folder `labels` or `condition`, and instance maps of the same
            names in its folder `instances`, as in the folder `layouts` of a run. `None`: drawn
            layouts for a model of streets, planet or nuclei, else made layouts.
        overwrite: Whether to replace what an export in the same format wrote.
        check: Callable that gets the model and the path of what was written under a temporary name,
            and raises if it is not right.
        progress: Whether to show progress.
        **details: For the model card of a "preset"; see `Synthesizer.save_to_preset`.

    Returns:
        An `exporters.Exported`.

    Raises:
        DataError: If an example does not fit the model; names the file.
    """
    exporters.require_free(Path(output).absolute(), format, overwrite)
    synthesizer = load_synthesizer(model_path)
    layouts = example_layouts(synthesizer, examples, progress)
    return exporters.export(
        synthesizer,
        Path(output),
        format=format,
        precision=precision,
        size=size,
        layouts=layouts,
        replace=overwrite,
        check=check,
        progress=progress,
        **details,
    )


def find_blockers(model_path, **settings):
    """Returns what keeps a trained synthesizer from being exported; see `exporters.find_blockers`.

    Args:
        model_path: As in `export`.
        **settings: `format`, `precision` and `size`.
    """
    return exporters.find_blockers(load_synthesizer(model_path), **settings)


def example_layouts(synthesizer, folder=None, progress=False):
    """Returns layouts for a model; `None` if there are none but made ones.

    Args:
        synthesizer: A `Synthesizer`.
        folder: As `examples` in `export`.
        progress: Whether to show progress.

    Returns:
        List of dicts, as `exporters.export` takes.
    """
    if folder is None:
        known = drawer_of(synthesizer) is not None
        return [*draw_layouts(synthesizer).layouts.values()] if known else None
    folder, name = Path(folder), synthesizer.conditioning.condition_name
    inside = folder / name if (folder / name).is_dir() else folder
    instances = folder / "instances" if (folder / "instances").is_dir() else None
    role = role_of(synthesizer, "ids", instances, None)
    maps = conditions([inside], role, (instances,))
    maps = dict([*maps.items()][:MOST_EXAMPLES])
    files = LayoutFiles(
        *(synthesizer, role, maps, companions(maps, role, instances, "instance map", "instance")),
        references={},
        instances_from=None,
        drawn={},
    )
    found = []
    for stem in tqdm(maps, "reading", unit="image", disable=not progress, leave=False):
        files.check(stem)
        condition, ids, _ = files.read(stem)
        found.append({name: condition, "instances": ids.astype("int32")})
    return found
