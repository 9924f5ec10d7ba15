"""The first screen: does it fit, what takes the bytes, what else would fit, and what it costs.

Figures say how they are known: *exact* ones follow from the plan, *estimated* ones from tables and the cost model;
what is *measured*, `tinyts-run` measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from xdsl.passes import PassPipeline

from tinyts_mlir.analysis.arena_blocks import round_up
from tinyts_mlir.analysis.cost_model import estimated_instructions, program_layer_instructions
from tinyts_mlir.analysis.cycle_model import CycleEstimate, estimated_cycles
from tinyts_mlir.analysis.macs import repeated_macs
from tinyts_mlir.budget import Memory, PlanSearch, memory_of
from tinyts_mlir.chips import Chip
from tinyts_mlir.compiler import Compilation
from tinyts_mlir.cores import Core
from tinyts_mlir.dialects import tinyrt
from tinyts_mlir.dialects.pruned_layers import PrunedLayer
from tinyts_mlir.errors import CompileError
from tinyts_mlir.lowering.c_program import CProgram, label_of, program_of
from tinyts_mlir.lowering.code_sizes import CODE_BYTES
from tinyts_mlir.lowering.report import table_bytes
from tinyts_mlir.lowering.runtime_files import DISPATCH_SOURCE
from tinyts_mlir.pipeline import build_passes, complete
from tinyts_mlir.reporting.arena_timeline import Kind, Timeline, timeline_of
from tinyts_mlir.reporting.plan_searches import search_of

VERSION = 1
"""Of the JSON form."""

EXACT, MEASURED, ESTIMATED = "exact", "measured", "estimated"

STEPS_OF_RAM = tuple(1024 * size for size in (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 320, 512, 1024))
"""Budgets that the ladder may have."""
MOST_RUNGS = 3
"""Budgets above the plan's own that are tried: each is a search."""
LEAST_STEP = 256
"""The least budget is a multiple of so many bytes."""
LEAST_GAIN = 0.0005
"""A rung that saves less than this share of the instructions is left out."""
COSTLIEST = 3
"""Layers that are named."""
MODEL_CODE_BYTES = 700
"""Of a model's own functions: init, invoke, feed and output."""


@dataclass(frozen=True)
class Line:
    """Bytes of one kind.

    Attributes:
        kind: what for.
        bytes: how many.
        certainty: EXACT, MEASURED or ESTIMATED.
        is_part: it is part of the line in front of it that is not.
    """

    kind: str
    bytes: int
    certainty: str = EXACT
    is_part: bool = False


@dataclass(frozen=True)
class Rung:
    """A budget that also fits: bytes of SRAM, and the predicted instructions with them."""

    bytes: int
    instructions: int


