"""State: what a model keeps from one call to the next.

    %state = tinyts.state {state = "stream/states"} : tensor<1x4x1x32x!q>
    %before = tinyts.read_state %state : tensor<1x4x1x32x!q>
    ...
    %after = tinyts.assign_state %next, %state : tensor<1x4x1x32x!q>

A state is declared once, and lies in a memory of its own that nothing else shares (`plan-arena` says where). What is
read of it is what it held when the call began, wherever the op stands; it is assigned at most once in a call, behind
all that reads it. An op may as well read the result of the op that assigns it.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import BytesAttr, DenseIntOrFPElementsAttr, IntegerType, StringAttr, TensorType
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def, result_def, traits_def
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern, op_type_rewrite_pattern
from xdsl.rewriter import InsertPoint
from xdsl.traits import HasCanonicalizationPatternsTrait, Pure

from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.interfaces import AliasInterface, Residence, StateInterface, state_behind
from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.rows import (
    HEIGHT,
    RowsAttr,
    element_bytes,
    row_bytes,
    rows_of,
    shape_of,
    size_in_bytes,
    tensor_type,
    verify_feature_map,
    whole_shape,
)
from tinyts_mlir.dialects.tinyts_base import TinytsOp
from tinyts_mlir.dialects.tinyts_data_movement import ConcatenationOp, JoinOp
from tinyts_mlir.dialects.tinyts_rearrangements import StridedSliceOp

STATE_BITS = (8, 16, 32)


@irdl_op_definition
class StateOp(StateInterface, TinytsOp):
    """Declares a state: its name, its type, and what it holds before the first call and after a reset.

    Without `initial`, that is the zero point, or zeroes where integers stand for themselves. `offsets`, set by
    `plan-arena`, is where it begins in the memory of all states.

    Example:
        %state = tinyts.state {state = "stream/states"} : tensor<1x4x1x32x!q>
    """

    name = "tinyts.state"
    RESIDENCE: ClassVar[Residence] = Residence.STATE

    name_in_file = prop_def(StringAttr, prop_name="state")
    initial = opt_prop_def(DenseIntOrFPElementsAttr)
    result = result_def(TensorType)

    @property
    def state(self) -> SSAValue:
        """The state that this is."""
        return self.result

    @property
    def storage_type(self) -> IntegerType:
        """The type of the integers that it holds."""
        element = tensor_type(self.result).element_type
        storage = element.storage_type if isinstance(element, UniformQuantizedType) else element
        if not isinstance(storage, IntegerType):
            raise self.fail(f"expected a state of integers, got {self.result.type}")
        return storage

    def initial_bytes(self) -> bytes:
        """What it holds in the beginning, little-endian."""
        if self.initial is not None:
            return self.initial.data.data
        type = tensor_type(self.result)
        value = type.element_type.zero_point if isinstance(type.element_type, UniformQuantizedType) else 0
        size = element_bytes(type)
        return np.full(size_in_bytes(type) // size, value, f"<i{size}").tobytes()

    def verify_(self) -> None:
        """Checks the type, and that initial bytes are as many."""
        self.verify_offsets()
        type = tensor_type(self.result)
        verify_feature_map(type)
        self.expect(not isinstance(type.encoding, RowsAttr), f"expected a whole tensor, got {type}")
        self.expect(self.scratch is None, "expected no scratch: a state is no step")
        element = type.element_type
        storage = self.storage_type
        fits = storage.width.data in STATE_BITS
        if isinstance(element, UniformQuantizedType):
            fits = fits and not element.is_per_axis and not element.is_unsigned
        self.expect(fits, f"expected a state of int8, int16 or int32 with one scale, got {type}")
        if self.initial is not None and (
            self.initial.get_shape() != type.get_shape() or self.initial.get_element_type() != storage
        ):
            raise self.fail(f"an initial value of type {self.initial.get_type()} cannot make {type}")


class _AssignedPatterns(HasCanonicalizationPatternsTrait):
    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        return (ShiftRingBuffer(), ReturnedState())


class _StatePatterns(HasCanonicalizationPatternsTrait):
    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        return (ReturnedState(),)


@irdl_op_definition
class ReadStateOp(StateInterface, TinytsOp):
    """What a state held when the call began: all of it, or some rows.

    It is read where it lies, which takes no arena and no step.

    Example:
        %before = tinyts.read_state %state : tensor<1x4x1x32x!q>
    """

    name = "tinyts.read_state"
    RESIDENCE: ClassVar[Residence] = Residence.STATE

    declared = operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure(), _StatePatterns())

    @property
    def state(self) -> SSAValue:
        """The state that is read."""
        return self.declared

    @property
    def first_state_byte(self) -> int:
        """Where the rows begin that are read."""
        type = tensor_type(self.result)
        return rows_of(type).start * row_bytes(type)

    def verify_(self) -> None:
        """Checks that the result is the state, or rows of it."""
        verify_declared(self)
        result, declared = tensor_type(self.result), tensor_type(self.declared)
        verify_feature_map(result)
        if whole_shape(result) != declared.get_shape() or result.element_type != declared.element_type:
            raise self.fail(f"expected {declared} or rows of it, as the state is, got {result}")
        self.expect(self.offsets is None and self.scratch is None, "expected no offsets: this is not in the arena")


class AssigningOp(StateInterface, TinytsOp):
    """An op that assigns a state; its result is what the state holds then, where it lies."""

    RESIDENCE: ClassVar[Residence] = Residence.ASSIGNED

    value = operand_def(TensorType)
    declared = operand_def(TensorType)
    result = result_def(TensorType)

    @property
    def state(self) -> SSAValue:
        """The state that is assigned."""
        return self.declared

    def feature_map_groups(self) -> list[tuple[SSAValue, ...]]:
        """The value: the state is where the result lies."""
        return [(self.value,)]

    def verify_assignment(self) -> None:
        """Checks that the result is the state, and the value of its elements."""
        verify_declared(self)
        value, declared = tensor_type(self.value), tensor_type(self.declared)
        for type in (value, declared):
            verify_feature_map(type)
            self.expect(not isinstance(type.encoding, RowsAttr), f"expected whole tensors, got {type}")
        if self.result.type != declared:
            raise self.fail(f"expected a result of type {declared}, as the state is, got {self.result.type}")
        if value.element_type != declared.element_type:
            raise self.fail(f"expected a value of elements {declared.element_type}, as of the state, got {value}")
        self.expect(self.offsets is None and self.scratch is None, "expected no offsets: this is not in the arena")


@irdl_op_definition
class AssignStateOp(AssigningOp):
    """Has a state hold another value from here on: for the calls that follow.

    Example:
        %after = tinyts.assign_state %next, %state : tensor<1x4x1x32x!q>
    """

    name = "tinyts.assign_state"

    traits = traits_def(_AssignedPatterns())

    def verify_(self) -> None:
        """Checks that value and state have one type."""
        self.verify_assignment()
        if self.value.type != self.declared.type:
            raise self.fail(f"expected a value of type {self.declared.type}, as the state has, got {self.value.type}")


@irdl_op_definition
class ShiftStateOp(AssigningOp):
    """Moves what a state holds towards its first byte, by the size of a value, and has the value at the end.

    This is a ring buffer of the last values. Its result is the buffer with the new value: of several steps, the oldest
    comes first.

    Example:
        %steps = tinyts.shift_state %new, %state : tensor<1x5x1x32x!q>
    """

    name = "tinyts.shift_state"

    traits = traits_def(_StatePatterns())

    def verify_(self) -> None:
        """Checks that there is something to keep, and that the value is rows of the state."""
        self.verify_assignment()
        value, declared = tensor_type(self.value), tensor_type(self.declared)
        self.expect(
            size_in_bytes(value) < size_in_bytes(declared),
            f"expected a value of fewer bytes than the state's {size_in_bytes(declared)}, got {size_in_bytes(value)}",
        )
        held = state_behind(self.value)
        self.expect(held is None or held.state is not self.declared, "expected a value that is not in the state itself")
        rank_fits = len(value.get_shape()) == len(declared.get_shape())
        self.expect(
            rank_fits and value.get_shape()[2:] == declared.get_shape()[2:],
            f"expected a value of rows of {list(declared.get_shape())}, got {list(value.get_shape())}",
        )


def verify_declared(op: AssigningOp | ReadStateOp) -> None:
    """Checks that an op names a state that is declared."""
    op.expect(isinstance(op.declared.owner, StateOp), "expected the result of tinyts.state as its state")


class ReturnedState(RewritePattern):
    """What lies in state and is returned is copied: outputs lie in the arena, and stay when the state is assigned."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Rewrites the uses by the terminator of what an op reads or assigns, also in other shapes."""
        if not isinstance(op, StateInterface):
            return
        values = [op.results[0]]
        for value in values:  # grows
            aliases = (use.operation for use in value.uses if isinstance(use.operation, AliasInterface))
            values += [alias.results[0] for alias in aliases]
        for value in values:
            if not any(isinstance(use.operation, ReturnOp) for use in value.uses):
                continue
            copy = JoinOp([[value]], value.type, location=op.location)
            rewriter.insert(copy, InsertPoint.after(value.owner))
            rewriter.replace_uses_with_if(value, copy.result, lambda use: isinstance(use.operation, ReturnOp))


