"""The graph of maps, and of bands, of a function as it is: whole tensors, bands, or both.

The way back from IR: `analysis/layers.py` says which ops are one layer; here is what they read. `schedule-bands` orders
the bands by it, and `plan-arena` computes the lower bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xdsl.ir import Operation, SSAValue

from tinyts_mlir.analysis.band_needs import bands_needed, is_one_to_one, made_joined
from tinyts_mlir.analysis.layers import Layer, Layers
from tinyts_mlir.analysis.liveness import joined_bands
from tinyts_mlir.analysis.map_graph import Kind, MapGraph, MapLayer, Piece, Source, layers_read
from tinyts_mlir.analysis.op_graph import OpGraph
from tinyts_mlir.analysis.segment_search import BandGraph, BandLayer
from tinyts_mlir.dialects.carried_state import carried_before
from tinyts_mlir.dialects.interfaces import (
    AccumulatingInterface,
    AliasInterface,
    AssemblingInterface,
    needs_no_arena,
    reads_state,
    receives,
    without_aliases,
)
from tinyts_mlir.dialects.row_geometry import RowGeometryInterface, RowMap, kept_bytes, map_results
from tinyts_mlir.dialects.rows import row_bytes, rows_of, size_in_bytes, tensor_type, total_rows
from tinyts_mlir.kernels.catalogue import works_in_place
from tinyts_mlir.kernels.lead import Lead
from tinyts_mlir.kernels.operand_overlap import operand_overlap


class FoundMaps:
    """The maps of a function, off its bands.

    Args:
        graph: the ops of the function.
        layers: which of them are one layer.
        leading_inputs: inputs are complete before anything else runs.
    """

    def __init__(self, graph: OpGraph, layers: Layers, leading_inputs: bool) -> None:
        self.layers = layers
        self.leading_inputs = leading_inputs
        self.places: dict[SSAValue, tuple[int, int]] = {}
        """The layer of each value that a layer makes, and which of its bands it is."""
        self.results: dict[SSAValue, int] = {}
        """Which of its op's results it is."""
        for layer in layers.layers:
            for band, op in enumerate(layer.ops):
                for position, result in enumerate(map_results(op)):
                    self.places[result] = (layer.number, band)
                    self.results[result] = position
        returned = [self._source(value) for value in graph.returned if without_aliases(value) in self.places]
        found = tuple(self._layer(layer) for layer in layers.layers)
        self.maps = MapGraph(found, tuple(returned), bool(layers.renumbered))

    def _layer(self, layer: Layer) -> MapLayer:
        op = layer.ops[0]
        sources: dict[Source, None] = {}
        for value in (value for op in layer.ops for value in _maps_read(op)):
            if without_aliases(value) in self.places:
                sources[self._source(value)] = None
        kind, row_map = _kind(op)
        results = map_results(op)
        types = [tensor_type(result) for result in results]
        return MapLayer(
            op,
            kind,
            1 if kind is Kind.SUMS else total_rows(types[0]),
            tuple(
                0 if needs_no_arena(result) else size_in_bytes(type) if kind is Kind.SUMS else row_bytes(type)
                for result, type in zip(results, types, strict=True)
            ),
            layers_read(sources),
            tuple(sources),
            row_map or RowMap(),
            leading=self.leading_inputs and receives(op),
            in_place=works_in_place(op) and not reads_state(op),
            overlap=None if reads_state(op) else operand_overlap(op),
            kept_bytes=kept_bytes(op),
        )

    def _source(self, value: SSAValue) -> Source:
        """The map that a value is (a band of), as rows of the maps that layers make."""
        owner = value.owner
        if not isinstance(owner, AliasInterface):
            return Source((self._map(value),))
        if owner.renumbered_map is None:
            return Source((self._map(without_aliases(value)),), reshaped=True)
        bands = self.layers.renumbered[self.layers.maps[value]]
        return Source(tuple(self._piece(band) for band in bands))

    def _map(self, value: SSAValue) -> Piece:
        """The whole map that a layer's value is (a band of)."""
        type = tensor_type(value)
        rows = 1 if _kind(self.layers.layers[self.places[value][0]].ops[0])[0] is Kind.SUMS else total_rows(type)
        return Piece(self.places[value][0], 0, rows, self.results[value])

    def _piece(self, band: SSAValue) -> Piece:
        """The rows of a layer's map that a renumbered band is."""
        value = without_aliases(band)
        rows = rows_of(tensor_type(value))
        return Piece(self.places[value][0], rows.start, rows.stop, self.results[value])

    # --- bands --------------------------------------------------------------------------------------------------

    def band_graph(self, joined: bool = True) -> BandGraph:
        """The layers with their bands; with `joined`, bands are made where joins want them (`analysis/liveness.py`)."""
        layers = self.layers.layers
        found = [self._band_layer(layer) for layer in layers]
        for layer in layers if joined else ():
            bands = joined_bands(layer.ops[0])
            makers = {self.places[value][0] for value in bands}
            maker = min(makers, default=0)
            # Results that die one by one, and parts of a map, are counted as copies.
            if len(makers) == 1 and [list(op.results) for op in layers[maker].ops] == [[value] for value in bands]:
                joined_bytes = made_joined(found[maker].band_bytes)
                found[maker] = replace(found[maker], band_bytes=joined_bytes, in_place=False, leads=())
                found[layer.number] = replace(found[layer.number], in_place=True)
        return BandGraph(tuple(found), self.maps.returned_layers)

    def _band_layer(self, layer: Layer) -> BandLayer:
        ops, info = layer.ops, self.maps.layers[layer.number]
        reads: list[dict[int, tuple[int, int]]] = []
        for op in ops:
            read: dict[int, tuple[int, int]] = {}
            for operand in _maps_read(op):
                if (place := self.places.get(without_aliases(operand))) is not None:
                    number, band = place
                    first, behind = read.get(number, (band, band + 1))
                    read[number] = (min(first, band), max(behind, band + 1))
            reads.append(read)
        operands = tuple(dict.fromkeys(operand for read in reads for operand in read))
        made = [[result for result in map_results(op) if not needs_no_arena(result)] for op in ops]
        band_bytes = tuple(sum(size_in_bytes(tensor_type(result)) for result in results) for results in made)
        maps = [value for value in ops[0].operands if without_aliases(value) in self.places]
        needs = bands_needed(operands, reads)
        return BandLayer(
            band_bytes=band_bytes,
            operands=operands,
            needs=needs,
            in_place=info.in_place,
            leads=self._leads(ops, info) if len(operands) == 1 else (),
            accumulates=info.kind is Kind.SUMS,
            input=info.is_input,
            leading=info.leading,
            kept_bytes=info.kept_bytes if len(ops) > 1 else 0,
            widens=is_one_to_one(needs) and band_bytes[0] > sum(size_in_bytes(tensor_type(value)) for value in maps),
        )

    def _leads(self, ops: Sequence[Operation], info: MapLayer) -> tuple[tuple[tuple[int, Lead], ...], ...]:
        """`BandLayer.leads` of ops that make the bands of one map from those of another."""
        if info.overlap is None:
            return ()
        found: list[tuple[tuple[int, Lead], ...]] = []
        for op in ops:
            made = rows_of(tensor_type(op.results[0]))
            leads: list[tuple[int, Lead]] = []
            for operand in op.operands:
                if (place := self.places.get(without_aliases(operand))) is None:
                    continue
                if (lead := info.overlap.lead(made, rows_of(tensor_type(operand)))) is not None:
                    leads.append((place[1], lead))
            found.append(tuple(leads))
        return tuple(found)


def _kind(op: Operation) -> tuple[Kind, RowMap | None]:
    """How the layer of an op is made, and by which row map."""
    if isinstance(op, AccumulatingInterface):
        return Kind.SUMS, None
    if isinstance(op, AssemblingInterface):
        return Kind.JOIN, None
    row_map = op.row_map() if isinstance(op, RowGeometryInterface) else None
    return (Kind.WHOLE, None) if row_map is None else (Kind.ROWS, row_map)


def _maps_read(op: Operation) -> Sequence[SSAValue]:
    """The operands that an op reads, without the state that it goes on with."""
    state = carried_before(op)
    return op.operands if state is None else [value for value in op.operands if value is not state]
