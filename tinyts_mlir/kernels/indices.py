"""ARG_MAX and ARG_MIN: indices of extremes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from tinyts_mlir.dialects.rows import WIDTH, element_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import ArgExtremeOp, ArgMaxOp, ArgMinOp
from tinyts_mlir.kernels.cost import CostPerElement, KernelCost
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.numpy_rows import Rows, Window
from tinyts_mlir.kernels.operands import whole_shape_of
from tinyts_mlir.kernels.parameters import Parameters, integer

PER_INDEX, PER_COMPARISON = 10.0, 5.0
"""Instructions for an element of the result, and for each element of the operand that it is chosen from."""
ALL_BITS = -1


def _cost(extent: int, index_bytes: int) -> KernelCost:
    # Costs are for a byte of the result.
    return CostPerElement((PER_INDEX + PER_COMPARISON * extent) / index_bytes)


def _op_cost(op: ArgExtremeOp) -> KernelCost:
    return _cost(whole_shape_of(op.input[0])[op.axis.value.data], element_bytes(tensor_type(op.result)))


def _kernel_cost(parameters: Parameters) -> KernelCost:
    return _cost(integer(parameters, "extent"), integer(parameters, "index_bytes"))


def _call(op: ArgExtremeOp) -> KernelCall:
    """Of a row, or of the whole, where rows do not matter: `outer` blocks of `extent` times `inner` elements."""
    shape, axis = whole_shape_of(op.input[0]), op.axis.value.data
    by_rows = op.row_map() is not None
    row = shape[WIDTH:] if by_rows else shape
    # The batch of a map is 1: along it, every element of a row is alone.
    place = max(axis - WIDTH, -1) if by_rows else axis
    parameters = {
        "outer": prod(row[: max(place, 0)]),
        "extent": shape[axis],
        "inner": prod(row[place + 1 :]),
        "flip": ALL_BITS if op.IS_MINIMUM else 0,
        "index_bytes": element_bytes(tensor_type(op.result)),
    }
    return KernelCall.of(op, ARG_EXTREME, parameters)


def _run(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    sizes = (integer(parameters, field) for field in ("outer", "extent", "inner"))
    # With all bits flipped, the least element is the greatest.
    elements = inputs[0].rows.reshape(row_count, *sizes) ^ np.int8(integer(parameters, "flip"))
    indices = elements.argmax(axis=2).astype(f"i{integer(parameters, 'index_bytes')}")
    return [np.ascontiguousarray(indices).view(np.int8).reshape(row_count, -1)]


ARG_EXTREME = Kernel("arg_extreme", _run, cost=_kernel_cost)

FAMILY = KernelFamily(
    kernels=[ARG_EXTREME],
    ops=[OpEntry(op_type, _call, cost=_op_cost, kernels=(ARG_EXTREME,)) for op_type in (ArgMaxOp, ArgMinOp)],
)
