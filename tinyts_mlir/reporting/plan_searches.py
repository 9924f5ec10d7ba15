"""The search among the plans of a compile, for screens and pages that say what else there is."""

from __future__ import annotations

from tinyts_mlir.budget import PlanSearch
from tinyts_mlir.compiler import Compilation
from tinyts_mlir.pipeline import build_passes, complete, plan_search


def search_of(made: Compilation) -> PlanSearch:
    """The search among the plans of a compilation, begun behind the passes that ran already; raises CompileError."""
    pipeline = complete(made.specs)
    names = [spec.name for spec in pipeline]
    if made.search is not None:
        return made.search
    if made.front is None or "choose-bands" not in names:
        return plan_search(made.source, made.specs, made.available, made.context)
    behind = build_passes(pipeline[names.index("choose-bands") :], made.available)
    return PlanSearch(made.front, behind, None, made.context)
