"""Resizing, cropping and flipping of examples: one geometry for condition, instances and photo.

A `Geometry` says where every output pixel's centre lies in the source. Labels and instances take
the source pixel under it; photo and condition picture are resampled with a filter that widens as
it shrinks (antialiasing; colours weighted by their alpha). One pass does all, so nothing is
resampled twice.
"""

import dataclasses

import numpy as np
from PIL import Image

from tfsynth.data.dataset import Example

Size = tuple[int, int]

# Rows and columns of the grid on which a warp is drawn.
_WARP_NODES = (4, 6)
_SMOOTH = Image.Resampling.BICUBIC


@dataclasses.dataclass(frozen=True)
class Geometry:
    """A rectangle of the source that becomes the whole output.

    Args:
        size: (height, width) of the output in pixels.
        top, left, height, width: the rectangle in source pixels; fractions are allowed.
        flip: Whether the output is mirrored left to right.
    """

    size: Size
    top: float
    left: float
    height: float
    width: float
    flip: bool = False

    def apply(self, example: Example) -> Example:
        """Returns a new example with every array of the size `size`, dtypes as they were."""
        result = {}
        for key, array in example.items():
            resize = self._resample if array.ndim == 3 else self._pick
            resized = resize(array)
            result[key] = np.ascontiguousarray(resized[:, ::-1] if self.flip else resized)
        return result

    def _pick(self, ids: np.ndarray) -> np.ndarray:
        rows = _centres(self.top, self.height, self.size[0], ids.shape[0])
        columns = _centres(self.left, self.width, self.size[1], ids.shape[1])
        return ids.take(rows, axis=0).take(columns, axis=1)

    def _resample(self, image: np.ndarray) -> np.ndarray:
        top, left = int(self.top), int(self.left)
        if (self.height, self.width) == self.size and (top, left) == (self.top, self.left):
            return image[top : top + self.size[0], left : left + self.size[1]]
        box = (self.left, self.top, self.left + self.width, self.top + self.height)
        # By rounding the edge may lie slightly outside the image, which Pillow refuses.
        box = (box[0], box[1], min(box[2], image.shape[1]), min(box[3], image.shape[0]))
        # Pillow's grey pictures have no axis of channels.
        picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
        # Bicubic, as pix2pixHD's loader; Pillow widens the filter when it shrinks.
        resized = picture.resize((self.size[1], self.size[0]), Image.Resampling.BICUBIC, box=box)
        return np.asarray(resized).reshape(*self.size, image.shape[-1])


def whole(source: Size, size: Size) -> Geometry:
    """Returns the geometry that resizes all of the source, without keeping its aspect ratio."""
    return Geometry(size, 0.0, 0.0, source[0], source[1])


def random_geometry(
    source: Size,
    size: Size,
    rng: np.random.Generator,
    load_size: Size | None = None,
    crop: bool = True,
    flip: bool = True,
    keep_aspect: bool = True,
) -> Geometry:
    """Draws the geometry of one training example.

    The source is scaled, keeping its aspect ratio, until it just covers `load_size`; a window of
    `size` is cut out at a random whole pixel of the scaled picture; it is mirrored half of the
    time. With `keep_aspect` off this is pix2pix's jitter (https://arxiv.org/abs/1611.07004,
    appendix 6.2): 256 x 256 pixels of 286 x 286. The same three numbers are drawn for all
    arguments.

    Args:
        source: (height, width) of the example.
        size: (height, width) of the output.
        rng: The `numpy.random.Generator`.
        load_size: (height, width), each at least that of `size`. None: `size` itself, so that only
            an excess of one side is cut.
        crop: False: all of the source is resized to `size`, and `load_size` is ignored.
        flip: Whether to mirror at all.
        keep_aspect: False: the source is stretched to `load_size` itself.
    """
    vertical, horizontal, mirror = rng.random(3)
    flipped = bool(flip and mirror < 0.5)
    if not crop:
        return dataclasses.replace(whole(source, size), flip=flipped)
    scaled = load_size or size
    if keep_aspect:
        scaled = covering_size(source, scaled)
    row_step, column_step = source[0] / scaled[0], source[1] / scaled[1]
    top = int(vertical * (scaled[0] - size[0] + 1))
    left = int(horizontal * (scaled[1] - size[1] + 1))
    return Geometry(
        size,
        top * row_step,
        left * column_step,
        size[0] * row_step,
        size[1] * column_step,
        flipped,
    )


def warped_sources(size: Size, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Draws a smooth warp of a layout: where each pixel of the warped one comes from.

    Label-warp augmentation, https://arxiv.org/abs/2011.12636: only what the generator sees is bent,
    so that it learns to draw straight what a hand drew crooked. Displacements are drawn on a
    coarse grid, uniform in +-`strength` of the height, and interpolated; half of the layouts
    stay as they are. Places outside the layout are those at its border.

    Args:
        size: (height, width) in pixels.
        rng: The `numpy.random.Generator`.
        strength: Largest displacement as a share of the height.

    Returns:
        Int32 array (height, width): the place of the source in the layout's rows, one after the
        other.
    """
    height, width = size
    rows, columns = np.mgrid[:height, :width]
    bent = rng.random() < 0.5
    grid = rng.uniform(-1, 1, (2, *_WARP_NODES)).astype(np.float32)
    if bent:
        most = strength * height
        down, right = (
            # Between the nodes the interpolation overshoots.
            np.asarray(Image.fromarray(part).resize((width, height), _SMOOTH)).clip(-most, most)
            for part in grid * most
        )
        rows = np.clip(np.rint(rows + down), 0, height - 1)
        columns = np.clip(np.rint(columns + right), 0, width - 1)
    return (rows * width + columns).astype(np.int32)


def covering_size(source: Size, target: Size) -> Size:
    """Returns the smallest size with the source's aspect ratio that covers `target`."""
    scale = max(target[0] / source[0], target[1] / source[1])
    return (
        max(target[0], round(source[0] * scale)),
        max(target[1], round(source[1] * scale)),
    )


def _centres(start: float, extent: float, count: int, limit: int) -> np.ndarray:
    """Returns the source indices under the centres of `count` output pixels."""
    places = np.floor(start + (np.arange(count) + 0.5) * (extent / count))
    return np.clip(places, 0, limit - 1).astype(np.intp)
