"""Functions of one int8, element by element: a table of 256 bytes. A new one is its table and one entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from xdsl.ir import SSAValue

from tinyts_mlir.dialects.rows import quantization_of, row_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import (
    AbsOp,
    ElementwiseOp,
    EluOp,
    ExpOp,
    GeluOp,
    HardSwishOp,
    LeakyReluOp,
    LogisticOp,
    LogOp,
    NegOp,
    Relu6Op,
    ReluN1To1Op,
    ReluOp,
    RsqrtOp,
    SqrtOp,
    TanhOp,
)
from tinyts_mlir.kernels.channel_bytes import BytesOf, ChannelBytes
from tinyts_mlir.kernels.cost import per_element
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry, OpT
from tinyts_mlir.kernels.lookup_tables import (
    Quantized,
    abs_table,
    elu_table,
    exp_table,
    gelu_table,
    hard_swish_table,
    log_table,
    logistic_table,
    neg_table,
    relu_table,
    rsqrt_table,
    sqrt_table,
    tanh_table,
)
from tinyts_mlir.kernels.numpy_rows import Int8Array, Rows, Window
from tinyts_mlir.kernels.parameters import Parameters, int8_array
from tinyts_mlir.quantization import Activation, leaky_relu_table

_COST = per_element(4.0)


def lookup(input: Int8Array, table: Int8Array) -> Int8Array:
    """`table[x + 128]` for each x of an array of any shape; the table has shape (256,)."""
    return table[input.astype(np.intp) + 128]


def _run(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    return [lookup(inputs[0].rows, int8_array(parameters, "table").reshape(-1))]


LOOKUP = Kernel("lookup", _run, cost=_COST)


def lookup_entry(op_type: type[OpT], table_of: Callable[[OpT], Int8Array]) -> OpEntry[OpT]:
    """An op that is a look-up in this table, at index x + 128 for each input x.

    `table_of` raises ValueError for scales of which there is none.
    """

    def call(op: OpT) -> KernelCall:
        row_elements = row_bytes(tensor_type(op.results[0]))
        return KernelCall.of(op, LOOKUP, {"table": table_of(op), "row_elements": row_elements})

    def reachable(op: OpT, bytes_of: BytesOf) -> list[ChannelBytes]:
        return [bytes_of(op.operands[0]).through(table_of(op))]

    return OpEntry(
        op_type, call, works_in_place=True, cost=_COST, check=table_of, kernels=(LOOKUP,), reachable=reachable
    )


def _leaky_relu(op: LeakyReluOp) -> Int8Array:
    input, output = quantization_of(op.input[0]), quantization_of(op.result)
    return leaky_relu_table(op.alpha.value.data, input.scale, input.zero_point, output.scale, output.zero_point)


def _table(compute: Callable[[Quantized, Quantized], Int8Array]) -> Callable[[ElementwiseOp], Int8Array]:
    """The table of an op that is a function of its quantizations and of nothing else."""
    return lambda op: compute(_quantized(op.input[0]), _quantized(op.result))


def _quantized(value: SSAValue) -> Quantized:
    type = quantization_of(value)
    return type.scale, type.zero_point


def _gelu(op: GeluOp) -> Int8Array:
    return gelu_table(bool(op.approximate.value.data), _quantized(op.input[0]), _quantized(op.result))


FAMILY = KernelFamily(
    kernels=[LOOKUP],
    ops=[
        lookup_entry(LeakyReluOp, _leaky_relu),
        lookup_entry(GeluOp, _gelu),
        lookup_entry(ReluOp, _table(partial(relu_table, Activation.RELU))),
        lookup_entry(Relu6Op, _table(partial(relu_table, Activation.RELU6))),
        lookup_entry(ReluN1To1Op, _table(partial(relu_table, Activation.RELU_N1_TO_1))),
        lookup_entry(LogisticOp, _table(logistic_table)),
        lookup_entry(TanhOp, _table(tanh_table)),
        lookup_entry(HardSwishOp, _table(hard_swish_table)),
        lookup_entry(AbsOp, _table(abs_table)),
        lookup_entry(ExpOp, _table(exp_table)),
        lookup_entry(LogOp, _table(log_table)),
        lookup_entry(EluOp, _table(elu_table)),
        lookup_entry(SqrtOp, _table(sqrt_table)),
        lookup_entry(RsqrtOp, _table(rsqrt_table)),
        lookup_entry(NegOp, _table(neg_table)),
    ],
)
