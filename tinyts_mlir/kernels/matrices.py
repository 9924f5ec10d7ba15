"""BATCH_MATMUL: products of matrices, row by row or of whole operands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from tinyts_mlir.dialects.interfaces import is_constant
from tinyts_mlir.dialects.rows import quantization_of
from tinyts_mlir.dialects.tinyts import BatchMatmulOp, FullyConnectedOp
from tinyts_mlir.kernels.cost import DEFAULT_PER_ELEMENT, CostPerElement, KernelCost
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.numpy_rows import INT8_RANGE, Int8Array, Int32Array, Rows, Window, as_rows, to_bytes, with_bias
from tinyts_mlir.kernels.operands import int8_weights, whole_shape_of
from tinyts_mlir.kernels.parameters import Parameter, Parameters, int8_array, int32_array, integer, output_range
from tinyts_mlir.quantization import (
    FineMultipliers,
    QuantizedMultiplier,
    product_multiplier,
    requantize,
    requantize_finely,
)

BATCH_DIMENSIONS = 3
PER_MAC = 2.5
"""Instructions."""

# --- Constants -----------------------------------------------------------------------------------------------------


def _multiplier(op: BatchMatmulOp) -> QuantizedMultiplier:
    lhs, rhs, result = (quantization_of(value) for value in (op.lhs[0], op.rhs[0], op.result))
    return product_multiplier(lhs.scale, rhs.scale, result.scale)


def _batch_strides(shape: Sequence[int], sizes: Sequence[int]) -> list[int]:
    """How many elements the next matrix along each batch dimension is further on; 0 where there is only one."""
    extents = [1] * (BATCH_DIMENSIONS + 2 - len(shape)) + list(shape)
    steps = [int(np.prod(extents[axis + 1 :])) for axis in range(BATCH_DIMENSIONS)]
    return [step if extent > 1 else 0 for step, extent, _ in zip(steps, extents, sizes, strict=False)]


def _call(op: BatchMatmulOp) -> KernelCall:
    rows, depth, columns = op.sizes
    batches = whole_shape_of(op.result)[:-2]
    sizes = [1] * (BATCH_DIMENSIONS - len(batches)) + list(batches)
    strides = [_batch_strides(shape, sizes) for shape in op.operand_shapes]
    if op.row_map() is not None:  # a row is one matrix
        sizes, strides = [1] * BATCH_DIMENSIONS, [[0] * BATCH_DIMENSIONS] * 2
    multiplier = _multiplier(op)
    adjoints = list(op.adjoints)
    constants: dict[str, Parameter] = {}
    for number, (name, group) in enumerate((("first", op.lhs), ("second", op.rhs))):
        if is_constant(group[0]):
            matrices = int8_weights(group[0])
            if adjoints[number] == (number == 0):  # sums run along what lies together
                matrices, adjoints[number] = np.ascontiguousarray(matrices.swapaxes(-1, -2)), number == 1
            constants[name] = matrices.reshape(-1)
    parameters: dict[str, Parameter] = {
        **constants,
        "batches": tuple(sizes),
        "strides": tuple(step for operand in strides for step in operand),
        "rows": rows,
        "depth": depth,
        "columns": columns,
        "adjoint_first": int(adjoints[0]),
        "adjoint_second": int(adjoints[1]),
        "multiplier": multiplier.multiplier,
        "low_multiplier": 0,
        "is_double": 0,
        "shift": multiplier.shift,
        "first_zero_point": quantization_of(op.lhs[0]).zero_point,
        "second_zero_point": quantization_of(op.rhs[0]).zero_point,
        "rounds_once": 0,
        "output_zero_point": quantization_of(op.result).zero_point,
        "output_minimum": INT8_RANGE[0],
        "output_maximum": INT8_RANGE[1],
    }
    return KernelCall.of(op, BATCH_MATMUL, parameters)


def fully_connected_by_maps(
    op: FullyConnectedOp,
    bias: Int32Array | None,
    multiplier: FineMultipliers,
    output_range: tuple[int, int],
    weights: Int8Array | None = None,
) -> KernelCall:
    """The call of a FULLY_CONNECTED whose weights another layer makes: vectors times a matrix that is adjoint.

    Weights that are there have a zero point; the input's is in the bias then.
    """
    columns, depth = whole_shape_of(op.filter)
    parameters: dict[str, Parameter] = {
        "batches": (1,) * BATCH_DIMENSIONS,
        "strides": (0,) * 2 * BATCH_DIMENSIONS,
        "rows": op.batches,
        "depth": depth,
        "columns": columns,
        "adjoint_first": 0,
        "adjoint_second": 1,
        "rounds_once": 1,
        "is_double": int(multiplier.lows is not None),
        "multiplier": int(multiplier.multipliers[0]),
        "low_multiplier": 0 if multiplier.lows is None else int(multiplier.lows[0]),
        "shift": int(multiplier.shifts[0]),
        "first_zero_point": 0 if weights is not None else quantization_of(op.input).zero_point,
        "second_zero_point": quantization_of(op.filter).zero_point,
        "output_zero_point": quantization_of(op.result).zero_point,
        "output_minimum": output_range[0],
        "output_maximum": output_range[1],
    }
    if bias is not None:
        parameters["bias"] = bias
    if weights is not None:
        parameters["second"] = weights.reshape(-1)
    return KernelCall.of(op, BATCH_MATMUL, parameters)


# --- Meaning -------------------------------------------------------------------------------------------------------


def matrix_sums(
    first: Int8Array, second: Int8Array, zero_points: tuple[int, int], bias: Int32Array | None
) -> Int32Array:
    """The sums of (..., rows, depth) times (..., depth, columns), with the zero points of both.

    Source: BatchMatMul in kernels/internal/reference/batch_matmul.h.
    """
    values = [array.astype(np.float64) - point for array, point in zip((first, second), zero_points, strict=True)]
    return with_bias((values[0] @ values[1]).astype(np.int64), bias)


def _matrices(parameters: Parameters, name: str, rows: Int8Array | None, shape: tuple[int, int]) -> Int8Array:
    """The matrices of one operand in (rows of the kernel, batches, ...), untransposed."""
    number = ("first", "second").index(name)
    sizes = cast(tuple[int, ...], parameters["batches"])
    strides = cast(tuple[int, ...], parameters["strides"])[BATCH_DIMENSIONS * number :][:BATCH_DIMENSIONS]
    flat = int8_array(parameters, name).reshape(1, -1) if rows is None else rows
    matrices = flat.reshape(flat.shape[0], -1, shape[0] * shape[1])
    offsets = np.zeros(1, np.int64)
    for size, step in zip(sizes, strides, strict=True):
        offsets = np.add.outer(offsets, np.arange(size) * step).reshape(-1)
    chosen = matrices[:, offsets // (shape[0] * shape[1])]
    if integer(parameters, f"adjoint_{name}"):
        return chosen.reshape(*chosen.shape[:2], shape[1], shape[0]).swapaxes(-1, -2)
    return chosen.reshape(*chosen.shape[:2], *shape)


def _run(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    rows, depth, columns = (integer(parameters, name) for name in ("rows", "depth", "columns"))
    windows = iter(inputs)
    operands = [
        _matrices(parameters, name, None if name in parameters else next(windows).rows, shape)
        for name, shape in (("first", (rows, depth)), ("second", (depth, columns)))
    ]
    points = integer(parameters, "first_zero_point"), integer(parameters, "second_zero_point")
    bias = int32_array(parameters, "bias") if "bias" in parameters else None
    sums = matrix_sums(operands[0], operands[1], points, bias)
    multiplier, shift = integer(parameters, "multiplier"), integer(parameters, "shift")
    if integer(parameters, "rounds_once"):
        lows = np.array([integer(parameters, "low_multiplier")], np.uint32)
        fine = FineMultipliers(np.array([multiplier], np.int32), np.array([shift], np.int32))
        scaled = requantize_finely(sums, fine._replace(lows=lows) if integer(parameters, "is_double") else fine)
    else:
        scaled = requantize(sums, multiplier, shift)
    return as_rows(to_bytes(scaled, integer(parameters, "output_zero_point"), output_range(parameters)), row_count)


def _cost(depth: int) -> KernelCost:
    return CostPerElement(DEFAULT_PER_ELEMENT, depth, PER_MAC)


BATCH_MATMUL = Kernel("batch_matmul", _run, cost=lambda parameters: _cost(integer(parameters, "depth")))

FAMILY = KernelFamily(
    kernels=[BATCH_MATMUL],
    ops=[
        OpEntry(
            BatchMatmulOp,
            _call,
            macs=lambda op: op.sizes[1],
            cost=lambda op: _cost(op.sizes[1]),
            check=_multiplier,
            kernels=(BATCH_MATMUL,),
        )
    ],
)
