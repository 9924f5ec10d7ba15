"""What a kernel costs: an estimate of the instructions that a Cortex-M7 executes in it, given how its work is cut.

On cores without DSP instructions it is what the loops of `kernels/plain_costs.py` take for the same work.

Only good for ranking plans of one model. What is around kernels, the dispatch of steps and the pointers to rows, is
counted in `analysis/cost_model.py`.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass

from tinyts_mlir.kernels.plain_costs import PlainCosts

DEFAULT_PER_ELEMENT = 15.0
"""Instructions for an element of a result, whatever is done."""


@dataclass(frozen=True)
class LayerShape:
    """What a layer makes: `rows` rows of `row_bytes` bytes of each of its `outputs` results."""

    rows: int
    row_bytes: int
    outputs: int = 1


class KernelCost(abc.ABC):
    """The cost of one layer's kernel, whatever its bands."""

    @abc.abstractmethod
    def instructions(self, shape: LayerShape, band_rows: int, scratch_bytes: int) -> float:
        """Instructions of all calls together, with bands of `band_rows` rows and so many bytes of scratch."""

    def constant_reads(self, shape: LayerShape, band_rows: int, scratch_bytes: int) -> float:
        """How often all calls together read the layer's constants from end to end; by default, once a call."""
        return -(-shape.rows // band_rows)

    def lines_again(self, shape: LayerShape, band_rows: int, scratch_bytes: int) -> float:
        """How many cache lines of constants all calls together read again, where those are too many to be kept."""
        return 0

    def plain_instructions(self, shape: LayerShape, band_rows: int, costs: PlainCosts) -> float:
        """The same on a core without DSP instructions."""
        return self.instructions(shape, band_rows, 0) * costs.other


@dataclass(frozen=True)
class PlainCost(KernelCost):
    """A cost on a core without DSP instructions, whose loops these are."""

    cost: KernelCost
    loops: PlainCosts

    def instructions(self, shape: LayerShape, band_rows: int, scratch_bytes: int) -> float:
        """Scratch makes no difference."""
        return self.cost.plain_instructions(shape, band_rows, self.loops)


@dataclass(frozen=True)
class CostPerElement(KernelCost):
    """So many instructions for each element of a result and for each multiplication with a weight.

    Attributes:
        per_element: instructions for an element, besides its multiplications.
        macs: multiplications with weights for an element of all results together.
        per_mac: instructions for one of them.
        elements_per_read: of a result, for which the kernel reads its constants from end to end; 0: those of a call.
    """

    per_element: float = DEFAULT_PER_ELEMENT
    macs: int = 0
    per_mac: float = 1.0
    elements_per_read: int = 0

    def instructions(self, shape: LayerShape, band_rows: int, scratch_bytes: int) -> float:
        """The same for bands of any height."""
        return shape.rows * shape.row_bytes * (shape.outputs * self.per_element + self.macs * self.per_mac)

    def constant_reads(self, shape: LayerShape, band_rows: int, scratch_bytes: int) -> float:
        """Once a call, or for each so many elements."""
        if not self.elements_per_read:
            return super().constant_reads(shape, band_rows, scratch_bytes)
        return shape.rows * max(1.0, shape.row_bytes / self.elements_per_read)


def per_element(instructions: float) -> Callable[[object], KernelCost]:
    """The cost of any op or call of a kernel that takes so many instructions for each element of a result."""
    cost = CostPerElement(instructions)
    return lambda _: cost


DEFAULT_COST = per_element(DEFAULT_PER_ELEMENT)
"""Of kernels of which nothing better is known."""
