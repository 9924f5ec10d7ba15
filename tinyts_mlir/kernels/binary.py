"""Functions of two elements, broadcast: constants of the kernels, and what these compute."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
from xdsl.ir import SSAValue

from tinyts_mlir.dialects.channel_geometry import last_extent
from tinyts_mlir.dialects.interfaces import is_constant
from tinyts_mlir.dialects.rows import quantization_of
from tinyts_mlir.dialects.tinyts import (
    BinaryOp,
    MaximumOp,
    MinimumOp,
    PreluOp,
    SquaredDifferenceOp,
)
from tinyts_mlir.kernels.channel_bytes import BytesOf, ChannelBytes, Reachable
from tinyts_mlir.kernels.constant_operands import Compute, call_with_constant
from tinyts_mlir.kernels.cost import per_element
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.lookups import LOOKUP
from tinyts_mlir.kernels.numpy_rows import Int64Array, Rows, Window, to_bytes
from tinyts_mlir.kernels.operands import int8_weights, range_of, whole_shape_of
from tinyts_mlir.kernels.parameters import IntArray, Parameter, Parameters, int8_array, integer, output_range
from tinyts_mlir.quantization import quantize_multiplier, requantize, wrap_int32

__all__ = [
    "FAMILY",
    "arithmetic",
    "between_corners",
    "binary_kernel",
    "geometry",
    "scaled",
    "takes_rows_as_they_are",
    "to_output",
    "works_in_place",
]

_SHIFT_OF_DIFFERENCES = 7


def takes_rows_as_they_are(op: BinaryOp) -> bool:
    """Whether both operands are feature maps of the result's shape."""
    shape = whole_shape_of(op.result)
    return all(whole_shape_of(group[0]) == shape for group in op.row_groups()) and len(op.row_groups()) == 2


def works_in_place(op: BinaryOp) -> bool:
    """Element by element, where no operand in the arena is broadcast."""
    return all(whole_shape_of(group[0]) == whole_shape_of(op.result) for group in op.row_groups())


# --- Parameters ----------------------------------------------------------------------------------------------------


def geometry(op: BinaryOp, constant: Callable[[SSAValue], IntArray] = int8_weights) -> dict[str, Parameter]:
    """Sizes of what a kernel makes of a row, or of the whole map at once, and the steps of both operands in it."""
    drop = 2 if op.row_map() is not None and len(whole_shape_of(op.result)) == 4 else 0
    sizes = list(op.result_shape[drop:])
    operands = [list(shape[drop:]) for shape in op.operand_shapes]
    merged: list[tuple[int, int, int]] = []
    for axis, size in enumerate(sizes):
        if size == 1:
            continue
        first, second = (int(shape[axis] > 1) for shape in operands)
        if merged and merged[-1][1:] == (first, second):
            merged[-1] = (merged[-1][0] * size, first, second)
        else:
            merged.append((size, first, second))
    merged = [(1, 0, 0)] * (4 - len(merged)) + merged
    strides: list[int] = []
    for operand in (1, 2):
        step, found = 1, []
        for axis in reversed(merged):
            found.append(step if axis[operand] else 0)
            step *= axis[0] if axis[operand] else 1
        strides += reversed(found)
    parameters: dict[str, Parameter] = {"sizes": tuple(axis[0] for axis in merged), "strides": tuple(strides)}
    for name, group in (("first", op.lhs), ("second", op.rhs)):
        if is_constant(group[0]):
            parameters[name] = constant(group[0]).reshape(-1)
    return parameters


def arithmetic(op: BinaryOp, activation: str = "none") -> dict[str, Parameter]:
    """Zero points and limits; no scales."""
    first, second, output = (quantization_of(value) for value in (op.lhs[0], op.rhs[0], op.result))
    minimum, maximum = range_of(activation, op.result)
    return {
        "multipliers": (0, 0),
        "shifts": (0, 0),
        "left_shift": 0,
        "output_multiplier": 0,
        "output_shift": 0,
        "input_zero_points": (first.zero_point, second.zero_point),
        "output_zero_point": output.zero_point,
        "output_minimum": minimum,
        "output_maximum": maximum,
    }


