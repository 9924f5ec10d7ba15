"""What a family of kernels states: about each kernel, and about each op that a kernel runs.

Every fact but a kernel's name and meaning, and the call that runs an op, has a default, which is right for a kernel
that is slow, reads all it needs before it writes, and has no use for scratch. Analyses and passes get at these facts
through the functions of `kernels/catalogue.py` and `kernels/operand_overlap.py`, and name no op.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from xdsl.ir import Operation

from tinyts_mlir.dialects.row_geometry import RowGeometryInterface, RowMap
from tinyts_mlir.dialects.rows import RowRange
from tinyts_mlir.kernels.c_sources import RUNTIME_FOLDERS, CSources, runtime_source
from tinyts_mlir.kernels.channel_bytes import Reachable
from tinyts_mlir.kernels.cost import DEFAULT_COST, KernelCost
from tinyts_mlir.kernels.lead import Lead
from tinyts_mlir.kernels.numpy_rows import Rows, Window
from tinyts_mlir.kernels.parameters import Parameters

RunKernel = Callable[[Parameters, Sequence[Window], int], list[Rows]]
"""Parameters, one window an input, and the number of rows to make; gives the rows of each output.

A kernel that accumulates gets what its last output holds as one more window, without padding.
"""


@dataclass(frozen=True)
class Kernel:
    """A C function that makes rows.

    Attributes:
        name: the function is `tinyts_<name>`.
        run: what it computes, in numpy.
        struct: its parameters are a `tinyts_<struct>_parameters`; by default, the struct is called as the kernel is.
        cost: what it costs with these parameters.
        accumulates: it adds to what its last result holds; a cleared one comes before its first step. Or with which
            parameters it does.
        sources: where its C is; by default, in the runtime.
        source: the C file, by its name in an emitted project; by default, `<name>.c` beside the header of its
            sources, or the runtime's `src/tinyts_<name>.c`.
        calls: kernels whose functions it calls, of the same sources.
        stack_bytes: that it takes of the stack besides what these take.
        repeated_macs: multiplications that it makes more than its layers have, as bands make rows again that others
            have made; by its parameters and row map, the rows of its input and of its result, and those of a band.
    """

    name: str
    run: RunKernel
    struct: str | None = None
    cost: Callable[[Parameters], KernelCost] = DEFAULT_COST
    accumulates: bool | Callable[[Parameters], bool] = False
    sources: CSources | None = None
    source: str | None = None
    calls: tuple[str, ...] = ()
    stack_bytes: int = 0
    repeated_macs: Callable[[Parameters, RowMap, int, int, int], int] | None = None

    @property
    def struct_name(self) -> str:
        """`struct`, or the name of the kernel."""
        return self.struct or self.name

    @property
    def source_name(self) -> str:
        """`source`, or its default."""
        if self.source is not None:
            return self.source
        folder = None if self.sources is None else self.sources.header.rpartition("/")[0]
        return runtime_source(self.name) if folder is None or folder in RUNTIME_FOLDERS else f"{folder}/{self.name}.c"


@dataclass(frozen=True)
class KernelCall:
    """A kernel with its constants, the same for all bands of a layer.

    Attributes:
        kernel: what is called.
        parameters: the fields of its parameter struct.
        row_map: which input rows output rows read.
        scratch_bytes: bytes the kernel works in while it makes one band; 0: it does without.
        flat: the kernel sees every operand and result as one row, whatever its shape.
    """

    kernel: Kernel
    parameters: Parameters
    row_map: RowMap
    scratch_bytes: int = 0
    flat: bool = False

    @classmethod
    def of(cls, op: Operation, kernel: Kernel, parameters: Parameters) -> KernelCall:
        """The call that makes rows as the op's row map says, or all at once, flat, where it has none."""
        row_map = op.row_map() if isinstance(op, RowGeometryInterface) else None
        return cls(kernel, parameters, row_map or RowMap(), flat=row_map is None)


class OperandOverlap(abc.ABC):
    """How far bands of a result must stay behind bands of a dying operand on which they lie (`operand_overlap.py`)."""

    @abc.abstractmethod
    def lead(self, result_rows: RowRange, operand_rows: RowRange) -> Lead | None:
        """By how many bytes the result must begin below the operand; None where they would not overlap then.

        Both begin at a multiple of 4 bytes. The rows are those of the whole feature maps that are in these two bands.
        """


OpT = TypeVar("OpT", bound=Operation)


@dataclass(frozen=True)
class Scratch(Generic[OpT]):
    """What a kernel that is faster with scratch has a use for.

    Attributes:
        options: the amounts in bytes that it has a use for to make one band, the fastest first.
        parameters: the parameters that differ with so many bytes from those without any.
    """

    options: Callable[[OpT], tuple[int, ...]]
    parameters: Callable[[OpT, int], Parameters]


@dataclass(frozen=True)
class OpEntry(Generic[OpT]):
    """How ops of one type run.

    Everything is derived from whole feature maps, never from a band, so all bands of a layer get the same.

    Attributes:
        op_type: the type.
        call: the kernel that runs an op, with its constants, without scratch; raises ValueError where there are none.
            None: no kernel does, as passes make other ops of it.
        scratch: what the kernel does with scratch, where it is faster with it.
        works_in_place: the kernel may write its result just where an operand lies that nothing reads afterwards;
            or for which ops it may.
        overlap: how the result of an op, on bands or on whole maps, may lie partly on operands that die with it.
        first_byte_lost: for a result that begins so many bytes above the start of operand number so-and-so: the first
            byte of the operand that is overwritten before it is read. `verify-plan` asks; where `overlap` says
            anything, this must be another piece of code than that. By default, every byte that both have is lost.
        needed_scratch: bytes that the kernel cannot do without, to make a band of so many rows.
        kernels: which kernels can run an op, those of the ops included that passes make of it; for tables for people.
        macs: multiplications with weights for one element of the result.
        cost: what the kernel costs, known before any constant is.
        avoidable_instructions: what an op that is made at once costs where a plan might save it: a copy.
        check: raises ValueError, ZeroDivisionError or OverflowError where the scales of an op are such that constants
            cannot be computed, as LiteRT's kernels would not run either.
        hint: what to do about an op that has no call.
        reachable: which bytes its results can hold, of those that its int8 operands can; by default, any.
        is_wide: it is how ops on int16 feature maps run; another entry says it of int8, with a call or a refusal.
        meaning: what an op that has no call computes, in numpy: from the arrays of its operands that of its result.
    """

    op_type: type[OpT]
    call: Callable[[OpT], KernelCall] | None
    scratch: Scratch[OpT] | None = None
    needed_scratch: Callable[[OpT, int], int] = lambda _op, _rows: 0
    works_in_place: bool | Callable[[OpT], bool] = False
    overlap: Callable[[OpT], OperandOverlap | None] = lambda _: None
    first_byte_lost: Callable[[OpT, int, int], int | None] | None = None
    macs: Callable[[OpT], int] = lambda _: 0
    cost: Callable[[OpT], KernelCost] = DEFAULT_COST
    avoidable_instructions: Callable[[OpT], float] = lambda _: 0.0
    check: Callable[[OpT], object] = lambda _: None
    hint: str = ""
    reachable: Reachable | None = None
    meaning: Callable[[OpT, Sequence[Any]], NDArray[np.signedinteger]] | None = None
    kernels: Sequence[Kernel] = ()
    is_wide: bool = False


@dataclass(frozen=True)
class KernelFamily:
    """What one module states: its kernels, and the ops that they run."""

    kernels: Sequence[Kernel] = ()
    ops: Sequence[OpEntry[Any]] = ()