class ShiftRingBuffer(RewritePattern):
    """A state that keeps the last rows of itself and of new ones is shifted, and read where it lies.

        %before = tinyts.read_state %state                                                  // 4 rows
        %map = tinyts.concatenation %before, %new {axis = 1}                                // 5 rows
        %last = tinyts.strided_slice %map {begin = [0, 1, 0, 0], stride = [1, 1, 1, 1]}     // 4 rows
        %after = tinyts.assign_state %last, %state
      becomes, with a state of 5 rows,
        %map = tinyts.shift_state %new, %state

    and so does what is assigned all of the map that the last rows of a state and new ones make, unless what the state
    held is read otherwise as well. What is shifted out is never read, so it may begin with anything.
    """

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: AssignStateOp, rewriter: PatternRewriter, /) -> None:
        """Rewrites one assignment."""
        declared = op.declared.owner
        left_out, map = _last_rows(op.value)
        if not isinstance(declared, StateOp) or not isinstance(concatenation := map.owner, ConcatenationOp):
            return
        groups = concatenation.operand_groups()
        if len(groups) != 2 or concatenation.axis.value.data != HEIGHT or any(len(group) != 1 for group in groups):
            return
        [[kept], [new]] = groups
        skipped, before = _last_rows(kept)
        read, step = before.owner, shape_of(new)[HEIGHT]
        if (
            not isinstance(read, ReadStateOp)
            or read.declared is not op.declared
            or read.result.type != read.declared.type
        ):
            return
        if shape_of(map)[0] != 1 or (left_out, skipped) not in ((step, 0), (0, step)):
            return
        others = [use.operation for use in op.declared.uses if use.operation not in (op, read)]
        if others or op.result.uses or not before.has_one_use() or not kept.has_one_use():
            return
        state = _with_rows(declared, tensor_type(map))
        rewriter.insert(state, InsertPoint.before(declared))
        shifted = ShiftStateOp([new, state.result], map.type, location=concatenation.location)
        rewriter.replace(concatenation, shifted)
        last = op.value.owner
        rewriter.erase(op)
        for dead in (last, kept.owner, read, declared):
            if not isinstance(dead, Operation) or dead is shifted or dead.parent is None:
                continue
            if not any(result.uses for result in dead.results):
                rewriter.erase(dead)


