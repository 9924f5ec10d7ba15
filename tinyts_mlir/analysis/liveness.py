"""When values of a schedule live, and which share their bytes.

Steps are numbered by the order of ops. A value lives from the step that makes it to the last that reads it, both
included: while an op runs, its operands and results are in memory together. A returned value lives to the end.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import SSAValue

from tinyts_mlir.analysis.op_graph import OpGraph
from tinyts_mlir.dialects.tinyts import ReshapeOp


@dataclass
class Lifetime:
    """A value's first and last step, both included."""

    first: int
    last: int


def storage_of(value: SSAValue) -> SSAValue:
    """The value whose bytes `value` is: a reshape is its operand under another type."""
    while isinstance(op := value.owner, ReshapeOp):
        value = op.input
    return value


def lifetimes(graph: OpGraph) -> dict[SSAValue, Lifetime]:
    """The lifetime of every value that has bytes of its own, in the order in which they are made."""
    alive: dict[SSAValue, Lifetime] = {}
    for step, op in enumerate(graph.ops):
        for operand in op.operands:
            if (lifetime := alive.get(storage_of(operand))) is not None:
                lifetime.last = step
        if not isinstance(op, ReshapeOp):
            for result in op.results:
                alive[result] = Lifetime(step, step)
    for value in graph.returned:
        if (lifetime := alive.get(storage_of(value))) is not None:
            lifetime.last = len(graph.ops)
    return alive
