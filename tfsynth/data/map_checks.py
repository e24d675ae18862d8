"""Why a picture file cannot be a label map or an instance map."""

from pathlib import Path

from PIL import Image, ImageChops

from tfsynth.data import picture_formats
from tfsynth.data.picture_files import Picture
from tfsynth.layouts.labels import DataError

# The formats and TIFF's compressions that keep every number.
_EXACT_FORMATS = ("PNG", "TIFF", "BMP", "PPM")
_EXACT_COMPRESSIONS = frozenset(
    {"raw", "tiff_ccitt", "group3", "group4", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate"}
    | {"packbits", "lzma", "zstd"}
)
_PHOTOMETRIC, _FILL_ORDER, _SAMPLES, _SAMPLE_FORMAT = 262, 266, 277, 339

# More are counted no further.
_MOST_COLOURS = 4096

_PALETTE_REMEDY = (
    "Give the palette: a label file with the colour of every class and label_coding: colour, as in "
    "PairedFolders(root, labels='classes.yaml', label_coding='colour'); `tfsynth synthesize` takes "
    "--label-coding colour"
)


def require_exact(picture: Picture, path: Path, what: str, kept: str) -> None:
    """Raises unless the format keeps every number."""
    image, lossy, named = picture.image, picture.image.format, ""
    if image.format == "TIFF":
        compression = image.info.get("compression", "raw")
        if compression in _EXACT_COMPRESSIONS:
            return
        lossy = f"TIFF with the compression {compression}"
    elif image.format in _EXACT_FORMATS:
        return
    elif image.format in ("JPEG", "MPO"):
        lossy = "JPEG"
        if path.suffix.lower() not in (".jpg", ".jpeg"):
            named = f" (it is named {path.suffix})"
    raise DataError(
        f"{path}: {lossy} changes {kept}, so it cannot hold {_a(what)}{named}. Give PNG or TIFF "
        f"made from the original {'ids' if kept == 'pixel values' else 'colours'}."
    )


def require_stored_numbers(picture: Picture, path: Path, what: str) -> None:
    """Raises where Pillow gives other numbers than those in the file, or leaves some out."""
    image, reason = picture.image, ""
    if image.format == "PPM":
        highest = picture_formats.highest_of_ppm(image)
        if image.mode == "1":
            reason = "is a PBM, whose 1 is black, so that programs disagree on its ids"
        elif highest not in (255, 65535):
            reason = f"is a PGM whose highest number is {highest}: programs stretch it to 255"
    elif image.format == "TIFF":
        photometric = picture_formats.tiff_tag(image, _PHOTOMETRIC)
        formats = picture_formats.tiff_tag(image, _SAMPLE_FORMAT, (1,))
        if photometric not in (1, 3):
            reason = "is a TIFF whose zero is white, so that programs disagree on its ids"
            if photometric is None:
                reason = "is a TIFF that does not say whether its zero is black or white"
        elif picture_formats.tiff_tag(image, _SAMPLES, 1) != 1:
            reason = "has a further channel beside its ids"
        elif picture_formats.tiff_tag(image, _FILL_ORDER, 1) != 1:
            reason = "is a TIFF whose bits are in reversed order"
        elif max(formats) != 1 and picture.bits <= 8:
            reason = "is a TIFF of signed numbers of 8 bits"
    if reason:
        raise DataError(
            f"{path}: the {what} {reason}. Write the ids anew as a PNG with one grey channel, "
            "and see that they are right: a converter may change them."
        )


def not_one_channel(path: Path, what: str, image: Image.Image, bits: int) -> DataError:
    """Returns the error for a map of several channels or of other numbers than integers.

    Args:
        path: The file.
        what: What it is, for messages.
        image: The picture.
        bits: Those of one stored number.
    """
    if image.mode == "F":
        return DataError(
            f"{path}: the {what} must hold integers; it holds floating-point numbers. Convert it "
            "to 8- or 16-bit PNG, or 32-bit integer TIFF."
        )
    if image.mode not in ("LA", "PA", "RGB", "RGBA"):
        return DataError(
            f"{path}: the {what} must have one integer per pixel; it is of mode {image.mode}. "
            "Write the ids as a PNG with one grey channel."
        )
    if bits > 8:
        # Pillow has made 8 bits of them, which say nothing of small ids.
        return DataError(
            f"{path}: the {what} must have one integer per pixel; it has several channels of "
            f"{bits} bits each. Save the channel that holds the ids as a 16-bit grey PNG, with a "
            "program that keeps 16 bits in several channels (Pillow keeps 8)."
        )
    # By Pillow, which is fast for any size.
    pixels, start = (
        image.convert("RGBA").convert("RGB"),
        f"{path}: the {what} must have one integer per pixel; ",
    )
    start += f"it has {len(image.getbands())} channels (mode {image.mode})"
    red, green, blue = pixels.split()
    differences = [ImageChops.difference(red, other).getextrema() for other in (green, blue)]
    grey, alpha = differences == [(0, 0)] * 2, alpha_differs(image)
    if alpha and is_constant(pixels):
        return in_alpha(path, what, start)
    if grey and alpha:
        return DataError(
            f"{start}: one grey and its alpha, which both differ from pixel to pixel. Save the "
            "one that holds the ids as an 8-bit grey PNG."
        )
    if grey:
        return DataError(
            f"{start} that are all equal, so it was saved in the wrong mode. Save one channel "
            "as an 8-bit grey PNG."
        )
    if what == "label map":
        found = pixels.getcolors(_MOST_COLOURS)
        count = f"more than {_MOST_COLOURS}" if found is None else str(len(found))
        colours = sorted(colour for _, colour in found or ())
        shown = ", ".join(str(colour) for colour in colours[:4])
        shown = f": {shown}{', ...' if len(colours) > 4 else ''}" if colours else ""
        return DataError(
            f"{start}: it is coded by colour, with {count} colours{shown}. {_PALETTE_REMEDY}; or "
            "convert the maps to ids."
        )
    return DataError(
        f"{start}. Convert it to 16-bit PNG or 32-bit TIFF; where the colour holds the id, it is "
        "often red + 256 * green + 65536 * blue."
    )


def alpha_differs(image: Image.Image) -> bool:
    """Returns whether some pixels of a picture are more transparent than others."""
    if not image.has_transparency_data:
        return False
    image = image if "A" in image.getbands() else image.convert("RGBA")
    return not is_constant(image.getchannel("A"))


def is_constant(image: Image.Image) -> bool:
    """Returns whether all pixels of an 8-bit picture are the same."""
    extremes = image.getextrema()
    extremes = extremes if isinstance(extremes[0], tuple) else (extremes,)
    return all(lowest == highest for lowest, highest in extremes)  # pyright: ignore[reportGeneralTypeIssues]


def in_alpha(path: Path, what: str, start: str, first: str = "") -> DataError:
    """Returns the error for a map whose alpha channel holds what it shows.

    Args:
        path: The file.
        what: What it is, for messages.
        start: The beginning of the message.
        first: What Pillow must do with the picture before it has an alpha channel.
    """
    return DataError(
        f"{start}: its colour is the same everywhere, so what it shows is in the alpha channel. "
        f"Save that channel as the {what}: `Image.open({path.name!r}){first}.getchannel('A')"
        ".save(...)` "
        "with Pillow."
    )


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
