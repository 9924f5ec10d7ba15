"""Canonicalization of `tinyts.depthwise_conv_2d`."""

from __future__ import annotations

import numpy as np
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern

from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.rows import CHANNELS, RowsAttr, quantization_of, shape_of, tensor_type
from tinyts_mlir.dialects.tinyts import ConstantOp, Conv2DOp, DepthwiseConv2DOp

LEAST_OF_SEVERAL_CHANNELS = 8
"""The depth multiplier from which on a grouped convolution takes fewer instructions on maps of all sizes."""


class DepthMultiplier(RewritePattern):
    """With a depth multiplier, an input channel and its outputs are a group of an ordinary convolution.

    Of one channel that is the plainer op, and faster. Of several it is so for many outputs of each: a kernel gathers a
    patch for each group, which only pays where enough outputs are made from it.
    """

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: DepthwiseConv2DOp, rewriter: PatternRewriter, /) -> None:
        """Rewrites one convolution of a whole map; bands would each get a filter of their own."""
        several = shape_of(op.input[0])[CHANNELS] > 1
        if op.depth_multiplier < (LEAST_OF_SEVERAL_CHANNELS if several else 2):
            return
        values = (*op.input, op.result)
        if any(isinstance(tensor_type(value).encoding, RowsAttr) for value in values):
            return
        constant = op.filter.owner
        if not isinstance(constant, ConstantOp):
            return
        filter = _filter_by_output(constant)
        convolution = Conv2DOp.from_groups(
            [[op.input[0]], [filter.result], *op.operand_groups()[2:]],
            op.result_types,
            {name: value for name, value in op.properties.items() if name != "operandSegmentSizes"},
        )
        convolution.attributes |= op.attributes
        convolution.location = op.location
        rewriter.replace(op, [filter, convolution])


def _filter_by_output(constant: ConstantOp) -> ConstantOp:
    """A filter of 1 x height x width x outputs as outputs x height x width x 1."""
    weights = np.frombuffer(constant.value.data.data, np.int8).reshape(constant.value.get_shape())
    by_output = np.ascontiguousarray(weights.transpose(3, 1, 2, 0))
    type = quantization_of(constant.result)
    if type.is_per_axis:
        type = UniformQuantizedType.per_axis(type.storage_type, type.scales, type.zero_points, Conv2DOp.CHANNEL_AXIS)
    return ConstantOp.from_bytes(by_output.tobytes(), by_output.shape, type, constant.location)
