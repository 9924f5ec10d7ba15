"""A depthwise row partly over a row that it is made from: kernels read in time what the plan lets them overwrite."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import pytest
from benchmark_kernels import layout_of
from kernel_machine import Machine, pack
from xdsl.dialects.builtin import TensorType, i8, i32
from xdsl.utils.test_value import create_ssa_value

from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.row_geometry import RowMap, band_ranges
from tinyts_mlir.dialects.rows import RowRange, band_type, row_bytes, rows_of, size_in_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import ConstantOp, DepthwiseConv2DOp
from tinyts_mlir.kernels.catalogue import kernel_call
from tinyts_mlir.kernels.operand_overlap import first_byte_lost, operand_overlap

MAP_ROWS = 9
BUFFER_BYTES = 1 << 14
ROOM = 1 << 12
"""Bytes below an operand in the buffer."""


@dataclass(frozen=True)
class Case:
    """Geometry, rows of the bands of input and result, and the scale that decides which form of the kernel runs."""

    filter: tuple[int, int]
    stride: int
    padding: tuple[int, int]
    width: int
    channels: int
    dilation: int = 1
    bands: tuple[int, int] = (1, 1)
    scale: float = 0.01
    activation: str = "none"


CASES = {
    "3x3": Case((3, 3), 1, (1, 1), 11, 8),
    "3x3 of one row of triples": Case((3, 3), 1, (1, 1), 5, 12),
    "3x3 without padding": Case((3, 3), 1, (0, 0), 9, 8),
    "3x3 stride 2": Case((3, 3), 2, (0, 1), 12, 8),
    "3x3 stride 2, padding in front": Case((3, 3), 2, (1, 1), 9, 4),
    "5x5": Case((5, 5), 1, (2, 2), 10, 16),
    "5x5 stride 2": Case((5, 5), 2, (1, 2), 10, 8),
    "7x7": Case((7, 7), 1, (3, 3), 8, 4),
    "7x7 in triples": Case((7, 7), 1, (3, 3), 14, 8),
    "5x5 in triples, bands of 2": Case((5, 5), 1, (2, 2), 13, 8, bands=(2, 2)),
    "5x5 in triples, no whole blocks": Case((5, 5), 1, (2, 2), 11, 6, bands=(3, 3)),
    "7x7 in triples without padding, clamped": Case((7, 7), 1, (0, 0), 12, 4, activation="relu6"),
    "3x3 stride 2, a long row": Case((3, 3), 2, (1, 1), 17, 8),
    "3x3 stride 2, a long row, no whole blocks": Case((3, 3), 2, (0, 1), 18, 7, bands=(4, 3)),
    "9x1, wider than the fast form": Case((1, 9), 1, (4, 4), 12, 8),
    "3x3 dilation": Case((3, 3), 1, (2, 2), 9, 8, dilation=2),
    "1x1": Case((1, 1), 1, (0, 0), 6, 8),
    "3x3 in bands of 2": Case((3, 3), 1, (1, 1), 7, 8, bands=(2, 2)),
    "3x3 in bands of 3 and 1": Case((3, 3), 1, (1, 1), 7, 8, bands=(3, 1)),
    "3x3 in bands of 1 and 3": Case((3, 3), 1, (1, 1), 7, 8, bands=(1, 3)),
    "3x3 stride 2 in bands of 4 and 2": Case((3, 3), 2, (0, 1), 8, 4, bands=(4, 2)),
    "wide scaling": Case((3, 3), 1, (1, 1), 7, 8, scale=3.0),
    "3x3, no whole blocks": Case((3, 3), 1, (1, 1), 8, 6, bands=(4, 4)),
    "3x3 in bands of 5, a channel more than blocks": Case((3, 3), 1, (1, 1), 5, 13, bands=(5, 5)),
    "5x5 stride 2, no whole blocks": Case((5, 5), 2, (1, 2), 10, 14, bands=(5, 3)),
    "3x3 in bands of 3, no whole blocks": Case((3, 3), 1, (1, 1), 7, 7, bands=(3, 3)),
    "wide scaling, no whole blocks": Case((3, 3), 1, (1, 1), 7, 10, scale=3.0, bands=(4, 4)),
    "clamped, no whole blocks": Case((3, 3), 1, (1, 1), 8, 6, activation="relu6", bands=(4, 4)),
    "3x3 of two groups of blocks": Case((3, 3), 1, (1, 1), 6, 24),
    "3x3 stride 2 of two groups of blocks": Case((3, 3), 2, (0, 1), 8, 28, bands=(2, 2)),
    "5x5 of three groups and no whole blocks": Case((5, 5), 1, (2, 2), 7, 47, bands=(3, 3)),
    "clamped": Case((3, 3), 1, (1, 1), 8, 8, activation="relu6"),
}


def result_rows_of(case: Case) -> int:
    reach = (case.filter[0] - 1) * case.dilation + 1
    return (MAP_ROWS + case.filter[0] // 2 * 2 - reach) // case.stride + 1


def op_of(case: Case, rows: RowRange) -> DepthwiseConv2DOp:
    """The op that makes the rows of a map, from the bands of its input that they need."""
    random = np.random.default_rng(case.channels)
    quantized = UniformQuantizedType.per_tensor
    activation = quantized(i8, 0.05, -3)
    height, width = case.filter
    shape = [1, height, width, case.channels]
    filter = ConstantOp.from_bytes(random.bytes(height * width * case.channels), shape, quantized(i8, case.scale))
    bias_data = random.integers(-99, 99, case.channels).astype(np.int32).tobytes()
    bias = ConstantOp.from_bytes(bias_data, [case.channels], quantized(i32, 0.05 * case.scale))
    top = height // 2
    reach = [(size - 1) * case.dilation + 1 for size in case.filter]
    result_width = (case.width + sum(case.padding) - reach[1]) // case.stride + 1
    read = RowMap(case.stride, reach[0], top).needed(rows, MAP_ROWS).rows
    map = TensorType(activation, [1, MAP_ROWS, case.width, case.channels])
    bands = [
        create_ssa_value(band_type(map, band))
        for band in band_ranges(MAP_ROWS, case.bands[0])
        if band.stop > read.start and band.start < read.stop
    ]
    result = TensorType(activation, [1, result_rows_of(case), result_width, case.channels])
    properties = {
        "stride": [case.stride] * 2,
        "dilation": [case.dilation] * 2,
        "padding": [top, top, *case.padding],
        "activation": case.activation,
    }
    return DepthwiseConv2DOp([bands, filter.result, bias.result], band_type(result, rows), properties)


def run(machine: Machine, op: DepthwiseConv2DOp, under: int, distance: int) -> bytes:
    """The result of `op` when it begins `distance` bytes above the operand number `under`."""
    call = kernel_call(op)
    random = np.random.default_rng(under)
    bands = [random.bytes(size_in_bytes(tensor_type(value))) for value in op.input]
    place = machine.allocate(random.bytes(ROOM) + bands[under] + random.bytes(BUFFER_BYTES)) + ROOM
    addresses = [place if number == under else machine.allocate(data) for number, data in enumerate(bands)]
    rows = {
        row: address + (row - rows_of(tensor_type(value)).start) * row_bytes(tensor_type(value))
        for value, address in zip(op.input, addresses, strict=True)
        for row in range(rows_of(tensor_type(value)).start, rows_of(tensor_type(value)).stop)
    }
    made, row_map = rows_of(tensor_type(op.result)), call.row_map
    first = made.start * row_map.stride - row_map.padding
    needed = [rows.get(first + i, 0) for i in range((made.count - 1) * row_map.stride + row_map.window)]
    size = row_bytes(tensor_type(op.result))
    outputs = [place + distance + i * size for i in range(made.count)]
    code = "Q" if machine.pointer_bytes == 8 else "I"
    tables = [machine.allocate(struct.pack(f"={len(t)}{code}", *t)) for t in (needed, outputs)]
    block = machine.allocate(pack(layout_of(call.kernel.struct_name), call.parameters, machine))
    machine.call(f"tinyts_{call.kernel.name}", block, *tables, made.count, 0)
    result = machine.read(outputs[0], size * made.count)
    machine.free_all()
    return result


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_result_overlaps_what_dies_with_it(machine: Machine, case: Case) -> None:
    """Where the planner may put it, and where `verify-plan` finds nothing wrong, the result is that of rows apart."""
    random = np.random.default_rng(1)
    overlapped = 0
    for rows in band_ranges(result_rows_of(case), case.bands[1]):
        op = op_of(case, rows)
        op.verify_()
        overlap = operand_overlap(op)
        assert overlap is not None
        for under, value in enumerate(op.input):
            if (lead := overlap.lead(rows, rows_of(tensor_type(value)))) is None:
                continue
            apart = run(machine, op, under, BUFFER_BYTES // 2)
            size = size_in_bytes(tensor_type(op.result))
            allowed = [-lead.exact, -lead.least, -lead.least - 4, -lead.least - 8, -lead.least - case.channels]
            assert all(first_byte_lost(op, under, distance) is None for distance in allowed)
            tried = [*allowed, *random.integers(-size, size_in_bytes(tensor_type(value)), 12).tolist()]
            for distance in tried:
                if first_byte_lost(op, under, distance) is None:
                    overlapped += -size < distance
                    assert run(machine, op, under, distance) == apart, f"rows {rows}, {distance} bytes above {under}"
    assert overlapped


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_is_read_too_late_is_found(case: Case) -> None:
    """A result in the middle of what is read loses bytes."""
    rows = RowRange(1, 1 + case.bands[1])
    op = op_of(case, rows)
    under = len(op.input) // 2
    overlap = operand_overlap(op)
    assert overlap is not None
    lead = overlap.lead(rows, rows_of(tensor_type(op.input[under])))
    behind = size_in_bytes(tensor_type(op.result)) if lead is None else lead.exact
    distances = range(-behind + 1, case.channels * 4)
    assert any(first_byte_lost(op, under, distance) is not None for distance in distances)


def test_other_kernels_overlap_nothing() -> None:
    """Few channels are made in the order of pixels; with a depth multiplier, results outgrow what they are from."""
    rows = RowRange(1, 2)
    assert operand_overlap(op_of(Case((3, 3), 1, (1, 1), 8, 3), rows)) is None
