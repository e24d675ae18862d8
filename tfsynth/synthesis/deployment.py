"""A trained model and files: loading, and synthesis from folders."""

import itertools
from pathlib import Path

from tqdm import tqdm

from tfsynth import models
from tfsynth.data import images
from tfsynth.data import maps as map_files
from tfsynth.exporters import runtimes
from tfsynth.files import replace_file
from tfsynth.models import hub
from tfsynth.synthesis.drawn_layouts import DrawnLayouts, draw_layouts
from tfsynth.synthesis.exported import ExportedSynthesizer
from tfsynth.synthesis.layout_files import write_layouts
from tfsynth.synthesis.layouts_in_files import LayoutFiles, role_of
from tfsynth.synthesis.paths import (
    companions,
    conditions,
    refuse_blocked,
    refuse_existing,
    refuse_inputs,
    refuse_outside,
)
from tfsynth.synthesis.synthesizer import Synthesizer


def load_synthesizer(path) -> Synthesizer:
    """Loads a synthesizer from its `.keras` file, a run or preset folder, or by the name of one.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the file is damaged, or holds something else.
    """
    if not hub.is_uri(path) and runtimes.kind_of(models.find_model(path)):
        raise ValueError(
            f"{path} is an exported model, which makes photographs and has nothing else of the "
            "model that it was made from. Name the .keras file or the run folder of that."
        )
    return models.from_preset(path)


def open_model(path):
    """Opens a model to synthesise with: as `load_synthesizer`, or one that `export` wrote.

    Args:
        path: What `load_synthesizer` takes; or a SavedModel's folder, a .tflite or an .onnx file.

    Returns:
        A `Synthesizer` or an `ExportedSynthesizer`.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged, or something else.
        ImportError: If a package is missing that draws the pictures of an exported model.
    """
    if hub.is_uri(path) or runtimes.kind_of(models.find_model(path)) is None:
        return load_synthesizer(path)
    return ExportedSynthesizer(runtimes.open_runtime(models.find_model(path)))


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
    size=None,
    layout_seed=0,
    wrap=None,
):
    """Writes a photograph for every label map or condition picture, as PNG of the same name.

    Names are those that pair files in training: the stem, without the endings of
    Cityscapes; what is in a subfolder is written into a subfolder of that name. Everything is
    checked before the first is written: that no two inputs share a name, that nothing is
    overwritten, and every file against the model. Each PNG is written completely or not at all;
    it is grey, RGB or RGBA, as the training photographs of the model.

    Args:
        model_path: A `.keras` file, a run folder, the name of a model that ships, or an exported
            model; see `open_model`.
        inputs: Label maps (PNG with ids or a palette), for a model of condition pictures such
            pictures (see `images.read_picture`), and folders of them. In a folder, hidden files
            and those with Cityscapes' ending of something else are left out. `None`, for a model
            with the classes of the drawn streets, of planet or of nuclei: layouts that are drawn
            into `output_dir`/layouts; see `drawn_layouts.draw_layouts`.
        output_dir: Folder of the photographs; made if need be.
        instances: Folder of instance maps with the same names, subfolders included, or,
            for one input, a file. `None`: a model that reads edges gets those between
            classes; one of condition pictures, which have none, refuses.
        instances_from: "components": in place of instance maps, every connected part of a
            class is an instance, with `wrap` also across the edges that join. A fallback: objects
            of one class that touch become one.
        label_coding: "ids", or "colour": pixels are the colours of the model's classes.
        overwrite: Whether to replace photographs that are there; an input never is.
        samples: Photographs of each label map, `NAME-1.png` and so on if more than one: each
            with styles and noise of its own, for models with either; or the pictures that the
            model makes of one layout, for models that make several, and no more than these.
        seed: Seed of the first; each further one has the next. A model that makes k pictures
            begins with picture seed mod k.
        like: Folder of photographs of the same names and sizes, or for one input a file, whose
            styles to take, object by object; for models with an encoder.
        size: (height, width) of the layouts that are drawn; `None` for the training size. Of
            planet, a width of twice the height is one whole world.
        layout_seed: Seed of the layouts that are drawn.
        wrap: Whether the left and right edges of each photograph join, as those of its layout
            do. `None`: only those of a whole world that is drawn.

    Returns:
        The paths written, in order.

    Raises:
        ValueError: If a map is damaged or does not fit the model; names the file.
        FileExistsError: If a photograph is there and `overwrite` is off, or it would
            replace one of the maps.
    """
    if label_coding not in map_files.LABEL_CODINGS:
        raise ValueError(
            f"`label_coding` is one of {list(map_files.LABEL_CODINGS)}. Received: {label_coding!r}."
        )
    if not str(output_dir):
        raise ValueError("The folder of the photographs has the empty name ''. Name one, or '.'.")
    output_dir = Path(output_dir)
    if output_dir.is_file():
        raise NotADirectoryError(f"{output_dir} is a file. Name a folder for the photographs.")
    synthesizer = open_model(model_path)
    _require_samples(synthesizer, samples, like)
    _require_drawing(inputs, label_coding, size, layout_seed)
    own = DrawnLayouts({}) if inputs is not None else draw_layouts(synthesizer, size, layout_seed)
    drawn, layouts, wrap = own.layouts, output_dir / "layouts", own.joined if wrap is None else wrap
    role = role_of(synthesizer, label_coding, instances, instances_from)
    if drawn:
        maps = {name: layouts / "labels" / f"{name}.png" for name in drawn}
    else:
        maps = conditions(inputs, role, (output_dir, instances, like))
    instance_maps = companions(maps, role, instances, "instance map", "instance")
    references = companions(maps, role, like, "photograph", "photo")
    endings = [f"-{i + 1}" for i in range(samples)] if samples > 1 else [""]
    targets = {name: [output_dir / f"{name}{end}.png" for end in endings] for name in maps}
    written = [path for paths in targets.values() for path in paths]
    read = [*({} if drawn else maps).values(), *instance_maps.values(), *references.values()]
    copies = [layouts / kind / f"{name}.png" for kind in ("labels", "instances") for name in drawn]
    refuse_inputs([*written, *copies], read)
    refuse_outside([*written, *copies], output_dir)
    refuse_blocked([*written, *copies], output_dir)
    if not overwrite:
        refuse_existing(written)
        if drawn and layouts.exists():
            raise FileExistsError(
                f"{layouts} exists already. Use --overwrite to draw the layouts in it again, name "
                "another folder for the photographs, or name label maps to synthesise from."
            )
    files = LayoutFiles(
        *(synthesizer, role, maps, instance_maps, references, instances_from, drawn, wrap)
    )
    quiet = len(maps) < 2
    for name in tqdm(maps, "checking", unit="image", disable=quiet, leave=False):
        files.check(name)
    files.check_palettes()
    if drawn:
        write_layouts(layouts, drawn, synthesizer)
    for name in tqdm(maps, "synthesising", unit="image", disable=quiet):
        for target, picture in zip(targets[name], _photographs(files, name, seed), strict=False):
            target.parent.mkdir(parents=True, exist_ok=True)
            replace_file(target, lambda path, p=picture: images.write_photo(path, p))
    return written


