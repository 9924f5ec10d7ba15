"""The order that needs the least SRAM: layers in segments, rows on demand inside a segment.

Works on a graph of layers whose results are made band by band, without IR. A *cut* is a boundary between layers that
at most two maps cross; what crosses it is complete before anything behind it starts, and then dies band by band while
the next segment's result grows. Inside a segment everything is made on demand: to make a band, first make what it
reads. Where a map is *held*, all its bands that the asked-for bands of its reader need are made first, otherwise just
those for the next band.

    best[j] = min over i < j of max(best[i], cost(i, j))

where cost(i, j) is the peak of live bytes while layers i to j - 1 run as one segment, found by counting bands. A few
sets of held maps are tried for every segment.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain

from tinyts_mlir.analysis.arena_blocks import shared_bytes
from tinyts_mlir.analysis.band_order import just_in_time
from tinyts_mlir.kernels.lead import Lead

MOST_CROSSING_MAPS = 2
UNREACHABLE = 1 << 62
MOST_STEPS = 300_000
"""Of all segments that a search runs, and layers in them: half a second."""
SHORT_SEGMENT = 16
"""Layers of a segment in networks of very many layers."""


@dataclass(frozen=True)
class BandLayer:
    """A layer, as the search sees it.

    Attributes:
        band_bytes: for each band, the bytes of the layer's results in it.
        operands: the layers whose maps it reads.
        needs: for each band and each operand the bands read, as (first, one behind the last).
        in_place: the results' bytes may lie where a band of an operand dies.
        leads: for each band the bands of the one operand that it may overlap where they die, and how; empty where it
            may overlap none.
        accumulates: every band is written over the one before; only one lives.
        input: rows of an input of the network, which come when they are asked for.
        leading: an input that must be complete before anything else runs.
        widens: makes more bytes from less, one to one: holding what it reads may pay.
        scratch_bytes: live while a band is made, where its kernel gets them.
        needed_bytes: of scratch that its kernel cannot do without, live while a band is made.
        element_bytes: of the largest element of a result.
        kept_bytes: what its bands keep from one to the next: live from the first to the last.
    """

    band_bytes: tuple[int, ...]
    operands: tuple[int, ...] = ()
    needs: tuple[tuple[tuple[int, int], ...], ...] = ()
    in_place: bool = False
    leads: tuple[tuple[tuple[int, Lead], ...], ...] = ()
    accumulates: bool = False
    input: bool = False
    leading: bool = False
    widens: bool = False
    scratch_bytes: int = 0
    needed_bytes: int = 0
    element_bytes: int = 1
    kept_bytes: int = 0


@dataclass(frozen=True)
class BandGraph:
    """Layers in a topological order; `returned` are those whose maps must be there at the end."""

    layers: tuple[BandLayer, ...]
    returned: frozenset[int]
    consumers: tuple[tuple[int, ...], ...] = field(init=False)
    readers: tuple[tuple[tuple[int, int], ...], ...] = field(init=False)
    """For each layer those that read it, and as which of their operands."""
    _last_readers: tuple[int, ...] = field(init=False, repr=False)
    _crossing: dict[int, tuple[int, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Derives who reads whom."""
        readers: list[list[tuple[int, int]]] = [[] for _ in self.layers]
        for number, layer in enumerate(self.layers):
            for position, operand in enumerate(layer.operands):
                readers[operand].append((number, position))
        end = len(self.layers)
        last = [max((reader for reader, _ in numbers), default=-1) for numbers in readers]
        last = [end if layer in self.returned else reader for layer, reader in enumerate(last)]
        consumers = tuple(tuple(dict.fromkeys(reader for reader, _ in numbers)) for numbers in readers)
        object.__setattr__(self, "consumers", consumers)
        object.__setattr__(self, "readers", tuple(map(tuple, readers)))
        object.__setattr__(self, "_last_readers", tuple(last))
        object.__setattr__(self, "_crossing", {})

    def with_layers(self, changed: Mapping[int, BandLayer]) -> BandGraph:
        """The graph with other bands in some layers; who reads whom must stay as it is."""
        graph = copy(self)
        layers = list(self.layers)
        for number, layer in changed.items():
            layers[number] = layer
        object.__setattr__(graph, "layers", tuple(layers))
        return graph

    def _crosses(self, layer: int, cut: int) -> bool:
        return layer < len(self.layers) and layer < cut <= self._last_readers[layer]

    def crossing(self, cut: int) -> tuple[int, ...]:
        """The layers whose maps cross a cut: are made before it and read behind it."""
        if not self._crossing:
            crossing: list[int] = []
            for number in range(len(self.layers) + 1):
                self._crossing[number] = tuple(crossing)
                crossing = [layer for layer in (*crossing, number) if self._crosses(layer, number + 1)]
        return self._crossing[cut]


