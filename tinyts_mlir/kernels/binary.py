"""Functions of two elements, broadcast: constants of the kernels, and what these compute."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np

from tinyts_mlir.dialects.interfaces import is_constant
from tinyts_mlir.dialects.rows import quantization_of
from tinyts_mlir.dialects.tinyts import (
    AddOp,
    BinaryOp,
    MaximumOp,
    MinimumOp,
    MulOp,
    PreluOp,
    SquaredDifferenceOp,
    SubOp,
)
from tinyts_mlir.kernels.cost import per_element
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.numpy_rows import Int64Array, Rows, Window, to_bytes
from tinyts_mlir.kernels.operands import int8_weights, range_of, whole_shape_of
from tinyts_mlir.kernels.parameters import Parameter, Parameters, int8_array, integer, output_range
from tinyts_mlir.quantization import add_parameters, quantize_multiplier, requantize, wrap_int32

__all__ = ["FAMILY", "scaled_sum_call", "takes_rows_as_they_are", "works_in_place"]

_SHIFT_OF_DIFFERENCES = 7


def takes_rows_as_they_are(op: BinaryOp) -> bool:
    """Whether both operands are feature maps of the result's shape."""
    shape = whole_shape_of(op.result)
    return all(whole_shape_of(group[0]) == shape for group in op.row_groups()) and len(op.row_groups()) == 2


def works_in_place(op: BinaryOp) -> bool:
    """Element by element, where no operand in the arena is broadcast."""
    return all(whole_shape_of(group[0]) == whole_shape_of(op.result) for group in op.row_groups())


# --- Parameters ----------------------------------------------------------------------------------------------------


def _geometry(op: BinaryOp) -> dict[str, Parameter]:
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
            parameters[name] = int8_weights(group[0]).reshape(-1)
    return parameters


def _arithmetic(op: BinaryOp, activation: str = "none") -> dict[str, Parameter]:
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


def _sum_constants(op: AddOp | SubOp) -> dict[str, Parameter]:
    """Those of ADD; of SUB, with the second multiplier negated. Source: PrepareGeneralSubOp in kernels/sub.cc."""
    first, second, output = (quantization_of(value) for value in (op.lhs[0], op.rhs[0], op.result))
    limits = range_of(op.activation.data, op.result)
    points = (first.zero_point, second.zero_point)
    constants = add_parameters((first.scale, second.scale), points, output.scale, output.zero_point, limits)
    parameters: dict[str, Parameter] = dict(vars(constants))
    if isinstance(op, SubOp):
        parameters["multipliers"] = (constants.multipliers[0], -constants.multipliers[1])
    return parameters


def _product_constants(op: MulOp) -> dict[str, Parameter]:
    """Source: Prepare in kernels/mul.cc; the real multiplier is in single precision."""
    first, second, output = (quantization_of(value) for value in (op.lhs[0], op.rhs[0], op.result))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        real = float(np.float32(first.scale) * np.float32(second.scale) / np.float32(output.scale))
    multiplier, shift = quantize_multiplier(real)
    if shift > 31:
        raise ValueError(f"the output scale {output.scale} of a product is too small")
    return {**_arithmetic(op, op.activation.data), "output_multiplier": multiplier, "output_shift": shift}


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
        **_arithmetic(op),
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
        **_arithmetic(op),
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


Compute = Callable[[Parameters, Int64Array, Int64Array], Int64Array]


