"""Networks: functions of arrays; one file per paper."""

from tfsynth.networks.crn import CascadedRefinementNetwork as CascadedRefinementNetwork
from tfsynth.networks.crn import FullResolutionNetwork as FullResolutionNetwork
from tfsynth.networks.feature_network import FeatureNetwork as FeatureNetwork
from tfsynth.networks.layout_decoder import LayoutDecoder as LayoutDecoder
from tfsynth.networks.pix2pix import PatchDiscriminator as PatchDiscriminator
from tfsynth.networks.pix2pix import UNetGenerator as UNetGenerator
from tfsynth.networks.pix2pixhd import FeatureEncoder as FeatureEncoder
from tfsynth.networks.pix2pixhd import GlobalGenerator as GlobalGenerator
from tfsynth.networks.pix2pixhd import LocalEnhancer as LocalEnhancer
from tfsynth.networks.pix2pixhd import MultiscaleDiscriminator as MultiscaleDiscriminator
from tfsynth.networks.projected import ProjectedDiscriminator as ProjectedDiscriminator
from tfsynth.networks.vgg19 import VGG19 as VGG19