def _difference_constants(op: SquaredDifferenceOp) -> dict[str, Parameter]:
    """Source: Prepare in kernels/squared_difference.cc."""
    first, second, output = (quantization_of(value) for value in (op.lhs[0], op.rhs[0], op.result))
    if not min(first.scale, second.scale, output.scale) > 0.0:
        raise ValueError("a squared difference needs positive scales")
    twice = 2.0 * max(first.scale, second.scale)
    factors = [quantize_multiplier(scale / twice) for scale in (first.scale, second.scale)]
    real = float(twice * twice / float(np.float32(1 << 2 * _SHIFT_OF_DIFFERENCES) * np.float32(output.scale)))
    multiplier, shift = quantize_multiplier(real)
    if real >= 1.0 or shift > 0:
        raise ValueError(f"the output scale {output.scale} of a squared difference is too small")
    return {
        **arithmetic(op),
        "multipliers": (factors[0].multiplier, factors[1].multiplier),
        "shifts": (factors[0].shift, factors[1].shift),
        "left_shift": _SHIFT_OF_DIFFERENCES,
        "output_multiplier": multiplier,
        "output_shift": shift,
    }


def _prelu_constants(op: PreluOp) -> dict[str, Parameter]:
    """The first multiplier is for what is not below 0, the output's for products.

    Source: PreluPrepare in kernels/activations.cc; the real multipliers are in single precision.
    """
    first, second, output = (np.float32(quantization_of(value).scale) for value in (op.lhs[0], op.rhs[0], op.result))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        kept, product = (quantize_multiplier(float(real)) for real in (first / output, first * second / output))
    if max(kept.shift, product.shift) > 31:
        raise ValueError(f"the output scale {output} of a PRELU is too small")
    return {
        **arithmetic(op),
        "multipliers": (kept.multiplier, 0),
        "shifts": (kept.shift, 0),
        "output_multiplier": product.multiplier,
        "output_shift": product.shift,
    }


# --- What the kernels compute --------------------------------------------------------------------------------------


