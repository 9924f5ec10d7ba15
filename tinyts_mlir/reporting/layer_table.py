"""What each layer of a plan makes and costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from xdsl.dialects.builtin import ModuleOp

from tinyts_mlir.analysis.cost_model import program_layer_instructions
from tinyts_mlir.analysis.layers import group_layers
from tinyts_mlir.analysis.macs import macs_of_op
from tinyts_mlir.analysis.op_graph import OpGraph, functions
from tinyts_mlir.dialects import tinyrt
from tinyts_mlir.lowering.lower_to_runtime import program_layer_numbers
from tinyts_mlir.reporting.arena_timeline import Band, Kind, Timeline


@dataclass(frozen=True)
class LayerFigures:
    """One layer in figures.

    Attributes:
        rows: of the map that it makes.
        band_rows: of each band but perhaps the last.
        bands: steps in which it makes them; of a reduction, in which it takes them.
        bytes: of all bands of its results, one after another.
        scratch_bytes: the most that a step of it has.
        macs: multiplications of inputs with weights, padding counted.
        instructions: predicted by the cost model, for a Cortex-M7.
    """

    rows: int
    band_rows: int
    bands: int
    bytes: int
    scratch_bytes: int
    macs: int
    instructions: float


def macs_of_layers(planned: ModuleOp) -> list[int]:
    """The multiplications of each layer of a planned module, in the order of `Timeline.layers`."""
    [function] = functions(planned)
    layers = group_layers(OpGraph.of(function))
    return [sum(map(macs_of_op, layers.layers[number].ops)) for number in program_layer_numbers(layers)]


def layer_table(timeline: Timeline, macs: Sequence[int], program: tinyrt.ProgramOp) -> list[LayerFigures]:
    """The figures of each layer of `timeline`, of whose plan `program` was lowered."""
    made: list[list[Band]] = [[] for _ in timeline.layers]
    scratch = [0] * len(timeline.layers)
    for band in timeline.bands:
        if band.kind is Kind.SCRATCH:
            scratch[band.layer] = max(scratch[band.layer], band.bytes)
        else:
            made[band.layer].append(band)
    lowered = program.layers()
    table: list[LayerFigures] = []
    for position, layer in enumerate(timeline.layers):
        own = lowered[layer.program_layers[-1]]
        output = own.output if isinstance(own, tinyrt.ReceiveOp) else own.outputs[0]
        tensor = cast(tinyrt.TensorOp, output.owner)
        table.append(
            LayerFigures(
                tensor.rows.value.data,
                tensor.band_rows.value.data,
                tensor.band_count,
                sum(band.bytes for band in made[position]),
                scratch[position],
                macs[position],
                sum(program_layer_instructions(lowered[number]) for number in layer.program_layers),
            )
        )
    return table
