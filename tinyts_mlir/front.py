"""The front of SRAM against time: one network with no block fused, and with more and more made twice.

Where blocks are fused (`transforms/fuse_blocks.py`) is one search that goes on from budget to budget of
multiplications; each of these ways has plans of its own, with bands as high as so much SRAM allows (`budget.py`).
`--ram` takes the first way that fits, `--front` shows what there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass, PassPipeline
from xdsl.pattern_rewriter import PatternRewriteWalker

from tinyts_mlir.analysis.block_fusion import Fusion
from tinyts_mlir.analysis.fusable_blocks import fusable_blocks
from tinyts_mlir.analysis.macs import macs_of_module, repeated_macs
from tinyts_mlir.analysis.op_graph import functions, makes_bands
from tinyts_mlir.budget import BudgetError, Memory, Plan, PlanSearch
from tinyts_mlir.lowering.c_program import program_of
from tinyts_mlir.pipeline import PassSpec, build_passes, complete, plan_search, with_option
from tinyts_mlir.progress import note, stop_requested
from tinyts_mlir.transforms.fuse_blocks import fuse_in_copy, fusions
from tinyts_mlir.transforms.receive_inputs import ReceiveArguments

FUSE_BLOCKS, BEHIND_FUSION = "fuse-blocks", "check-limits"
"""The pass, and the one that follows it."""
PERCENTS = (0, 5, 10, 25, 50)
"""Multiplications more, of which the front is."""
LARGER = (1.25, 1.6, 2.2)
"""SRAM of the plans that are shown of each way, by what it needs at least."""
NEARLY_LEAST = 1.25
"""A plan within so little more than the least it needs is slow: the next way may be faster."""


class Ways:
    """The ways to fuse blocks of a network, and the plans of each.

    Args:
        module: the imported network; it stays as it is.
        specs: the passes that were asked for.
        available: every pass there is.
        context: of the passes.
    """

    def __init__(
        self,
        module: ModuleOp,
        specs: Sequence[PassSpec],
        available: Mapping[str, Callable[[], type[ModulePass]]],
        context: Context,
    ) -> None:
        self.module = module
        self.specs = specs
        self.available = available
        self.context = context
        self._asked = next((spec for spec in specs if spec.name == FUSE_BLOCKS), None)

    @property
    def most(self) -> int:
        """Percent of multiplications more that were asked for; 0 where nothing is said: none."""
        text = None if self._asked is None else self._asked.option("most")
        return int(text) if text is not None and text.isdecimal() else 0

    @property
    def are_free(self) -> bool:
        """Whether the blocks are free to choose: none are named, nor bands."""
        named = self._asked is not None and (self._asked.option("blocks") or self._asked.option("most") is None)
        rows = any(spec.name == "split-tensors" and spec.option("rows") for spec in self.specs)
        bands = any(spec.name in ("choose-bands", "schedule-bands") and "limit" in spec.text for spec in self.specs)
        return not (named or rows or bands)

    def searches(self, percents: Sequence[int]) -> Iterator[tuple[int | None, PlanSearch]]:
        """The plans without any block fused (None), then for each of these percentages where it changes anything."""
        if not self.are_free:
            search = plan_search(self.module, self.specs, self.available, self.context)
            yield self.most if self._asked is not None else None, search
            return
        unfused = [spec for spec in self.specs if spec.name != FUSE_BLOCKS]
        pipeline = complete(with_option(unfused, "split-tensors", ""))
        behind = [spec.name for spec in pipeline].index(BEHIND_FUSION)
        front = self.module.clone()
        PassPipeline(build_passes(pipeline[:behind], self.available)).apply(self.context, front)
        yield None, plan_search(front, unfused, self.available, self.context, first=BEHIND_FUSION)
        found = list(functions(front))
        if len(found) != 1 or makes_bands(found[0]):
            return
        PatternRewriteWalker(ReceiveArguments(), apply_recursively=False).rewrite_module(front)
        [function] = functions(front)
        passes = build_passes(pipeline[behind:], self.available)
        blocks = fusable_blocks(function)
        before: Fusion = {}
        note("searching for blocks to fuse")
        for percent, fusion in zip(percents, fusions(function, blocks, percents), strict=True):
            if fusion != before:
                fused = front.clone()
                [copy] = functions(fused)
                fuse_in_copy(function, copy, blocks, fusion)
                search = PlanSearch(fused, passes, None, self.context)
                if self.most < PERCENTS[-1]:
                    search.hint = f"With more multiplications it may take less: --max-slowdown {PERCENTS[-1]}%. "
                yield percent, search
            before = fusion
            if stop_requested():
                return

    def fastest_within(self, budget: int) -> tuple[PlanSearch, Plan]:
        """The fastest plan in so many bytes of SRAM with no more multiplications than asked for.

        What makes more twice is looked at only where nothing else fits, or hardly. Raises BudgetError.
        """
        found: tuple[PlanSearch, Plan] | None = None
        error: BudgetError | None = None
        # The same steps as the front's, as where the search for blocks ends depends on them.
        percents = sorted({*(percent for percent in PERCENTS if percent < self.most), 0, self.most})
        for _, search in self.searches(percents):
            try:
                plan = search.fastest_within(budget)
            except BudgetError as refusal:
                error = refusal if error is None or refusal.least < error.least else error
                continue
            if found is not None and found[1].instructions <= plan.instructions:
                break
            found = search, plan
            if search.bands is None or budget > NEARLY_LEAST * (plan.memory.total - plan.memory.arena) + (
                NEARLY_LEAST * search.bands.search.least_bytes
            ):
                break
        if found is not None:
            return found
        assert error is not None  # there is one search at least
        raise error


@dataclass(frozen=True)
class FrontPoint:
    """A plan on the front.

    Attributes:
        percent: multiplications more that were allowed; None: no block is fused.
        memory: SRAM, all of it.
        repeated_macs: multiplications that it makes more.
        instructions: estimated.
    """

    percent: int | None
    memory: Memory
    repeated_macs: int
    instructions: float

    @property
    def options(self) -> str:
        """Options of `tinyts-opt` that ask for it."""
        return f"--ram {self.memory.total}" + (f" --max-slowdown {self.percent}%" if self.percent else "")


@dataclass(frozen=True)
class Front:
    """The plans that no other is better than in SRAM and in instructions.

    Attributes:
        macs: multiplications of the network.
        points: least SRAM first.
    """

    macs: int
    points: tuple[FrontPoint, ...]


def find_front(ways: Ways) -> Front:
    """The front of a network; raises CompileError."""
    points: list[FrontPoint] = []
    for percent, search in ways.searches(PERCENTS):
        note(f"planning with {percent or 0} % more multiplications")
        least = search.least()
        plans = [least]
        rooms = [round(factor * least.memory.total) for factor in LARGER]
        # A way with fewer multiplications that needs no more is faster.
        below = min((point.memory.total for point in points), default=None)
        for room in [room for room in rooms if below is None or room < below] if search.bands is not None else []:
            try:
                plans.append(search.fastest_within(room))
            except BudgetError:
                continue
        points += [
            FrontPoint(percent, plan.memory, repeated_macs(program_of(plan.module)), plan.instructions)
            for plan in plans
        ]
    points.sort(key=lambda point: (point.memory.total, point.instructions))
    best: list[FrontPoint] = []
    for point in points:
        if not best or point.instructions < best[-1].instructions:
            best.append(point)
    return Front(macs_of_module(ways.module), tuple(best))
