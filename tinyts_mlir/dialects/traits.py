"""Traits that ops of other packages may carry."""

from __future__ import annotations

import abc
from dataclasses import dataclass

from xdsl.ir import Operation
from xdsl.pattern_rewriter import RewritePattern
from xdsl.traits import OpTrait


@dataclass(frozen=True)
class HasRowSplittingPatternsTrait(OpTrait, abc.ABC):
    """An op that brings its own patterns to `split-tensors`, for what the row-geometry interface cannot say.

    The patterns are tried before the generic one.
    """

    @classmethod
    @abc.abstractmethod
    def get_row_splitting_patterns(cls, rows: int) -> tuple[RewritePattern, ...]:
        """The patterns that cut this op into bands of `rows` rows."""

    def verify(self, op: Operation) -> None:
        """Nothing to check."""
