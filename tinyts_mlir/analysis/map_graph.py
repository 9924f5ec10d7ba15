"""From ops to the maps and reads that the lower bound is computed from."""

from __future__ import annotations

from collections.abc import Hashable

from xdsl.ir import Operation, SSAValue

from tinyts_mlir.analysis.band_graph import without_reshapes
from tinyts_mlir.analysis.layers import Layers
from tinyts_mlir.analysis.lower_bound import Map, Read, RowReading
from tinyts_mlir.analysis.op_graph import OpGraph
from tinyts_mlir.analysis.row_geometry import RowGeometryInterface
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.rows import row_bytes, size_in_bytes, tensor_type, total_rows
from tinyts_mlir.dialects.tinyts import ConvolutionOp, ExternalInputOp, JoinOp, ReceiveOp
from tinyts_mlir.dialects.tinyts_reductions import AccumulatingOp
from tinyts_mlir.lowering.kernels import works_in_place


def map_graph(graph: OpGraph, layers: Layers, leading_inputs: bool) -> tuple[list[Map], list[Read]]:
    """The maps of a function and who is made from whom; with `leading_inputs`, inputs are complete before the rest.

    A reshape is the map that it reshapes. An external input has no bytes here.
    """
    returned = {layers.maps[without_reshapes(value)] for value in graph.returned}
    maps: list[Map] = []
    reads: list[Read] = []
    numbers: dict[Hashable, int] = {}
    for layer in layers.layers:
        op = layer.ops[0]
        sources = [numbers[source] for source in dict.fromkeys(_sources(layer.ops, layers)) if source in numbers]
        for result in op.results:
            place = layers.maps[result]
            type = tensor_type(result)
            rows, state_bytes, bytes_a_row = total_rows(type), 0, row_bytes(type)
            if isinstance(op, AccumulatingOp):
                rows, state_bytes, bytes_a_row = total_rows(tensor_type(op.rows[0])), size_in_bytes(type), 0
            elif isinstance(op, ExternalInputOp):
                bytes_a_row = 0
            leading = leading_inputs and isinstance(op, ReceiveOp)
            reads += [Read(source, len(maps), _row_reading(op, maps[source].rows, rows)) for source in sources]
            numbers[place] = len(maps)
            maps.append(Map(rows, bytes_a_row, state_bytes, place in returned, leading, works_in_place(op)))
    return maps, reads


def _sources(ops: list[Operation], layers: Layers) -> list[Hashable]:
    """The maps that a layer reads, in the order in which it first reads them."""
    maps: list[Hashable] = []
    for op in ops:
        if not isinstance(op, ReceiveOp | ExternalInputOp):
            state = op.accumulator if isinstance(op, AccumulatingOp) else None
            values = (without_reshapes(value) for value in op.operands if value is not state)
            maps += [layers.maps[value] for value in values if value in layers.maps]
    return maps


def _row_reading(op: Operation, inputs: int, outputs: int) -> RowReading | None:
    """Which rows of a map the rows of an op's result read; None where it needs the whole map, or reads it reshaped."""
    if isinstance(op, JoinOp | AccumulatingOp):
        return RowReading(inputs, outputs)
    if not isinstance(op, RowGeometryInterface) or (row_map := op.row_map()) is None:
        return None
    groups: list[SSAValue] = [value for group in op.row_groups() for value in group]
    if any(without_reshapes(value) is not value for value in groups):
        return None
    dilation = int_values(op.dilation)[0] if isinstance(op, ConvolutionOp) else 1
    taps = tuple(tap - row_map.padding for tap in range(0, row_map.window, dilation))
    return RowReading(inputs, outputs, row_map.stride, taps)
