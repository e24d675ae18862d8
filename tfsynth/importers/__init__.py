"""Checkpoints of other programs, read without those programs."""

from tfsynth.importers.bundle import import_crn as import_crn
from tfsynth.importers.bundle import import_pix2pixhd as import_pix2pixhd
from tfsynth.importers.bundle import import_vgg19 as import_vgg19
from tfsynth.importers.crn import read_crn as read_crn
from tfsynth.importers.pix2pixhd import read_pix2pixhd as read_pix2pixhd
from tfsynth.importers.pix2pixhd_styles import read_styles as read_styles
from tfsynth.importers.torch.state_dicts import CheckpointError as CheckpointError
from tfsynth.importers.torch.state_dicts import read_state_dict as read_state_dict
from tfsynth.importers.vgg19 import read_vgg19 as read_vgg19
