"""The state with which a layer goes on from band to band, whichever way an op says that it has one.

An accumulating op's only result is such a state (`dialects/interfaces.py`); an op that keeps rows has one behind its
maps (`dialects/row_geometry.py`). Either is written where the one before it lies, and cleared before the first band.
"""

from __future__ import annotations

from xdsl.ir import Operation, SSAValue

from tinyts_mlir.dialects.interfaces import AccumulatingInterface
from tinyts_mlir.dialects.row_geometry import kept_after, kept_before


def carried_before(op: Operation) -> SSAValue | None:
    """What the band before has left; None for the first one, and where nothing is carried."""
    return op.state_before() if isinstance(op, AccumulatingInterface) else kept_before(op)


def carried_after(op: Operation) -> SSAValue | None:
    """What an op leaves for the next band; None where nothing is carried."""
    return op.results[0] if isinstance(op, AccumulatingInterface) else kept_after(op)
