"""Ops whose one operand is a constant: functions of one byte, the same for all elements or for all of a channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import lcm, prod
from typing import cast

import numpy as np

from tinyts_mlir.dialects.interfaces import is_constant
from tinyts_mlir.dialects.tinyts import BinaryOp
from tinyts_mlir.kernels.affine_bytes import OFFSET_BITS, affine_byte, affine_bytes
from tinyts_mlir.kernels.cost import KernelCost, per_element
from tinyts_mlir.kernels.entry import Kernel, KernelCall
from tinyts_mlir.kernels.lookups import LOOKUP
from tinyts_mlir.kernels.numpy_rows import Int64Array, Rows, Window
from tinyts_mlir.kernels.operands import whole_shape_of
from tinyts_mlir.kernels.parameters import Parameters, int8_array, int32_array, integer, output_range

__all__ = ["AFFINE_CHANNELS", "Compute", "call_with_constant", "cost_with_constant"]

Compute = Callable[[Parameters, Int64Array, Int64Array], Int64Array]
"""Parameters and both operands, broadcast against each other; gives the results."""

_BLOCK = 8
"""Channels that the C kernel makes at once."""
_LEAST_VECTOR = 16
"""Shorter vectors of constants are repeated: the C kernel begins anew with each."""
_LEAST_REPETITIONS = 4
_SHORT_VECTOR = 128
"""Constants take eight times the flash of the operand: longer vectors have to be used often in a row."""
_PLACES = np.array([0, 4, 1, 5])
"""Of the factors of four channels in a block of eight constants; offsets are two behind."""


def call_with_constant(
    op: BinaryOp, compute: Compute, parameters: Parameters, *, is_affine: bool = False
) -> KernelCall | None:
    """A table, or constants for each channel where the op `is_affine` in each operand; None where neither is right.

    `compute` makes results of operands that are broadcast, `parameters` are those of `tinyts_binary_parameters`.
    """
    vector = _constant_vector(parameters)
    if vector is None:
        return None
    elements = int(np.prod(cast(tuple[int, ...], parameters["sizes"])))
    values, channels = np.unique(vector, return_inverse=True)
    if len(values) == 1:
        table = _results(compute, parameters, values)[0].astype(np.int8)
        return KernelCall.of(op, LOOKUP, {"table": table, "row_elements": elements})
    repetitions = elements // len(vector)
    if not is_affine or (repetitions < _LEAST_REPETITIONS and len(vector) > _SHORT_VECTOR):
        return None
    limits = output_range(parameters)
    found = [affine_byte(results, limits) for results in _results(compute, parameters, values)]
    if None in found:
        return None
    constants = np.array(found, np.int64)[channels]
    times = _repetitions_at_once(len(vector), repetitions)
    packed = _packed(np.tile(constants, (times, 1)))
    return KernelCall.of(
        op,
        AFFINE_CHANNELS,
        {
            "constants": packed,
            "row_elements": elements,
            "channels": len(vector) * times,
            "output_minimum": limits[0],
            "output_maximum": limits[1],
        },
    )


def cost_with_constant(op: BinaryOp) -> KernelCost | None:
    """What an affine op on a constant costs, before it is lowered; None where neither operand is one."""
    constants = [group[0] for group in op.operand_groups() if is_constant(group[0])]
    if not constants:
        return None
    return (LOOKUP if prod(whole_shape_of(constants[0])) == 1 else AFFINE_CHANNELS).cost({})


def _constant_vector(parameters: Parameters) -> np.ndarray | None:
    """The constant, where it is a vector that is the same all along the other operand, which is not broadcast."""
    sizes, strides = (cast(tuple[int, ...], parameters[name]) for name in ("sizes", "strides"))
    if "first" not in parameters and "second" not in parameters:
        return None
    steps, name = (strides[:4], "first") if "first" in parameters else (strides[4:], "second")
    others = strides[4:] if name == "first" else strides[:4]
    varies = [step != 0 and size > 1 for step, size in zip(steps, sizes, strict=True)]
    if any(size > 1 and step == 0 for size, step in zip(sizes, others, strict=True)) or sorted(varies) != varies:
        return None
    return int8_array(parameters, name).reshape(-1)


def _results(compute: Compute, parameters: Parameters, values: np.ndarray) -> Int64Array:
    """What each value of the constant, by row, makes of each byte."""
    constant, operand = values.astype(np.int64)[:, None], np.arange(-128, 128, dtype=np.int64)[None, :]
    pair = (constant, operand) if "first" in parameters else (operand, constant)
    return np.broadcast_to(compute(parameters, *pair), (len(values), 256)).astype(np.int64)


def _repetitions_at_once(channels: int, repetitions: int) -> int:
    """How often a vector is repeated to be whole blocks, and not too short; 1 where that would be too long."""
    times = lcm(channels, _BLOCK) // channels
    times *= -(-_LEAST_VECTOR // (channels * times))
    return times if times <= repetitions and (times == 1 or channels * times <= _SHORT_VECTOR) else 1


def _packed(constants: Int64Array) -> np.ndarray:
    """Factors and offsets, [channels, 2], in the order of tinyts_affine_channels_parameters."""
    blocks = np.zeros((-(-len(constants) // 4), 8), np.int32)
    for channel, (factor, offset) in enumerate(constants):
        block, place = blocks[channel // 4], _PLACES[channel % 4]
        block[place], block[place + 2] = factor, offset + (128 << OFFSET_BITS)
    return blocks.reshape(-1)


def _run(parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    channels = integer(parameters, "channels")
    blocks = int32_array(parameters, "constants").reshape(-1, 8).astype(np.int64)
    number = np.arange(integer(parameters, "row_elements")) % channels
    factors, offsets = blocks[:, _PLACES].reshape(-1)[number], blocks[:, _PLACES + 2].reshape(-1)[number]
    return [affine_bytes(inputs[0].rows, factors, offsets - (128 << OFFSET_BITS), output_range(parameters))]


AFFINE_CHANNELS = Kernel("affine_channels", _run, cost=per_element(4.6))
