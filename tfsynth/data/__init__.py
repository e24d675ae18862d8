"""Data sets of conditions and photographs, and the way from them to batches."""

from tfsynth.data.batches import batches, nearest_size, steps_per_epoch, surface_data_errors
from tfsynth.data.builders import (
    Nuclei,
    PairedFolders,
    PicturePairs,
    Planet,
    Share,
    Streets,
)
from tfsynth.data.dataset import CheckReport, DataError, Dataset, Split
from tfsynth.data.images import read_photo, read_picture, write_photo
from tfsynth.data.maps import (
    read_instance_map,
    read_label_map,
    write_instance_map,
    write_label_map,
)

__all__ = [
    "CheckReport",
    "DataError",
    "Dataset",
    "Nuclei",
    "PairedFolders",
    "PicturePairs",
    "Planet",
    "Share",
    "Split",
    "Streets",
    "batches",
    "nearest_size",
    "read_instance_map",
    "read_label_map",
    "read_photo",
    "read_picture",
    "steps_per_epoch",
    "surface_data_errors",
    "write_instance_map",
    "write_label_map",
    "write_photo",
]
