"""SOFTMAX of int16, by tables, and of int8 to int16, in gemmlowp's fixed point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np

from tinyts_mlir.dialects.rows import element_bytes, quantization_of, row_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import SoftmaxOp
from tinyts_mlir.kernels.c_sources import int16_sources
from tinyts_mlir.kernels.entry import Kernel, KernelCall, KernelFamily, OpEntry
from tinyts_mlir.kernels.fixed_point import exponentials_of_differences, one_over_one_plus_x
from tinyts_mlir.kernels.int16_arithmetic import INT16_RANGE, Int16Array, as_wide_rows, per_wide_element, wide_elements
from tinyts_mlir.kernels.numpy_rows import Int64Array, Rows, Window
from tinyts_mlir.kernels.operands import whole_shape_of
from tinyts_mlir.kernels.parameters import Parameter, Parameters, integer
from tinyts_mlir.quantization import (
    SoftmaxParameters,
    defined_multiplier,
    requantize,
    rounding_divide_by_power_of_two,
    saturating_rounding_doubling_high_multiply,
    softmax_parameters,
    wrap_int32,
)

_COST = per_wide_element(60.0)
_COST_OF_BYTES = per_wide_element(200.0)

TABLE_STEPS = 512
_ENTRY_BITS = 7
"""An entry of a table is for so many bits of an int16."""
SMALLEST = -10.0
"""Of this, and what is less, the exponential counts as 0."""
_RANGE = 65535.0
MOST_WIDE_ELEMENTS = (1 << 16) - 1
"""Of int16, so many exponentials fit a sum."""
MOST_BYTES = (1 << 12) - 1
"""Of int8, sums have 12 integer bits."""


def _round(value: float) -> float:
    """Half away from 0."""
    return float(np.copysign(np.floor(abs(value) + 0.5), value))


def wide_table(function: Callable[[float], float], low: float, high: float) -> Int16Array:
    """Values of a function from `low` to `high` in 1/32768, less what interpolation is too large by; (513,).

    Source: LUTPopulateInt16 in kernels/internal/common.h, in double precision.
    """
    step = (high - low) / TABLE_STEPS
    scale = 65536.0 / (2.0 / _RANGE * 32767 - 2.0 / _RANGE * -32768)
    entries: list[float] = []
    for i in range(TABLE_STEPS):
        here, middle = function(low + i * step), function(low + i * step + step / 2)
        behind = function(low + (i + 1) * step)
        between = _round((behind * scale + _round(here * scale)) / 2)
        entries.append(_round(here * scale) - _round((between - _round(middle * scale)) / 2))
    entries.append(_round(function(high) * scale))
    return np.clip(entries, *INT16_RANGE).astype(np.int16)


def _exponentials() -> Int16Array:
    scale = -SMALLEST / _RANGE
    return wide_table(lambda value: float(np.exp(value)), scale * -_RANGE, 0.0)


def _reciprocals() -> Int16Array:
    return wide_table(lambda value: 1.0 / (1.0 + value), 0.0, 1.0 / _RANGE * _RANGE)


# --- Constants -----------------------------------------------------------------------------------------------------


def _is_of_bytes(op: SoftmaxOp) -> bool:
    return element_bytes(tensor_type(op.input[0])) == 1


def _wide_constants(op: SoftmaxOp) -> dict[str, Parameter]:
    """Source: SoftmaxPrepare in kernels/activations.cc; the product of scale and beta is in single precision."""
    with np.errstate(over="ignore"):
        product = float(np.float32(quantization_of(op.input[0]).scale) * np.float32(op.beta.value.data))
    if not product > 0.0:
        raise ValueError(f"expected a positive product of beta and the input's scale, got {product}")
    multiplier, shift = defined_multiplier(product / (10.0 / 65535.0))
    return {"input_multiplier": multiplier, "input_shift": shift}


def _constants_of_bytes(op: SoftmaxOp) -> SoftmaxParameters:
    return softmax_parameters(op.beta.value.data, quantization_of(op.input[0]).scale)


def _check(op: SoftmaxOp) -> None:
    depth, most = whole_shape_of(op.input[0])[-1], MOST_BYTES if _is_of_bytes(op) else MOST_WIDE_ELEMENTS
    if depth > most:
        raise ValueError(f"expected vectors of at most {most} elements, got {depth}")
    if _is_of_bytes(op):
        _constants_of_bytes(op)
    else:
        _wide_constants(op)


def _call(op: SoftmaxOp) -> KernelCall:
    depth = whole_shape_of(op.input[0])[-1]
    vectors = row_bytes(tensor_type(op.result)) // (2 * depth)
    shape: dict[str, Parameter] = {"vectors": vectors, "depth": depth}
    if _is_of_bytes(op):
        return KernelCall.of(op, SOFTMAX_TO_INT16, {**vars(_constants_of_bytes(op)), **shape})
    tables: dict[str, Parameter] = {"exponentials": _exponentials(), "reciprocals": _reciprocals()}
    return KernelCall.of(op, SOFTMAX_INT16, {**tables, **_wide_constants(op), **shape})


# --- Meaning -------------------------------------------------------------------------------------------------------


def _between_entries(table: Int64Array, values: Int64Array) -> Int64Array:
    """Source: LUTLookup in kernels/internal/common.h."""
    entries, between = (1 << 8) + (values >> _ENTRY_BITS), values & ((1 << _ENTRY_BITS) - 1)
    slopes = (table[entries + 1] - table[entries]).astype(np.int16).astype(np.int64)
    more = (slopes * between + (1 << _ENTRY_BITS >> 1)) >> _ENTRY_BITS
    return (table[entries] + more).astype(np.int16).astype(np.int64)


def _run(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    """Source: SoftmaxInt16 in kernels/internal/reference/softmax.h."""
    tables = [cast(Int16Array, parameters[name]).astype(np.int64) for name in ("exponentials", "reciprocals")]
    depth = integer(parameters, "depth")
    vectors = wide_elements(inputs[0]).reshape(-1, depth).astype(np.int64)
    differences = vectors - vectors.max(axis=1, keepdims=True)
    scaled = requantize(differences, integer(parameters, "input_multiplier"), integer(parameters, "input_shift"))
    centered = wrap_int32(scaled.astype(np.int64) + INT16_RANGE[1])
    exponentials = _between_entries(tables[0], np.clip(centered, *INT16_RANGE).astype(np.int64))
    sums = exponentials.sum(axis=1, keepdims=True)
    headroom = 32 - np.frexp(sums.astype(np.float64))[1].astype(np.int64)
    shifted = ((sums << (headroom - 1)) + (1 << 13)) >> 14
    reciprocals = _between_entries(tables[1], np.clip(shifted - ((1 << 15) + (1 << 16)), *INT16_RANGE))
    right = 31 - headroom
    made = (exponentials * reciprocals + (np.int64(1) << (right - 1))) >> right
    return as_wide_rows(np.clip(made, 0, INT16_RANGE[1]), row_count)


def _run_of_bytes(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    """Source: Softmax in kernels/internal/reference/softmax.h."""
    names = ("input_multiplier", "input_left_shift", "difference_minimum")
    constants = SoftmaxParameters(*(integer(parameters, name) for name in names))
    exponentials, terms, counted = exponentials_of_differences(constants)
    vectors = inputs[0].rows.reshape(-1, integer(parameters, "depth")).astype(np.int64)
    index = vectors - vectors.max(axis=1, keepdims=True) + 255
    sums = terms[index].sum(axis=1, keepdims=True)
    headroom = 32 - np.frexp(sums.astype(np.float64))[1].astype(np.int64)
    reciprocals = one_over_one_plus_x((sums << headroom) - (1 << 31))
    products = saturating_rounding_doubling_high_multiply(reciprocals, exponentials[index])
    scaled = rounding_divide_by_power_of_two(products, 12 - headroom + 31 - 16)
    made = np.where(counted[index], np.clip(scaled + INT16_RANGE[0], *INT16_RANGE), INT16_RANGE[0])
    return as_wide_rows(made, row_count)


SOFTMAX_INT16 = Kernel("softmax_int16", _run, cost=lambda _: _COST, sources=int16_sources())
SOFTMAX_TO_INT16 = Kernel(
    "softmax_to_int16",
    _run_of_bytes,
    cost=lambda _: _COST_OF_BYTES,
    sources=int16_sources(),
)

FAMILY = KernelFamily(
    kernels=[SOFTMAX_INT16, SOFTMAX_TO_INT16],
    ops=[
        OpEntry(
            SoftmaxOp,
            _call,
            cost=lambda op: _COST_OF_BYTES if _is_of_bytes(op) else _COST,
            check=_check,
            kernels=(SOFTMAX_INT16, SOFTMAX_TO_INT16),
            is_wide=True,
        )
    ],
)
