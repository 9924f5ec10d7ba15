"""Which band ops are one layer, and which values one feature map: the way back from bands to whole tensors.

Band ops are of one layer when they differ only in rows: same op, attributes, weights, location and whole types, reading
bands of the same feature maps and making consecutive bands.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute, Operation, SSAValue

from tinyts_mlir.analysis.op_graph import OpGraph
from tinyts_mlir.dialects.interfaces import AccumulatingInterface, AliasInterface, renumbered_map
from tinyts_mlir.dialects.row_geometry import kept_before, map_results
from tinyts_mlir.dialects.rows import rows_of, tensor_type, total_rows, whole_shape
from tinyts_mlir.dialects.tinyts_base import PLAN_PROPERTIES, TinytsOp
from tinyts_mlir.errors import CompileError

BAND_PROPERTIES = (*PLAN_PROPERTIES, "operandSegmentSizes", "bands")
"""Properties in which the bands of a layer may differ."""

Map = Hashable
"""Stands for a feature map: its layer's number and its position among the layer's results."""


def uniform_band_rows(name: str, bands: Sequence[SSAValue]) -> int:
    """The rows of each of a map's bands; raises CompileError when bands (but for the last) differ."""
    counts = [rows_of(tensor_type(band)).count for band in bands]
    if any(count != counts[0] for count in counts[:-1]) or counts[-1] > counts[0]:
        raise CompileError(f"{name}: expected bands of {counts[0]} rows, got bands of {counts} rows")
    return counts[0]


@dataclass
class Layer:
    """The ops that make the bands of one layer's results, first band first."""

    number: int
    ops: list[Operation] = field(default_factory=list[Operation])
    operand_maps: tuple[Map, ...] = ()

    @property
    def next_row(self) -> int:
        """The first row that is not made yet."""
        return rows_of(tensor_type(self.ops[-1].results[0])).stop

    def band_rows(self) -> int:
        """Rows of each band; raises CompileError when bands (but for the last) differ."""
        return uniform_band_rows(self.ops[0].name, [op.results[0] for op in self.ops])


@dataclass
class Layers:
    """All layers of a function.

    Attributes:
        layers: by number, in the order in which they make their first band.
        steps: the layer's number for each op that is a step (a reshape is none).
        maps: the feature map that each value is (a band of).
        renumbered: the bands of each map that is made of rows of others, in their order.
    """

    layers: list[Layer]
    steps: list[int]
    maps: dict[SSAValue, Map]
    renumbered: dict[Map, list[SSAValue]]


class _Siblings:
    """Which ops make bands of one feature map, as far as the ops that read them tell.

    Bands in one operand group are of one map; and where two ops are of one layer, so are the bands that they read at
    the same place. This tells apart layers that are equal in everything: the same op on the same map.
    """

    def __init__(self, graph: OpGraph) -> None:
        self._numbers = graph.numbers
        self._parents = list(range(len(graph.ops)))
        # For each layer, by any of its ops: an op that makes what it reads at a place.
        self._read: dict[int, dict[int, int]] = {}
        for number in reversed(range(len(graph.ops))):
            op = graph.ops[number]
            groups = op.operand_groups() if isinstance(op, TinytsOp) else ()
            if renumbered_map(op) is not None:
                continue  # the bands of its map may come from several
            for place, group in enumerate(groups):
                for value in group:
                    if isinstance(owner := value.owner, Operation) and owner in graph.numbers:
                        self._reads(number, place, graph.numbers[owner])

    def of(self, op: Operation) -> int:
        """A number that all ops known to be of one layer share."""
        return self._find(self._numbers[op])

    def _find(self, number: int) -> int:
        while self._parents[number] != number:
            self._parents[number] = self._parents[self._parents[number]]
            number = self._parents[number]
        return number

    def _reads(self, reader: int, place: int, maker: int) -> None:
        pending = [(reader, place, maker)]
        while pending:
            reader, place, maker = pending.pop()
            first = self._find(self._read.setdefault(self._find(reader), {}).setdefault(place, maker))
            other = self._find(maker)
            if first != other:
                self._parents[other] = first
                pending += [(first, *read) for read in self._read.pop(other, {}).items()]


def _whole(type: TensorType[Attribute]) -> tuple[Hashable, ...]:
    return (whole_shape(type), type.element_type)


