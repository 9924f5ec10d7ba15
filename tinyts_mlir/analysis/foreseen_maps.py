"""The graph of maps of a function of whole tensors, as `split-tensors` and `stream-reductions` will cut them.

Two things are as if they were cut whatever the heights of bands, so that layers and their readers stay the same: a map
that is read whole is always joined, and a reduction is always streamed. Where such a map is one band, the join or the
sums take its place without a step's bytes (`analysis/map_bands.py`).

Rows that are moved, as of a concatenation along rows, are rows of the layers that make them
(`transforms/renumber_rows.py`); such layers keep bands of one row, which always line up.
"""

from __future__ import annotations

from collections.abc import Collection

from xdsl.dialects.builtin import IntegerType, TensorType
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Operation, SSAValue

from tinyts_mlir.analysis.map_graph import Kind, MapGraph, MapLayer, Piece, Source, layers_read
from tinyts_mlir.dialects.interfaces import (
    AliasInterface,
    StreamedReduction,
    is_there_already,
    moved_rows,
    needs_no_arena,
    reads_state,
    receives,
    streamed_reduction,
    without_aliases,
)
from tinyts_mlir.dialects.row_geometry import RowGeometryInterface, RowMap, kept_bytes
from tinyts_mlir.dialects.rows import RowsAttr, row_bytes, size_in_bytes, tensor_type, total_rows
from tinyts_mlir.errors import CompileError
from tinyts_mlir.kernels.catalogue import works_in_place
from tinyts_mlir.kernels.operand_overlap import operand_overlap


def foresee_maps(function: FuncOp, leading_inputs: bool) -> MapGraph:
    """The graph of a function of whole tensors; arguments may be received already.

    With `leading_inputs`, inputs are complete before anything else runs. Raises CompileError where tensors are bands
    already.
    """
    builder = _Builder(function, leading_inputs)
    return MapGraph(tuple(builder.layers), tuple(builder.returned), bool(builder.moving))


