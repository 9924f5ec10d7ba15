"""Verifies a module between passes, but no op twice that is as it was.

A verifier of ours looks at one op only: at its operands' and results' types, its properties and attributes. Where these
are what they were when the op was found well-formed, it still is, and also where discardable attributes are gone. Most
passes change few ops, or none; and verifying all of a thousand bands takes as long as most passes.
"""

from __future__ import annotations

from typing import NamedTuple

from xdsl.dialects.builtin import DenseArrayBase, ModuleOp, i64
from xdsl.ir import Attribute, Operation, SSAValue

from tinyts_mlir.dialects.tinyts_attributes import VerifiedAttributes
from tinyts_mlir.dialects.tinyts_base import PLAN_PROPERTIES, TinytsOp


class _Verified(NamedTuple):
    """What a verifier has seen of an op."""

    operands: tuple[SSAValue, ...]
    types: tuple[Attribute, ...]
    properties: dict[str, Attribute]
    attributes: dict[str, Attribute]

    @staticmethod
    def of(op: Operation) -> _Verified:
        """What a verifier would see now."""
        operands = tuple(op.operands)
        types = tuple(value.type for value in (*operands, *op.results))
        return _Verified(operands, types, dict(op.properties), dict(op.attributes))

    def covers(self, seen: _Verified) -> bool:
        """Whether a verifier has nothing new to see."""
        return self[:3] == seen[:3] and seen.attributes.items() <= self.attributes.items()

    def without_plan(self) -> _Verified:
        """The same for an op that is not planned."""
        properties = {name: value for name, value in self.properties.items() if name not in PLAN_PROPERTIES}
        return self._replace(properties=properties)


class ChangeVerifier:
    """Verifies modules as `module.verify()` does."""

    def __init__(self) -> None:
        self._verified: dict[Operation, _Verified] = {}

    def verify(self, module: ModuleOp) -> None:
        """Raises what `module.verify()` raises."""
        verified: dict[Operation, _Verified] = {}
        self._verify(module, verified)
        self._verified = verified

    def _verify(self, op: Operation, verified: dict[Operation, _Verified]) -> None:
        for region in op.regions:
            for block in region.blocks:
                if block.is_empty or block.parent is not region:
                    region.verify()
                for inner in block.ops:
                    # What ends a block, and ops of other dialects, may look further than at themselves.
                    if not isinstance(inner, VerifiedAttributes) or inner.next_op is None:
                        self._verify(inner, verified)
                        continue
                    seen = _Verified.of(inner)
                    before = self._verified.get(inner)
                    if before is None or not before.covers(seen):
                        if before is not None and isinstance(inner, TinytsOp) and _is_planned(inner, before, seen):
                            inner.verify_offsets()
                        else:
                            inner.verify()
                    verified[inner] = seen
        op.verify(verify_nested_ops=False)


def _is_planned(op: TinytsOp, before: _Verified, seen: _Verified) -> bool:
    """Whether a well-formed plan is all that an op has got, or lost."""
    plan = [op.properties[name] for name in PLAN_PROPERTIES if name in op.properties]
    well_formed = all(isinstance(value, DenseArrayBase) and value.elt_type == i64 for value in plan)
    return well_formed and before.without_plan().covers(seen.without_plan())
