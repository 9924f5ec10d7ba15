"""The bands that the maps of a foreseen graph will have, for any choice of band heights.

What `split-tensors` and `stream-reductions` make of a function, without making it: the graph for the segment search
(`analysis/segment_search.py`) that `analysis/found_maps.py` finds in their result; `test/analysis/test_map_bands.py`
holds the two against each other. Where a map that is read whole is one band, its join takes no bytes, nor do the sums
of a reduction whose map is one.

Bands that only a join reads are made in its result (`analysis/liveness.py`), where their places suit them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tinyts_mlir.analysis.arena_allocation import natural_alignment
from tinyts_mlir.analysis.band_needs import Bands, bands_needed, is_one_to_one, made_joined
from tinyts_mlir.analysis.map_graph import Kind, MapGraph, MapLayer, Piece, Source
from tinyts_mlir.analysis.segment_search import BandGraph, BandLayer
from tinyts_mlir.dialects.row_geometry import band_ranges, whole_blocks
from tinyts_mlir.dialects.rows import RowRange
from tinyts_mlir.kernels.catalogue import needed_scratch
from tinyts_mlir.kernels.lead import Lead

MOST_BANDS = 4096
"""Compiling takes a millisecond and more for each band: a map of ten thousands of rows has no bands of one row."""

Heights = Sequence[int]
"""The band height of each layer; only those of layers made by rows count."""


class MapBands:
    """The maps of a foreseen graph (`analysis/foreseen_maps.py`), cut into bands of any heights."""

    def __init__(self, maps: MapGraph) -> None:
        self.layers = maps.layers
        self.returned = maps.returned_layers
        self.has_renumbered_rows = maps.moves_rows
        self._partly_read = self._find_partly_read()
        self._only_joined = self._find_only_joined()

    def bands(self, number: int, heights: Heights) -> int:
        """How many bands a layer has."""
        layer = self.layers[number]
        match layer.kind:
            case Kind.ROWS:
                return -(-layer.rows // heights[number])
            case Kind.SUMS:
                return sum(len(self._bands_of(piece, heights)) for piece in layer.sources[0].pieces)
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
        in_place = layer.in_place and not is_joined
        if layer.kind is Kind.SUMS:
            if count == 1 and not layer.may_have_one_band:
                return self._renaming(layer)
            band_bytes = band_bytes * count
            taken = [
                (piece.layer, band) for piece in layer.sources[0].pieces for band in self._bands_of(piece, heights)
            ]
            needs = bands_needed(layer.operands, [{layer: (band, band + 1)} for layer, band in taken])
        elif layer.kind is Kind.JOIN:
            if len(layer.sources[0].pieces) == 1 and self.bands(layer.operands[0], heights) == 1:
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
            input=layer.is_input,
            leading=layer.leading,
            widens=one_to_one and band_bytes[0] > read_bytes,
            needed_bytes=needed_scratch(layer.op, heights[number]) if layer.is_by_rows else 0,
            element_bytes=layer.element_bytes,
            kept_bytes=layer.kept_bytes if count > 1 else 0,
        )

    def _is_made_joined(self, number: int, heights: Heights) -> bool:
        """Whether a layer's bands are made where a join wants them."""
        if number not in self._only_joined or self.bands(number, heights) == 1:
            return False
        layer, height = self.layers[number], heights[number]
        ranges = band_ranges(layer.rows, height)
        return not any(
            rows.start * layer.row_bytes % natural_alignment(rows.count * layer.row_bytes, layer.element_bytes)
            for rows in ranges
        )

    def _bytes(self, number: int, band: int, heights: Heights) -> int:
        layer = self.layers[number]
        if layer.kind is not Kind.ROWS:
            return layer.size
        return min(heights[number], layer.rows - band * heights[number]) * layer.row_bytes

    def _leads(
        self,
        layer: MapLayer,
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
            or not _is_whole_map(layer.sources, operand, source.rows)
        ):
            return ()
        bands = band_ranges(source.rows, heights[operand])
        found: list[tuple[tuple[int, Lead], ...]] = []
        for rows, [(first, behind)] in zip(ranges, needs, strict=True):
            leads = [(band, layer.overlap.lead(rows, bands[band])) for band in range(first, behind)]
            found.append(tuple((band, lead) for band, lead in leads if lead is not None))
        return tuple(found)

    def _renaming(self, layer: MapLayer) -> BandLayer:
        """A layer that is only another name for the map that it reads."""
        size = layer.size if layer.kind is Kind.JOIN else self.layers[layer.operands[0]].size
        return BandLayer((size,), layer.operands, (((0, 1),),), in_place=True)

    def _read(self, layer: MapLayer, rows: RowRange, heights: Heights) -> dict[int, Bands]:
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
        readers: list[list[MapLayer]] = [[] for _ in self.layers]
        for layer in self.layers:
            for operand in layer.operands:
                readers[operand].append(layer)
        return frozenset(
            number
            for number, found in enumerate(readers)
            if [reader.kind for reader in found] == [Kind.JOIN]
            and len(self.layers[number].op.results) == 1
            and _is_whole_map(found[0].sources, number, self.layers[number].rows)
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
            for rows in band_ranges(layer.rows, 1 if layer.kind is Kind.ROWS else layer.rows):
                for piece in layer.rows_read(rows):
                    read[piece.layer].update(range(piece.start, piece.stop))
        return frozenset(
            number for number, layer in enumerate(self.layers) if len(read[number]) < layer.rows and not layer.is_input
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


def _is_whole_map(sources: Sequence[Source], layer: int, rows: int) -> bool:
    """Whether this is all that is read: all rows of a layer's only map, by their own numbers."""
    return [source.pieces for source in sources] == [(Piece(layer, 0, rows),)]


def lowest_heights(layers: MapBands, most_bands: int = MOST_BANDS) -> list[int]:
    """Bands of one row each, or block of rows; of two, four, ... where all bands would be more than `most_bands`.

    Rows that another map renumbers are one by one in any case.
    """
    height, highest = 1, max((layer.rows for layer in layers.layers), default=1)
    while True:
        heights = [
            whole_blocks(1 if layer.is_renumbered else min(max(height, layer.least_rows), layer.rows), layer.block)
            if layer.kind is Kind.ROWS
            else 1
            for layer in layers.layers
        ]
        count = sum(layers.bands(number, heights) for number in range(len(heights)))
        if count <= most_bands or height >= highest:
            return heights
        height *= 2
