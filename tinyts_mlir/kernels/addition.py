"""ADD: in one step where the compiler finds constants for every pair of bytes, else as the reference does."""

from __future__ import annotations

from collections.abc import Sequence

from tinyts_mlir.dialects.rows import quantization_of, row_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import AddOp
from tinyts_mlir.kernels.affine_addition import AffineAddition, affine_addition, affine_sums
from tinyts_mlir.kernels.binary import SCALED_SUM, scaled_sum_call, takes_rows_as_they_are, works_in_place
from tinyts_mlir.kernels.cost import per_element
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.numpy_rows import INT8_RANGE, Rows, Window
from tinyts_mlir.kernels.operands import range_of
from tinyts_mlir.kernels.parameters import Parameter, Parameters, output_range
from tinyts_mlir.kernels.reference_addition import add
from tinyts_mlir.quantization import AddParameters, add_parameters

_AFFINE_COST = per_element(7.2)
"""As nearly all additions are."""


def _constants(op: AddOp, output_range: tuple[int, int] = INT8_RANGE) -> AddParameters:
    first, second, output = (quantization_of(value) for value in (op.lhs[0], op.rhs[0], op.result))
    return add_parameters(
        (first.scale, second.scale),
        (first.zero_point, second.zero_point),
        output.scale,
        output.zero_point,
        output_range,
    )


def _call(op: AddOp) -> KernelCall:
    if not takes_rows_as_they_are(op):
        return scaled_sum_call(op)
    constants = _constants(op, range_of(op.activation.data, op.result))
    row_elements = row_bytes(tensor_type(op.result))
    if (addition := affine_addition(constants)) is None:
        return KernelCall.of(op, ADD, {**vars(constants), "row_elements": row_elements})
    parameters: dict[str, Parameter] = {**addition._asdict(), "row_elements": row_elements}
    parameters["output_minimum"], parameters["output_maximum"] = constants.output_minimum, constants.output_maximum
    return KernelCall.of(op, AFFINE_ADD, parameters)


def _check(op: AddOp) -> None:
    range_of(op.activation.data, op.result)
    _constants(op)


def _run_add(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    fields = {name: value for name, value in parameters.items() if name != "row_elements"}
    return [add(inputs[0].rows, inputs[1].rows, AddParameters(**fields))]  # type: ignore[arg-type]


def _run_affine_add(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    fields = {name: parameters[name] for name in AffineAddition._fields}
    addition = AffineAddition(**fields)  # type: ignore[arg-type]
    return [affine_sums(inputs[0].rows, inputs[1].rows, addition, output_range(parameters))]


ADD = Kernel("add", _run_add, cost=per_element(60.0))
AFFINE_ADD = Kernel("affine_add", _run_affine_add, cost=_AFFINE_COST)

FAMILY = KernelFamily(
    kernels=[ADD, AFFINE_ADD],
    ops=[
        OpEntry(
            AddOp,
            _call,
            works_in_place=works_in_place,
            cost=_AFFINE_COST,
            check=_check,
            kernels=(ADD, AFFINE_ADD, SCALED_SUM),
        )
    ],
)
