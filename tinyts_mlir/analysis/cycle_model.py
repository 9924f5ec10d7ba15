"""What a program costs in cycles of a chip: an *estimate*, of instructions and of lines of constants from flash.

Instructions come from the cost model, and the cycles that an instruction of a kernel takes from LLVM's models of cores
(`kernels/cycle_ratios.py`). What a chip keeps near its core is used by step: a step finds its layer's constants near if
all that steps read since then fits beside them, and else fetches them; those that do not fit alone it fetches as often
as the kernel goes through them, but for sets that hold their share. Not in it: instructions that miss, and an arena
behind a cache.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyts_mlir.analysis.cost_model import program_layer_constant_reads, program_layer_instructions
from tinyts_mlir.chips import Chip
from tinyts_mlir.cores import find_core
from tinyts_mlir.dialects import tinyrt
from tinyts_mlir.kernels.cycle_ratios import CYCLES_PER_INSTRUCTION
from tinyts_mlir.kernels.parameters import parameter_value
from tinyts_mlir.memories import CacheShape

ANY_KERNEL, RUNTIME = "any", "runtime"
"""In the table of ratios: all kernels together, and what runs outside of them."""
STEP_TABLE_BYTES = 160
"""Of the runtime's tables that a step reads: its layer's and tensors' structs, a kernel's parameters, places."""
_SCHEDULED_AS = {"cortex-m33": "cortex-m4"}
"""Cores that have the model of another one in LLVM."""


@dataclass(frozen=True)
class CycleEstimate:
    """Of one inference.

    Attributes:
        cycles: all together.
        lines: of constants that come from flash.
        line_cycles: of the core, for one of them.
        megahertz: of the core.
    """

    cycles: int
    lines: int
    line_cycles: int
    megahertz: int

    @property
    def milliseconds(self) -> float:
        """Of one inference."""
        return self.cycles / self.megahertz / 1000


def estimated_cycles(program: tinyrt.ProgramOp, chip: Chip) -> CycleEstimate | None:
    """The estimate; None where a chip's core or flash is not known well enough."""
    ratios = cycles_per_instruction(chip)
    if ratios is None or chip.timing is None:
        return None
    cycles = sum(
        program_layer_instructions(layer) * ratios.get(_kernel(layer), ratios[ANY_KERNEL]) for layer in program.layers()
    )
    lines = sum(lines_missed(program, chip.timing.near).values())
    return CycleEstimate(
        round(cycles + lines * chip.timing.line_cycles), round(lines), chip.timing.line_cycles, chip.megahertz
    )


def cycles_per_instruction(chip: Chip) -> dict[str, float] | None:
    """By kernel; None for a core without a model, or that does not run what the cost model counts."""
    core = find_core(chip.core_name)
    if not core.has_dsp:
        return None
    return CYCLES_PER_INSTRUCTION.get(_SCHEDULED_AS.get(core.name, core.name))


def _kernel(layer: tinyrt.LayerOp | tinyrt.ReceiveOp) -> str:
    return RUNTIME if isinstance(layer, tinyrt.ReceiveOp) else layer.kernel.data


def lines_missed(program: tinyrt.ProgramOp, near: CacheShape) -> dict[int, float]:
    """Lines that each layer's steps together do not find near, by the layer's number."""
    steps = program.steps()
    sizes: dict[int, int] = {}
    again: dict[int, float] = {}
    for number, layer in enumerate(program.layers()):
        sizes[number] = STEP_TABLE_BYTES
        again[number] = 0.0
        if isinstance(layer, tinyrt.LayerOp) and (size := constant_bytes(layer)):
            sizes[number] += size
            passes = program_layer_constant_reads(layer) / steps.count(number)
            again[number] = max(0.0, passes - 1) * _lines_missed_again(size, near)
    missed = dict.fromkeys(sizes, 0.0)
    used: list[int] = []  # layers in the order of their last steps
    for number in steps:
        lines = sizes[number] / near.line_bytes
        share = 1.0
        if number in used:
            place = used.index(number)
            share = _share_gone(sum(sizes[other] for other in used[place:]), near)
            del used[place]
        used.append(number)
        missed[number] += share * lines + again[number]
    return missed


def _share_gone(bytes_since: int, near: CacheShape) -> float:
    """Of lines, the share that is not near any more when so many bytes, themselves included, were read since.

    Lines spread over the sets; between as many as there are ways and one more for each, a part of the sets loses all.
    """
    return min(1.0, max(0.0, bytes_since / near.line_bytes / near.sets - near.ways))


def _lines_missed_again(size: int, near: CacheShape) -> int:
    """Lines of consecutive bytes that miss when they are read once more: all of a set with more lines than ways."""
    each, more = divmod(-(-size // near.line_bytes), near.sets)
    if each > near.ways:
        return each * near.sets + more
    return (each + 1) * more if each == near.ways else 0


def constant_bytes(layer: tinyrt.LayerOp) -> int:
    """Of a layer's weights, multipliers and tables."""
    values = (parameter_value(value) for value in layer.parameters.data.values())
    return sum(value.nbytes for value in values if isinstance(value, np.ndarray))