class OverLimit(Exception):
    """A segment needs more than the limit of its simulation."""


@dataclass(frozen=True)
class Segment:
    """The layers `start` to `stop - 1`, with the maps that are held."""

    start: int
    stop: int
    held: frozenset[int]


Step = tuple[int, int]
"""(layer, band)"""


class SegmentRun:
    """Runs one segment by counting bands: who is made, who is dead, how many bytes live.

    Args:
        limit: the most bytes of bands that may live.
        scratch_limit: the most bytes of bands and scratch.
    """

    def __init__(
        self, graph: BandGraph, segment: Segment, limit: int = UNREACHABLE, scratch_limit: int = UNREACHABLE
    ) -> None:
        self.graph = graph
        self.segment = segment
        self.limit = limit
        self.scratch_limit = scratch_limit
        self.peak = 0
        self.live = 0
        self.steps: list[Step] = []
        start, stop = segment.start, segment.stop
        there = graph.crossing(start)
        self.made = [0] * stop
        self.freed = [0] * stop
        self.kept = [False] * stop
        self.readers = list(graph.readers[:stop])
        for layer in graph.crossing(stop):
            self.kept[layer] = True
        for layer in {*there, *graph.crossing(stop)}:
            self.readers[layer] = tuple(reader for reader in graph.readers[layer] if start <= reader[0] < stop)
        self.waiting: dict[int, tuple[tuple[int, int], ...]] = {}
        """Of layers: a reader that the bands were kept for when last looked at; mostly it still wants them."""
        for layer in there:
            self.made[layer] = len(graph.layers[layer].band_bytes)
            self.live += sum(graph.layers[layer].band_bytes)
        self._note(self.live)

    def run(self) -> SegmentRun:
        """Runs the whole segment; raises OverLimit as soon as a limit is passed."""
        start, stop = self.segment.start, self.segment.stop
        for layer in reversed([layer for layer in range(start, stop) if self.kept[layer]]):
            for band in range(len(self.graph.layers[layer].band_bytes)):
                self._request(layer, band + 1)
        for layer in range(start, stop):
            self._request(layer, len(self.graph.layers[layer].band_bytes))
        return self

    def _note(self, bytes: int) -> None:
        if bytes > self.peak:
            self.peak = bytes
            if bytes > self.limit:
                raise OverLimit

    def _request(self, layer: int, upto: int) -> None:
        """Makes the bands of a layer below `upto`, and first what they read. Iterative: nets are deep."""
        layers, all_made, held = self.graph.layers, self.made, self.segment.held
        stack = [(layer, upto, 0)]
        while stack:
            layer, upto, looked_at = stack.pop()
            made = all_made[layer]
            if made >= upto:
                continue
            info = layers[layer]
            for position in range(looked_at, len(info.operands)):
                operand = info.operands[position]
                behind = info.needs[upto - 1 if operand in held else made][position][1]
                if all_made[operand] < behind:
                    stack.append((layer, upto, position))
                    stack.append((operand, behind, 0))
                    break
            else:
                self._make(layer)
                stack.append((layer, upto, 0))

    def _make(self, layer: int) -> None:
        info = self.graph.layers[layer]
        band = self.made[layer]
        size = 0 if info.accumulates and band else info.band_bytes[band]
        if band == 0:
            self.live += info.kept_bytes
        before = self.live
        self.steps.append((layer, band))
        self.live += size
        self.made[layer] = band + 1
        for operand in info.operands:
            self._free(operand)
        if not self.readers[layer] and not self.kept[layer]:
            self._free(layer)
        if band + 1 == len(info.band_bytes):
            self.live -= info.kept_bytes
        there, scratch = before + size + info.needed_bytes, info.scratch_bytes
        if there <= self.peak and (not scratch or there + scratch <= self.scratch_limit):
            return
        # A kernel that works in place takes the bytes of an operand's band that dies with this step.
        if info.in_place and before + size - self.live >= size:
            there -= size
        elif info.leads and before + size > self.live:
            there -= self._overlapped(info, band, size)
        self._note(there)
        if scratch and there + scratch > self.scratch_limit:
            raise OverLimit

    def _overlapped(self, info: BandLayer, band: int, size: int) -> int:
        """The bytes of a new band that lie on bands of its operand which die with this step."""
        [operand] = info.operands
        sizes, freed = self.graph.layers[operand].band_bytes, self.freed[operand]
        return shared_bytes(size, [(sizes[read], lead) for read, lead in info.leads[band] if read < freed])

    def _free(self, layer: int) -> None:
        """Drops the bands that no reader in the segment will read any more."""
        if self.kept[layer]:
            return
        info, layers, made, freed = self.graph.layers[layer], self.graph.layers, self.made, self.freed[layer]
        behind = made[layer]
        for reader, position in chain(self.waiting.get(layer, ()), self.readers[layer]):
            needs = layers[reader].needs
            band = made[reader]
            if band < len(needs) and (first := needs[band][position][0]) < behind:
                behind = first
                if behind <= freed:
                    self.waiting[layer] = ((reader, position),)
                    return
        if behind > freed:
            if info.accumulates:
                if behind == len(info.band_bytes):
                    self.live -= info.band_bytes[0]
            else:
                self.live -= sum(info.band_bytes[freed:behind])
            self.freed[layer] = behind


