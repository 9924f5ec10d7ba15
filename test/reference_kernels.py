"""What layers compute, from all families of kernels: `import reference_kernels as kernels`."""

from functools import partial

from tinyts_mlir.kernels.convolutions import conv_2d
from tinyts_mlir.kernels.data_movement import pad
from tinyts_mlir.kernels.depthwise import depthwise_conv_2d
from tinyts_mlir.kernels.fully_connected import fully_connected, fully_connected_in_integers
from tinyts_mlir.kernels.lookups import lookup
from tinyts_mlir.kernels.means import mean
from tinyts_mlir.kernels.pools import average_pool_2d, max_pool_2d, min_pool_2d
from tinyts_mlir.kernels.reference_addition import add
from tinyts_mlir.kernels.softmax import softmax

__all__ = [
    "add",
    "average_pool_2d",
    "average_pool_2d_ties_up",
    "conv_2d",
    "depthwise_conv_2d",
    "fully_connected",
    "fully_connected_in_integers",
    "lookup",
    "max_pool_2d",
    "mean",
    "min_pool_2d",
    "pad",
    "softmax",
]

average_pool_2d_ties_up = partial(average_pool_2d, ties_up=True)
