"""The smallest arena there is, by constraint programming: CP-SAT of OR-tools on rectangles that may not overlap.

Blocks are rectangles, time by bytes; times are given. OR-tools is an extra of this package and imported only here. One
worker, a fixed seed and a limit in the solver's own deterministic time make results repeatable with one version of it.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from tinyts_mlir.analysis.arena_blocks import Allocation, Block, Overlap, least_height, round_up
from tinyts_mlir.errors import CompileError, missing_package_text
from tinyts_mlir.kernels.lead import Lead

DETERMINISTIC_SECONDS = 1.0
"""How long the solver may search, in its deterministic time; for a thousand blocks this is a few minutes."""


class ExactAllocation(NamedTuple):
    """An allocation, and whether no smaller arena exists (in the given granules)."""

    allocation: Allocation
    proven: bool


def load_solver() -> Any:
    """OR-tools' `cp_model`; raises CompileError that says how to install it."""
    try:
        return importlib.import_module("ortools.sat.python.cp_model")
    except ImportError as error:
        raise CompileError(missing_package_text("plan-arena: exact=true", "ortools", "exact")) from error


def improve_exactly(
    blocks: Sequence[Block],
    start: Allocation,
    alignment: int = 1,
    granule: int = 1,
    deterministic_seconds: float = DETERMINISTIC_SECONDS,
    overlaps: Sequence[Overlap] = (),
) -> ExactAllocation:
    """The smallest arena, in multiples of `granule` bytes, that the solver finds from `start`, an allocation.

    `start` itself when the solver finds none that is smaller. Offsets are multiples of the block's alignment and of
    `alignment`, a power of two.
    """
    cp_model = load_solver()
    alignments = [max(block.alignment, alignment) for block in blocks]
    least = -(-least_height(blocks, min(alignments, default=1), overlaps) // granule)
    most = -(-start.size // granule)
    if least >= most:
        return ExactAllocation(start, True)

    model = cp_model.CpModel()
    granules = model.new_int_var(least, most, "granules")
    # What a block may overlap ends a step earlier for the solver, as rectangles cannot overlap in part: what is made at
    # its last step is kept away from it by conditions.
    overlapped = {overlap.under for overlap in overlaps}
    places: list[Any] = []
    times: list[Any] = []
    bytes: list[Any] = []
    for number, (block, unit, offset) in enumerate(zip(blocks, alignments, start.offsets, strict=True)):
        place = model.new_int_var(0, (most * granule - block.size) // unit, "")
        model.add_hint(place, offset // unit)
        model.add(place * unit + block.size <= granules * granule)
        places.append(place)
        if block.size:
            steps = block.last - block.first + (number not in overlapped)
            times.append(model.new_fixed_size_interval_var(block.first, steps, ""))
            bytes.append(model.new_fixed_size_interval_var(place * unit, block.size, ""))
    model.add_no_overlap_2d(times, bytes)
    leads = {(over, under): lead for over, under, lead in overlaps}
    for under in sorted(overlapped):
        for over, block in enumerate(blocks):
            if block.first != blocks[under].last or over == under:
                continue
            begin, obstacle = places[over] * alignments[over], places[under] * alignments[under]
            lead = leads.get((over, under), Lead(block.size, block.size))
            below, exactly, above = (model.new_bool_var("") for _ in range(3))
            model.add(begin <= obstacle - min(lead.least, block.size)).only_enforce_if(below)
            model.add(begin == obstacle - lead.exact).only_enforce_if(exactly)
            model.add(begin >= obstacle + blocks[under].size).only_enforce_if(above)
            model.add_exactly_one(below, exactly, above)
    model.add_hint(granules, most)
    model.minimize(granules)

    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.linearization_level = 0
    solver.parameters.search_branching = cp_model.PORTFOLIO_WITH_QUICK_RESTART_SEARCH
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = deterministic_seconds
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return ExactAllocation(start, False)
    offsets = tuple(solver.value(place) * unit for place, unit in zip(places, alignments, strict=True))
    end = max(offset + block.size for offset, block in zip(offsets, blocks, strict=True))
    found = Allocation(offsets, round_up(end, alignment))
    return ExactAllocation(found if found.size < start.size else start, status == cp_model.OPTIMAL)
