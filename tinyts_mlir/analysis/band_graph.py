"""From band ops to the graph of layers and bands that the segment search works on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

from xdsl.ir import Operation, SSAValue

from tinyts_mlir.analysis.layers import Layers
from tinyts_mlir.analysis.liveness import joined_bands
from tinyts_mlir.analysis.op_graph import OpGraph
from tinyts_mlir.analysis.segment_search import UNREACHABLE, BandGraph, BandLayer
from tinyts_mlir.dialects.rows import rows_of, size_in_bytes, tensor_type
from tinyts_mlir.dialects.tinyts import ReceiveOp
from tinyts_mlir.dialects.tinyts_base import AliasOp
from tinyts_mlir.dialects.tinyts_reductions import AccumulatingOp
from tinyts_mlir.kernels.catalogue import works_in_place
from tinyts_mlir.kernels.lead import Lead
from tinyts_mlir.kernels.operand_overlap import operand_overlap


def band_graph(graph: OpGraph, layers: Layers, leading_inputs: bool, joined: bool = True) -> BandGraph:
    """The layers of a function with their bands; with `leading_inputs`, inputs are complete before anything runs.

    With `joined`, bands are made where joins want them, as `analysis/liveness.py` has it.
    """
    places: dict[SSAValue, tuple[int, int]] = {}
    for layer in layers.layers:
        for band, op in enumerate(layer.ops):
            for result in op.results:
                places[result] = (layer.number, band)
    found = [_band_layer(layer.ops, places, leading_inputs) for layer in layers.layers]
    for layer in layers.layers if joined else ():
        bands = joined_bands(layer.ops[0])
        makers = {places[value][0] for value in bands}
        maker = min(makers, default=0)
        # Results that die one by one, and parts of a map, are counted as copies.
        if len(makers) == 1 and [list(op.results) for op in layers.layers[maker].ops] == [[value] for value in bands]:
            found[maker] = replace(
                found[maker], band_bytes=made_joined(found[maker].band_bytes), in_place=False, leads=()
            )
            found[layer.number] = replace(found[layer.number], in_place=True)
    returned = frozenset(places[without_aliases(value)][0] for value in graph.returned)
    return BandGraph(tuple(found), returned)


def made_joined(band_bytes: Sequence[int]) -> tuple[int, ...]:
    """The bytes of bands that are made where a join wants them: with the first there is the whole map."""
    return (sum(band_bytes), *(0 for _ in band_bytes[1:]))


def without_aliases(value: SSAValue) -> SSAValue:
    """The value whose bytes these are: the one behind any number of reshapes and renumberings."""
    while isinstance(owner := value.owner, AliasOp):
        value = owner.input
    return value


Bands = tuple[int, int]
"""The first band, and one behind the last."""


def _band_layer(ops: list[Operation], places: dict[SSAValue, tuple[int, int]], leading_inputs: bool) -> BandLayer:
    reads: list[dict[int, tuple[int, int]]] = []
    for op in ops:
        read: dict[int, tuple[int, int]] = {}
        for operand in op.operands:
            if isinstance(op, AccumulatingOp) and operand is op.accumulator:
                continue
            if (place := places.get(without_aliases(operand))) is not None:
                layer, band = place
                first, behind = read.get(layer, (band, band + 1))
                read[layer] = (min(first, band), max(behind, band + 1))
        reads.append(read)
    operands = tuple(dict.fromkeys(operand for read in reads for operand in read))
    band_bytes = tuple(sum(size_in_bytes(tensor_type(result)) for result in op.results) for op in ops)
    maps = [value for value in ops[0].operands if without_aliases(value) in places]
    read_bytes = sum(size_in_bytes(tensor_type(value)) for value in maps)
    needs = bands_needed(operands, reads)
    return BandLayer(
        band_bytes=band_bytes,
        operands=operands,
        needs=needs,
        in_place=works_in_place(ops[0]),
        leads=_leads(ops, places) if len(operands) == 1 else (),
        accumulates=isinstance(ops[0], AccumulatingOp),
        input=isinstance(ops[0], ReceiveOp),
        leading=leading_inputs and isinstance(ops[0], ReceiveOp),
        widens=is_one_to_one(needs) and band_bytes[0] > read_bytes,
    )


def _leads(ops: list[Operation], places: dict[SSAValue, tuple[int, int]]) -> tuple[tuple[tuple[int, Lead], ...], ...]:
    """`BandLayer.leads` of ops that make the bands of one map from those of another."""
    if (overlap := operand_overlap(ops[0])) is None:
        return ()
    found: list[tuple[tuple[int, Lead], ...]] = []
    for op in ops:
        made = tensor_type(op.results[0])
        leads: list[tuple[int, Lead]] = []
        for operand in op.operands:
            if (place := places.get(without_aliases(operand))) is None:
                continue
            lead = overlap.lead(rows_of(made), rows_of(tensor_type(operand)))
            if lead is not None:
                leads.append((place[1], lead))
        found.append(tuple(leads))
    return tuple(found)


def bands_needed(operands: Sequence[int], reads: Sequence[Mapping[int, Bands]]) -> tuple[tuple[Bands, ...], ...]:
    """For each band and operand the bands read, as the search counts them: behind what earlier bands read, before what
    later ones do. Rows of a concatenation may come from one map more than once, and from some not at all.
    """
    nothing = (UNREACHABLE, 0)
    columns: list[list[Bands]] = []
    for operand in operands:
        read = [one.get(operand, nothing) for one in reads]
        firsts = list(accumulate((first for first, _ in reversed(read)), min))[::-1]
        columns.append(list(zip(firsts, accumulate((behind for _, behind in read), max), strict=True)))
    return tuple(zip(*columns, strict=True)) if columns else ((),) * len(reads)


def is_one_to_one(needs: Sequence[Sequence[tuple[int, int]]]) -> bool:
    """Whether every band is made from one band of each operand."""
    return all(behind - first == 1 for band in needs for first, behind in band)
