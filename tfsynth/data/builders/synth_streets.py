"""Streets that the package draws itself, kept by TensorFlow Datasets: nothing to download."""

import contextlib
import hashlib
import io
import logging
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image
from tqdm import tqdm

from tfsynth import streets
from tfsynth.data.dataset import DataError, Dataset, Split
from tfsynth.labels import LabelSet
from tfsynth.registry import register

SPLITS: tuple[str, ...] = tuple(streets.SPLIT_STREAMS)

# A photo's PNG takes about 2.2 bytes a pixel, with its maps 2.4 (measured at 96x192 and 256x512).
_BYTES_PER_PIXEL = 2.6


class SynthStreets(tfds.core.GeneratorBasedBuilder):
    """TFDS builder of the drawn streets; `Streets` is the way to use it from a config.

    Its config's name holds all that changes the content: size, seed and counts. The version is
    that of the drawing. Files are array records, so `as_data_source` reads any example directly.

    Args:
        height, width: Size of a picture in pixels, 32 or more.
        train, validation, test: Numbers of streets; a split of 0 does not exist.
        seed: Which city, 0 or more.
        data_dir: The folder of all TFDS data.
    """

    name = "synth_streets"
    VERSION = tfds.core.Version(streets.DRAWING_VERSION)
    RELEASE_NOTES = streets.DRAWING_NOTES

    def __init__(
        self, *, height=96, width=192, train=1000, validation=100, test=200, seed=0, data_dir=None
    ):
        self._size, self._seed = (height, width), seed
        self._counts = dict(zip(SPLITS, (train, validation, test), strict=True))
        counts = "_".join(f"{name}{count}" for name, count in self._counts.items())
        config = tfds.core.BuilderConfig(
            name=f"{height}x{width}_seed{seed}_{counts}",
            description=f"Drawn streets of {height} x {width} pixels (height x width).",
        )
        super().__init__(config=config, data_dir=data_dir, file_format="array_record")

    def _info(self) -> tfds.core.DatasetInfo:
        height, width = self._size
        look = {
            "instance_id": np.int32,
            "class_id": tfds.features.ClassLabel(names=list(streets.CLASS_NAMES)),
            "colour": tfds.features.Tensor(shape=(3,), dtype=np.uint8),
            "pattern": tfds.features.Text(),
        }
        features = {
            "index": np.int64,
            "labels": tfds.features.Image(shape=(height, width, 1), encoding_format="png"),
            "instances": tfds.features.Tensor(
                shape=(height, width), dtype=np.int32, encoding=tfds.features.Encoding.ZLIB
            ),
            "image": tfds.features.Image(shape=(height, width, 3), encoding_format="png"),
            "time_of_day": tfds.features.ClassLabel(names=list(streets.TIMES_OF_DAY)),
            "looks": tfds.features.Sequence(look),
        }
        # In the order of drawing: example i is street i.
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features), disable_shuffling=True
        )

    def _split_generators(self, dl_manager):
        del dl_manager  # nothing to download
        return {name: self._generate_examples(name) for name in SPLITS if self._counts[name]}

    def _generate_examples(self, split: str):
        height, width = self._size
        for index in tqdm(range(self._counts[split]), f"drawing {split} streets"):
            street = streets.draw_street(height, width, self._seed, split, index)
            looks = street.looks
            yield (
                index,
                {
                    "index": index,
                    "labels": street.labels[..., None],
                    "instances": street.instances,
                    "image": street.image,
                    "time_of_day": street.time_of_day,
                    "looks": {
                        "instance_id": [look.instance_id for look in looks],
                        "class_id": [look.class_id for look in looks],
                        "colour": np.array([look.colour for look in looks], np.uint8).reshape(
                            -1, 3
                        ),
                        "pattern": [look.pattern for look in looks],
                    },
                },
            )


