"""A trained synthesizer and files: loading, synthesis from folders, export."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tfsynth import exporters, models
from tfsynth.data import checking, images
from tfsynth.data import maps as map_files
from tfsynth.data.builders.listing import NAMES
from tfsynth.data.dataset import DataError, require_same_turn
from tfsynth.files import replace_file
from tfsynth.layouts.regions import components
from tfsynth.synthesis.layout_files import draw_streets, write_layouts
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
    return models.from_preset(path)


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
    Cityscapes; what is in a subfolder is written into a subfolder of that name. Everything is
    checked before the first is written: that no two inputs share a name, that nothing is
    overwritten, and every file against the model. Each PNG is written completely or not at all;
    it is grey, RGB or RGBA, as the training photographs of the model.

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
    synthesizer = load_synthesizer(model_path)
    _require_samples(synthesizer, samples, like)
    if inputs is None and label_coding != "ids":
        raise ValueError("Layouts that are drawn hold ids: leave `label_coding` out.")
    drawn, layouts = draw_streets(synthesizer) if inputs is None else {}, output_dir / "layouts"
    role = _role(synthesizer, label_coding, instances, instances_from)
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
    files = _Layouts(synthesizer, role, maps, instance_maps, references, instances_from, drawn)
    quiet = len(maps) < 2
    for name in tqdm(maps, "checking", unit="image", disable=quiet, leave=False):
        files.check(name)
    files.check_palettes()
    if drawn:
        write_layouts(layouts, drawn, synthesizer)
    for name in tqdm(maps, "synthesising", unit="image", disable=quiet):
        for target, picture in zip(targets[name], files.photographs(name, seed), strict=False):
            target.parent.mkdir(parents=True, exist_ok=True)
            replace_file(target, lambda path, p=picture: images.write_photo(path, p))
    return written


def export(model_path, output, *, format="saved_model", half=False, **details):
    """Exports a trained synthesizer for other programs; see `exporters.export`.

    Args:
        model_path: A `.keras` file, a run folder or the name of a model that ships.
        output: Folder to write, which must not exist or be empty; keras: file to write.
        format: One of `exporters.FORMATS`.
        half: Whether to store weights in float16; for "keras" and "preset".
        **details: For the model card of a "preset"; see `Synthesizer.save_to_preset`.

    Returns:
        The path written.
    """
    synthesizer = load_synthesizer(model_path)
    return exporters.export(synthesizer, Path(output), format=format, half=half, **details)


@dataclasses.dataclass(frozen=True)
class _Layouts:
    """The layouts of a synthesis, read one at a time, each with what goes with it.

    `role` is what `maps` are, in the words of `pairing`; the layouts of `drawn` are no files yet.
    """

    synthesizer: Synthesizer
    role: str
    maps: dict
    instance_maps: dict
    references: dict
    instances_from: str | None
    drawn: dict

    def check(self, name):
        """Raises unless the model takes this layout; names its file."""
        condition, instances, _ = self._read(name)
        try:
            self.synthesizer.check(condition, instances)
        except ValueError as error:
            path = self.instance_maps.get(name, self.maps[name])
            raise DataError(f"{path}: {error}") from error

    def check_palettes(self):
        """Raises `DataError` if palettes of label maps list strange colours in other orders."""
        if self.role == "label" and len(self.maps) > 1 and not self.drawn:
            files = list(self.maps.values())
            checking.survey_label_maps(files, self.synthesizer.label_set, progress=False)

    def photographs(self, name, seed):
        """Yields one photograph after the other of a layout, the first of the given seed."""
        synthesizer, (condition, instances, photograph) = self.synthesizer, self._read(name)
        differs_by_seed = synthesizer.encoder is not None or "seed" in synthesizer.input_names
        if synthesizer.num_outputs > 1 and not differs_by_seed:
            # The network makes all of them at once.
            pictures = synthesizer.synthesize_all(condition, instances)
            yield from (pictures[(seed + i) % len(pictures)] for i in range(len(pictures)))
            return
        styles = None
        if photograph is not None:
            labels = condition if condition.ndim == 2 else None
            styles = synthesizer.encode(photograph, instances, labels)
        for number in itertools.count(seed):
            yield synthesizer.synthesize(condition, instances, styles, number)

    def _read(self, name):
        """Returns condition, instances, and the photograph to take styles of, if there is one."""
        synthesizer, path, drawn = self.synthesizer, self.maps[name], self.drawn.get(name)
        what = f"{NAMES[self.role]} {path}"
        turn = 1
        if drawn:
            condition = drawn["labels"]
        elif synthesizer.label_set is None:
            channels = synthesizer.conditioning.condition_channels
            condition, turn = images.picture_and_turn(
                path, channels, "condition_channels", thorough=True
            )
        else:
            coding = "colour" if self.role == "colour" else "ids"
            condition, turn = map_files.label_map_and_turn(path, synthesizer.label_set, coding)
        reference = self.references.get(name)
        if reference is not None:
            photograph, own = images.picture_and_turn(
                reference, synthesizer.generator.output_channels, thorough=True
            )
            _require_same_size(reference, photograph, condition, what)
            require_same_turn(reference, "the photograph", own, turn, photograph.shape, what)
            reference = photograph
        return condition, self._instances(name, condition, turn, what), reference

    def _instances(self, name, condition, turn, what):
        """Returns the instances of one condition: those of a file, else made of the condition."""
        path = self.instance_maps.get(name)
        if path is not None:
            ids, own = map_files.instance_map_and_turn(path)
            _require_same_size(path, ids, condition, what)
            require_same_turn(path, "the instance map", own, turn, ids.shape, what)
            return ids
        if self.instances_from == "components":
            return components(condition)
        if name in self.drawn:
            return self.drawn[name]["instances"]
        # Without instance maps a class is one instance, and so is a whole picture.
        return condition if condition.ndim == 2 else np.zeros(condition.shape[:2], np.int32)


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


def _require_same_size(path, array, condition, what):
    if array.shape[:2] != condition.shape[:2]:
        raise DataError(
            f"{path} is {array.shape[1]}x{array.shape[0]} pixels, its {what} "
            f"{condition.shape[1]}x{condition.shape[0]}; they must be equal."
        )