def _with_rows(declared: StateOp, type: TensorType[Attribute]) -> StateOp:
    """A state of a type with as many rows as `declared` or more: these come in front."""
    state = StateOp([], type, {"state": declared.name_in_file}, location=declared.location)
    plain, held = state.initial_bytes(), declared.initial_bytes()
    content = plain[: len(plain) - len(held)] + held
    if content != plain:
        dense = TensorType(state.storage_type, type.get_shape())
        state.properties["initial"] = DenseIntOrFPElementsAttr(dense, BytesAttr(content))
    return state


def _last_rows(value: SSAValue) -> tuple[int, SSAValue]:
    """The map whose last rows a value is, and how many rows it leaves out: 0, and the value itself, for any other."""
    owner = value.owner
    if not isinstance(owner, StridedSliceOp) or len(owner.input) != 1:
        return 0, value
    [map] = owner.input
    begin, shape, result = int_values(owner.begin), shape_of(map), shape_of(value)
    if len(shape) <= HEIGHT or len(shape) != len(result) or set(int_values(owner.stride)) != {1}:
        return 0, value
    others = [axis for axis in range(len(shape)) if axis != HEIGHT]
    if any(begin[axis] or shape[axis] != result[axis] for axis in others):
        return 0, value
    return (begin[HEIGHT], map) if begin[HEIGHT] + result[HEIGHT] == shape[HEIGHT] else (0, value)
