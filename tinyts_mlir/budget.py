"""`--ram N`: the fastest of a few plans within N bytes of SRAM, everything counted.

SRAM is the arena, the context and the stack. Plans differ in the rows of each map's bands, for which `choose-bands` has
a limit, and in which kernels have scratch, for which `plan-arena` has one. A few candidates are compiled, and the
cheapest by the cost model of those that fit wins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass, PassPipeline

from tinyts_mlir.analysis.cost_model import estimated_instructions
from tinyts_mlir.analysis.liveness import assign_storage
from tinyts_mlir.analysis.op_graph import OpGraph, functions
from tinyts_mlir.dialects.interfaces import AssemblingInterface
from tinyts_mlir.errors import CompileError, shortened
from tinyts_mlir.lowering.c_program import program_of
from tinyts_mlir.lowering.lower_to_runtime import layer_name
from tinyts_mlir.lowering.memory_accounting import STACK_BOUND_BYTES, context_bytes

HIGHEST_BANDS = (8, 64)
"""The greatest band heights that are tried: rows of a band cost pointers in the context."""


MOST_TRIES = 3
"""Compilations for each greatest height, each with a lower limit than the one before."""


class BudgetError(CompileError):
    """No plan fits into the RAM that the user has."""

    exit_status = 3


@dataclass(frozen=True)
class Memory:
    """SRAM of a plan, in bytes."""

    arena: int
    context: int
    stack: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.arena + self.context + self.stack

    def __str__(self) -> str:
        return f"{self.total} bytes (arena {self.arena}, context {self.context}, stack at most {self.stack})"


def parse_bytes(text: str) -> int:
    """Bytes from `65536`, `64K` or `1M` (K = 1024); raises CompileError for anything else."""
    match = re.fullmatch(r"([0-9]+)([kKmM]?)[bB]?", text.strip())
    if match is None or int(match[1]) == 0:
        raise CompileError(f"--ram: expected a number of bytes such as 65536, 64K or 1M, got {text!r}")
    return int(match[1]) << {"": 0, "k": 10, "m": 20}[match[2].lower()]


@dataclass(frozen=True)
class Candidate:
    """A plan to try.

    Attributes:
        limit: bytes that the arena may fill with higher bands and with scratch; None: no more than it must have.
        highest: the most rows of a band; None: as `choose-bands` has it.
        whole: maps are not split. Where a map is returned and read as well, that may take least.
    """

    limit: int | None = None
    highest: int | None = None
    whole: bool = False


@dataclass(frozen=True)
class Plan:
    """A compiled candidate."""

    candidate: Candidate
    module: ModuleOp
    memory: Memory
    instructions: float


MakePasses = Callable[[Candidate], Sequence[ModulePass]]
"""The passes, down to `lower-to-runtime`, that a candidate stands for."""


def memory_of(module: ModuleOp) -> Memory:
    """SRAM of a lowered module."""
    program = program_of(module)
    return Memory(program.arena_bytes.value.data, context_bytes(program), STACK_BOUND_BYTES)


def fastest_within(module: ModuleOp, budget: int, make_passes: MakePasses, context: Context) -> Plan:
    """The plan within `budget` bytes that is fastest by the cost model, of those that are tried.

    Raises BudgetError with the smallest budget that works and the layer that needs it.
    """

    def compiled(candidate: Candidate) -> Plan:
        clone = module.clone()
        PassPipeline(tuple(make_passes(candidate))).apply(context, clone)
        return Plan(candidate, clone, memory_of(clone), estimated_instructions(program_of(clone)))

    plans = [compiled(Candidate(highest=1)), compiled(Candidate())]
    least = min(plans, key=lambda plan: plan.memory.total)
    if least.memory.total > budget:
        whole = compiled(Candidate(whole=True))
        if whole.memory.total <= budget:
            return whole
        least = min(least, whole, key=lambda plan: plan.memory.total)
        raise BudgetError(_does_not_fit(module, budget, least, make_passes, context))
    for highest in HIGHEST_BANDS:
        # What else is in SRAM depends on the plan: what it exceeds the budget by, the next one leaves free.
        limit = budget - plans[-1].memory.context - plans[-1].memory.stack
        for _ in range(MOST_TRIES):
            if limit < least.memory.arena:
                break
            plans.append(compiled(Candidate(limit, highest)))
            if plans[-1].memory.total <= budget:
                break
            limit -= plans[-1].memory.total - budget
    fitting = (plan for plan in plans if plan.memory.total <= budget)
    return min(fitting, key=lambda plan: (plan.instructions, plan.memory.total))


def _does_not_fit(module: ModuleOp, budget: int, least: Plan, make_passes: MakePasses, context: Context) -> str:
    planned = module.clone()
    passes = [one for one in make_passes(least.candidate) if one.name != "lower-to-runtime"]
    PassPipeline(tuple(passes)).apply(context, planned)
    layer, live = fullest_step(planned)
    return (
        f"--ram: this model does not fit into {budget} bytes: it needs at least {least.memory}. "
        f"Layer {shortened(layer)!r} blocks: {live} bytes live while it runs. "
        f"The smallest that works: --ram {least.memory.total}"
    )


def fullest_step(module: ModuleOp) -> tuple[str, int]:
    """Of a planned module, the layer during which most bytes live, and how many."""
    [function] = functions(module)
    graph = OpGraph.of(function)
    joined = any(isinstance(op, AssemblingInterface) and op.finds_operands_in_place() for op in graph.ops)
    live = assign_storage(graph, joined=joined).live_bytes()[: len(graph.ops)]
    fullest = int(live.argmax())
    return layer_name(graph.ops[fullest]), int(live[fullest])