@register
class Streets(Dataset):
    """Street scenes drawn by the package: photo, labels, instances and the look of every instance.

    They are drawn on first use (20 to 50 a second at 96 x 192) and kept in `data_dir`.

    Args:
        height, width: Size in pixels, 32 or more. Default: 96 x 192, on which a processor trains.
        train, validation, test: Numbers of streets of the splits; 0 for none.
        seed: Which city; the splits of one seed never share a street.
        data_dir: The folder to keep them in. None: `$TFSYNTH_DATA`, else
            `~/.cache/tfsynth/tfds`.

    A split also tells what labels cannot: `looks(i)`, the colour and pattern of every instance,
    and `time_of_day(i)`.

    Example: `Streets(train=10, validation=2, test=2).split("train")[0]["image"]`

    Raises:
        ValueError: a size or number out of range.
        DataError: the folder cannot be written or has too little space; it is named.
    """

    def __init__(
        self,
        height: int = 96,
        width: int = 192,
        train: int = 1000,
        validation: int = 100,
        test: int = 200,
        seed: int = 0,
        data_dir: str | None = None,
    ):
        self.height, self.width = height, width
        self.train, self.validation, self.test = train, validation, test
        self.seed, self.data_dir = seed, data_dir
        _require_whole("height", height, 32)
        _require_whole("width", width, 32)
        for name in SPLITS:
            _require_whole(name, getattr(self, name), 0)
        _require_whole("seed", seed, 0)
        self.label_set = LabelSet(streets.CLASS_NAMES, streets.CLASS_COLOURS, streets.VOID_IDS)
        self._splits: dict[str, StreetsSplit] = {}

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digits that change with the arguments and with the drawing."""
        content = [self.height, self.width, self.train, self.validation, self.test, self.seed]
        text = f"synth_streets {content} {streets.DRAWING_VERSION}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def folder(self) -> Path:
        """The folder that TFDS keeps the streets under."""
        default = os.environ.get("TFSYNTH_DATA") or "~/.cache/tfsynth/tfds"
        return Path(os.path.expandvars(self.data_dir or default)).expanduser()

    @property
    def split_names(self) -> tuple[str, ...]:
        """The splits that have streets."""
        return tuple(name for name in SPLITS if getattr(self, name) > 0)

    def split(self, name: str) -> "StreetsSplit":
        """Returns a split, drawing all of them first if they are not in the folder yet.

        Args:
            name: "train", "validation" or "test".

        Raises:
            DataError: there is no such split, or the folder cannot be written.
        """
        existing = self.split_names
        if name not in existing:
            raise DataError(
                f"Streets has no split {name!r}; it has: {', '.join(existing) or 'none'}. "
                "The arguments train, validation and test give their numbers of streets."
            )
        if name not in self._splits:
            # Pillow decodes; TFDS would warn of every decoder that it would like better.
            skip = {key: tfds.decode.SkipDecoding() for key in ("labels", "image")}
            source = self._prepared().as_data_source(name, decoders=skip)
            self._splits[name] = StreetsSplit(source, name, self)
        return self._splits[name]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, verbatim."""
        names = ("height", "width", *SPLITS, "seed", "data_dir")
        return {name: getattr(self, name) for name in names}

    def _prepared(self) -> SynthStreets:
        folder = self.folder
        arguments = {k: v for k, v in self.get_config().items() if k != "data_dir"}
        builder = None
        try:
            with _quiet_tfds():
                builder = SynthStreets(**arguments, data_dir=str(folder))
                if not builder.is_prepared():
                    self._require_space(folder)
                    builder.download_and_prepare()
        # What array_record and TensorFlow raise for a file that they cannot write.
        except (OSError, RuntimeError, tf.errors.OpError) as error:
            # Where another process drew the same streets and was faster, all is well.
            if builder is not None and builder.is_prepared():
                return builder
            raise DataError(
                f"{folder}: the drawn streets cannot be kept there ({type(error).__name__}: "
                f"{error}). Make the folder writable and free some space, or name another in "
                "`data_dir` or the environment variable TFSYNTH_DATA."
            ) from error
        return builder

    def _require_space(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError("it is not writable")
        pixels = self.height * self.width * (self.train + self.validation + self.test)
        needed, free = pixels * _BYTES_PER_PIXEL, shutil.disk_usage(folder).free
        if free < needed:
            raise OSError(f"it needs {needed / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free")


class StreetsSplit(Split):
    """One split of `Streets`, read from array records."""

    def __init__(self, source, name: str, dataset: Streets):
        self._source, self._name = source, name
        self.label_set = dataset.label_set
        self.stems = [f"{name}_{i:05d}" for i in range(getattr(dataset, name))]

    def load(self, index: int) -> dict[str, np.ndarray]:
        """Returns street `index`: labels uint8, instances int32, image uint8."""
        record = self._source[index]
        example = {key: _decode(record[key]) for key in ("labels", "image")}
        return {**example, "instances": record["instances"]}

    def looks(self, index: int) -> tuple[streets.Look, ...]:
        """Returns the look of every instance in street `index`, in the order of instance ids."""
        looks = self._source[index]["looks"]
        columns = (looks["instance_id"], looks["class_id"], looks["colour"], looks["pattern"])
        return tuple(
            streets.Look(int(i), int(c), (int(red), int(green), int(blue)), pattern.decode())
            for i, c, (red, green, blue), pattern in zip(*columns, strict=True)
        )

    def time_of_day(self, index: int) -> str:
        """Returns the word of `streets.TIMES_OF_DAY` for street `index`."""
        return streets.TIMES_OF_DAY[int(self._source[index]["time_of_day"])]


@contextlib.contextmanager
def _quiet_tfds():
    """Hides TFDS's bars, which cannot know how many streets there will be, and its remarks."""
    logger = logging.getLogger("absl")
    level = logger.level
    tfds.disable_progress_bar()
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)
        tfds.enable_progress_bar()


def _decode(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as picture:
        return np.array(picture)


def _require_whole(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"`{name}` is a whole number of at least {least}. Received: {value!r}.")