@dataclass(frozen=True)
class Summary:
    """What a compilation came to.

    Attributes:
        name: of the model.
        sram: arena, state, context and stack bound, in bytes.
        unsplit: the same for whole maps; None where that could not be planned.
        split: what bands would take of arena, where the plan has none; estimated.
        budget: bytes of SRAM that were to be kept, if any.
        chip: what it is for, if that was said.
        memory: SRAM by kind.
        flash: flash by kind.
        core: the processor that it is compiled for, by its name.
        instructions: predicted of one inference on that core.
        fullest: the layer that runs when the arena is fullest.
        costliest: layers and their shares of the instructions, the most first.
        ladder: other budgets, the least first.
        next_command: what to type now.
        stopped: the search was ended early.
        repeated_macs: multiplications of rows that are made twice.
        left_out: which channels are not made, as they are always the same or nothing reads them.
        cycles: of the chip, by estimate; None without a chip, or where too little is known of it.
    """

    name: str
    sram: int
    unsplit: int | None
    split: int | None
    budget: int | None
    chip: Chip | None
    memory: tuple[Line, ...]
    flash: tuple[Line, ...]
    core: str
    instructions: int
    fullest: str
    costliest: tuple[tuple[str, float], ...]
    ladder: tuple[Rung, ...]
    next_command: str
    stopped: bool = False
    left_out: tuple[PrunedLayer, ...] = ()
    repeated_macs: int = 0
    cycles: CycleEstimate | None = None

    @property
    def arena_is_coupled(self) -> bool:
        """Whether the chip has memory that needs no cache for all of SRAM."""
        return self.chip is not None and self.sram <= self.chip.coupled

    @property
    def flash_bytes(self) -> int:
        """All of flash, by estimate."""
        return sum(line.bytes for line in self.flash if not line.is_part)

    @property
    def room(self) -> int | None:
        """The SRAM that there is: the budget's, or the chip's."""
        return self.budget if self.budget is not None else None if self.chip is None else self.chip.ram

    @property
    def fits(self) -> bool | None:
        """Whether SRAM and flash suffice; None where nobody said how much there is."""
        if self.room is None:
            return None
        return self.sram <= self.room and (self.chip is None or not self.chip.flash or self.flash_fits)

    @property
    def flash_fits(self) -> bool:
        """Whether the chip's flash suffices, where it has any."""
        return self.chip is None or not self.chip.flash or self.flash_bytes <= self.chip.flash

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "format": "tinyts-opt",
            "version": VERSION,
            "name": self.name,
            "fits": self.fits,
            "sram_bytes": self.sram,
            "unsplit_sram_bytes": self.unsplit,
            "split_arena_bytes": self.split,
            "budget_bytes": self.budget,
            "chip": None if self.chip is None else asdict(self.chip),
            "memory": [asdict(line) for line in self.memory],
            "flash": [asdict(line) for line in self.flash],
            "flash_bytes": self.flash_bytes,
            "core": self.core,
            "instructions_estimated": self.instructions,
            "cycles_estimated": None if self.cycles is None else self._cycles_json(self.cycles),
            "fullest_layer": self.fullest,
            "costliest_layers": [{"name": name, "share": round(share, 4)} for name, share in self.costliest],
            "ladder": [asdict(rung) for rung in self.ladder],
            "next_command": self.next_command,
            "stopped": self.stopped,
            "pruned_layers": [layer._asdict() for layer in self.left_out],
            "repeated_macs": self.repeated_macs,
        }

    def _cycles_json(self, cycles: CycleEstimate) -> dict[str, object]:
        return {
            "chip": None if self.chip is None else self.chip.name,
            "cycles": cycles.cycles,
            "milliseconds": round(cycles.milliseconds, 3),
            "lines_of_flash": cycles.lines,
            "cycles_of_a_line": cycles.line_cycles,
            "megahertz": cycles.megahertz,
            "arena_is_coupled": self.arena_is_coupled,
        }


def summarize(made: Compilation, chip: Chip | None, next_command: str, stopped: bool = False) -> Summary:
    """The summary of a compilation. Plans nothing anew but whole maps, which is fast."""
    program = program_of(made.lowered)
    emitted = CProgram(program, made.name)
    memory = memory_of(made.lowered)
    instructions = estimated_instructions(program, made.core)
    timeline = timeline_of(made.planned)
    search = _search(made)
    return Summary(
        name=made.name,
        sram=memory.total,
        unsplit=_unsplit(made) if made.is_split else None,
        split=None if made.is_split or search is None or search.bands is None else search.bands.search.least_bytes,
        budget=made.budget,
        chip=chip,
        memory=(*_memory_lines(memory, timeline), *_external_lines(emitted)),
        flash=_flash_lines(emitted),
        core=made.core.name,
        instructions=round(instructions),
        fullest=timeline.layers[timeline.steps[timeline.peak_step]].name if timeline.steps else "",
        costliest=_costliest(program.layers(), made.core),
        ladder=()
        if search is None or not made.is_split
        else _ladder(search, memory, estimated_instructions(program), instructions),
        next_command=next_command,
        stopped=stopped,
        left_out=tuple(program.left_out()),
        repeated_macs=repeated_macs(program),
        cycles=None if chip is None else estimated_cycles(program, chip),
    )


def _search(made: Compilation) -> PlanSearch | None:
    """The search among the model's plans; None where bands are the user's, or cannot be chosen."""
    try:
        return search_of(made)
    except CompileError:
        return None


def _unsplit(made: Compilation) -> int | None:
    """SRAM of the plan of whole maps, layer by layer."""
    left_out = ("fuse-blocks", "split-tensors", "choose-bands", "schedule-bands")
    kept = [spec for spec in made.specs if spec.name not in left_out]
    module = made.source.clone()
    try:
        PassPipeline(build_passes(complete(kept), made.available)).apply(made.context, module)
    except CompileError:
        return None
    return memory_of(module).total