def group_layers(graph: OpGraph) -> Layers:
    """Groups the ops of a function by layer; raises CompileError where bands do not make up whole feature maps."""
    siblings = _Siblings(graph)
    layers: list[Layer] = []
    by_key: dict[Hashable, list[Layer]] = {}
    maps: dict[SSAValue, Map] = {}
    steps: list[int] = []
    renumbered: dict[Map, list[SSAValue]] = {}
    for op in graph.ops:
        if isinstance(op, AliasInterface):
            [result] = op.results
            if (number := op.renumbered_map) is None:
                source = op.operands[0]  # a state that is read is made by no layer
                maps[result] = ("alias", maps.get(source, source), result.type)
                continue
            maps[result] = ("renumbered", number)
            renumbered.setdefault(maps[result], []).append(result)
            continue
        if isinstance(op, AccumulatingInterface) and (state := op.state_before()) is not None:
            layer = _layer_of_state(op, state, layers)
            layer.ops.append(op)
            steps.append(layer.number)
            maps[op.results[0]] = maps[state]
            continue
        kept, results = kept_before(op), map_results(op)
        operand_maps = tuple(dict.fromkeys(maps.get(value, value) for value in op.operands if value is not kept))
        key = (
            type(op),
            tuple(sorted((k, v) for k, v in op.properties.items() if k not in BAND_PROPERTIES)),
            op.location,
            operand_maps,
            tuple(_whole(tensor_type(result)) for result in results),
        )
        start = rows_of(tensor_type(op.results[0])).start
        candidates = by_key.setdefault(key, [])
        waiting = [layer for layer in candidates if layer.next_row == start]
        sibling = siblings.of(op)
        layer = min(waiting, key=lambda layer: siblings.of(layer.ops[0]) != sibling, default=None)
        if layer is None:
            if start != 0:
                raise CompileError(f"{op.name}: rows from {start} on are made before the rows above them")
            layer = Layer(len(layers), operand_maps=operand_maps)
            layers.append(layer)
            candidates.append(layer)
        layer.ops.append(op)
        steps.append(layer.number)
        for index, result in enumerate(results):
            maps[result] = (layer.number, index)
    for layer in layers:
        total = total_rows(tensor_type(layer.ops[0].results[0]))
        if layer.next_row != total:
            raise CompileError(f"{layer.ops[0].name}: only {layer.next_row} of {total} rows are made")
    for bands in renumbered.values():
        bands.sort(key=lambda band: rows_of(tensor_type(band)).start)
        _expect_whole_map(bands)
    return Layers(layers, steps, maps, renumbered)


def _expect_whole_map(bands: Sequence[SSAValue]) -> None:
    """Raises CompileError unless these renumbered bands, in their order, are one whole map."""
    first, position = tensor_type(bands[0]), 0
    name = bands[0].owner.name if isinstance(bands[0].owner, Operation) else "renumbered rows"
    for band in bands:
        type = tensor_type(band)
        if _whole(type) != _whole(first) or rows_of(type).start != position:
            raise CompileError(
                f"{name}: expected rows from {position} on of {first}, got {type}; "
                "bands of one map have a number of their own"
            )
        position = rows_of(type).stop
    if position != total_rows(first):
        raise CompileError(f"{name}: only {position} of {total_rows(first)} rows are there")


def behind_previous_bands(graph: OpGraph) -> list[tuple[int, ...]]:
    """The operands of each op, and in front of them the op that makes the previous band of its layer.

    A layer makes its bands in order, also where the rows of one band are asked for later than those of the next.
    """
    operands = list(graph.operands)
    for layer in group_layers(graph).layers:
        numbers = [graph.numbers[op] for op in layer.ops]
        for previous, number in pairwise(numbers):
            operands[number] = (previous, *operands[number])
    return operands


def behind_whole_maps(graph: OpGraph) -> list[tuple[int, ...]]:
    """The operands of each op, with renumbered rows behind all bands of their map.

    Layer by layer, the layers that bands of such a map come from may be far apart; its readers follow the last.
    """
    operands = list(graph.operands)
    for bands in group_layers(graph).renumbered.values():
        numbers = [graph.numbers[band.owner] for band in bands if isinstance(band.owner, Operation)]
        makers = tuple(dict.fromkeys(maker for number in numbers for maker in graph.operands[number]))
        for number in numbers:
            operands[number] = makers
    return operands


def _layer_of_state(op: Operation, state: SSAValue, layers: list[Layer]) -> Layer:
    """The layer whose state an accumulating op takes over."""
    layer = next((layer for layer in layers if layer.ops[-1] is state.owner), None)
    if layer is None or type(state.owner) is not type(op):
        raise CompileError(f"{op.name}: expected the state of the band before, read by this op only")
    return layer