def _runner(compute: Compute) -> Callable[[Parameters, Sequence[Window], int], list[Rows]]:
    def run(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
        (first, second), size = _operands(parameters, inputs, row_count)
        made = compute(parameters, first, second).astype(np.int8)
        sizes = cast(tuple[int, ...], parameters["sizes"])
        return [np.ascontiguousarray(np.broadcast_to(made, (row_count, *sizes))).reshape(row_count, size)]

    return run


def _scaled(parameters: Parameters, first: Int64Array, second: Int64Array) -> list[Int64Array]:
    """Both operands on the finer scale that they have in common."""
    points, multipliers, shifts = (
        cast(tuple[int, int], parameters[name]) for name in ("input_zero_points", "multipliers", "shifts")
    )
    left_shift = integer(parameters, "left_shift")
    return [
        requantize((values - point) << left_shift, multiplier, shift).astype(np.int64)
        for values, point, multiplier, shift in zip((first, second), points, multipliers, shifts, strict=True)
    ]


def _to_output(parameters: Parameters, values: Int64Array) -> Int64Array:
    output = requantize(
        wrap_int32(values), integer(parameters, "output_multiplier"), integer(parameters, "output_shift")
    )
    return to_bytes(output, integer(parameters, "output_zero_point"), output_range(parameters)).astype(np.int64)


def _scaled_sum(parameters: Parameters, first: Int64Array, second: Int64Array) -> Int64Array:
    one, other = _scaled(parameters, first, second)
    return _to_output(parameters, one + other)


def _squared_difference(parameters: Parameters, first: Int64Array, second: Int64Array) -> Int64Array:
    one, other = _scaled(parameters, first, second)
    return _to_output(parameters, (one - other) ** 2)


def _multiply(parameters: Parameters, first: Int64Array, second: Int64Array) -> Int64Array:
    points = cast(tuple[int, int], parameters["input_zero_points"])
    return _to_output(parameters, (first - points[0]) * (second - points[1]))


def _prelu(parameters: Parameters, first: Int64Array, second: Int64Array) -> Int64Array:
    points, multipliers, shifts = (
        cast(tuple[int, int], parameters[name]) for name in ("input_zero_points", "multipliers", "shifts")
    )
    values, alphas = first - points[0], second - points[1]
    kept = requantize(values, multipliers[0], shifts[0])
    made = requantize(values * alphas, integer(parameters, "output_multiplier"), integer(parameters, "output_shift"))
    chosen = np.where(values >= 0, kept, made)
    return to_bytes(chosen, integer(parameters, "output_zero_point"), output_range(parameters)).astype(np.int64)


def _kernel(name: str, compute: Compute, instructions: float) -> Kernel:
    return Kernel(name, _runner(compute), struct="binary", cost=per_element(instructions))


SCALED_SUM = _kernel("scaled_sum", _scaled_sum, 40.0)
MULTIPLY = _kernel("multiply", _multiply, 18.0)
SQUARED_DIFFERENCE = _kernel("squared_difference", _squared_difference, 40.0)
PRELU = _kernel("prelu", _prelu, 16.0)
MINIMUM = _kernel("minimum", lambda _, first, second: np.minimum(first, second), 6.0)
MAXIMUM = _kernel("maximum", lambda _, first, second: np.maximum(first, second), 6.0)


def scaled_sum_call(op: AddOp | SubOp) -> KernelCall:
    """ADD and SUB as the reference computes them, broadcast."""
    return KernelCall.of(op, SCALED_SUM, {**_geometry(op), **_sum_constants(op)})


def _entry(op_type: type, kernel: Kernel, constants: Callable[..., dict[str, Parameter]]) -> OpEntry[BinaryOp]:
    def call(op: BinaryOp) -> KernelCall:
        return KernelCall.of(op, kernel, {**_geometry(op), **constants(op)})

    return OpEntry(
        op_type,
        call,
        works_in_place=works_in_place,
        cost=lambda op: kernel.cost({}),
        check=constants,
        kernels=(kernel,),
    )


FAMILY = KernelFamily(
    kernels=[SCALED_SUM, MULTIPLY, SQUARED_DIFFERENCE, PRELU, MINIMUM, MAXIMUM],
    ops=[
        _entry(SubOp, SCALED_SUM, _sum_constants),
        _entry(MulOp, MULTIPLY, _product_constants),
        _entry(SquaredDifferenceOp, SQUARED_DIFFERENCE, _difference_constants),
        _entry(PreluOp, PRELU, _prelu_constants),
        _entry(MinimumOp, MINIMUM, _arithmetic),
        _entry(MaximumOp, MAXIMUM, _arithmetic),
    ],
)
