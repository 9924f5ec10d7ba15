"""Which layers can be one fused block: a convolution, a depthwise one, and a pointwise one behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.rows import CHANNELS, HEIGHT, is_wide, shape_of, tensor_type
from tinyts_mlir.dialects.tinyts import Conv2DOp, DepthwiseConv2DOp, FusedBlockOp
from tinyts_mlir.kernels.fused_blocks import MOST_WINDOW_ROWS, is_made_by_members

LEAST_CHANNELS = 4
"""Of an expansion: the depthwise kernel takes blocks of so many."""


class Block(NamedTuple):
    """Layers that can be fused; without a projection, where what follows the depthwise one is no such layer.

    The projection of one block may be the first layer of the next; then only one of them can have it.
    """

    expand: Conv2DOp
    depthwise: DepthwiseConv2DOp
    project: Conv2DOp | None

    @property
    def last(self) -> Conv2DOp | DepthwiseConv2DOp:
        """The layer whose result is the block's."""
        return self.project or self.depthwise

    def without_projection(self) -> Block:
        """The first two layers."""
        return self._replace(project=None)

    def among(self, copies: Mapping[Operation, Operation]) -> Block:
        """The same layers in a copy of the function."""
        return Block(*(None if layer is None else copies[layer] for layer in self))  # pyright: ignore[reportArgumentType]


def fusable_blocks(function: FuncOp) -> list[Block]:
    """The blocks of a function of whole tensors, in their order."""
    found: list[Block] = []
    for op in function.body.block.ops:
        if not isinstance(op, DepthwiseConv2DOp) or not _is_filter(op):
            continue
        expand = op.input[0].owner
        if not isinstance(expand, Conv2DOp) or not _is_dense(expand) or not expand.result.has_one_use():
            continue
        follower = _only_reader(op.result)
        project = follower if isinstance(follower, Conv2DOp) and is_pointwise(follower) else None
        found.append(Block(expand, op, project))
    return found


def is_pointwise(op: Conv2DOp) -> bool:
    """Whether a convolution of whole int8 maps makes each pixel of the same one, all channels of all channels."""
    steps = {*int_values(op.stride)} | {pad + 1 for pad in int_values(op.padding)}
    return op.filter_size == (1, 1) and steps == {1} and _is_dense(op)


def _is_dense(op: Conv2DOp) -> bool:
    """Whether a convolution of whole int8 maps makes all channels of all channels, by the kernel that blocks call."""
    height, width = op.filter_size
    stride = int_values(op.stride)
    return (
        set(int_values(op.dilation)) == {1}
        and stride[0] <= height <= MOST_WINDOW_ROWS
        and stride[1] <= width
        and max(int_values(op.padding)[:2]) < height  # each row is made of one of the input at least
        and len(op.input) == 1
        and not is_wide(tensor_type(op.result))
        and shape_of(op.filter)[CHANNELS] == shape_of(op.input[0])[CHANNELS]
        and op.bias is not None
        and is_made_by_members(op)
    )


def _is_filter(op: DepthwiseConv2DOp) -> bool:
    height, width = op.filter_size
    stride = int_values(op.stride)
    return (
        len(op.input) == 1
        and not is_wide(tensor_type(op.result))
        and op.depth_multiplier == 1
        and set(int_values(op.dilation)) == {1}
        and stride[0] <= height <= MOST_WINDOW_ROWS
        and stride[1] <= width
        and shape_of(op.result)[CHANNELS] >= LEAST_CHANNELS
        and shape_of(op.result)[HEIGHT] > 1
        and op.bias is not None
    )


def _only_reader(value: SSAValue) -> Operation | None:
    return next(use.operation for use in value.uses) if value.has_one_use() else None


def fused(block: Block) -> FusedBlockOp:
    """The op that does what these layers do, from the same input."""
    expand, filter, project = block
    assert expand.bias is not None and filter.bias is not None
    return FusedBlockOp(
        [
            [expand.input[0]],
            [],
            expand.filter,
            expand.bias,
            filter.filter,
            filter.bias,
            None if project is None else project.filter,
            None if project is None else project.bias,
        ],
        block.last.result.type,
        {
            "expanded": expand.result.type,
            "filtered": None if project is None else filter.result.type,
            "stride": filter.stride,
            "padding": filter.padding,
            "expand_stride": expand.stride,
            "expand_padding": expand.padding,
            "expand_activation": expand.activation,
            "depthwise_activation": filter.activation,
            "expand_bits": expand.weight_bits,
            **(
                {}
                if project is None
                else {"project_activation": project.activation, "project_bits": project.weight_bits}
            ),
        },
        location=block.last.location,
    )
