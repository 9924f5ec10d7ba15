"""`--ram N`: the fastest of a few plans within N bytes of SRAM, everything counted.

SRAM is the arena, the context and the stack. Plans differ in the rows of each map's bands, for which `choose-bands` has
a limit, and in which kernels have scratch, for which `plan-arena` has one. Heights are chosen for a few limits by the
cost model, which share what comes before and the search for the least; only the cheapest is planned. Where it is
larger than was foreseen, the next gets less. If nothing fits, the plan that needs least says what would.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass, PassPipeline

from tinyts_mlir.analysis.band_heights import BandChoice
from tinyts_mlir.analysis.cost_model import estimated_instructions
from tinyts_mlir.analysis.liveness import assign_storage
from tinyts_mlir.analysis.op_graph import OpGraph, functions
from tinyts_mlir.analysis.states import state_bytes
from tinyts_mlir.dialects.interfaces import AssemblingInterface
from tinyts_mlir.errors import CompileError, shortened
from tinyts_mlir.lowering.c_program import program_of
from tinyts_mlir.lowering.lower_to_runtime import layer_name
from tinyts_mlir.lowering.memory_accounting import (
    POINTER_BYTES,
    STACK_BOUND_BYTES,
    context_bytes,
    least_context_bytes,
    stack_bound_bytes,
)
from tinyts_mlir.progress import note, note_plan, stop_requested
from tinyts_mlir.transforms.choose_bands import HIGHEST, ChooseBandsPass, FunctionBands
from tinyts_mlir.transforms.plan_arena import PlanArenaPass

HIGHEST_BANDS = (64, 8)
"""The greatest band heights that are tried: rows of a band cost pointers in the context."""
MOST_TRIES = 3
"""Plans, each with a lower limit than the one before."""


class BudgetError(CompileError):
    """No plan fits into the RAM that the user has.

    Attributes:
        least: bytes of SRAM that would do.
    """

    exit_status = 3

    def __init__(self, message: str, least: int) -> None:
        super().__init__(message)
        self.least = least


@dataclass(frozen=True)
class Memory:
    """SRAM of a plan, in bytes."""

    arena: int
    context: int
    stack: int
    state: int = 0
    """What stays from one inference to the next, in the context, of which it is counted apart."""

    @property
    def total(self) -> int:
        """All of it."""
        return self.arena + self.state + self.context + self.stack

    def __str__(self) -> str:
        state = f"state {self.state}, " if self.state else ""
        return f"{self.total} bytes (arena {self.arena}, {state}context {self.context}, stack at most {self.stack})"


def parse_bytes(text: str) -> int:
    """Bytes from `65536`, `64K` or `1M` (K = 1024); raises CompileError for anything else."""
    match = re.fullmatch(r"([0-9]+)([kKmM]?)[bB]?", text.strip())
    if match is None or int(match[1]) == 0:
        raise CompileError(f"--ram: expected a number of bytes such as 65536, 64K or 1M, got {text!r}")
    return int(match[1]) << {"": 0, "k": 10, "m": 20}[match[2].lower()]


def parse_percent(text: str) -> int:
    """Percent from `10%` or `10`; raises CompileError for anything else."""
    if (match := re.fullmatch(r"([0-9]{1,6})\s*%?", text.strip())) is None:
        raise CompileError(f"--max-slowdown: expected a whole percentage such as 10%, got {text!r}")
    return int(match[1])


@dataclass(frozen=True)
class Plan:
    """A lowered plan.

    Attributes:
        module: the program.
        planned: the module before it was lowered.
        memory: what it takes.
        instructions: estimated of one inference.
    """

    module: ModuleOp
    planned: ModuleOp
    memory: Memory
    instructions: float


def memory_of(module: ModuleOp) -> Memory:
    """SRAM of a lowered module."""
    program = program_of(module)
    arena, state = program.arena_bytes.value.data, program.state_byte_count
    return Memory(arena, context_bytes(program), stack_bound_bytes(program), state)


@dataclass(frozen=True)
class Foreseen:
    """Bands that may be planned, and the bytes that the arena may have; None: bands are not free to choose."""

    choice: BandChoice | None
    limit: int

    @property
    def instructions(self) -> float:
        """Estimated, of the layers that are made by rows."""
        return 0 if self.choice is None else self.choice.instructions


class PlanSearch:
    """The plans of one network.

    Args:
        module: the imported network; it stays as it is.
        passes: down to `lower-to-runtime`.
        whole_passes: the same for maps that are not split. Where a map is returned and read as well, that may take
            least. None: bands are as the user wants them.
        context: of the passes.

    Attributes:
        bands: the heights that there are; None where they are not free to choose.
        written: those that were planned last.
        state: bytes that stay from one inference to the next, whatever the plan.
        hint: what else may help where nothing fits.
    """

    def __init__(
        self,
        module: ModuleOp,
        passes: Sequence[ModulePass],
        whole_passes: Sequence[ModulePass] | None,
        context: Context,
    ) -> None:
        self.module = module
        self.whole_passes = whole_passes
        self.context = context
        position = next((i for i, one in enumerate(passes) if isinstance(one, ChooseBandsPass)), None)
        self.front = module.clone()
        self.state = 0
        self.hint = ""
        self.tail = tuple(passes[0 if position is None else position + 1 :])
        self.choosing: ChooseBandsPass | None = None
        self.written: BandChoice | None = None
        self.bands: FunctionBands | None = None
        if position is not None and isinstance(chosen := passes[position], ChooseBandsPass):
            PassPipeline(tuple(passes[:position])).apply(context, self.front)
            note("searching for the order that needs least")
            self.choosing = chosen
            self.bands = next(iter(chosen.searches(self.front)), None)
            self.state = sum(state_bytes(function) for function in functions(self.front))

    def fastest_within(self, budget: int) -> Plan:
        """The plan within `budget` bytes that is fastest by the cost model.

        Raises BudgetError with the smallest budget that works and the layer that needs it.
        """
        room = budget - STACK_BOUND_BYTES
        for _ in range(MOST_TRIES):
            foreseen = self.foreseen(room) if self.bands is not None else Foreseen(None, room)
            if foreseen is None:
                break
            plan = self.planned(foreseen.choice, foreseen.limit)
            if plan.memory.total <= budget:
                return plan
            room -= plan.memory.total - budget
        return self._least_within(budget)

    def foreseen(self, room: int, highest_bands: Sequence[int] = HIGHEST_BANDS) -> Foreseen | None:
        """The cheapest heights by estimate with an arena and a context in `room` bytes; None where none fit."""
        if self.bands is None or self.choosing is None:
            return None
        found: list[Foreseen] = []
        for highest in (self.choosing.highest,) if self.choosing.highest != HIGHEST else highest_bands:
            context = self.state + self.context_bytes(self.bands.search.lowest)
            for _ in range(MOST_TRIES):
                limit = room - context
                if limit < self.bands.search.least_bytes:
                    break
                note(f"choosing bands of at most {highest} rows for an arena of {limit:,} bytes")
                choice = self.bands.search.choose(highest, self.choosing.limit or limit)
                if (context := self.state + self.context_bytes(choice)) <= room - limit:
                    found.append(Foreseen(choice, limit))
                    note_plan(f"found bands for about {choice.instructions:,.0f} instructions")
                    break
            if found and stop_requested():
                break
        return min(found, key=lambda one: one.instructions, default=None)

    def planned(self, choice: BandChoice | None, limit: int = 0) -> Plan:
        """A plan with these bands, and scratch in up to `limit` bytes of arena."""
        if self.bands is not None and choice is not None:
            self.bands.write(choice)
            self.written = choice
        tail = [
            replace(one, limit=limit) if isinstance(one, PlanArenaPass) and not one.limit else one for one in self.tail
        ]
        return self._plan(self.front, tail)

    def least(self) -> Plan:
        """The plan that needs least of those that are tried.

        Bands of one row first. Higher ones that were found for no more bytes are at times placed in fewer.
        """
        if self.bands is None or self.choosing is None:
            plans = [self.planned(None)]
        else:
            heights = dict.fromkeys((1, self.choosing.highest))
            plans = [self.planned(self.bands.search.choose(highest)) for highest in heights]
        if self.whole_passes is not None:
            plans.append(self._plan(self.module, self.whole_passes))
        return min(plans, key=lambda plan: plan.memory.total)

    def _least_within(self, budget: int) -> Plan:
        least = self.least()
        if least.memory.total <= budget:
            return least
        layer, live = fullest_step(least.planned)
        raise BudgetError(
            f"--ram: this model does not fit into {budget} bytes: it needs at least {least.memory}. "
            f"Layer {shortened(layer)!r} blocks: {live} bytes live while it runs. {self.hint}"
            f"The smallest that works: --ram {least.memory.total}",
            least.memory.total,
        )

    def _plan(self, front: ModuleOp, passes: Sequence[ModulePass]) -> Plan:
        """Runs passes on a copy, and keeps it as it is before the last of them."""
        module = front.clone()
        planned = module
        for one in passes:
            if one.name == "lower-to-runtime":
                planned = module.clone()
            note(f"{one.name}")
            PassPipeline((one,)).apply(self.context, module)
        return Plan(module, planned, memory_of(module), estimated_instructions(program_of(module)))

    def context_bytes(self, choice: BandChoice) -> int:
        """Of a context with these bands: what a step reads and makes of rows."""
        assert self.bands is not None
        layers = self.bands.layers.layers
        read, made = 1, 1
        for layer, height in zip(layers, choice.heights, strict=True):
            if layer.has_heights:
                units = height // layer.block
                window = (units - 1) * layer.row_map.stride + layer.row_map.window
                read, made = max(read, window * len(layer.operands)), max(made, units * len(layer.result_row_bytes))
        return least_context_bytes(len(layers)) + POINTER_BYTES * (read + made)


def fullest_step(module: ModuleOp) -> tuple[str, int]:
    """Of a planned module, the layer during which most bytes live, and how many."""
    [function] = functions(module)
    graph = OpGraph.of(function)
    joined = any(isinstance(op, AssemblingInterface) and op.finds_operands_in_place() for op in graph.ops)
    live = assign_storage(graph, joined=joined).live_bytes()[: len(graph.ops)]
    fullest = int(live.argmax())
    return layer_name(graph.ops[fullest]), int(live[fullest])
