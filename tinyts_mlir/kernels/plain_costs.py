"""What kernels cost on cores without DSP instructions, where convolutions are plain C: an estimate, by family of cores.

Fitted to counts of the layers of 0_MW5 and kws_MLPerf, on RISC-V of ic_MLPerf as well, on emulated cores (GCC 12, -O3,
bands as the compiler chooses them): whole layers of convolutions within a fifth, depthwise ones within a half.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinyts_mlir.cores import Core


@dataclass(frozen=True)
class PlainLoop:
    """Instructions for a multiplication with a weight, and for an output besides its multiplications."""

    per_mac: float
    per_output: float

    def instructions(self, macs: int, outputs: int) -> float:
        """Of so many in all."""
        return macs * self.per_mac + outputs * self.per_output


@dataclass(frozen=True)
class PlainCosts:
    """The loops of a family of cores.

    Attributes:
        convolution: of pixels times channels.
        depthwise: of one channel's window.
        other: instructions of any other kernel for one on a Cortex-M7.
    """

    convolution: PlainLoop
    depthwise: PlainLoop
    other: float


_ARMV6M = PlainCosts(PlainLoop(4.0, 85.0), PlainLoop(2.9, 150.0), 3.5)
_OTHERS = PlainCosts(PlainLoop(3.2, 44.0), PlainLoop(1.6, 72.0), 2.5)


def plain_costs(core: Core) -> PlainCosts | None:
    """Of a core; None where it has DSP instructions, for which the kernels state their own costs.

    RISC-V's stand for all cores of which nothing is fitted: the Cortex-M3, Xtensa, the host.
    """
    if core.has_dsp:
        return None
    return _ARMV6M if core.name == "cortex-m0plus" else _OTHERS
