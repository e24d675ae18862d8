"""Imports published checkpoints into a folder with a synthesizer and a report."""

import json
from pathlib import Path

from tfsynth.files import new_folder, replace_file, sha256_of
from tfsynth.importers.crn import checkpoint_files, read_crn, trained_rows
from tfsynth.importers.pix2pixhd import read_pix2pixhd
from tfsynth.importers.pix2pixhd_styles import read_styles
from tfsynth.importers.torch.state_dicts import CheckpointError
from tfsynth.importers.vgg19 import read_vgg19
from tfsynth.layers import Conditioning, PictureConditioning
from tfsynth.layouts.labels import LabelSet, pascal_palette
from tfsynth.registry import describe
from tfsynth.synthesis.synthesizer import Synthesizer

# With so few channels a generator of pictures and one of label maps look the same.
_FEW_CHANNELS = 4
_PICTURE_CHANNELS = (1, 3, 4)


def import_pix2pixhd(paths, output, *, label_set=None, condition=None, edges=None, styles=None):
    """Writes a synthesizer from published checkpoints, and a report of how it was read.

    The architecture follows from the tensors. How the generator's input channels divide
    into classes or a picture, edges and features does not: it is taken from the arguments, else
    from `opt.txt` beside the generator's file, which the published program writes, else assumed.

    Args:
        paths: Files of the generator and, in any order, of encoder and discriminator; what
            each is follows from its tensors.
        output: Folder to write: `synthesizer.keras`, `discriminator.keras` if there is
            one, `import.json`. Must not exist. Written completely or not at all.
        label_set: The `LabelSet` of the model's classes; `None` for `cityscapes35` if there
            are 35, else for names without meaning.
        condition: What the generator reads: "labels", or "picture" if it was trained with
            `label_nc 0`; `None` for unknown: one that reads 1 or 3 channels, and no label set
            given, is taken for one of pictures.
        edges: Whether the generator reads instance edges; `None` for unknown.
        styles: The file of the encoder's clustered features, `features_clustered_010.npy`;
            `None` for a synthesizer without styles.

    Returns:
        The report, a dict: `networks`, `options`, `assumed`, `styles` (if there are any) and
        `written`.

    Raises:
        CheckpointError: If a file cannot be read, or the files do not fit each other.
        ValueError: If label set, `condition` and channels do not fit.
        FileExistsError: If `output` exists.
    """
    output = _fresh(output)
    networks, files = _read(paths)
    options = _options(files["generator"].with_name("opt.txt"))
    assumed = [] if options else ["no opt.txt beside the generator: its options are not known"]
    conditioning = _conditioning(networks, options, label_set, condition, edges, assumed)
    num_classes = conditioning.num_classes
    if num_classes is not None:
        label_set = label_set or _label_set(
            num_classes, assumed, "cityscapes35", "the 35 label ids of Cityscapes"
        )
        _check_label_set(label_set, conditioning)
    table = None if styles is None else _styles(styles, networks.get("encoder"), num_classes)
    by_label = options.get("label_feat") == "True"
    report = {
        "networks": {
            role: {
                "file": files[role].name,
                "sha256": sha256_of(files[role]),
                **_network_report(network),
            }
            for role, network in networks.items()
        },
        "options": options,
        "assumed": assumed,
    }
    if table is not None:
        report["styles"] = _styles_report(styles, table)
    synthesizer = Synthesizer(
        networks["generator"],
        conditioning,
        label_set,
        {"imported": report["networks"], "assumed": assumed},
        encoder=networks.get("encoder"),
        styles=table,
        encoder_regions="labels" if by_label else "instances",
        encoder_reduction=2 ** getattr(networks["generator"], "num_enhancers", 0),
    )
    parts = {"synthesizer.keras": synthesizer}
    if "discriminator" in networks:
        parts["discriminator.keras"] = networks["discriminator"]
    return _write(output, parts, report)


