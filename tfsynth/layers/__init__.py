"""Layers shared by the networks; plain Keras, any backend."""

from tfsynth.layers.conditioning import ColourConditioning as ColourConditioning
from tfsynth.layers.conditioning import Conditioning as Conditioning
from tfsynth.layers.conditioning import PictureConditioning as PictureConditioning
from tfsynth.layers.conditioning import instance_edges as instance_edges
from tfsynth.layers.noise import DropoutNoise as DropoutNoise
from tfsynth.layers.noise import NoiseMaps as NoiseMaps
from tfsynth.layers.noise import has_noise as has_noise
from tfsynth.layers.noise import seeded as seeded
from tfsynth.layers.normalization import (
    BatchStatisticsNormalization as BatchStatisticsNormalization,
)
from tfsynth.layers.normalization import InstanceNormalization as InstanceNormalization
from tfsynth.layers.padding import ReflectionPadding2D as ReflectionPadding2D
from tfsynth.layers.padding import reflection_in_slices as reflection_in_slices
from tfsynth.layers.padding import repeat_edges as repeat_edges
from tfsynth.layers.pixels import to_unit_range as to_unit_range
from tfsynth.layers.pixels import with_channels as with_channels
from tfsynth.layers.policy import cpu_computes_bfloat16 as cpu_computes_bfloat16
from tfsynth.layers.policy import dtype_policy as dtype_policy
from tfsynth.layers.policy import gpu_names as gpu_names
from tfsynth.layers.pooling import InstanceWisePooling2D as InstanceWisePooling2D
from tfsynth.layers.pooling import UnpaddedAveragePooling2D as UnpaddedAveragePooling2D
from tfsynth.layers.rematerialization import Segments as Segments
from tfsynth.layers.resampling import downsampling_convolution as downsampling_convolution
from tfsynth.layers.resampling import upsampling_convolution as upsampling_convolution
from tfsynth.layers.residual import residual_block as residual_block
from tfsynth.layers.spectral import SpectralConv2D as SpectralConv2D
from tfsynth.layers.standardized import StandardizedConv2D as StandardizedConv2D
from tfsynth.layers.upsampling import AlignCornersUpSampling2D as AlignCornersUpSampling2D
from tfsynth.layers.upsampling import BilinearUpSampling2D as BilinearUpSampling2D
from tfsynth.layers.upsampling import NearestUpSampling2D as NearestUpSampling2D
