"""What passes and analyses ask an op: facts that an op states about itself, each with a default.

Nothing above the dialects asks for an op by its name. An op of another package that derives from `TinytsOp`
(`dialects/tinyts_base.py`) has all defaults, and is planned like our own as soon as it states what is different. Which
rows an op reads is in `dialects/row_geometry.py`; how it runs (in place, overlap, scratch, cost) is stated by its
kernel (`kernels/registry.py`).
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from enum import Enum, auto
from typing import ClassVar, NamedTuple

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute, Operation, SSAValue

from tinyts_mlir.dialects.rows import RowRange


class Residence(Enum):
    """Where the bytes of an op's results are."""

    ARENA = auto()
    """In the arena, where the op leaves them: the op is a step."""
    OPERAND = auto()
    """Where the operand's are, of which the result is another name: no step."""
    FLASH = auto()
    """They are constant: no step."""
    CALLER = auto()
    """In the caller's memory, where nothing may be written: no step."""
    STATE = auto()
    """In the memory that stays from one call to the next, as the call before has left it: no step."""
    ASSIGNED = auto()
    """In that memory, where the op leaves them: the op is a step."""


class ResidenceInterface(Operation, abc.ABC):
    """An op that says where its results are; others leave them in the arena."""

    RESIDENCE: ClassVar[Residence] = Residence.ARENA


def residence_of(op: Operation) -> Residence:
    """Where an op's results are."""
    return op.RESIDENCE if isinstance(op, ResidenceInterface) else Residence.ARENA


def is_there_already(op: Operation) -> bool:
    """Whether an op's results are there before anything runs, outside of the arena."""
    return residence_of(op) in (Residence.FLASH, Residence.CALLER, Residence.STATE)


def is_step(op: Operation) -> bool:
    """Whether an op takes a place in the order of steps; what is there already, or is another name for it, does not."""
    return residence_of(op) in (Residence.ARENA, Residence.ASSIGNED)


def needs_no_arena(value: SSAValue) -> bool:
    """Whether a value lies in flash, in state or in the caller's memory; a function's argument does."""
    owner = without_aliases(value).owner
    return not isinstance(owner, Operation) or is_there_already(owner) or residence_of(owner) is Residence.ASSIGNED


def is_constant(value: SSAValue) -> bool:
    """Whether a value lies in flash."""
    owner = value.owner
    return isinstance(owner, Operation) and residence_of(owner) is Residence.FLASH


class AliasInterface(ResidenceInterface, abc.ABC):
    """An op whose only result is its only operand's bytes under another type."""

    RESIDENCE: ClassVar[Residence] = Residence.OPERAND

    @property
    def renumbered_map(self) -> int | None:
        """The number of the map whose rows the result's are, where the operand's rows have other numbers there.

        None where the result is the whole operand in another shape.
        """
        return None


def renumbered_map(op: Operation) -> int | None:
    """The number of the map whose rows an op's result is under other numbers; None for anything else."""
    return op.renumbered_map if isinstance(op, AliasInterface) else None


def without_aliases(value: SSAValue) -> SSAValue:
    """The value whose bytes these are: the one behind any number of reshapes and renumberings."""
    while isinstance(owner := value.owner, AliasInterface):
        value = owner.operands[0]
    return value


class InputInterface(ResidenceInterface, abc.ABC):
    """An op through which its operand, an argument of the function, enters in its result's shape.

    As a step it brings rows into the arena (`Residence.ARENA`); else they are read where the caller has them.
    """


def receives(op: Operation) -> bool:
    """Whether an op brings rows of an input into the arena."""
    return isinstance(op, InputInterface) and is_step(op)


def is_read_in_place(op: Operation) -> bool:
    """Whether an op is an input that is read where the caller has it."""
    return isinstance(op, InputInterface) and residence_of(op) is Residence.CALLER


