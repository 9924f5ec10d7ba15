"""ADD and SUB: in one step where the compiler finds constants for every pair of bytes, else as the reference does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinyts_mlir.dialects.rows import quantization_of, row_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import AddOp, SubOp
from tinyts_mlir.kernels.affine_addition import AffineAddition, affine_addition, affine_sums
from tinyts_mlir.kernels.binary import (
    between_corners,
    binary_kernel,
    geometry,
    scaled,
    takes_rows_as_they_are,
    to_output,
    works_in_place,
)
from tinyts_mlir.kernels.constant_operands import AFFINE_CHANNELS, call_with_constant, cost_with_constant
from tinyts_mlir.kernels.cost import KernelCost, per_element
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.lookups import LOOKUP
from tinyts_mlir.kernels.numpy_rows import Int64Array, Rows, Window
from tinyts_mlir.kernels.operands import range_of
from tinyts_mlir.kernels.parameters import Parameter, Parameters, integer, integers, output_range
from tinyts_mlir.kernels.reference_addition import add
from tinyts_mlir.quantization import AddParameters, add_parameters

SumOp = AddOp | SubOp


def sum_constants(op: SumOp) -> AddParameters:
    """Those of ADD; of SUB, with the second multiplier negated. Source: PrepareGeneralSubOp in kernels/sub.cc."""
    first, second, output = (quantization_of(value) for value in (op.lhs[0], op.rhs[0], op.result))
    constants = add_parameters(
        (first.scale, second.scale),
        (first.zero_point, second.zero_point),
        output.scale,
        output.zero_point,
        range_of(op.activation.data, op.result),
    )
    if isinstance(op, AddOp):
        return constants
    return replace(constants, multipliers=(constants.multipliers[0], -constants.multipliers[1]))


def _constants_by_name(op: SumOp) -> dict[str, Parameter]:
    return dict(vars(sum_constants(op)))


def _call(op: SumOp) -> KernelCall:
    constants = sum_constants(op)
    if not takes_rows_as_they_are(op):
        return _broadcast_call(op, constants)
    row_elements = row_bytes(tensor_type(op.result))
    if (addition := affine_addition(constants)) is None:
        return KernelCall.of(op, ADD, {**vars(constants), "row_elements": row_elements})
    parameters: dict[str, Parameter] = {**addition._asdict(), "row_elements": row_elements}
    parameters["output_minimum"], parameters["output_maximum"] = constants.output_minimum, constants.output_maximum
    return KernelCall.of(op, AFFINE_ADD, parameters)


def _broadcast_call(op: SumOp, constants: AddParameters) -> KernelCall:
    parameters = {**geometry(op), **vars(constants)}
    if (call := call_with_constant(op, _scaled_sum, parameters, is_affine=True)) is not None:
        return call
    if (addition := affine_addition(constants)) is None:
        return KernelCall.of(op, SCALED_SUM, parameters)
    parameters["multipliers"] = addition.factors
    parameters["output_multiplier"], parameters["output_shift"] = addition.offset, addition.right_shift
    return KernelCall.of(op, BROADCAST_AFFINE_ADD, parameters)


def _scaled_sum(parameters: Parameters, first: Int64Array, second: Int64Array) -> Int64Array:
    one, other = scaled(parameters, first, second)
    return to_output(parameters, one + other)


def _affine_sum(parameters: Parameters, first: Int64Array, second: Int64Array) -> Int64Array:
    factors = integers(parameters, "multipliers")
    offset, shift = integer(parameters, "output_multiplier"), integer(parameters, "output_shift")
    addition = AffineAddition((factors[0], factors[1]), offset, shift)
    return affine_sums(first.astype(np.int8), second.astype(np.int8), addition, output_range(parameters)).astype(
        np.int64
    )


def _run_add(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    fields = {name: value for name, value in parameters.items() if name != "row_elements"}
    return [add(inputs[0].rows, inputs[1].rows, AddParameters(**fields))]  # type: ignore[arg-type]


def _run_affine_add(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    fields = {name: parameters[name] for name in AffineAddition._fields}
    addition = AffineAddition(**fields)  # type: ignore[arg-type]
    return [affine_sums(inputs[0].rows, inputs[1].rows, addition, output_range(parameters))]


def _cost(op: SumOp) -> KernelCost:
    """As nearly all sums are."""
    return cost_with_constant(op) or AFFINE_ADD.cost({})


ADD = Kernel("add", _run_add, cost=per_element(60.0))
AFFINE_ADD = Kernel("affine_add", _run_affine_add, cost=per_element(6.2))
SCALED_SUM = binary_kernel("scaled_sum", _scaled_sum, 40.0)
BROADCAST_AFFINE_ADD = binary_kernel("broadcast_affine_add", _affine_sum, 8.0)


def _entry(op_type: type[SumOp]) -> OpEntry[SumOp]:
    return OpEntry(
        op_type,
        _call,
        works_in_place=works_in_place,
        cost=_cost,
        check=sum_constants,
        kernels=(ADD, AFFINE_ADD, AFFINE_CHANNELS, BROADCAST_AFFINE_ADD, LOOKUP, SCALED_SUM),
        reachable=between_corners(_scaled_sum, _constants_by_name),
    )


FAMILY = KernelFamily(
    kernels=[ADD, AFFINE_ADD, AFFINE_CHANNELS, BROADCAST_AFFINE_ADD, SCALED_SUM],
    ops=[_entry(AddOp), _entry(SubOp)],
)
