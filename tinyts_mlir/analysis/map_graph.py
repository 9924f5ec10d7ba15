"""From ops to the maps and reads that the lower bound is computed from."""

from __future__ import annotations

from collections.abc import Hashable

from xdsl.ir import Operation, SSAValue

from tinyts_mlir.analysis.band_graph import without_aliases
from tinyts_mlir.analysis.layers import Layers
from tinyts_mlir.analysis.lower_bound import Map, MovedRowReading, Read, RowReading
from tinyts_mlir.analysis.op_graph import OpGraph
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.row_geometry import RowGeometryInterface
from tinyts_mlir.dialects.rows import row_bytes, rows_of, size_in_bytes, tensor_type, total_rows
from tinyts_mlir.dialects.tinyts import ConvolutionOp, ExternalInputOp, JoinOp, ReceiveOp, RenumberRowsOp, ReshapeOp
from tinyts_mlir.dialects.tinyts_base import AliasOp
from tinyts_mlir.dialects.tinyts_reductions import AccumulatingOp
from tinyts_mlir.kernels.catalogue import works_in_place
from tinyts_mlir.kernels.operand_overlap import operand_overlap


def map_graph(graph: OpGraph, layers: Layers, leading_inputs: bool) -> tuple[list[Map], list[Read]]:
    """The maps of a function and who is made from whom; with `leading_inputs`, inputs are complete before the rest.

    A reshape is the map that it reshapes, and renumbered rows are the rows that they were. An external input has no
    bytes here.
    """
    # Of a map of which some rows are returned under other numbers, none count as returned: that only lowers the bound.
    whole = [value for value in graph.returned if not _renumberings(value)]
    returned = {layers.maps[without_aliases(value)] for value in whole}
    maps: list[Map] = []
    reads: list[Read] = []
    numbers: dict[Hashable, int] = {}
    for layer in layers.layers:
        op = layer.ops[0]
        sources = {numbers[source]: source for source in _sources(layer.ops, layers) if source in numbers}
        for result in op.results:
            place = layers.maps[result]
            type = tensor_type(result)
            rows, state_bytes, bytes_a_row = total_rows(type), 0, row_bytes(type)
            if isinstance(op, AccumulatingOp):
                rows, state_bytes, bytes_a_row = total_rows(tensor_type(op.rows[0])), size_in_bytes(type), 0
            elif isinstance(op, ExternalInputOp):
                bytes_a_row = 0
            leading = leading_inputs and isinstance(op, ReceiveOp)
            moves = _moves(layer.ops, layers)
            for source, read_map in sources.items():
                values = [value for value in op.operands if layers.maps.get(without_aliases(value)) == read_map]
                reading = _row_reading(op, values, maps[source].rows, rows)
                if read_map in moves:
                    reading = _moved_reading(op, maps[source].rows, rows, moves[read_map])
                reads.append(Read(source, len(maps), reading))
            numbers[place] = len(maps)
            # Another schedule may do without the copy that a join is here.
            in_place = works_in_place(op) or operand_overlap(op) is not None or isinstance(op, JoinOp)
            maps.append(Map(rows, bytes_a_row, state_bytes, place in returned, leading, in_place))
    return maps, reads


def _sources(ops: list[Operation], layers: Layers) -> list[Hashable]:
    """The maps that a layer reads, in the order in which it first reads them."""
    maps: list[Hashable] = []
    for op in ops:
        if not isinstance(op, ReceiveOp | ExternalInputOp):
            state = op.accumulator if isinstance(op, AccumulatingOp) else None
            values = (without_aliases(value) for value in op.operands if value is not state)
            maps += [layers.maps[value] for value in values if value in layers.maps]
    return maps


Move = tuple[int, int, int]


def _renumberings(value: SSAValue) -> list[RenumberRowsOp]:
    """The renumberings between a value and the one whose bytes it is, last first."""
    found: list[RenumberRowsOp] = []
    while isinstance(owner := value.owner, AliasOp):
        if isinstance(owner, RenumberRowsOp):
            found.append(owner)
        value = owner.input
    return found


def _moves(ops: list[Operation], layers: Layers) -> dict[Hashable, tuple[Move, ...]]:
    """For each map of which a layer reads rows under other numbers: which rows these are (see MovedRowReading)."""
    moves: dict[Hashable, dict[Move, None]] = {}
    for value in (value for op in ops for value in op.operands):
        if chain := _renumberings(value):
            rows, source = rows_of(tensor_type(chain[0].result)), rows_of(tensor_type(chain[-1].input))
            source_map = layers.maps[without_aliases(value)]
            moves.setdefault(source_map, {})[rows.start, rows.stop, source.start - rows.start] = None
    return {source: tuple(found) for source, found in moves.items()}


def _moved_reading(op: Operation, inputs: int, outputs: int, moves: tuple[Move, ...]) -> RowReading:
    """As `_row_reading`, for rows of the map that have other numbers where the op reads them."""
    read = max(stop for _, stop, _ in moves)
    renumbered = [value for value in op.operands if isinstance(value.owner, RenumberRowsOp)]
    reading = _row_reading(op, renumbered, read, outputs) if renumbered else None
    reading = reading or RowReading(read, outputs, 0, tuple(range(read)))
    return MovedRowReading(inputs, outputs, reading.stride, reading.taps, moves)


def _row_reading(op: Operation, values: list[SSAValue], inputs: int, outputs: int) -> RowReading | None:
    """Which rows of a map, whose bands `values` are, the rows of an op's result read.

    None where it needs the whole map, or reads it reshaped.
    """
    if isinstance(op, JoinOp | AccumulatingOp):
        return RowReading(inputs, outputs)
    if not isinstance(op, RowGeometryInterface) or (row_map := op.row_map()) is None:
        return None
    if any(isinstance(value.owner, ReshapeOp) for value in values):
        return None
    dilation = int_values(op.dilation)[0] if isinstance(op, ConvolutionOp) else 1
    taps = tuple(tap - row_map.padding for tap in range(0, row_map.window, dilation))
    return RowReading(inputs, outputs, row_map.stride, taps)
