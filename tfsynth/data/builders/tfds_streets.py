"""Drawn streets in TensorFlow Datasets: array records with random access."""

import contextlib
import io
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from tqdm import tqdm

from tfsynth import streets
from tfsynth.data.builders.drawn_folder import require_drawn
from tfsynth.data.dataset import DataError
from tfsynth.data.picture_files import opened_bytes
from tfsynth.files import working_folder

# A photo's PNG takes about 2.2 bytes a pixel, with its maps 2.4 (measured at 96x192 and 256x512).
BYTES_PER_PIXEL = 2.6
# What array_record and TensorFlow raise for a file that they cannot write.
ERRORS = (OSError, RuntimeError, tf.errors.OpError)


class SynthStreets(tfds.core.GeneratorBasedBuilder):
    """TFDS builder of the drawn streets; `Streets` is the way to use it from a config.

    Its config's name holds all that changes the content: size, seed and counts. The version is
    that of the drawing. Files are array records, so `as_data_source` reads any example directly.

    Args:
        height, width: Size of a picture in pixels, 32 or more.
        train, validation, test: Numbers of streets; a split of 0 does not exist.
        seed: Seed of the streets, 0 or more.
        data_dir: The folder of all TFDS data.
    """

    name = "synth_streets"
    VERSION = tfds.core.Version(streets.DRAWING_VERSION)
    RELEASE_NOTES = streets.DRAWING_NOTES

    def __init__(
        self, *, height=96, width=192, train=1000, validation=100, test=200, seed=0, data_dir=None
    ) -> None:
        self._size, self._seed = (height, width), seed
        self._counts = {"train": train, "validation": validation, "test": test}
        config = tfds.core.BuilderConfig(
            name=_config_name(height, width, seed, self._counts),
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
        return {name: self._generate_examples(name) for name in self._counts if self._counts[name]}

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


class Records:
    """A split's streets in array records.

    Args:
        folder: `pathlib.Path` of all TFDS data. Missing streets are drawn.
        split: Name of the split.
        require_space: Called with the folder and the bytes per pixel before drawing.
        **arguments: Those of `SynthStreets` but its folder.
    """

    def __init__(
        self,
        folder: Path,
        split: str,
        require_space: Callable[[Path, float], None],
        **arguments: int,
    ) -> None:
        # Pillow decodes; TFDS would warn about other decoders.
        skip = {key: tfds.decode.SkipDecoding() for key in ("labels", "image")}
        builder = _prepared(folder, require_space, dict(arguments))
        self._folder = builder.data_path
        self._source = builder.as_data_source(split, decoders=skip)

    def example(self, index: int) -> dict[str, np.ndarray]:
        """Returns street `index` as a dict of arrays.

        Raises:
            DataError: The files have been damaged since they were opened.
        """
        try:
            record = self._source[index]
        except Exception as error:  # Damage shows as any error of the reader.
            raise DataError(
                f"{self._folder}: street {index} cannot be read ({type(error).__name__}). The "
                "files were damaged while they were in use: start again, and they are drawn anew."
            ) from error
        example = {key: _decode(record[key]) for key in ("labels", "image")}
        return {**example, "instances": record["instances"]}

    def looks(self, index: int) -> tuple[streets.Look, ...]:
        """Returns colour and pattern of every instance in street `index`, by instance id."""
        looks = self._source[index]["looks"]
        columns = (looks["instance_id"], looks["class_id"], looks["colour"], looks["pattern"])
        return tuple(
            streets.Look(int(i), int(c), (int(red), int(green), int(blue)), pattern.decode())
            for i, c, (red, green, blue), pattern in zip(*columns, strict=True)
        )

    def time_of_day(self, index: int) -> str:
        """Returns the word of `streets.TIMES_OF_DAY` for street `index`."""
        return streets.TIMES_OF_DAY[int(self._source[index]["time_of_day"])]


def _config_name(height: int, width: int, seed: int, counts: dict[str, int]) -> str:
    numbers = "_".join(f"{name}{count}" for name, count in counts.items())
    return f"{height}x{width}_seed{seed}_{numbers}"


def _prepared(
    folder: Path, require_space: Callable[[Path, float], None], arguments: dict[str, int]
) -> Any:
    counts = {name: arguments[name] for name in streets.SPLIT_STREAMS}
    name = _config_name(arguments["height"], arguments["width"], arguments["seed"], counts)
    path = folder / SynthStreets.name / name / streets.DRAWING_VERSION

    def draw(written: Path) -> None:
        require_space(folder, BYTES_PER_PIXEL)
        # TFDS makes its own folders under the one that it is given.
        with working_folder(written) as drawn:
            builder = SynthStreets(**arguments, data_dir=str(drawn))
            builder.download_and_prepare()
            for file in builder.data_path.iterdir():
                file.rename(written / file.name)

    with _quiet_tfds():
        require_drawn(path, draw)
        return SynthStreets(**arguments, data_dir=str(folder))


@contextlib.contextmanager
def _quiet_tfds() -> Iterator[None]:
    """Hides TFDS's progress bars, which do not know the number of streets, and its messages."""
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
    with opened_bytes(png, "the store of drawn streets", "picture") as picture:
        return np.array(picture.image)
