"""Networks: functions of arrays; one file per paper."""

from tfsynth.networks.pix2pixhd import GlobalGenerator as GlobalGenerator
from tfsynth.networks.pix2pixhd import MultiscaleDiscriminator as MultiscaleDiscriminator
from tfsynth.networks.segmenter import Segmenter as Segmenter