class _Builder:
    """Numbers the layers of a function, in the order of its ops."""

    def __init__(self, function: FuncOp, leading_inputs: bool) -> None:
        self.leading_inputs = leading_inputs
        self.layers: list[MapLayer] = []
        self.returned: list[Source] = []
        self.places: dict[SSAValue, Piece] = {}
        """The map that each value is that a layer makes."""
        self.sources: dict[SSAValue, Source] = {}
        """What is read where a value is read by rows."""
        self.joins: dict[SSAValue, Piece] = {}
        """The joined map of each value that something needs in one place."""
        self.moving = _moving_ops(function)
        self.read_whole = _read_whole(function, self.moving)
        self.read_by_rows = {value for op in self.moving for value in op.operands}
        for op in function.body.block.ops:
            if any(isinstance(tensor_type(value).encoding, RowsAttr) for value in op.results):
                raise CompileError(f"expected whole tensors, got bands of rows made by {op.name}")
            self.add_op(op)

    def add_op(self, op: Operation) -> None:
        if is_there_already(op):
            return
        if isinstance(op, AliasInterface):
            self.add_alias(op)
        elif op in self.moving:
            self.move_rows(op)
        elif isinstance(op, ReturnOp):
            self.returned = [Source((map,)) for value in op.operands if (map := self.whole(value)) is not None]
        elif (reduction := streamed_reduction(op)) is not None and self.can_be_streamed(reduction):
            self.add_reduction(op, reduction)
        elif (row_map := _row_map(op)) is not None:
            assert isinstance(op, RowGeometryInterface)
            values = [value for group in op.row_groups() for value in group]
            sources = dict.fromkeys(source for value in values if (source := self.sources.get(value)) is not None)
            self.add(op, Kind.ROWS, tuple(sources), row_map)
        else:
            maps = dict.fromkeys(map for value in op.operands if (map := self.whole(value)) is not None)
            self.add(op, Kind.WHOLE, tuple(Source((map,)) for map in maps))

    def add(self, op: Operation, kind: Kind, sources: tuple[Source, ...], row_map: RowMap | None = None) -> None:
        number = len(self.layers)
        rows = total_rows(tensor_type(op.results[0]))
        self.layers.append(
            MapLayer(
                op,
                kind,
                rows,
                tuple(0 if needs_no_arena(value) else row_bytes(tensor_type(value)) for value in op.results),
                layers_read(sources),
                sources,
                row_map or RowMap(),
                leading=self.leading_inputs and receives(op),
                in_place=works_in_place(op) and not reads_state(op),
                overlap=operand_overlap(op) if kind is Kind.ROWS and not reads_state(op) else None,
                is_renumbered=any(result in self.read_by_rows for result in op.results),
                kept_bytes=kept_bytes(op),
            )
        )
        for position, result in enumerate(op.results):
            self.places[result] = Piece(number, 0, rows, position)
            self.sources[result] = Source((self.places[result],))
            if kind is Kind.ROWS and rows > 1 and result in self.read_whole:
                self.add_join(op, result)

    def add_join(self, op: Operation, result: SSAValue) -> None:
        source, type = self.sources[result], tensor_type(result)
        self.joins[result] = Piece(len(self.layers), 0, total_rows(type))
        self.layers.append(
            MapLayer(op, Kind.JOIN, total_rows(type), (row_bytes(type),), layers_read([source]), (source,))
        )

    def move_rows(self, op: Operation) -> None:
        for result, moved in zip(op.results, moved_rows(op) or (), strict=True):
            pieces = [piece for one in moved for piece in self.sources[one.operand].cut(one.rows.start, one.rows.stop)]
            self.sources[result] = Source(tuple(pieces))
            if result in self.read_whole:
                self.add_join(op, result)

    def can_be_streamed(self, reduction: StreamedReduction) -> bool:
        """A map that is there under another shape is read as rows only where it has several."""
        return not reduction.flat or self.reduced_map(reduction) is not None

    def reduced_map(self, reduction: StreamedReduction) -> Source | None:
        [value] = reduction.map
        if not reduction.flat:
            return self.sources.get(value)
        source = self.sources.get(without_aliases(value))
        return source if source is not None and source.rows > 1 else None

    def add_reduction(self, op: Operation, reduction: StreamedReduction) -> None:
        source = self.reduced_map(reduction)
        if source is None:  # an external input
            self.add(op, Kind.WHOLE, ())
            return
        sums = Piece(len(self.layers), 0, 1)
        self.layers.append(
            MapLayer(
                op,
                Kind.SUMS,
                1,
                (_state_bytes(reduction.state_type),),
                layers_read([source]),
                (source,),
                may_have_one_band=reduction.always,
            )
        )
        self.add(op, Kind.WHOLE, (Source((sums,)),))

    def whole(self, value: SSAValue) -> Piece | None:
        """The map that a value is, in one place."""
        value = without_aliases(value)
        return self.joins.get(value, self.places.get(value))

    def add_alias(self, op: AliasInterface) -> None:
        [result] = op.results
        if (map := self.whole(op.operands[0])) is not None:
            self.places[result] = map
            self.sources[result] = Source((map,), reshaped=True)


def _state_bytes(type: TensorType[Attribute]) -> int:
    assert isinstance(type.element_type, IntegerType)
    return size_in_bytes(type)


def _row_map(op: Operation) -> RowMap | None:
    return op.row_map() if isinstance(op, RowGeometryInterface) else None


def _moving_ops(function: FuncOp) -> set[Operation]:
    """The ops that move rows and are no step, as all rows that they read are bands of their own."""
    by_rows: set[SSAValue] = set()
    found: set[Operation] = set()
    for op in function.body.block.ops:
        if (row_map := _row_map(op)) is None:
            moved = moved_rows(op)
            if moved is None or not all(value in by_rows or _is_one_row(value) for value in op.operands):
                continue
            if len(op.results) > 1 and not all(value.uses for value in op.results):
                continue
            found.add(op)
        if row_map is None or row_map.block == 1:
            by_rows.update(op.results)
    return found


def _rows(value: SSAValue) -> int:
    return total_rows(tensor_type(value))


def _is_one_row(value: SSAValue) -> bool:
    return _rows(value) == 1 and not needs_no_arena(value)


def _read_whole(function: FuncOp, moving: Collection[Operation]) -> set[SSAValue]:
    """The values that something needs in one place, once they are cut into bands."""
    found: set[SSAValue] = set()
    for op in function.body.block.ops:
        if is_there_already(op) or isinstance(op, AliasInterface) or op in moving:
            continue
        if (reduction := streamed_reduction(op)) is not None and reduction.flat:
            continue
        if isinstance(op, RowGeometryInterface) and op.row_map() is not None:
            values = [value for group in op.row_groups() for value in group]
            found.update(without_aliases(value) for value in values if isinstance(value.owner, AliasInterface))
        else:
            found.update(without_aliases(value) for value in op.operands)
    return found
