"""From a schedule of bands to the blocks of bytes that an arena has to hold, without IR.

The same lifetimes, and the same sharing of bytes, as `analysis/liveness.py` finds in a function that is cut into bands.
"""

from __future__ import annotations

from collections.abc import Sequence

from tinyts_mlir.analysis.arena_allocation import SCRATCH_ALIGNMENT, natural_alignment
from tinyts_mlir.analysis.arena_blocks import Block, Overlap
from tinyts_mlir.analysis.segment_search import BandGraph, Step
from tinyts_mlir.dialects.rows import WORD_BYTES
from tinyts_mlir.kernels.lead import Lead


def blocks_of(graph: BandGraph, steps: Sequence[Step]) -> tuple[list[Block], list[Overlap]]:
    """A block for each band that has bytes of its own, in the order in which they are made.

    Behind them one for each step whose kernel cannot do without scratch, other scratch has none; and one for what the
    bands of a layer keep.

    And which of them may overlap.
    """
    last_reads: dict[Step, int] = {}
    for number, (layer, band) in enumerate(steps):
        info = graph.layers[layer]
        for operand, (first, behind) in zip(info.operands, info.needs[band] if info.operands else (), strict=True):
            for read in range(first, behind):
                last_reads[_stored(graph, operand, read)] = number
    for layer in graph.returned:
        for band in range(len(graph.layers[layer].band_bytes)):
            last_reads[_stored(graph, layer, band)] = len(steps)

    leads: dict[tuple[Step, Step], Lead] = {}
    roots: dict[Step, Step] = {}
    first_steps: dict[Step, int] = {}
    last_steps: dict[Step, int] = {}
    for number, (layer, band) in enumerate(steps):
        place = _stored(graph, layer, band)
        info = graph.layers[layer]
        if place in roots:  # the next state of a reduction
            last_steps[roots[place]] = max(last_steps[roots[place]], number)
            continue
        root = place
        if info.in_place:
            size = _bytes(graph, place)
            operands = zip(info.operands, info.needs[band], strict=True)
            read = [_stored(graph, operand, one) for operand, needs in operands for one in range(*needs)]
            alike = (roots[one] for one in read if _bytes(graph, one) == _bytes(graph, roots[one]) == size)
            root = next((one for one in alike if last_steps[one] == number), place)
        first_steps.setdefault(root, number)
        roots[place] = root
        last_steps[root] = max(last_steps.get(root, number), last_reads.get(place, number))
        for read, lead in info.leads[band] if info.leads else ():
            under = roots[info.operands[0], read]
            if last_steps[under] == number and _bytes(graph, under) == _bytes(graph, (info.operands[0], read)):
                leads[root, under] = lead
    blocks = [
        Block(size, first, last_steps[root], natural_alignment(size, graph.layers[root[0]].element_bytes))
        for root, first in first_steps.items()
        for size in (_bytes(graph, root),)
    ]
    numbers = {root: number for number, root in enumerate(first_steps)}
    blocks += [
        Block(needed, number, number, SCRATCH_ALIGNMENT)
        for number, (layer, _) in enumerate(steps)
        if (needed := graph.layers[layer].needed_bytes)
    ]
    blocks += _kept_blocks(graph, steps)
    return blocks, [Overlap(numbers[over], numbers[under], lead) for (over, under), lead in leads.items()]


def _kept_blocks(graph: BandGraph, steps: Sequence[Step]) -> list[Block]:
    lives: dict[int, tuple[int, int]] = {}
    for number, (layer, _) in enumerate(steps):
        if graph.layers[layer].kept_bytes:
            lives[layer] = (lives.get(layer, (number, number))[0], number)
    return [Block(graph.layers[layer].kept_bytes, *life, WORD_BYTES) for layer, life in lives.items()]


def _stored(graph: BandGraph, layer: int, band: int) -> Step:
    """The band whose bytes a band is: of the state of a reduction, the first."""
    return layer, 0 if graph.layers[layer].accumulates else band


def _bytes(graph: BandGraph, place: Step) -> int:
    return graph.layers[place[0]].band_bytes[place[1]]
