"""The search among the plans of a compile, for screens and pages that say what else there is."""

from __future__ import annotations

from tinyts_mlir.budget import PlanSearch
from tinyts_mlir.compiler import Compilation
from tinyts_mlir.pipeline import plan_search


def search_of(made: Compilation) -> PlanSearch:
    """The search among the plans of a compilation, begun behind the passes that ran already; raises CompileError."""
    if made.search is not None:
        return made.search
    if made.front is None:
        return plan_search(made.source, made.specs, made.available, made.context)
    return plan_search(made.front, made.specs, made.available, made.context, first="choose-bands")
