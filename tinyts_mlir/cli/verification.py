"""Verifies a module between passes, but no op twice that is as it was.

A verifier of ours looks at one op only: at its operands' and results' types, its properties and attributes. Where these
are what they were when the op was found well-formed, it still is, and also where discardable attributes are gone. A
plan has a check of its own. Most passes change few ops, or none; and verifying all of a thousand bands takes as long as
most passes.
"""

from __future__ import annotations

from typing import NamedTuple

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.utils.exceptions import VerifyException

from tinyts_mlir.dialects.tinyts_attributes import VerifiedAttributes
from tinyts_mlir.dialects.tinyts_base import PLAN_PROPERTIES, TinytsOp


class _Verified(NamedTuple):
    """What a verifier has seen of an op."""

    operands: tuple[SSAValue, ...]
    types: tuple[Attribute, ...]
    properties: dict[str, Attribute]
    plan: dict[str, Attribute]
    attributes: dict[str, Attribute]

    @staticmethod
    def of(op: Operation) -> _Verified:
        """What a verifier would see now."""
        operands = tuple(op.operands)
        types = tuple(value.type for value in (*operands, *op.results))
        properties = dict(op.properties)
        plan = {name: properties.pop(name) for name in PLAN_PROPERTIES if name in properties}
        return _Verified(operands, types, properties, plan, dict(op.attributes))

    def covers(self, seen: _Verified) -> bool:
        """Whether a verifier has nothing new to see but a plan."""
        return self[:3] == seen[:3] and seen.attributes.items() <= self.attributes.items()


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
                    seen, before = _Verified.of(inner), self._verified.get(inner)
                    if before is None or not before.covers(seen):
                        inner.verify()
                    elif before.plan != seen.plan and not _has_plan(inner):
                        inner.verify()  # says what is wrong with it
                    verified[inner] = seen
        op.verify(verify_nested_ops=False)


def _has_plan(op: Operation) -> bool:
    """Whether what a plan has set on an op is well-formed."""
    if not isinstance(op, TinytsOp):
        return False
    try:
        op.verify_offsets()
    except VerifyException:
        return False
    return True
