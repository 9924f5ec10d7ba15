"""The layers of a function of whole tensors, and the bands that they will have for any choice of band heights.

What `split-tensors` and `stream-reductions` make of a function, without making it: the same graph for the segment
search (`analysis/segment_search.py`) that `analysis/band_graph.py` finds in their result, but for two things that keep
layers and their readers the same for all heights. A map that is read whole is always joined, and a reduction always
streamed; where a map is one band, the join or the sum takes its place without a step's bytes.

Bands that only a join reads are made in its result (`analysis/liveness.py`), where their places suit them. Rows that
are concatenated, and those of the parts of a split along rows, are rows of the layers that make them
(`transforms/renumber_rows.py`); such layers keep bands of one row, which always line up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import NamedTuple

from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue

from tinyts_mlir.analysis.arena_allocation import natural_alignment
from tinyts_mlir.analysis.band_graph import Bands, bands_needed, is_one_to_one, made_joined, without_aliases
from tinyts_mlir.analysis.segment_search import BandGraph, BandLayer
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.row_geometry import RowGeometryInterface, RowMap, band_ranges
from tinyts_mlir.dialects.rows import (
    CHANNELS,
    FEATURE_MAP_RANK,
    HEIGHT,
    WIDTH,
    RowRange,
    RowsAttr,
    quantization_of,
    row_bytes,
    shape_of,
    size_in_bytes,
    tensor_type,
    total_rows,
)
from tinyts_mlir.dialects.tinyts import (
    AveragePool2DOp,
    ConcatenationOp,
    ConstantOp,
    ExternalInputOp,
    FullyConnectedOp,
    MeanOp,
    ReceiveOp,
    ReshapeOp,
    SplitOp,
)
from tinyts_mlir.dialects.tinyts_base import AliasOp
from tinyts_mlir.errors import CompileError
from tinyts_mlir.kernels.catalogue import works_in_place
from tinyts_mlir.kernels.lead import Lead
from tinyts_mlir.kernels.operand_overlap import OperandOverlap, operand_overlap

SUM_BYTES = 4
"""Of an int32 sum."""


class Kind(Enum):
    """How a layer is made."""

    ROWS = auto()
    """Band by band, as its row map says."""
    WHOLE = auto()
    """At once, from whole maps; or from the state of a reduction."""
    JOIN = auto()
    """At once: all bands of a map in one place."""
    SUMS = auto()
    """State that takes the bands of a map as they come."""


class Piece(NamedTuple):
    """The rows `start` to `stop - 1` of a layer's map."""

    layer: int
    start: int
    stop: int


Source = tuple[Piece, ...]
"""A map that is read: one whole map of a layer, or rows of some, one behind the other."""


@dataclass(frozen=True)
class WholeLayer:
    """A layer before its maps are cut into bands.

    Attributes:
        op: what it is from; several layers may be from one op.
        kind: how it is made.
        rows: of its results.
        row_bytes: bytes of a row of all its results together; of sums, the state's.
        operands: the layers whose maps it reads.
        sources: these maps, unless it is made at once from whole ones.
        row_map: which rows of them, for a layer that is made by rows.
        leading: an input that must be complete before anything else runs.
        overlap: how bands of its result may lie on bands of its operand, where they may.
        may_have_one_band: of sums: they are there even where the map that they take is one band.
        is_renumbered: its rows are rows of other maps as well, and bands of their own.
    """

    op: Operation
    kind: Kind
    rows: int
    row_bytes: int
    operands: tuple[int, ...] = ()
    sources: tuple[Source, ...] = ()
    row_map: RowMap = field(default_factory=RowMap)
    leading: bool = False
    overlap: OperandOverlap | None = None
    may_have_one_band: bool = False
    is_renumbered: bool = False

    @property
    def is_by_rows(self) -> bool:
        """Whether it is made by rows, and by a kernel: an input is not."""
        return self.kind is Kind.ROWS and not isinstance(self.op, ReceiveOp)

    @property
    def has_heights(self) -> bool:
        """Whether there is anything to choose: rows of an input stay bands of their own, as they arrive."""
        return self.is_by_rows and self.rows > 1 and not self.is_renumbered

    def rows_read(self, rows: RowRange) -> Iterator[Piece]:
        """What rows of its map are made from; at least one row of each source."""
        for source in self.sources:
            total = _count(source)
            needed = self.row_map.needed(rows, total).rows if self.kind is Kind.ROWS else RowRange(0, total)
            start = min(needed.start, total - 1)
            yield from _cut(source, start, max(needed.stop, start + 1))


