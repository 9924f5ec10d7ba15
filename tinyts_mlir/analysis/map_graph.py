"""From ops to the maps and reads that the lower bound is computed from."""

from __future__ import annotations

from xdsl.ir import Operation, SSAValue

from tinyts_mlir.analysis.band_graph import without_reshapes
from tinyts_mlir.analysis.layers import Layers
from tinyts_mlir.analysis.lower_bound import Axis, Map, Read
from tinyts_mlir.analysis.op_graph import OpGraph
from tinyts_mlir.analysis.row_geometry import RowGeometryInterface
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.rows import (
    CHANNELS,
    FEATURE_MAP_RANK,
    HEIGHT,
    WIDTH,
    element_bytes,
    size_in_bytes,
    tensor_type,
    whole_shape,
)
from tinyts_mlir.dialects.tinyts import (
    AddOp,
    ConcatenationOp,
    ConvolutionOp,
    ExternalInputOp,
    JoinOp,
    LeakyReluOp,
    PadOp,
    PoolOp,
    ReceiveOp,
    SoftmaxOp,
    SplitOp,
)
from tinyts_mlir.dialects.tinyts_reductions import AccumulatingOp


def map_graph(graph: OpGraph, layers: Layers, leading_inputs: bool) -> tuple[list[Map], list[Read]]:
    """The maps of a function and who is made from whom; with `leading_inputs`, inputs are complete before the rest."""
    returned = {layers.maps[without_reshapes(value)] for value in graph.returned}
    maps: list[Map] = []
    reads: list[Read] = []
    numbers: dict[object, int] = {}
    columns: list[int] = []
    """The columns that each map's bytes have, also where a pixel stands for a whole row."""
    for layer in layers.layers:
        op = layer.ops[0]
        sources = list(dict.fromkeys(map for op in layer.ops for map in _sources(op, layers)))
        for result in op.results:
            map = _map(op, result, [maps[numbers[source]] for source in sources if source in numbers])
            place = layers.maps[result]
            numbers[place] = len(maps)
            maps.append(
                Map(
                    map.rows,
                    map.columns,
                    map.pixel_bytes,
                    map.state_bytes,
                    returned=place in returned,
                    leading=leading_inputs and isinstance(op, ReceiveOp),
                )
            )
            columns.append(_shape(result)[1])
            for source in sources:
                if source in numbers:
                    reads.append(_read(op, numbers[source], numbers[place], maps, columns))
    return maps, reads


def _sources(op: Operation, layers: Layers) -> list[object]:
    """The maps that an op reads, reshaped or not."""
    if isinstance(op, ReceiveOp | ExternalInputOp):
        return []
    state = op.accumulator if isinstance(op, AccumulatingOp) else None
    values = [without_reshapes(value) for value in op.operands if value is not state]
    return [layers.maps[value] for value in values if value in layers.maps]


def _shape(value: SSAValue) -> tuple[int, int]:
    """Rows and columns of a value's whole map; what is no map is one pixel."""
    shape = whole_shape(tensor_type(value))
    return (shape[HEIGHT], shape[WIDTH]) if len(shape) == FEATURE_MAP_RANK else (1, 1)


def _map(op: Operation, result: SSAValue, sources: list[Map]) -> Map:
    type = tensor_type(result)
    shape = whole_shape(type)
    if isinstance(op, AccumulatingOp):
        taken = sources[0] if sources else Map(1, 1, 0)
        return Map(taken.rows, taken.columns, 0, size_in_bytes(type))
    rows, columns = _shape(result)
    bytes = element_bytes(type)
    for extent in shape:
        bytes *= extent
    if isinstance(op, ExternalInputOp):
        return Map(rows, columns, 0)
    if _column_taps(op) is None:
        columns = 1
    return Map(rows, columns, bytes // (rows * columns))


def _column_taps(op: Operation) -> tuple[int, tuple[int, ...]] | None:
    """The stride and the taps along columns; None where an op makes whole rows, as far as is known here."""
    if isinstance(op, ConvolutionOp):
        dilation, padding = int_values(op.dilation)[1], int_values(op.padding)[2]
        return int_values(op.stride)[1], tuple(tap * dilation - padding for tap in range(op.filter_size[1]))
    if isinstance(op, PoolOp):
        padding = int_values(op.padding)[2]
        return int_values(op.stride)[1], tuple(tap - padding for tap in range(int_values(op.window)[1]))
    if isinstance(op, PadOp):
        return 1, (-int_values(op.padding)[2],)
    if isinstance(op, ConcatenationOp | SplitOp):
        return (1, (0,)) if op.row_map() is not None and op.axis.value.data == CHANNELS else None
    if isinstance(op, AddOp | LeakyReluOp | SoftmaxOp | JoinOp | ReceiveOp | ExternalInputOp | AccumulatingOp):
        return 1, (0,)
    return None


def _row_taps(op: Operation) -> tuple[int, tuple[int, ...]] | None:
    """The stride and the taps along rows; None where an op needs whole operands."""
    if isinstance(op, JoinOp | AccumulatingOp):
        return 1, (0,)
    if not isinstance(op, RowGeometryInterface) or (row_map := op.row_map()) is None:
        return None
    dilation = int_values(op.dilation)[0] if isinstance(op, ConvolutionOp) else 1
    return row_map.stride, tuple(tap - row_map.padding for tap in range(0, row_map.window, dilation))


def _read(op: Operation, producer: int, consumer: int, maps: list[Map], columns: list[int]) -> Read:
    made, used = maps[producer], maps[consumer]
    reshaped = any(without_reshapes(value) is not value for value in op.operands)
    along_rows, along_columns = _row_taps(op), _column_taps(op)
    if isinstance(op, AccumulatingOp):
        return Read(producer, consumer, Axis(made.rows, used.rows), Axis(made.columns, used.columns))
    if along_rows is None or reshaped:
        return Read(producer, consumer)
    rows = Axis(made.rows, used.rows, *along_rows)
    if made.columns != columns[producer]:
        return Read(producer, consumer, rows, Axis(made.columns, used.columns, 0, tuple(range(made.columns))))
    if along_columns is None:
        return Read(producer, consumer, rows, Axis(made.columns, 1, 0, tuple(range(made.columns))))
    return Read(producer, consumer, rows, Axis(made.columns, used.columns, *along_columns))
