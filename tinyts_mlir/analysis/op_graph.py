"""The op graph of a function: what orders, lifetimes and plans are computed from.

Everything is numbered once; nothing here walks use lists or asks a block for an op's index, which would be linear each
time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import BlockArgument, Operation, SSAValue

from tinyts_mlir.dialects.carried_state import carried_before
from tinyts_mlir.dialects.interfaces import (
    AccumulatingInterface,
    AliasInterface,
    InputInterface,
    Residence,
    assigned_state,
    is_constant,
    is_read_in_place,
    is_there_already,
    receives,
    residence_of,
    state_behind,
)
from tinyts_mlir.dialects.row_geometry import RowGeometryInterface
from tinyts_mlir.dialects.rows import RowsAttr, tensor_type
from tinyts_mlir.dialects.tinyts_attributes import verify_function_attributes
from tinyts_mlir.dialects.tinyts_base import TinytsOp
from tinyts_mlir.errors import CompileError


@dataclass(frozen=True)
class OpGraph:
    """The ops of a block that make values in the arena, in block order.

    Attributes:
        ops: the ops, by number; constants, external inputs and the terminator are not among them.
        operands: for each op the numbers of the ops whose results it reads, in operand order.
        returned: the values that the terminator returns.
    """

    ops: tuple[Operation, ...]
    operands: tuple[tuple[int, ...], ...]
    returned: tuple[SSAValue, ...]
    numbers: dict[Operation, int]

    @staticmethod
    def of(function: FuncOp) -> OpGraph:
        """Numbers the ops of a function's only block."""
        ops: list[Operation] = []
        operands: list[tuple[int, ...]] = []
        returned: tuple[SSAValue, ...] = ()
        numbers: dict[Operation, int] = {}
        last_receive: dict[SSAValue, int] = {}
        for op in function.body.block.ops:
            if is_there_already(op):
                continue
            if isinstance(op, ReturnOp):
                returned = tuple(op.operands)
                continue
            values = tuple(op.operands)
            if (state := carried_before(op)) is not None:
                values = (state, *values)  # state first: rows are taken in their order
            owners = (value.owner for value in values)
            reads = [numbers[owner] for owner in owners if isinstance(owner, Operation) and owner in numbers]
            if receives(op):
                # An application brings rows in order: each receive stands behind the one of the rows before it.
                if (before := last_receive.get(op.operands[0])) is not None:
                    reads.append(before)
                last_receive[op.operands[0]] = len(ops)
            numbers[op] = len(ops)
            operands.append(tuple(dict.fromkeys(reads)))
            ops.append(op)
        return OpGraph(tuple(ops), tuple(operands), returned, numbers)

    def roots(self) -> list[int]:
        """The numbers of the ops that make the returned values, and of those that assign state."""
        owners = (value.owner for value in self.returned)
        returned = [self.numbers[owner] for owner in owners if isinstance(owner, Operation) and owner in self.numbers]
        return [*returned, *(number for number, op in enumerate(self.ops) if assigned_state(op) is not None)]

    def receives(self) -> list[int]:
        """The numbers of the receiving ops."""
        return [number for number, op in enumerate(self.ops) if receives(op)]


def require_plannable(pass_name: str, function: FuncOp) -> None:
    """Raises CompileError unless every op can have a place in the arena, and all that it reads there is made there.

    Arguments must only be received or read in place, and constants only be loaded, or be weights and biases. What is
    read in place must not be returned or reshaped: `canonicalize` and `receive-inputs` see to it.
    """
    for op in function.body.block.ops:
        if residence_of(op) is Residence.FLASH:
            continue
        if not isinstance(op, TinytsOp | ReturnOp):
            raise CompileError(f"{pass_name}: expected ops of the tinyts dialect, got {op.name}")
        for value in op.operands:
            if isinstance(value, BlockArgument) and not isinstance(op, InputInterface):
                raise CompileError(
                    f"{pass_name}: {op.name} reads a function argument directly; run receive-inputs first"
                )
            if isinstance(op, ReturnOp) and state_behind(value) is not None:
                raise CompileError(f"{pass_name}: the function returns what lies in state; run canonicalize first")
            if (
                isinstance(value.owner, Operation)
                and is_read_in_place(value.owner)
                and isinstance(op, AliasInterface | ReturnOp)
            ):
                raise CompileError(f"{pass_name}: {op.name} reads an external input as it is; run canonicalize first")
        for value in _feature_maps(op):
            if is_constant(value):
                raise CompileError(f"{pass_name}: {op.name} reads a constant as a feature map, which is not supported")


def makes_bands(function: FuncOp) -> bool:
    """Whether an op of a function makes a band."""
    ops = function.body.block.ops
    return any(isinstance(tensor_type(value).encoding, RowsAttr) for op in ops for value in op.results)


def require_whole_tensors(pass_name: str, function: FuncOp) -> None:
    """Raises CompileError where an op makes a band."""
    if makes_bands(function):
        raise CompileError(
            f"{pass_name}: expected whole tensors; run it before split-tensors (-t c prints lowered IR as C)"
        )


def _feature_maps(op: TinytsOp | ReturnOp) -> tuple[SSAValue, ...]:
    """The operands that are no weights."""
    if isinstance(op, ReturnOp):
        return tuple(op.operands)
    if isinstance(op, AccumulatingInterface):
        return tuple(op.taken_bands())
    groups = op.row_groups() if isinstance(op, RowGeometryInterface) else op.operand_groups()[:1]
    return tuple(value for group in groups for value in group)


def functions(module: ModuleOp) -> Iterator[FuncOp]:
    """The functions of a module that have a body of one block.

    Raises CompileError for a body of several, and for attributes that make no sense (`dialects/tinyts_attributes.py`).
    """
    for op in module.body.block.ops:
        if isinstance(op, FuncOp) and op.body.blocks:
            if len(op.body.blocks) != 1:
                raise CompileError(f"function @{op.sym_name.data}: expected one block, got {len(op.body.blocks)}")
            verify_function_attributes(op)
            yield op