def held_sets(graph: BandGraph) -> list[frozenset[int]]:
    """The sets of held maps that are tried: all, none, what widening layers read."""
    everything = frozenset(range(len(graph.layers)))
    widening = frozenset(operand for layer in graph.layers if layer.widens for operand in layer.operands)
    return list(dict.fromkeys([everything, frozenset[int](), widening]))


def different_sets(graph: BandGraph, start: int, stop: int, sets: Iterable[frozenset[int]]) -> list[frozenset[int]]:
    """The first of those sets of held maps that order the segment of layers `start` to `stop - 1` alike.

    Held or not is all the same for a map that is complete before the segment, or read by none of it.
    """
    inside = {operand for layer in graph.layers[start:stop] for operand in layer.operands if operand >= start}
    different: dict[frozenset[int], frozenset[int]] = {}
    for held in sets:
        different.setdefault(held & inside, held)
    return list(different.values())


def leading_layers(graph: BandGraph) -> int:
    """The number of layers up to the last that must be complete before anything else runs."""
    return 1 + max((number for number, layer in enumerate(graph.layers) if layer.leading), default=-1)


def _cuts(graph: BandGraph) -> Iterable[int]:
    leading = leading_layers(graph)
    for cut in range(len(graph.layers) + 1):
        if cut in (0, leading, len(graph.layers)) or (cut > leading and len(graph.crossing(cut)) <= MOST_CROSSING_MAPS):
            yield cut


class KnownPeaks:
    """The peaks of segments that were run, for searches in graphs that differ elsewhere."""

    def __init__(self) -> None:
        self._numbers: dict[BandLayer, int] = {}
        self._found: dict[Hashable, tuple[int | None, int, int]] = {}
        """For each segment its peak, None above a limit; that limit; and how much work it took to find that out."""

    def numbers(self, graph: BandGraph) -> list[int]:
        """For each layer of a graph a number that equal layers share, at whatever place in their graphs."""
        relative = (
            replace(layer, operands=tuple(number - operand for operand in layer.operands))
            for number, layer in enumerate(graph.layers)
        )
        return [self._numbers.setdefault(layer, len(self._numbers)) for layer in relative]

    def simulated(
        self, graph: BandGraph, numbers: Sequence[int], segment: Segment, limit: int
    ) -> tuple[int | None, int]:
        """As `_simulated`."""
        start, stop = segment.start, segment.stop
        key = (
            tuple(numbers[start:stop]),
            tuple((start - layer, numbers[layer]) for layer in graph.crossing(start)),
            tuple(stop - layer for layer in graph.crossing(stop)),
            frozenset(layer - start for layer in segment.held if start <= layer < stop),
        )
        if (known := self._found.get(key)) is not None:
            peak, tried, steps = known
            if peak is not None:
                return (peak if peak <= limit else None), steps
            if limit <= tried:
                return None, steps
        peak, steps = _simulated(graph, segment, limit)
        self._found[key] = peak, limit, steps
        return peak, steps


