"""How an op runs: what lowering, planning, interpreters and importers ask about its kernel.

Every function takes ops of any dialect; one that nothing is stated about has no kernel and the default of every fact.
Facts are stated by the modules of families beside this one, and by packages (`kernels/registry.py`). Names of kernels
and parameters are those of runtime/include/tinyts/tinyts_kernels.h.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import NameLoc
from xdsl.ir import Operation

from tinyts_mlir.errors import CompileError, shortened
from tinyts_mlir.kernels.cost import CostPerElement, KernelCost
from tinyts_mlir.kernels.entry import Kernel, KernelCall
from tinyts_mlir.kernels.numpy_rows import Rows, Window
from tinyts_mlir.kernels.parameter_structs import find_struct
from tinyts_mlir.kernels.parameters import Parameters
from tinyts_mlir.kernels.registry import all_entries, find_entry, find_kernel

# --- Lowering ------------------------------------------------------------------------------------------------------


def kernel_call(op: Operation, scratch_bytes: int = 0) -> KernelCall:
    """The kernel that runs `op` with so much scratch, or without any if it has no use for it.

    Raises CompileError for an op that no kernel runs, and for constants that do not fit their C fields.
    """
    entry = find_entry(op)
    if entry is None or entry.call is None:
        hint = (entry and entry.hint) or "docs/extending.md says how a package brings one"
        raise CompileError(f"{layer_label(op)}: no kernel runs this op; {hint}")
    try:
        call = entry.call(op)
        if scratch_bytes and entry.scratch is not None:
            parameters = {**call.parameters, **entry.scratch.parameters(op, scratch_bytes)}
            call = replace(call, parameters=parameters)
        call = replace(call, scratch_bytes=scratch_bytes)
    except ValueError as error:
        raise CompileError(f"{layer_label(op)}: {error}") from error
    check_parameters(layer_label(op), call.kernel, call.kernel.struct_name, call.parameters)
    return call


def layer_label(op: Operation) -> str:
    """What an error about an op begins with: its layer's name in the model file, where it has one, and its own."""
    name = op.location.desc.data if isinstance(op.location, NameLoc) else None
    return op.name if name is None else f"layer {shortened(name)!r}: {op.name}"


def check_parameters(layer: str, kernel: Kernel | None, struct: str, parameters: Parameters) -> None:
    """Raises CompileError that names layer, field, limits and value, where a value does not fit its field in C.

    Nothing is checked where no header declares the struct, as of a kernel that has no C yet.
    """
    declared = find_struct(struct, None if kernel is None else kernel.sources)
    if declared is not None and (complaint := next(declared.complaints(parameters), None)) is not None:
        raise CompileError(f"{layer}: {complaint}")


def ops_with_kernels() -> tuple[type[Operation], ...]:
    """The types of all ops that a kernel runs."""
    return tuple(entry.op_type for entry in all_entries() if entry.call is not None)


def ops_with_meanings() -> tuple[type[Operation], ...]:
    """The types of all ops that no kernel runs as they stand."""
    return tuple(entry.op_type for entry in all_entries() if entry.meaning is not None)


def meaning_of(op: Operation) -> Callable[[Any, Sequence[Any]], NDArray[np.signedinteger]]:
    """What an op computes that no kernel runs as it stands, from the arrays of its operands."""
    if (entry := find_entry(op)) is None or entry.meaning is None:
        raise CompileError(f"{layer_label(op)}: nothing says what this op computes")
    return entry.meaning


def check_arithmetic(op: Operation) -> None:
    """Raises ValueError, with the reason as its text, when the constants of the op's kernel cannot be computed."""
    if (entry := find_entry(op)) is None:
        return
    with np.errstate(all="ignore"):
        try:
            entry.check(op)
        except (ZeroDivisionError, OverflowError):
            raise ValueError("the scales of its operands are out of range, or 0") from None


# --- Planning ------------------------------------------------------------------------------------------------------


def has_kernel(op: Operation) -> bool:
    """Whether a kernel runs `op`, as it stands."""
    return (entry := find_entry(op)) is not None and entry.call is not None


def scratch_options(op: Operation) -> tuple[int, ...]:
    """Amounts of scratch, in bytes, that the kernel of `op` has a use for to make one band, the fastest first."""
    entry = find_entry(op)
    return () if entry is None or entry.scratch is None else entry.scratch.options(op)


def needed_scratch(op: Operation, rows: int) -> int:
    """Bytes of scratch that the kernel of `op` cannot do without, to make a band of so many rows."""
    return 0 if (entry := find_entry(op)) is None else entry.needed_scratch(op, rows)


def works_in_place(op: Operation) -> bool:
    """Whether the kernel of `op` may write its result just where an operand lies that nothing reads afterwards."""
    if (entry := find_entry(op)) is None:
        return False
    return entry.works_in_place if isinstance(entry.works_in_place, bool) else entry.works_in_place(op)


def macs_per_element(op: Operation) -> int:
    """Multiplications of inputs with weights for one element of the result."""
    return 0 if (entry := find_entry(op)) is None else entry.macs(op)


def op_cost(op: Operation) -> KernelCost:
    """What the kernel of `op` costs, before it is lowered."""
    return CostPerElement() if (entry := find_entry(op)) is None else entry.cost(op)


def avoidable_instructions(op: Operation) -> float:
    """Instructions of an op that is made at once, where another plan could save them."""
    return 0.0 if (entry := find_entry(op)) is None else entry.avoidable_instructions(op)


# --- Kernels by name -----------------------------------------------------------------------------------------------


def call_cost(kernel: str, parameters: Parameters) -> KernelCost:
    """What a kernel costs with these parameters."""
    return CostPerElement() if (found := find_kernel(kernel)) is None else found.cost(parameters)


def accumulates(kernel: str, parameters: Parameters) -> bool:
    """Whether a kernel adds to what its last result holds."""
    if (found := find_kernel(kernel)) is None:
        return False
    return found.accumulates(parameters) if callable(found.accumulates) else found.accumulates


def kernel_stack_bytes(kernel: str) -> int:
    """The bytes of stack that a kernel takes besides those that the kernels which it calls take."""
    return 0 if (found := find_kernel(kernel)) is None else found.stack_bytes


def run_kernel(kernel: str, parameters: Parameters, inputs: Sequence[Window], row_count: int) -> list[Rows]:
    """The rows that a kernel makes of each of its outputs, in numpy; raises CompileError where nobody has the kernel.

    What it sees is what `tinyts_kernel` in runtime.h says: rows of its inputs, some of them padding, and the constants
    of its parameter struct. A kernel that accumulates gets what its output holds as one more window.
    """
    if (found := find_kernel(kernel)) is None:
        raise CompileError(f"kernel {kernel!r}: nothing says what it computes")
    return found.run(parameters, inputs, row_count)
