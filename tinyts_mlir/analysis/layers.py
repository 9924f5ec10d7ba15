"""Which band ops are one layer, and which values one feature map: the way back from bands to whole tensors.

Band ops are of one layer when they differ only in rows: same op, attributes, weights, location and whole types, reading
bands of the same feature maps and making consecutive bands.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute, Operation, SSAValue

from tinyts_mlir.analysis.op_graph import OpGraph
from tinyts_mlir.analysis.row_geometry import RowGeometryInterface
from tinyts_mlir.dialects.rows import rows_of, tensor_type, total_rows, whole_shape
from tinyts_mlir.dialects.tinyts import ReshapeOp
from tinyts_mlir.errors import CompileError

PLAN_PROPERTIES = ("offsets", "scratch_offset", "operandSegmentSizes", "bands")
"""Properties in which the bands of a layer may differ."""

Map = Hashable
"""Stands for a feature map: its layer's number and its position among the layer's results."""


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
        counts = [rows_of(tensor_type(op.results[0])).count for op in self.ops]
        if any(count != counts[0] for count in counts[:-1]) or counts[-1] > counts[0]:
            raise CompileError(f"{self.ops[0].name}: expected bands of {counts[0]} rows, got bands of {counts} rows")
        return counts[0]


@dataclass
class Layers:
    """All layers of a function.

    Attributes:
        layers: by number, in the order in which they make their first band.
        steps: the layer's number for each op that is a step (a reshape is none).
        maps: the feature map that each value is (a band of).
    """

    layers: list[Layer]
    steps: list[int]
    maps: dict[SSAValue, Map]


def row_operands(op: Operation) -> tuple[tuple[SSAValue, ...], ...]:
    """The operands of an op that lie in the arena, in groups of bands."""
    return op.row_groups() if isinstance(op, RowGeometryInterface) else ()


def _whole(type: TensorType[Attribute]) -> tuple[Hashable, ...]:
    return (whole_shape(type), type.element_type)


def group_layers(graph: OpGraph) -> Layers:
    """Groups the ops of a function by layer; raises CompileError where bands do not make up whole feature maps."""
    layers: list[Layer] = []
    by_key: dict[Hashable, list[Layer]] = {}
    maps: dict[SSAValue, Map] = {}
    steps: list[int] = []
    for op in graph.ops:
        if isinstance(op, ReshapeOp):
            maps[op.result] = ("reshape", maps[op.input], op.result.type)
            continue
        operand_maps = tuple(dict.fromkeys(maps.get(value, value) for value in op.operands))
        key = (
            type(op),
            tuple(sorted((k, v) for k, v in op.properties.items() if k not in PLAN_PROPERTIES)),
            op.location,
            operand_maps,
            tuple(_whole(tensor_type(result)) for result in op.results),
        )
        start = rows_of(tensor_type(op.results[0])).start
        candidates = by_key.setdefault(key, [])
        layer = next((layer for layer in candidates if layer.next_row == start), None)
        if layer is None:
            if start != 0:
                raise CompileError(f"{op.name}: rows from {start} on are made before the rows above them")
            layer = Layer(len(layers), operand_maps=operand_maps)
            layers.append(layer)
            candidates.append(layer)
        layer.ops.append(op)
        steps.append(layer.number)
        for index, result in enumerate(op.results):
            maps[result] = (layer.number, index)
    for layer in layers:
        total = total_rows(tensor_type(layer.ops[0].results[0]))
        if layer.next_row != total:
            raise CompileError(f"{layer.ops[0].name}: only {layer.next_row} of {total} rows are made")
    return Layers(layers, steps, maps)