def _photographs(files, name, seed):
    """Yields one photograph after the other of a layout, the first of the given seed."""
    synthesizer, (condition, instances, photograph) = files.synthesizer, files.read(name)
    if synthesizer.num_outputs > 1 and "seed" not in synthesizer.input_names:
        # The network makes all of them at once.
        pictures = synthesizer.synthesize_all(condition, instances, wrap=files.wrap)
        yield from (pictures[(seed + i) % len(pictures)] for i in range(len(pictures)))
        return
    styles = None
    if photograph is not None:
        labels = condition if condition.ndim == 2 else None
        styles = synthesizer.encode(photograph, instances, labels)
    for number in itertools.count(seed):
        yield synthesizer.synthesize(condition, instances, styles, number, files.wrap)


def _require_drawing(inputs, label_coding, size, layout_seed):
    if inputs is None and label_coding != "ids":
        raise ValueError("Layouts that are drawn hold ids: leave `label_coding` out.")
    if inputs is not None and (size is not None or layout_seed):
        raise ValueError(
            "`size` and `layout_seed` are those of layouts that are drawn, and layouts were named: "
            "leave these out, or name no inputs."
        )


def _require_samples(synthesizer, samples, like):
    if samples < 1:
        raise ValueError(f"`samples` must be at least 1. Received: {samples}.")
    noisy = synthesizer.has_noise or getattr(synthesizer, "has_styles", False)
    if like is not None and isinstance(synthesizer, ExportedSynthesizer):
        raise ValueError(
            "An exported model draws its styles, and takes none of a photograph: leave `like` out, "
            "or name the .keras file or the run folder that it was made from."
        )
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