@lru_cache(maxsize=8)
def search_segments(graph: BandGraph) -> tuple[tuple[Segment, ...], int]:
    """The segments with the least peak of live bytes, and that peak."""
    return find_segments(graph)


def find_segments(
    graph: BandGraph, limit: int = UNREACHABLE, known: KnownPeaks | None = None
) -> tuple[tuple[Segment, ...], int]:
    """The segments with the least peak of live bytes, and that peak; raises OverLimit where it is above the limit.

    Where more than MOST_STEPS would be simulated, no segment has more than SHORT_SEGMENT layers, if it can be.
    """
    known = known or KnownPeaks()
    try:
        return _search(graph, len(graph.layers), MOST_STEPS, limit, known)
    except _TooManySteps:
        return _search(graph, SHORT_SEGMENT, UNREACHABLE, limit, known)


class _TooManySteps(Exception):
    pass


def _simulated(graph: BandGraph, segment: Segment, limit: int) -> tuple[int | None, int]:
    """The peak of a segment, None above a limit, and how many steps and layers it took to find that out."""
    try:
        run = SegmentRun(graph, segment, limit)
    except OverLimit:
        return None, 0
    try:
        peak = run.run().peak
    except OverLimit:
        peak = None
    return peak, segment.stop - segment.start + len(run.steps)


def _search(
    graph: BandGraph, longest: int, most_steps: int, limit: int, known: KnownPeaks
) -> tuple[tuple[Segment, ...], int]:
    numbers = known.numbers(graph)
    cuts, leading = list(_cuts(graph)), leading_layers(graph)
    sets = held_sets(graph)
    best = dict.fromkeys(cuts, limit + 1)
    chosen: dict[int, Segment] = {}
    best[0] = 0
    for position, stop in enumerate(cuts):
        for earlier in range(position - 1, -1, -1):
            start = cuts[earlier]
            if stop - start > longest and stop in chosen:
                break
            if best[start] >= best[stop] or start < leading < stop:
                continue
            for held in different_sets(graph, start, stop, sets):
                segment = Segment(start, stop, held)
                peak, steps = known.simulated(graph, numbers, segment, best[stop] - 1)
                most_steps -= steps
                if most_steps < 0:
                    raise _TooManySteps
                if peak is not None and max(peak, best[start]) < best[stop]:
                    best[stop] = max(peak, best[start])
                    chosen[stop] = segment
    if best[cuts[-1]] > limit:
        raise OverLimit
    segments: list[Segment] = []
    cut = cuts[-1]
    while cut > 0:
        segments.append(chosen[cut])
        cut = chosen[cut].start
    return tuple(segments[::-1]), best[cuts[-1]]


def run_segments(graph: BandGraph, segments: Sequence[Segment]) -> list[SegmentRun]:
    """All segments, each run by itself."""
    return [SegmentRun(graph, segment).run() for segment in segments]


def schedule(graph: BandGraph, segments: Sequence[Segment]) -> list[Step]:
    """The steps of all segments, one behind the other; a network's inputs no earlier than they must be."""
    return steps_of(graph, run_segments(graph, segments))


def steps_of(graph: BandGraph, runs: Sequence[SegmentRun]) -> list[Step]:
    """`schedule` of segments that have been run."""
    steps = [step for run in runs for step in run.steps]
    arriving = [step for step in steps if graph.layers[step[0]].input]
    # Where the peak is elsewhere, the search may as well hold the whole input.
    if any(graph.layers[layer].leading for layer, _ in arriving) or steps[: len(arriving)] != arriving:
        return steps
    numbers = {step: number for number, step in enumerate(steps)}
    order = just_in_time(range(len(steps)), [_read_by(graph, step, numbers) for step in steps], range(len(arriving)))
    return [steps[number] for number in order]


def _read_by(graph: BandGraph, step: Step, numbers: Mapping[Step, int]) -> list[int]:
    """The steps that a step stands behind: those that make what it reads, and, of an input, the rows before."""
    layer, band = step
    info = graph.layers[layer]
    read = [(layer, band - 1)] if info.input and band else []
    for operand, (first, behind) in zip(info.operands, info.needs[band] if info.operands else (), strict=True):
        read += [(operand, needed) for needed in range(first, behind)]
    return [numbers[one] for one in read]