Heights = Sequence[int]
"""The band height of each layer; only those of layers made by rows count."""


class WholeLayers:
    """The layers of a function, and their bands for any heights.

    Args:
        function: whole tensors; arguments may be received already.
        leading_inputs: inputs are complete before anything else runs.

    Raises CompileError where tensors are bands already.
    """

    def __init__(self, function: FuncOp, leading_inputs: bool) -> None:
        builder = _Builder(function, leading_inputs)
        self.layers = tuple(builder.layers)
        self.returned = frozenset(builder.returned)
        self.has_renumbered_rows = bool(builder.renumbered)
        self._partly_read = self._find_partly_read()
        self._only_joined = self._find_only_joined()

    def bands(self, number: int, heights: Heights) -> int:
        """How many bands a layer has."""
        layer = self.layers[number]
        match layer.kind:
            case Kind.ROWS:
                return -(-layer.rows // heights[number])
            case Kind.SUMS:
                return sum(len(self._bands_of(piece, heights)) for piece in layer.sources[0])
            case _:
                return 1

    def graph(self, heights: Heights) -> BandGraph:
        """The graph of bands."""
        found = [self._band_layer(number, heights) for number in range(len(self.layers))]
        graph = BandGraph(tuple(found), self.returned)
        return graph.with_layers(self._with_unread_bands(graph, range(len(self.layers))))

    def changed(self, graph: BandGraph, heights: Heights, changed: Sequence[int]) -> BandGraph:
        """The graph of bands where it was `graph` before the heights of the layers `changed` were; scratch stays."""
        touched = set(changed)
        for number in changed:
            touched.update(graph.consumers[number])
        # Sums have a band for each of their map, whatever reads them has as many to read.
        for number in tuple(touched):
            if self.layers[number].kind is Kind.SUMS:
                touched.update(graph.consumers[number])
        made = {number: self._band_layer(number, heights) for number in touched}
        kept = {
            number: replace(layer, scratch_bytes=graph.layers[number].scratch_bytes) for number, layer in made.items()
        }
        found = graph.with_layers(kept)
        operands = {operand for number in touched for operand in self.layers[number].operands}
        return found.with_layers(self._with_unread_bands(found, sorted(operands | touched)))

    def _band_layer(self, number: int, heights: Heights) -> BandLayer:
        layer = self.layers[number]
        count = self.bands(number, heights)
        if layer.kind is Kind.ROWS:
            ranges = band_ranges(layer.rows, heights[number])
        else:
            ranges = band_ranges(layer.rows, layer.rows)
        band_bytes = tuple(rows.count * layer.row_bytes for rows in ranges)
        is_joined = self._is_made_joined(number, heights)
        in_place = layer.kind in (Kind.ROWS, Kind.WHOLE) and not is_joined and works_in_place(layer.op)
        if layer.kind is Kind.SUMS:
            if count == 1 and not layer.may_have_one_band:
                return self._renaming(layer)
            band_bytes = band_bytes * count
            taken = [(piece.layer, band) for piece in layer.sources[0] for band in self._bands_of(piece, heights)]
            needs = bands_needed(layer.operands, [{layer: (band, band + 1)} for layer, band in taken])
        elif layer.kind is Kind.JOIN:
            if len(layer.sources[0]) == 1 and self.bands(layer.operands[0], heights) == 1:
                return self._renaming(layer)
            needs = bands_needed(layer.operands, [self._read(layer, RowRange(0, layer.rows), heights)])
            in_place = len(layer.operands) == 1 and self._is_made_joined(layer.operands[0], heights)
        elif layer.kind is Kind.ROWS:
            needs = bands_needed(layer.operands, [self._read(layer, rows, heights) for rows in ranges])
        else:
            counts = [self.bands(operand, heights) for operand in layer.operands]
            last_state = [self.layers[operand].kind is Kind.SUMS for operand in layer.operands]
            reads = ((behind - 1 if state else 0, behind) for state, behind in zip(last_state, counts, strict=True))
            needs = (tuple(reads),)
        one_to_one = is_one_to_one(needs)
        read_bytes = 0
        for operand, (first, behind) in zip(layer.operands, needs[0], strict=True):
            read_bytes += sum(self._bytes(operand, band, heights) for band in range(first, behind)) if one_to_one else 0
        may_overlap = layer.overlap is not None and not is_joined
        return BandLayer(
            band_bytes=made_joined(band_bytes) if is_joined else band_bytes,
            operands=layer.operands,
            needs=needs,
            leads=self._leads(layer, ranges, needs, heights) if may_overlap else (),
            in_place=in_place,
            accumulates=layer.kind is Kind.SUMS,
            input=isinstance(layer.op, ReceiveOp),
            leading=layer.leading,
            widens=one_to_one and band_bytes[0] > read_bytes,
        )

    def _is_made_joined(self, number: int, heights: Heights) -> bool:
        """Whether a layer's bands are made where a join wants them."""
        if number not in self._only_joined or self.bands(number, heights) == 1:
            return False
        layer, height = self.layers[number], heights[number]
        ranges = band_ranges(layer.rows, height)
        return not any(
            rows.start * layer.row_bytes % natural_alignment(rows.count * layer.row_bytes) for rows in ranges
        )

    def _bytes(self, number: int, band: int, heights: Heights) -> int:
        layer = self.layers[number]
        if layer.kind is not Kind.ROWS:
            return layer.row_bytes
        return min(heights[number], layer.rows - band * heights[number]) * layer.row_bytes

    def _leads(
        self,
        layer: WholeLayer,
        ranges: Sequence[RowRange],
        needs: Sequence[Sequence[tuple[int, int]]],
        heights: Heights,
    ) -> tuple[tuple[tuple[int, Lead], ...], ...]:
        """`BandLayer.leads` of a layer that is made by rows; none where what it reads is not, or has other numbers."""
        operand = layer.operands[0] if layer.operands else 0
        source = self.layers[operand]
        if (
            layer.overlap is None
            or source.kind is not Kind.ROWS
            or layer.sources != ((Piece(operand, 0, source.rows),),)
        ):
            return ()
        bands = band_ranges(source.rows, heights[operand])
        found: list[tuple[tuple[int, Lead], ...]] = []
        for rows, [(first, behind)] in zip(ranges, needs, strict=True):
            leads = [(band, layer.overlap.lead(rows, bands[band])) for band in range(first, behind)]
            found.append(tuple((band, lead) for band, lead in leads if lead is not None))
        return tuple(found)

    def _renaming(self, layer: WholeLayer) -> BandLayer:
        """A layer that is only another name for the map that it reads."""
        source = self.layers[layer.operands[0]]
        size = layer.row_bytes if layer.kind is Kind.JOIN else source.rows * source.row_bytes
        return BandLayer((size,), layer.operands, (((0, 1),),), in_place=True)

    def _read(self, layer: WholeLayer, rows: RowRange, heights: Heights) -> dict[int, Bands]:
        """The bands of each operand that rows of a layer are made from."""
        read: dict[int, Bands] = {}
        for piece in layer.rows_read(rows):
            bands = self._bands_of(piece, heights)
            first, behind = read.get(piece.layer, (bands.start, bands.stop))
            read[piece.layer] = (min(first, bands.start), max(behind, bands.stop))
        return read

    def _bands_of(self, piece: Piece, heights: Heights) -> range:
        """The bands that hold some rows."""
        if self.layers[piece.layer].kind is not Kind.ROWS:
            return range(1)
        return range(piece.start // heights[piece.layer], -(-piece.stop // heights[piece.layer]))

    def _find_only_joined(self) -> frozenset[int]:
        """The maps that only a join reads, of ops that make one."""
        readers: list[list[WholeLayer]] = [[] for _ in self.layers]
        for layer in self.layers:
            for operand in layer.operands:
                readers[operand].append(layer)
        return frozenset(
            number
            for number, found in enumerate(readers)
            if [reader.kind for reader in found] == [Kind.JOIN]
            and len(self.layers[number].op.results) == 1
            and found[0].sources == ((Piece(number, 0, self.layers[number].rows),),)
        )

    def _with_unread_bands(self, graph: BandGraph, numbers: Iterable[int]) -> dict[int, BandLayer]:
        """The layers that take along bands which nothing reads, as `split-tensors` has them do."""
        changed: dict[int, BandLayer] = {}
        for number in numbers:
            if number in self._partly_read:
                _hand_over(graph, number, changed)
        return changed

    def _find_partly_read(self) -> frozenset[int]:
        """The maps with rows that nothing reads."""
        read: dict[int, set[int]] = {number: set() for number in range(len(self.layers))}
        for layer in self.layers:
            for row in range(layer.rows):
                for piece in layer.rows_read(RowRange(row, row + 1)):
                    read[piece.layer].update(range(piece.start, piece.stop))
            if not layer.sources:
                for operand in layer.operands:
                    read[operand].update(range(self.layers[operand].rows))
        return frozenset(
            number
            for number, layer in enumerate(self.layers)
            if len(read[number]) < layer.rows and not isinstance(layer.op, ReceiveOp)
        )


def _hand_over(graph: BandGraph, number: int, changed: dict[int, BandLayer]) -> None:
    """Has the reader of the next band read, too, what nothing reads of a map; of what is last, the one before."""
    count = len(graph.layers[number].band_bytes)
    reading: dict[int, tuple[int, int]] = {}
    for reader in graph.consumers[number]:
        info = changed.get(reader, graph.layers[reader])
        for band, needs in enumerate(info.needs):
            for operand, (first, behind) in zip(info.operands, needs, strict=True):
                if operand == number:
                    for read in range(first, behind):
                        reading.setdefault(read, (reader, band))
    for band in (band for band in range(count) if reading and band not in reading):
        following = next((later for later in range(band + 1, count) if later in reading), None)
        reader, reader_band = reading[max(reading) if following is None else following]
        info = changed.get(reader, graph.layers[reader])
        needs = [list(needs) for needs in info.needs]
        for position, operand in enumerate(info.operands):
            if operand == number:
                first, behind = needs[reader_band][position]
                needs[reader_band][position] = (min(first, band), max(behind, band + 1))
        changed[reader] = replace(info, needs=tuple(tuple(need) for need in needs))


class _Builder:
    """Numbers the layers of a function, in the order of its ops."""

    def __init__(self, function: FuncOp, leading_inputs: bool) -> None:
        self.leading_inputs = leading_inputs
        self.layers: list[WholeLayer] = []
        self.returned: list[int] = []
        self.places: dict[SSAValue, int] = {}
        self.sources: dict[SSAValue, Source] = {}
        self.joins: dict[SSAValue, int] = {}
        self.renumbered = _find_renumbered(function)
        self.read_whole = _read_whole(function, self.renumbered)
        self.read_by_rows = {value for op in self.renumbered for value in op.operands}
        for op in function.body.block.ops:
            if any(isinstance(tensor_type(value).encoding, RowsAttr) for value in op.results):
                raise CompileError(f"expected whole tensors, got bands of rows made by {op.name}")
            self._add_op(op)

    def _add_op(self, op: Operation) -> None:
        if isinstance(op, ConstantOp | ExternalInputOp):
            return
        if isinstance(op, AliasOp):
            self._alias(op)
        elif op in self.renumbered:
            self._renumber_rows(op)
        elif isinstance(op, ReturnOp):
            self.returned = [place for value in op.operands if (place := self._whole(value)) is not None]
        elif isinstance(op, MeanOp) or _is_global_pool(op):
            self._add_reduction(op, SUM_BYTES * shape_of(op.operands[0])[CHANNELS], isinstance(op, MeanOp))
        elif isinstance(op, FullyConnectedOp) and _is_streamable(op) and self._map(op.input) is not None:
            self._add_reduction(op, SUM_BYTES * (shape_of(op.filter)[0] + 1), False)
        elif isinstance(op, RowGeometryInterface) and (row_map := op.row_map()) is not None:
            values = [value for group in op.row_groups() for value in group]
            sources = dict.fromkeys(source for value in values if (source := self.sources.get(value)) is not None)
            self._add(op, Kind.ROWS, _makers(sources), tuple(sources), row_map)
        else:
            operands = dict.fromkeys(place for value in op.operands if (place := self._whole(value)) is not None)
            self._add(op, Kind.WHOLE, tuple(operands))

    def _add(
        self,
        op: Operation,
        kind: Kind,
        operands: tuple[int, ...],
        sources: tuple[Source, ...] = (),
        row_map: RowMap | None = None,
    ) -> None:
        number = len(self.layers)
        types = [tensor_type(result) for result in op.results]
        by_rows = kind is Kind.ROWS
        size = sum(map(row_bytes if by_rows else size_in_bytes, types))
        leading = self.leading_inputs and isinstance(op, ReceiveOp)
        rows = total_rows(types[0]) if by_rows else 1
        is_renumbered = any(result in self.read_by_rows for result in op.results)
        overlap = operand_overlap(op) if by_rows else None
        self.layers.append(
            WholeLayer(
                op,
                kind,
                rows,
                size,
                operands,
                sources,
                row_map or RowMap(),
                leading,
                overlap,
                is_renumbered=is_renumbered,
            )
        )
        for result in op.results:
            self.places[result] = number
            self.sources[result] = (Piece(number, 0, rows),)
            if by_rows and rows > 1 and result in self.read_whole:
                self._join(op, result)

    def _join(self, op: Operation, result: SSAValue) -> None:
        source = self.sources[result]
        self.joins[result] = len(self.layers)
        size = size_in_bytes(tensor_type(result))
        self.layers.append(WholeLayer(op, Kind.JOIN, 1, size, _makers([source]), (source,)))

    def _renumber_rows(self, op: Operation) -> None:
        """Rows of what is concatenated are rows of the result; of what is split, of the parts."""
        rows = [piece for value in op.operands for piece in self.sources[value]]
        for result in op.results:
            count = total_rows(tensor_type(result))
            self.sources[result] = tuple(_cut(rows, 0, count))
            rows = _cut(rows, count, _count(rows))
            if result in self.read_whole:
                self._join(op, result)

    def _add_reduction(self, op: Operation, state_bytes: int, may_have_one_band: bool) -> None:
        value = op.operands[0]
        source = self._map(value) if isinstance(op, FullyConnectedOp) else self.sources.get(value)
        if source is None:  # an external input
            self._add(op, Kind.WHOLE, ())
            return
        sums = len(self.layers)
        layer = WholeLayer(
            op, Kind.SUMS, 1, state_bytes, _makers([source]), (source,), may_have_one_band=may_have_one_band
        )
        self.layers.append(layer)
        self._add(op, Kind.WHOLE, (sums,))

    def _map(self, value: SSAValue) -> Source | None:
        """The rows, more than one, of the map that a value is, perhaps reshaped."""
        source = self.sources.get(without_aliases(value))
        return source if source is not None and _count(source) > 1 else None

    def _whole(self, value: SSAValue) -> int | None:
        """The layer that makes a value in one place."""
        value = without_aliases(value)
        return self.joins.get(value, self.places.get(value))

    def _alias(self, op: AliasOp) -> None:
        if (place := self._whole(op.input)) is not None:
            self.places[op.result] = place
            self.sources[op.result] = (Piece(place, 0, self.layers[place].rows),)


def _makers(sources: Iterable[Source]) -> tuple[int, ...]:
    """The layers that rows are of."""
    return tuple(dict.fromkeys(piece.layer for source in sources for piece in source))


def _count(rows: Iterable[Piece]) -> int:
    return sum(piece.stop - piece.start for piece in rows)


def _cut(rows: Iterable[Piece], start: int, stop: int) -> list[Piece]:
    """The rows `start` to `stop - 1` of these."""
    found: list[Piece] = []
    for piece in rows:
        first, behind = max(piece.start, piece.start + start), min(piece.start + stop, piece.stop)
        if first < behind:
            found.append(Piece(piece.layer, first, behind))
        start -= piece.stop - piece.start
        stop -= piece.stop - piece.start
    return found


def _find_renumbered(function: FuncOp) -> set[Operation]:
    """The concatenations and splits along rows that are no step, as all rows that they read are bands of their own."""
    by_rows: set[SSAValue] = set()
    found: set[Operation] = set()
    for op in function.body.block.ops:
        if isinstance(op, ConcatenationOp | SplitOp) and op.row_map() is None:
            type = tensor_type(op.results[0])
            if len(type.get_shape()) != FEATURE_MAP_RANK or op.axis.value.data != HEIGHT:
                continue
            if not all(value in by_rows or _is_one_row(value) for value in op.operands):
                continue
            if not all(value.uses for value in op.results) or sum(map(_rows, op.operands)) == 1:
                continue
            found.add(op)
        elif not isinstance(op, RowGeometryInterface) or op.row_map() is None:
            continue
        by_rows.update(op.results)
    return found


def _rows(value: SSAValue) -> int:
    return total_rows(tensor_type(value))


def _is_one_row(value: SSAValue) -> bool:
    return _rows(value) == 1 and not isinstance(value.owner, ConstantOp | ExternalInputOp)


def _read_whole(function: FuncOp, renumbered: Collection[Operation]) -> set[SSAValue]:
    """The values that something needs in one place, once they are cut into bands."""
    found: set[SSAValue] = set()
    for op in function.body.block.ops:
        if isinstance(op, ReturnOp):
            found.update(without_aliases(value) for value in op.operands)
        elif isinstance(op, FullyConnectedOp):
            if not _is_streamable(op):
                found.add(without_aliases(op.input))
        elif isinstance(op, RowGeometryInterface) and op.row_map() is not None:
            values = [value for group in op.row_groups() for value in group]
            found.update(without_aliases(value) for value in values if isinstance(value.owner, ReshapeOp))
        elif not isinstance(op, ReshapeOp | ConstantOp) and op not in renumbered:
            found.update(without_aliases(value) for value in op.operands)
    return found


def _is_streamable(op: FullyConnectedOp) -> bool:
    """Whether `stream-reductions` takes the op's map by rows, where it has several bands."""
    map = without_aliases(op.input)
    return op.batches == 1 and quantization_of(map) == quantization_of(op.input)


def _is_global_pool(op: Operation) -> bool:
    """Whether `stream-reductions` takes the op's map by rows, where it has several bands."""
    if not isinstance(op, AveragePool2DOp):
        return False
    shape = shape_of(op.input[0])
    one_pixel = shape_of(op.result)[HEIGHT:CHANNELS] == (1, 1)
    return one_pixel and not any(int_values(op.padding)) and int_values(op.window) == (shape[HEIGHT], shape[WIDTH])


def heights_of_one(layers: WholeLayers) -> list[int]:
    """Bands of one row each."""
    return [1] * len(layers.layers)