def _operands(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> tuple[list[Int64Array], int]:
    """Both operands with the row in front, in the sizes of a row's result or ready to be broadcast to them."""
    sizes = cast(tuple[int, ...], parameters["sizes"])
    strides = cast(tuple[int, ...], parameters["strides"])
    windows = iter(inputs)
    found: list[Int64Array] = []
    for number, name in enumerate(("first", "second")):
        steps = strides[4 * number : 4 * number + 4]
        shape = [size if step else 1 for size, step in zip(sizes, steps, strict=True)]
        rows = int8_array(parameters, name).reshape(1, -1) if name in parameters else next(windows).rows
        found.append(rows.astype(np.int64).reshape(-1, *shape))
    return found, int(np.prod(sizes))


LARGEST_SUM_LEFT = 15
"""Shifts to the left up to it keep sums and products of two bytes within int32."""


def between_corners(compute: Compute, constants: Callable[..., dict[str, Parameter]]) -> Reachable:
    """The bytes of an op that is monotonic in each operand while the other stays: its extremes are at their ends.

    `compute` makes results of its `constants`, whose output shift may wrap results: then they may be anything.
    """

    def reachable(op: BinaryOp, bytes_of: BytesOf) -> list[ChannelBytes]:
        parameters, channels = constants(op), last_extent(op.result)
        limits = output_range(parameters)
        if integer(parameters, "output_shift") > LARGEST_SUM_LEFT:
            return [ChannelBytes.anything(channels, limits)]
        ends = [(operand.lowest, operand.highest) for operand in map(bytes_of, (op.lhs[0], op.rhs[0]))]
        corners = [
            np.broadcast_to(compute(parameters, first, second), (channels,)) for first in ends[0] for second in ends[1]
        ]
        return [ChannelBytes.between(np.minimum.reduce(corners), np.maximum.reduce(corners))]

    return reachable


def _runner(compute: Compute) -> Callable[[Parameters, Sequence[Window], int], list[Rows]]:
    def run(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
        (first, second), size = _operands(parameters, inputs, row_count)
        made = compute(parameters, first, second).astype(np.int8)
        sizes = cast(tuple[int, ...], parameters["sizes"])
        return [np.ascontiguousarray(np.broadcast_to(made, (row_count, *sizes))).reshape(row_count, size)]

    return run


def scaled(parameters: Parameters, first: Int64Array, second: Int64Array) -> list[Int64Array]:
    """Both operands on the finer scale that they have in common."""
    points, multipliers, shifts = (
        cast(tuple[int, int], parameters[name]) for name in ("input_zero_points", "multipliers", "shifts")
    )
    left_shift = integer(parameters, "left_shift")
    return [
        requantize((values - point) << left_shift, multiplier, shift).astype(np.int64)
        for values, point, multiplier, shift in zip((first, second), points, multipliers, shifts, strict=True)
    ]


def to_output(parameters: Parameters, values: Int64Array) -> Int64Array:
    """Values on the scale of the output's multiplier, as bytes."""
    output = requantize(
        wrap_int32(values), integer(parameters, "output_multiplier"), integer(parameters, "output_shift")
    )
    return to_bytes(output, integer(parameters, "output_zero_point"), output_range(parameters)).astype(np.int64)


def _squared_difference(parameters: Parameters, first: Int64Array, second: Int64Array) -> Int64Array:
    one, other = scaled(parameters, first, second)
    return to_output(parameters, (one - other) ** 2)


def _prelu(parameters: Parameters, first: Int64Array, second: Int64Array) -> Int64Array:
    points, multipliers, shifts = (
        cast(tuple[int, int], parameters[name]) for name in ("input_zero_points", "multipliers", "shifts")
    )
    values, alphas = first - points[0], second - points[1]
    kept = requantize(values, multipliers[0], shifts[0])
    made = requantize(values * alphas, integer(parameters, "output_multiplier"), integer(parameters, "output_shift"))
    chosen = np.where(values >= 0, kept, made)
    return to_bytes(chosen, integer(parameters, "output_zero_point"), output_range(parameters)).astype(np.int64)


def _minimum(_: Parameters, first: Int64Array, second: Int64Array) -> Int64Array:
    return np.minimum(first, second)


def _maximum(_: Parameters, first: Int64Array, second: Int64Array) -> Int64Array:
    return np.maximum(first, second)


def binary_kernel(name: str, compute: Compute, instructions: float) -> Kernel:
    """A kernel with the parameters of `tinyts_binary_parameters` that computes this of operands that are broadcast."""
    return Kernel(name, _runner(compute), struct="binary", cost=per_element(instructions))


SQUARED_DIFFERENCE = binary_kernel("squared_difference", _squared_difference, 40.0)
PRELU = binary_kernel("prelu", _prelu, 16.0)
MINIMUM = binary_kernel("minimum", _minimum, 2.2)
MAXIMUM = binary_kernel("maximum", _maximum, 2.2)


def _entry(
    op_type: type,
    kernel: Kernel,
    compute: Compute,
    constants: Callable[..., dict[str, Parameter]],
    reachable: Reachable | None = None,
) -> OpEntry[BinaryOp]:
    def call(op: BinaryOp) -> KernelCall:
        parameters = {**geometry(op), **constants(op)}
        return call_with_constant(op, compute, parameters) or KernelCall.of(op, kernel, parameters)

    return OpEntry(
        op_type,
        call,
        works_in_place=works_in_place,
        cost=lambda op: kernel.cost({}),
        check=constants,
        kernels=(kernel, LOOKUP),
        reachable=reachable,
    )


FAMILY = KernelFamily(
    kernels=[SQUARED_DIFFERENCE, PRELU, MINIMUM, MAXIMUM],
    ops=[
        _entry(SquaredDifferenceOp, SQUARED_DIFFERENCE, _squared_difference, _difference_constants),
        _entry(PreluOp, PRELU, _prelu, _prelu_constants),
        _entry(MinimumOp, MINIMUM, _minimum, arithmetic, between_corners(_minimum, arithmetic)),
        _entry(MaximumOp, MAXIMUM, _maximum, arithmetic, between_corners(_maximum, arithmetic)),
    ],
)
