"""Kernels that assign state: copies, and a shift of what is there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyts_mlir.dialects.rows import size_in_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import AssignStateOp, ShiftStateOp
from tinyts_mlir.kernels.cost import per_element
from tinyts_mlir.kernels.data_movement import COPY
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.numpy_rows import Rows, Window
from tinyts_mlir.kernels.parameters import Parameters, integer

_COPY_COST = per_element(1.0)


def _assign_call(op: AssignStateOp) -> KernelCall:
    return KernelCall.of(op, COPY, {"row_bytes": size_in_bytes(tensor_type(op.result))})


def _shift_call(op: ShiftStateOp) -> KernelCall:
    new = size_in_bytes(tensor_type(op.value))
    return KernelCall.of(op, SHIFT, {"kept_bytes": size_in_bytes(tensor_type(op.result)) - new, "new_bytes": new})


def _run_shift(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    new, before = inputs[0].rows.reshape(row_count, -1), inputs[1].rows.reshape(row_count, -1)
    kept = before[:, integer(parameters, "new_bytes") :]
    return [np.concatenate([kept, new], axis=1)]


SHIFT = Kernel("shift", _run_shift, cost=_COPY_COST, accumulates=True)

FAMILY = KernelFamily(
    kernels=[SHIFT],
    ops=[
        OpEntry(AssignStateOp, _assign_call, cost=_COPY_COST, kernels=(COPY,)),
        OpEntry(ShiftStateOp, _shift_call, cost=_COPY_COST, kernels=(SHIFT,)),
    ],
)
