"""ADD, SUB, MUL, MINIMUM and MAXIMUM of int16, broadcast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from tinyts_mlir.dialects.rows import quantization_of
from tinyts_mlir.dialects.tinyts import AddOp, BinaryOp, MaximumOp, MinimumOp, MulOp, SubOp
from tinyts_mlir.kernels.binary import geometry, works_in_place
from tinyts_mlir.kernels.c_sources import int16_sources
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.int16_arithmetic import (
    INT16_RANGE,
    as_wide_rows,
    clipped,
    per_wide_element,
    power_of_two,
    wide_elements,
)
from tinyts_mlir.kernels.numpy_rows import Int64Array, Rows, Window
from tinyts_mlir.kernels.operands import int16_constant, range_of
from tinyts_mlir.kernels.parameters import Parameter, Parameters, integer, integers
from tinyts_mlir.kernels.products import product_scale
from tinyts_mlir.quantization import add_parameters, requantize, wrap_int32

LEFT_SHIFT = 15
"""Of the operands of sums: what two of them make fits 32 bits."""

HALF = 1 << 30
"""1/2 in Q31."""
GREATEST_SHIFT = 31

Compute = Callable[[Parameters, Int64Array, Int64Array], Int64Array]


def _constants(limits: tuple[int, int] = INT16_RANGE) -> dict[str, Parameter]:
    return {
        "multipliers": (0, 0),
        "shifts": (0, 0),
        "left_shift": 0,
        "output_multiplier": 0,
        "output_shift": 0,
        "output_minimum": limits[0],
        "output_maximum": limits[1],
    }


def _sum_constants(op: AddOp | SubOp) -> dict[str, Parameter]:
    """Source: Prepare in kernels/add.cc, and PrepareGeneralSubOp in kernels/sub.cc."""
    first, second, output = (quantization_of(value) for value in (op.lhs[0], op.rhs[0], op.result))
    limits = range_of(op.activation.data, op.result)
    if op.powers_of_two.value.data and (powers := _powers(first.scale, second.scale, output.scale)) is not None:
        return {**_constants(limits), **_shifted_sum(op, powers)}
    found = add_parameters((first.scale, second.scale), (0, 0), output.scale, 0, limits, LEFT_SHIFT)
    if isinstance(op, SubOp):
        found = replace(found, multipliers=(found.multipliers[0], -found.multipliers[1]))
    names = ("multipliers", "shifts", "left_shift", "output_multiplier", "output_shift")
    return {**_constants(limits), **{name: getattr(found, name) for name in names}}


def _powers(*scales: float) -> tuple[int, ...] | None:
    """The exponents of scales all of which count as powers of two; None where one does not."""
    if not min(scales) > 0.0:
        raise ValueError(f"a sum needs positive scales, not {scales}")
    found = [power_of_two(scale) for scale in scales]
    powers = tuple(power for power in found if power is not None)
    return powers if len(powers) == len(scales) else None


def _shifted_sum(op: AddOp | SubOp, powers: tuple[int, ...]) -> dict[str, Parameter]:
    """One operand as it is, the other shifted to the right with rounding: by multipliers that do no more than that.

    Raises ValueError where LiteRT refuses the scales, or the shapes. Source: Prepare in kernels/add.cc,
    PrepareInt16SubOpPOT in kernels/sub.cc.
    """
    shifts = powers[0] - powers[2], powers[1] - powers[2]
    if max(shifts) > 0 or 0 not in shifts or min(shifts) < -GREATEST_SHIFT:
        raise ValueError(
            f"expected the greater scale of int16 operands to be the result's, as all count as powers of two, got 2^"
            f"{powers[0]}, 2^{powers[1]} and 2^{powers[2]}"
        )
    if isinstance(op, AddOp) and op.operand_shapes[0] != op.operand_shapes[1]:
        raise ValueError("expected operands of one shape where int16 scales count as powers of two")
    sign = -1 if isinstance(op, SubOp) else 1
    return {
        "left_shift": 1,
        "multipliers": (HALF, sign * HALF),
        "shifts": shifts,
        "output_multiplier": HALF,
        "output_shift": 1,
    }


def _product_constants(op: MulOp) -> dict[str, Parameter]:
    multiplier, shift = product_scale(op)
    limits = range_of(op.activation.data, op.result)
    return {**_constants(limits), "output_multiplier": multiplier, "output_shift": shift}


def _extreme_constants(_: BinaryOp) -> dict[str, Parameter]:
    """The quantizations do not matter."""
    return _constants()


# --- Meaning -------------------------------------------------------------------------------------------------------


def _to_output(parameters: Parameters, values: Int64Array) -> Int64Array:
    multiplier, shift = integer(parameters, "output_multiplier"), integer(parameters, "output_shift")
    return clipped(requantize(wrap_int32(values), multiplier, shift), parameters)


def _sum(parameters: Parameters, first: Int64Array, second: Int64Array) -> Int64Array:
    multipliers, shifts = integers(parameters, "multipliers"), integers(parameters, "shifts")
    left_shift = integer(parameters, "left_shift")
    one, other = (
        requantize(values << left_shift, multiplier, shift).astype(np.int64)
        for values, multiplier, shift in zip((first, second), multipliers, shifts, strict=True)
    )
    return _to_output(parameters, one + other)


def _product(parameters: Parameters, first: Int64Array, second: Int64Array) -> Int64Array:
    return _to_output(parameters, first * second)


def _minimum(_: Parameters, first: Int64Array, second: Int64Array) -> Int64Array:
    return np.minimum(first, second)


def _maximum(_: Parameters, first: Int64Array, second: Int64Array) -> Int64Array:
    return np.maximum(first, second)


def _kernel(name: str, compute: Compute, instructions: float) -> Kernel:
    def run(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
        sizes, strides = integers(parameters, "sizes"), integers(parameters, "strides")
        windows = iter(inputs)
        operands: list[Int64Array] = []
        for number, operand in enumerate(("first", "second")):
            steps = strides[4 * number : 4 * number + 4]
            shape = [size if step else 1 for size, step in zip(sizes, steps, strict=True)]
            constant = cast("np.ndarray | None", parameters.get(operand))
            elements = wide_elements(next(windows)) if constant is None else constant
            operands.append(elements.astype(np.int64).reshape(-1, *shape))
        made = compute(parameters, operands[0], operands[1])
        return as_wide_rows(np.broadcast_to(made, (row_count, *sizes)), row_count)

    cost = per_wide_element(instructions)
    return Kernel(name, run, struct="binary_int16", cost=lambda _: cost, sources=int16_sources())


SCALED_SUM_INT16 = _kernel("scaled_sum_int16", _sum, 65.0)
MULTIPLY_INT16 = _kernel("multiply_int16", _product, 26.0)
MINIMUM_INT16 = _kernel("minimum_int16", _minimum, 10.0)
MAXIMUM_INT16 = _kernel("maximum_int16", _maximum, 10.0)


def _entry(op_type: type, kernel: Kernel, constants: Callable[..., dict[str, Parameter]]) -> OpEntry[BinaryOp]:
    def call(op: BinaryOp) -> KernelCall:
        return KernelCall.of(op, kernel, {**geometry(op, int16_constant), **constants(op)})

    return OpEntry(
        op_type,
        call,
        works_in_place=works_in_place,
        cost=lambda op: kernel.cost({}),
        check=constants,
        kernels=(kernel,),
        is_wide=True,
    )


FAMILY = KernelFamily(
    kernels=[SCALED_SUM_INT16, MULTIPLY_INT16, MINIMUM_INT16, MAXIMUM_INT16],
    ops=[
        _entry(AddOp, SCALED_SUM_INT16, _sum_constants),
        _entry(SubOp, SCALED_SUM_INT16, _sum_constants),
        _entry(MulOp, MULTIPLY_INT16, _product_constants),
        _entry(MinimumOp, MINIMUM_INT16, _extreme_constants),
        _entry(MaximumOp, MAXIMUM_INT16, _extreme_constants),
    ],
)