def import_crn(prefix, output, *, label_set=None):
    """Writes a synthesizer from a published checkpoint of Cascaded Refinement Networks.

    The architecture follows from the tensors. The published programs read one-hot maps alone,
    neither edges nor features, and their pictures are twice as wide as high, the coarsest module
    of 4 x 8. Their models of 512 and 1024 rows were trained on photographs of enhanced contrast
    and colour ("vivid").

    Args:
        prefix: As in `read_crn`.
        output: Folder to write: `synthesizer.keras` and `import.json`. Must not exist. Appears
            whole or not at all.
        label_set: The `LabelSet` of the model's channels; `None` for `cityscapes20` if there are
            20, else for names without meaning.

    Returns:
        The report, a dict: `networks`, `assumed` and `written`.

    Raises:
        CheckpointError: If the checkpoint cannot be read.
        ValueError: If label set and channels do not fit.
        FileExistsError: If `output` exists.
    """
    output = _fresh(output)
    network = read_crn(prefix)["generator"]
    assumed = []
    if label_set is None:
        classes = "the 19 training classes of Cityscapes and void, for label ids (cityscapes20)"
        label_set = _label_set(network.input_channels, assumed, "cityscapes20", classes)
    if label_set.num_classes != network.input_channels:
        raise ValueError(
            f"The generator reads {network.input_channels} classes; the label set has "
            f"{label_set.num_classes}. Give the label set that the model was trained with."
        )
    assumed.append(
        f"trained on pictures of {trained_rows(prefix)} rows and, as published, twice as many "
        "columns: it makes others, but less well"
    )
    files = {file.name: sha256_of(file) for file in checkpoint_files(prefix)}
    report = {
        "networks": {"generator": {"files": files, **_network_report(network)}},
        "assumed": assumed,
    }
    synthesizer = Synthesizer(
        network,
        Conditioning(network.input_channels, edges=False),
        label_set,
        {"imported": report["networks"], "assumed": assumed},
    )
    return _write(output, {"synthesizer.keras": synthesizer}, report)


def import_vgg19(paths, output):
    """Writes torchvision's or Keras's VGG-19 as the feature network of `PerceptualLoss`.

    Args:
        paths: One file; see `read_vgg19`.
        output: The `.keras` file to write; must not exist.

    Returns:
        A text with the lines for a config.
    """
    output = Path(output)
    if len(paths) != 1 or output.suffix != ".keras":
        raise ValueError(
            "`import vgg19` reads one file and writes a .keras file. Received: "
            f"{', '.join(map(str, paths))} and {output}."
        )
    if output.exists():
        raise FileExistsError(f"{output} exists already. Name another file, or remove it first.")
    replace_file(output, read_vgg19(paths[0]).save)
    return (
        f"Written to {output}. In a config:\n"
        f"  perceptual_loss: {{class: PerceptualLoss, features: {output}, "
        f"sha256: {sha256_of(output)}}}"
    )


def _fresh(output):
    output = Path(output)
    if output.exists():
        raise FileExistsError(f"{output} exists already. Name another folder, or remove it first.")
    return output


def _network_report(network):
    return {**describe(network), "parameters": network.count_params()}


def _write(output, parts, report):
    """Writes models by file name and the report into a folder, and returns the report."""
    report["written"] = [*parts, "import.json"]
    with new_folder(output) as written:
        for name, part in parts.items():
            part.save(written / name)
        (written / "import.json").write_text(json.dumps(report, indent=1) + "\n")
    return report


def _read(paths):
    networks, files = {}, {}
    for path in map(Path, paths):
        ((role, network),) = read_pix2pixhd(path).items()
        if role in networks:
            raise CheckpointError(f"{path} and {files[role]} are both a {role}: give one of each.")
        networks[role], files[role] = network, path
    if "generator" not in networks:
        raise CheckpointError(
            f"There is no generator among {', '.join(map(str, paths))}: give latest_net_G.pth too."
        )
    _check_channels(networks, files)
    return networks, files


def _check_channels(networks, files):
    """Raises `CheckpointError` if networks of one model cannot belong together."""
    generator, encoder = networks["generator"], networks.get("encoder")
    if generator.output_channels not in _PICTURE_CHANNELS:
        raise CheckpointError(
            f"{files['generator']}: its pictures have {generator.output_channels} channels. "
            "Pictures have 1 (grey), 3 (RGB) or 4 (RGBA)."
        )
    features = 0
    if encoder is not None:
        features = encoder.num_features
        if encoder.input_channels != generator.output_channels:
            raise CheckpointError(
                f"{files['encoder']}: it reads pictures of {encoder.input_channels} channels, and "
                f"the generator makes those of {generator.output_channels}. Give the encoder of "
                "this generator."
            )
        if features >= generator.input_channels:
            raise CheckpointError(
                f"{files['encoder']}: it gives {features} features, and the generator reads "
                f"{generator.input_channels} channels in all. Give the encoder of this generator."
            )
    discriminator = networks.get("discriminator")
    if discriminator is None:
        return
    # It sees what the generator reads, without features, and a picture.
    seen = generator.input_channels - features + generator.output_channels
    if discriminator.input_channels != seen:
        raise CheckpointError(
            f"{files['discriminator']}: it reads {discriminator.input_channels} channels; beside "
            f"this generator{' and encoder' if encoder else ''} it must read {seen}. Give the "
            "discriminator of this generator" + ("." if encoder else ", or its encoder too.")
        )


