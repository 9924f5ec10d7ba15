"""Whether a model fits, without planning it: what bands and whole maps need, by counting live bytes."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import PassPipeline
from xdsl.transforms.dead_code_elimination import dce

from tinyts_mlir.analysis.foreseen_maps import foresee_maps
from tinyts_mlir.analysis.map_bands import MapBands, lowest_heights
from tinyts_mlir.analysis.op_graph import functions
from tinyts_mlir.analysis.segment_search import search_segments
from tinyts_mlir.analysis.states import state_bytes
from tinyts_mlir.errors import CompileError
from tinyts_mlir.lowering.memory_accounting import POINTER_BYTES, STACK_BOUND_BYTES, least_context_bytes
from tinyts_mlir.pipeline import DEFAULT_ORDER, NOT_IMPLIED, PassSpec, build_passes
from tinyts_mlir.universe import installed

BUDGETS = tuple(1024 * size for size in (8, 16, 20, 32, 48, 64, 96, 128, 192, 256, 320, 512, 1024))
BANDS, WHOLE = "in bands of rows (--split-tensors)", "as whole maps"
WINDOW = 16
"""Pointers to rows that a context has room for here; plans with low bands have fewer."""


@dataclass(frozen=True)
class Estimate:
    """SRAM in bytes, context and stack included, with bands of the lowest heights and with whole maps."""

    bands: int
    whole: int

    def needed(self, room: int) -> str | None:
        """What fits into so many bytes; None where nothing does."""
        return WHOLE if self.whole <= room else BANDS if self.bands <= room else None

    def lines(self) -> list[str]:
        """For people."""
        lines = [f"  {self.bands:>10,} bytes of SRAM {BANDS}", f"  {self.whole:>10,} bytes of SRAM {WHOLE}"]
        return lines + [f"  {room >> 10:>5} KB  {self.needed(room) or 'does not fit'}" for room in BUDGETS]

    def as_json(self) -> dict[str, object]:
        """For programs."""
        names = {BANDS: "bands", WHOLE: "whole", None: None}
        return {
            "certainty": "estimated",
            "bands_bytes": self.bands,
            "whole_bytes": self.whole,
            "budgets": [{"bytes": room, "fits": names[self.needed(room)]} for room in BUDGETS],
        }


def estimate(module: ModuleOp, context: Context) -> Estimate:
    """What a module as imported needs; the module changes. Raises CompileError."""
    front = DEFAULT_ORDER[: DEFAULT_ORDER.index("choose-bands")]
    specs = [PassSpec(name, name) for name in front if name not in NOT_IMPLIED]
    PassPipeline(build_passes(specs, installed().all_passes)).apply(context, module)
    dce(module)
    found = list(functions(module))
    if len(found) != 1:
        raise CompileError(f"--fits: expected a module of one function, got {len(found)}")
    layers = MapBands(foresee_maps(found[0], False))
    besides = least_context_bytes(len(layers.layers)) + POINTER_BYTES * WINDOW + STACK_BOUND_BYTES
    besides += state_bytes(found[0])
    whole = [layer.rows for layer in layers.layers]
    peaks = [search_segments(layers.graph(heights))[1] for heights in (lowest_heights(layers), whole)]
    return Estimate(peaks[0] + besides, peaks[1] + besides)
