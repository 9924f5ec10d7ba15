"""`--ram N`: the plan that runs fastest within N bytes of SRAM, everything counted.

SRAM is the arena, the context and the stack. Plans differ in the rows of a band (more rows are fewer steps) and in
whether kernels have their scratch; candidates are compiled, and the cheapest by the cost model of those that fit wins.
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
from tinyts_mlir.dialects.rows import HEIGHT, shape_of, size_in_bytes, tensor_type
from tinyts_mlir.errors import CompileError
from tinyts_mlir.lowering.emit_c import program_of
from tinyts_mlir.lowering.lower_to_runtime import layer_name
from tinyts_mlir.lowering.memory_accounting import STACK_BOUND_BYTES, context_bytes

ROW_LADDER = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
"""The band heights that are tried."""


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
    match = re.fullmatch(r"(\d+)([kKmM]?)[bB]?", text.strip())
    if match is None or int(match[1]) == 0:
        raise CompileError(f"--ram: expected a number of bytes such as 65536, 64K or 1M, got {text!r}")
    return int(match[1]) << {"": 0, "k": 10, "m": 20}[match[2].lower()]


@dataclass(frozen=True)
class Candidate:
    """A plan to try: rows of a band and the scratch option of `plan-arena`."""

    rows: int
    scratch: str


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


def fastest_within(
    module: ModuleOp, budget: int, candidates: Sequence[int], make_passes: MakePasses, context: Context
) -> Plan:
    """The fastest plan within `budget` bytes; `candidates` are band heights in growing order.

    Raises BudgetError with the smallest budget that works and the layer that needs it.
    """
    fitting: list[Plan] = []
    least: Plan | None = None
    for rows in candidates:
        fits = False
        for scratch in ("auto", "always"):
            candidate = Candidate(rows, scratch)
            compiled = module.clone()
            PassPipeline(tuple(make_passes(candidate))).apply(context, compiled)
            instructions = estimated_instructions(program_of(compiled))
            plan = Plan(candidate, compiled, memory_of(compiled), instructions)
            if least is None or plan.memory.total < least.memory.total:
                least = plan
            if plan.memory.total <= budget:
                fitting.append(plan)
                fits = True
        if not fits and fitting:
            break  # higher bands need more
    if fitting:
        return min(fitting, key=lambda plan: (plan.instructions, plan.memory.total))
    assert least is not None
    raise BudgetError(_does_not_fit(module, budget, least, make_passes, context))


def _does_not_fit(module: ModuleOp, budget: int, least: Plan, make_passes: MakePasses, context: Context) -> str:
    planned = module.clone()
    passes = [one for one in make_passes(least.candidate) if one.name != "lower-to-runtime"]
    PassPipeline(tuple(passes)).apply(context, planned)
    layer, live = fullest_step(planned)
    return (
        f"--ram: this model does not fit into {budget} bytes: it needs at least {least.memory}. "
        f"Layer {layer!r} blocks: {live} bytes live while it runs. The smallest that works: --ram {least.memory.total}"
    )


def fullest_step(module: ModuleOp) -> tuple[str, int]:
    """The layer during which most bytes live, and how many."""
    [function] = functions(module)
    graph = OpGraph.of(function)
    change = [0] * (len(graph.ops) + 2)
    for value, lifetime in assign_storage(graph).lifetimes.items():
        size = size_in_bytes(tensor_type(value))
        change[lifetime.first] += size
        change[lifetime.last + 1] -= size
    fullest, most, live = 0, -1, 0
    for step in range(len(graph.ops)):
        live += change[step]
        if live > most:
            fullest, most = step, live
    return layer_name(graph.ops[fullest]), most


def band_heights(module: ModuleOp) -> list[int]:
    """The heights of `ROW_LADDER` up to the highest map of a module."""
    ops = [op for function in functions(module) for op in function.body.block.ops]
    shapes = [shape_of(result) for op in ops for result in op.results]
    highest = max((shape[HEIGHT] for shape in shapes if len(shape) == 4), default=1)
    return [rows for rows in ROW_LADDER if rows < highest] + [highest]