def _styles(path, encoder, num_classes):
    if encoder is None:
        raise CheckpointError(
            f"{path} holds styles, which belong to an encoder: give its file too, latest_net_E.pth."
        )
    if num_classes is None:
        raise CheckpointError(
            f"{path} holds styles of classes, and this generator reads pictures, which have none: "
            "leave it out."
        )
    table = read_styles(path)
    if table.num_features != encoder.num_features:
        hint = " `features.npy` holds the objects before they were clustered, with their areas."
        raise CheckpointError(
            f"{path}: its styles have {table.num_features} features, the encoder "
            f"{encoder.num_features}: give the table of this encoder."
            + (hint if table.num_features == encoder.num_features + 1 else "")
        )
    if max(table.centres) >= num_classes:
        raise CheckpointError(
            f"{path}: it has styles of class {max(table.centres)}; the generator reads the classes "
            f"0..{num_classes - 1}. Give the table of this model."
        )
    return table


def _styles_report(path, table):
    return {
        "file": Path(path).name,
        "sha256": sha256_of(path),
        "of_class": {str(i): len(found) for i, found in sorted(table.centres.items())},
    }


def _options(path):
    """Returns the options that the published program wrote at its start, as text."""
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    pairs = (line.partition(": ") for line in lines if ": " in line)
    return {key.strip(): value.strip() for key, _, value in pairs}


def _conditioning(networks, options, label_set, condition, edges, assumed):
    """Returns the layer of what the generator reads: label maps or pictures, edges or not."""
    if condition not in (None, "labels", "picture"):
        raise ValueError(f"`condition` is 'labels' or 'picture'. Received: {condition!r}.")
    channels = _channels_without_features(networks, options)
    if "no_instance" in options and edges is None:
        edges = options["no_instance"] != "True"
    if condition is None and "label_nc" in options:
        condition = "picture" if options["label_nc"] == "0" else "labels"
    if condition is None and label_set is None and channels <= _FEW_CHANNELS:
        if channels not in (1, 3) or edges:
            raise CheckpointError(
                f"The generator reads {channels} channels, which may be a picture or a few "
                "classes. Give the label set of its classes, or say that it reads pictures: "
                "--condition picture."
            )
        condition = "picture"
        kind = "grey" if channels == 1 else "RGB"
        assumed.append(f"{kind} condition pictures without edges, from {channels} channel(s)")
    if condition == "picture":
        return _picture_conditioning(channels, label_set, bool(edges), options)
    if edges is None and label_set is not None:
        edges = channels == label_set.num_classes + 1
    if edges is None:
        edges = True
        assumed.append(f"{channels - 1} classes and instance edges, from {channels} channels")
    return Conditioning(channels - int(edges), edges=edges)


def _channels_without_features(networks, options):
    used = "True" in (options.get("instance_feat"), options.get("label_feat"))
    encoder = networks.get("encoder")
    if used and encoder is None:
        raise CheckpointError(
            "By its opt.txt this generator reads features: give the encoder's file too, "
            "latest_net_E.pth (of the 512-pixel model, if this one has none)."
        )
    features = 0 if encoder is None else encoder.num_features
    return networks["generator"].input_channels - features


def _picture_conditioning(channels, label_set, edges, options):
    if label_set is not None:
        raise ValueError(
            "This generator reads pictures, which have no classes: leave the label set out, or say "
            "that it reads labels, if it does (--condition labels)."
        )
    if options.get("label_feat") == "True":
        raise CheckpointError(
            "By its opt.txt this generator reads pictures and features of each label, and pictures "
            "have no labels. Such a model cannot be imported."
        )
    if channels - int(edges) not in _PICTURE_CHANNELS:
        raise CheckpointError(
            f"The generator reads {channels} channels{', edges among them' if edges else ''}. A "
            "condition picture has 1 (grey), 3 (RGB) or 4 (RGBA), and edges are one more."
        )
    return PictureConditioning(channels - int(edges), edges=edges)


def _check_label_set(label_set, conditioning):
    if label_set.num_classes != conditioning.num_classes:
        raise ValueError(
            f"The generator reads {conditioning.num_classes} classes"
            f"{' and edges' if conditioning.edges else ''}; the label set has "
            f"{label_set.num_classes}. Give the label set that the model was trained with."
        )


def _label_set(num_classes, assumed, name, classes):
    """Returns the installed set of a name if it has so many classes, else classes without names."""
    known = LabelSet.load(name)
    if num_classes == known.num_classes:
        assumed.append(classes)
        return known
    assumed.append("classes without names")
    names = [f"class {i}" for i in range(num_classes)]
    return LabelSet(names, pascal_palette(num_classes))