class StateInterface(ResidenceInterface, abc.ABC):
    """An op whose only result lies in state: it reads what a call before has left, or assigns it anew.

    State is a memory of the model's own that stays from one call to the next. What is read is what it held when the
    call began; so an op that assigns it (`Residence.ASSIGNED`) runs behind all that read it.
    """

    @property
    @abc.abstractmethod
    def state(self) -> SSAValue:
        """The state: the result of the op that declares it."""

    @property
    def first_state_byte(self) -> int:
        """The byte of the state at which the result begins."""
        return 0


def assigned_state(op: Operation) -> SSAValue | None:
    """The state that an op assigns; None for any other op."""
    return op.state if isinstance(op, StateInterface) and residence_of(op) is Residence.ASSIGNED else None


def state_behind(value: SSAValue) -> StateInterface | None:
    """The op through which a value is (some bytes of) a state; None where it lies elsewhere."""
    owner = without_aliases(value).owner
    return owner if isinstance(owner, StateInterface) else None


def reads_state(op: Operation) -> bool:
    """Whether an operand of an op lies in state, where no result may be left."""
    return any(state_behind(value) is not None for value in op.operands)


class AccumulatingInterface(Operation, abc.ABC):
    """An op that adds bands of a map to state, in the order of rows; its result is the state, written where it was."""

    @abc.abstractmethod
    def taken_bands(self) -> Sequence[SSAValue]:
        """The consecutive bands that it adds."""

    @abc.abstractmethod
    def state_before(self) -> SSAValue | None:
        """The state so far; None: all zero."""


class AssemblingInterface(Operation, abc.ABC):
    """An op whose result is made of its operands' bytes, each at a place of its own, and of nothing else.

    Where an operand is made at its place in the result, there is nothing to copy.
    """

    @abc.abstractmethod
    def assembled(self) -> Sequence[tuple[SSAValue, int]]:
        """The operands, in their order, with the byte of the result at which each belongs."""

    @abc.abstractmethod
    def finds_operands_in_place(self) -> bool:
        """Whether a plan has every operand just where it belongs: then it is a step that does nothing."""


class StreamedReduction(NamedTuple):
    """A reduction over all rows of a map that can take them as they come.

    Attributes:
        map: the operand that is reduced: the whole map, or its bands.
        state_type: of the state between two bands: integers of 32 bits.
        flat: elements count in row-major order whatever the map's shape, so the map may be there under another one.
        always: also a map in one piece is reduced by way of state, as no kernel does it at once.
    """

    map: tuple[SSAValue, ...]
    state_type: TensorType[Attribute]
    flat: bool = False
    always: bool = False


class StreamableReductionInterface(Operation, abc.ABC):
    """An op over a whole map that `stream-reductions` may turn into a chain of accumulating ops."""

    @abc.abstractmethod
    def streamed_reduction(self) -> StreamedReduction | None:
        """How it takes rows as they come; None where it cannot."""

    @abc.abstractmethod
    def accumulate(self, band: SSAValue, state: SSAValue | None) -> Operation:
        """The op that adds a band to the state: one with `AccumulatingInterface`."""

    @abc.abstractmethod
    def finish(self, state: SSAValue) -> Operation:
        """The op that makes this op's result of the state."""


def streamed_reduction(op: Operation) -> StreamedReduction | None:
    """How an op takes rows of a map as they come; None for one that does not."""
    return op.streamed_reduction() if isinstance(op, StreamableReductionInterface) else None


class MovedRows(NamedTuple):
    """Some rows of an operand, by the numbers they have there."""

    operand: SSAValue
    rows: RowRange


class RowMoveInterface(Operation, abc.ABC):
    """An op whose results' rows are rows of its operands under other numbers: nothing has to be copied."""

    @abc.abstractmethod
    def moved_rows(self) -> Sequence[Sequence[MovedRows]] | None:
        """For each result the rows that it is made of, in its order; None where it is not made of whole rows."""


def moved_rows(op: Operation) -> Sequence[Sequence[MovedRows]] | None:
    """For each result of an op the rows that it is made of; None for an op that moves no rows."""
    return op.moved_rows() if isinstance(op, RowMoveInterface) else None