def _memory_lines(memory: Memory, timeline: Timeline) -> tuple[Line, ...]:
    parts = {"input": 0, "activations": 0, "state": 0, "scratch": 0, "output": 0}
    step = timeline.peak_step
    for number in timeline.alive_at(step):
        band = timeline.bands[number]
        kind = "output" if band.returned else {Kind.MAP: "activations"}.get(band.kind, band.kind.value)
        parts[kind] += band.bytes - (_shared(timeline, number) if band.first == step else 0)
    scratch = max((band.bytes for band in timeline.bands if band.kind is Kind.SCRATCH), default=0)
    lines = [Line("arena", memory.arena)]
    lines += [Line(f"{kind} when fullest", size, is_part=True) for kind, size in parts.items() if size]
    if not parts["scratch"] and scratch:
        lines.append(Line("scratch in gaps, at most", scratch, is_part=True))
    if memory.state:
        lines.append(Line("state, from call to call", memory.state))
    return (*lines, Line("context", memory.context), Line("stack, at most", memory.stack, MEASURED))


def _external_lines(program: CProgram) -> list[Line]:
    """Inputs that are read where the caller has them: bytes that are not counted."""
    sizes = program.input_sizes()
    outside = sum(sizes[number] for number in program.external_inputs)
    return [Line("input outside, not counted", outside, is_part=True)] if outside else []


def _shared(timeline: Timeline, number: int) -> int:
    """Bytes of a band that lie on those of bands that die as it is made: these count where they were."""
    band = timeline.bands[number]
    under = [timeline.bands[other] for other in band.shares_with]
    return sum(max(0, min(band.end, other.end) - max(band.address, other.address)) for other in under)


def _flash_lines(program: CProgram) -> tuple[Line, ...]:
    sources = {DISPATCH_SOURCE, *program.files.kernel_sources}
    code = MODEL_CODE_BYTES + sum(CODE_BYTES.get(source, 0) for source in sources)
    return (
        Line("weights", program.constants.bytes()),
        Line("tables", sum(table_bytes(program).values())),
        Line("code", code, ESTIMATED),
    )


def _costliest(layers: Sequence[tinyrt.LayerOp | tinyrt.ReceiveOp], core: Core) -> tuple[tuple[str, float], ...]:
    costs: dict[str, float] = {}
    for layer in layers:
        costs[label_of(layer)] = costs.get(label_of(layer), 0) + program_layer_instructions(layer, core)
    total = sum(costs.values())
    most = sorted(costs, key=lambda name: -costs[name])[:COSTLIEST]
    return tuple((name, costs[name] / total) for name in most) if total else ()


def _ladder(search: PlanSearch, memory: Memory, instructions: float, on_core: float) -> tuple[Rung, ...]:
    """Budgets above the plan's own with what is predicted for each, and the least where the plan takes more.

    The search ranks plans by `instructions` of a Cortex-M7; of the core they are as much more as the plan's own are.
    """
    scale = on_core / instructions if instructions else 1.0
    if search.bands is None or search.choosing is None or search.choosing.limit is not None:
        return ()
    heights = search.bands.search
    least = Memory(heights.least_bytes, search.context_bytes(heights.lowest), memory.stack, memory.state)
    chosen = heights.choose(search.choosing.highest) if search.written is None else search.written
    around = instructions - chosen.instructions
    found: list[Rung] = []
    if search.written is not None and least.total < memory.total:
        # What the context takes is foreseen: with a little room it is not too little.
        found.append(Rung(round_up(least.total, LEAST_STEP), round((around + heights.choose(1).instructions) * scale)))
    best = instructions
    for room in [room for room in STEPS_OF_RAM if room > memory.total][:MOST_RUNGS]:
        foreseen = search.foreseen(room - memory.stack, (search.choosing.highest,))
        if foreseen is None or (predicted := around + foreseen.instructions) > best - LEAST_GAIN * instructions:
            continue
        found.append(Rung(room, round(predicted * scale)))
        best = predicted
    return tuple(found)
