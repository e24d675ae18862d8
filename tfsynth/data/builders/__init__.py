"""The data sets, one file each; importing this registers them."""

from tfsynth.data.builders.nuclei import Nuclei
from tfsynth.data.builders.paired_folders import PairedFolders
from tfsynth.data.builders.picture_pairs import PicturePairs
from tfsynth.data.builders.planet import Planet
from tfsynth.data.builders.share import Share
from tfsynth.data.builders.streets import Streets

__all__ = ["Nuclei", "PairedFolders", "PicturePairs", "Planet", "Share", "Streets"]
