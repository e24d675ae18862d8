"""The model card of a preset, README.md: what a model is, written from what it knows of itself."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from tfsynth.models.card_scores import score_rows, score_section
from tfsynth.models.markdown import code, plain, short
from tfsynth.models.origin import origin_of

TAGS = ["semantic-image-synthesis", "label-to-image", "image-to-image", "keras", "tfsynth"]
_UNKNOWN = "unknown"
# What is known of the data that comes with the package.
_DATA = {"Streets": ("street scenes that tfsynth draws; no photographs", "Apache-2.0, as tfsynth")}


class Details(NamedTuple):
    """What a model does not know of itself, for its card; `None` is said to be unknown.

    Attributes:
        title: Its name; by default that of its folder.
        license: The licence of the weights, in the hub's spelling, such as "apache-2.0".
        data_license: The licence of the data that it was trained on, in words.
        datasets: Names of data sets on the hub.
        scores: What `tfsynth evaluate` wrote, a dict.
        limitations: Further sentences on what falls short.
    """

    title: str | None = None
    license: str | None = None
    data_license: str | None = None
    datasets: Sequence[str] = ()
    scores: Mapping[str, Any] | None = None
    limitations: Sequence[str] = ()

    def check(self):
        """Returns itself; raises `ValueError` if a detail is of another kind."""
        for name in ("title", "license", "data_license"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, str) and value.strip()):
                raise ValueError(f"`{name}` is a text. Received: {value!r}.")
        if self.license is not None and not re.fullmatch(r"[a-z0-9][a-z0-9.+-]*", self.license):
            raise ValueError(
                "`license` is an identifier of the hub in lower case, such as apache-2.0, mit, "
                f"cc-by-nc-4.0 or other. Received: {self.license!r}."
            )
        for name in ("datasets", "limitations"):
            value = getattr(self, name)
            if isinstance(value, str) or not all(isinstance(one, str) for one in value):
                raise ValueError(f"`{name}` is a list of texts. Received: {value!r}.")
        if self.scores is not None and not score_rows(self.scores):
            raise ValueError(
                "`scores` is what `tfsynth evaluate` writes: rows such as `synthesised`, each with "
                "numbers such as `mean_iou`. There is no such row in it."
            )
        return self


def write_card(synthesizer, details, preview=None):
    """Returns the text of a model card.

    Args:
        synthesizer: A `Synthesizer`.
        details: `Details`.
        preview: Name of the preview picture beside the card, or `None`.

    Returns:
        Markdown with a YAML front matter, as the Hugging Face Hub reads it.

    Raises:
        ValueError: If a detail is of another kind.
    """
    details = details.check()
    origin = origin_of(synthesizer.provenance)
    picture = [f"![A layout and the photograph that this model makes of it]({preview})", ""]
    return "\n".join(
        [
            *_front_matter(details, origin),
            f"# {plain(details.title or origin['name'] or 'A tfsynth model')}",
            "",
            *_what_it_is(synthesizer),
            "",
            *(picture if preview else []),
            *_use(synthesizer),
            *_classes(synthesizer.label_set),
            *_training(details, origin),
            *score_section(details.scores),
            *_shortcomings(synthesizer, details, origin),
            "## Files",
            "",
            "`sha256.json` has the SHA-256 of each file; tfsynth compares those that it reads "
            "before it reads them, builds only classes of a list, and runs nothing of this folder.",
            "",
        ]
    )


def _front_matter(details, origin):
    known = [origin["data"]]
    content = {
        "library_name": "tfsynth",
        "pipeline_tag": "image-to-image",
        "license": details.license or _UNKNOWN,
        "datasets": [short(n) for n in details.datasets or known if n],
        "tags": TAGS,
    }
    content = {key: value for key, value in content.items() if value}
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)
    return ["---", *text.splitlines(), "---", ""]


def _what_it_is(synthesizer):
    """Returns the first paragraph."""
    conditioning, label_set = synthesizer.conditioning, synthesizer.label_set
    channels = {1: "grey", 3: "RGB", 4: "RGBA"}
    output = channels.get(synthesizer.generator.output_channels, "")
    if label_set is not None:
        reads = f"label maps of {label_set.num_classes} classes"
    else:
        given = conditioning.condition_channels
        reads = f"pictures ({channels.get(given, f'{given} channels')})"
    if "instances" in synthesizer.input_names:
        reads += " and instance maps (one id per object)"
    size = synthesizer.generator.count_params()
    lines = [
        f"A generator for semantic image synthesis: {reads} in, {output} photographs of the same "
        "size out.".replace("  ", " "),
        f"It is a `{type(synthesizer.generator).__name__}` of {size:,} parameters, "
        f"stored in {synthesizer.stored_dtype}.",
    ]
    if synthesizer.encoder is not None:
        count = synthesizer.encoder.num_features
        lines.append(
            f"Each object has a style of {count} numbers: drawn by a seed, given, or taken from a "
            "photograph."
        )
    if synthesizer.num_outputs > 1:
        lines.append(f"It makes {synthesizer.num_outputs} photographs of each layout.")
    return lines


def _use(synthesizer):
    arrays = "labels, instances" if "instances" in synthesizer.input_names else "labels"
    if synthesizer.label_set is None:
        arrays = arrays.replace("labels", "pictures")
    return [
        "## How to use it",
        "",
        "```python",
        "import tfsynth",
        "",
        'synthesizer = tfsynth.from_preset("hf://OWNER/NAME")  # or this folder',
        f"photograph = synthesizer.synthesize({arrays})  # arrays of any size -> uint8",
        "```",
        "",
        "On the command line, from files, of this folder:",
        "",
        "```",
        "pip install tfsynth",
        f"tfsynth synthesize --model FOLDER {arrays.split(',')[0]}/ -o photographs/",
        "```",
        "",
    ]


def _classes(label_set):
    if label_set is None:
        return []
    void = set(label_set.void_ids)
    rows = [
        f"| {i} | {plain(name)} | `#{red:02x}{green:02x}{blue:02x}` ({red}, {green}, {blue}) | "
        f"{'void: not scored' if i in void else ''} |"
        for i, (name, (red, green, blue)) in enumerate(
            zip(label_set.names, label_set.colours, strict=True)
        )
    ]
    return ["## Classes", "", "| id | class | colour | |", "|---|---|---|---|", *rows, ""]


def _training(details, origin):
    about, known = _DATA.get(origin["data"] or "", ("", None))
    data = f"`{code(origin['data'])}`" if origin["data"] else _UNKNOWN
    rows = {
        "data": f"{data}{f': {about}' if about else ''}",
        "licence of the data": plain(details.data_license or known or "") or _UNKNOWN,
        "examples": origin["examples"],
        "size": origin["size"] and f"{origin['size'][0]} x {origin['size'][1]} (height x width)",
        "method": origin["method"],
        **{name: origin[name] for name in ("steps", "minutes", "device", "seed")},
        "precision of training": origin["precision"],
        "config": origin["name"],
    }
    lines = [
        f"| {name} | {value if name == 'data' else plain(value)} |"
        for name, value in rows.items()
        if value not in (None, "")
    ]
    licence = details.license
    return [
        "## Training",
        "",
        "| | |",
        "|---|---|",
        *lines,
        "",
        f"The licence of the weights is {licence}."
        if licence
        else "The licence of the weights is not stated: ask those who trained them.",
        "",
    ]


def _shortcomings(synthesizer, details, origin):
    """Returns what is known to fall short, of every such model and of this one."""
    found = [
        "It makes pictures of the kind that it was trained on. What its data lacks, it lacks; what "
        "its data shows too often, it shows too often.",
        "Its photographs are inventions: no evidence of anything, and no data to measure a "
        "detector's safety with.",
    ]
    if origin["size"]:
        height, width = origin["size"]
        found.append(
            f"It was trained at {height} x {width}. It takes every size, and is worse the further "
            "that is from this one."
        )
    if origin["data"] == "Streets":
        found.append("It has seen drawings only: a photograph of a real street is strange to it.")
    several = synthesizer.encoder is not None or synthesizer.num_outputs > 1
    if not several and "seed" not in synthesizer.input_names:
        found.append("It makes one photograph of a layout: nothing in it can be varied.")
    if synthesizer.encoder is not None and synthesizer.styles is None:
        found.append("It has no table of styles: without a given style all objects have the same.")
    if "instances" in synthesizer.input_names:
        found.append("Without instance maps, objects of one class that touch become one.")
    if synthesizer.stored_dtype == "float16":
        found.append("Its weights are rounded to 16 bits: some pixels differ by a grey level.")
    rows = score_rows(details.scores or {})
    ious = [rows.get(row, {}).get("mean_iou") for row in ("synthesised", "oracle")]
    if None in ious:
        found.append("How good it is was not measured, or is not known here.")
    elif ious[0] < ious[1]:
        found.append(
            f"A segmenter finds the classes in its photographs with a mean IoU of {ious[0]:.3f}, "
            f"and in real ones with {ious[1]:.3f}."
        )
    found += [plain(text, most=1000) for text in details.limitations]
    return ["## What falls short", "", *(f"- {text}" for text in found), ""]
