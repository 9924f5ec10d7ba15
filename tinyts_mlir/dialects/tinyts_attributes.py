"""The discardable attributes of the `tinyts` dialect: what passes tell each other about ops and functions.

Names that begin with `tinyts.` are the dialect's: one that is not known here is an error, as is a value that no pass
could have written, or an op for which the attribute says nothing. Ops check theirs when they are verified, and
`analysis/op_graph.py` those of every function that a pass works on.

A band may be asked for that is higher than its map: `split-tensors` then makes one band of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from xdsl.dialects.builtin import ArrayAttr, DenseArrayBase, IntegerAttr, StringAttr, UnitAttr, i1, i64
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Operation
from xdsl.utils.exceptions import VerifyException

from tinyts_mlir.dialects import provenance
from tinyts_mlir.dialects.assembly import ShortErrors, int_values, to_attribute
from tinyts_mlir.dialects.interfaces import ResidenceInterface, is_step
from tinyts_mlir.dialects.pruned_layers import PRUNED_LAYERS, pruned_layers
from tinyts_mlir.dialects.row_geometry import RowGeometryInterface
from tinyts_mlir.dialects.rows import RowsAttr, rows_of, tensor_type
from tinyts_mlir.dialects.traits import HasRowSplittingPatternsTrait
from tinyts_mlir.errors import CompileError

PREFIX = "tinyts."

BAND_ROWS = "tinyts.band_rows"
"""Attribute of an op on whole maps: the rows that the bands of its results are to have."""
SEGMENT, HELD = "tinyts.segment", "tinyts.held"
"""Attributes of an op, for the order of its bands: the segment of each layer that is made of it, the joins of its bands
or what finishes a reduction included; and that its map is held there."""

INPUT_NAMES, OUTPUT_NAMES = "tinyts.input_names", "tinyts.output_names"
"""Function attributes: the names of the model's inputs and outputs in its file, in their order."""
ARENA_BYTES = "tinyts.arena_bytes"
"""Function attribute: the size of the planned arena."""
STATE_BYTES = "tinyts.state_bytes"
"""Function attribute: the size of the memory that stays from one call to the next, where there is any."""
PEAK_BYTES = "tinyts.peak_bytes"
"""Function attribute: the most bytes alive at one step of the planned order; no arena for this order is smaller."""
BOUND_BYTES = "tinyts.bound_bytes"
"""Function attribute: no order of this network's rows needs less (`analysis/lower_bound.py`)."""
FITTING_BYTES = "tinyts.fitting_bytes"
"""Function attribute: an arena that band heights were found to fit into; what `plan-arena` makes is not larger."""
ARENA_IS_OPTIMAL = "tinyts.arena_is_optimal"
"""Function attribute of an exact plan: whether it is proven that no smaller arena holds this order."""
PLAN_ATTRIBUTES = (ARENA_BYTES, STATE_BYTES, PEAK_BYTES, BOUND_BYTES, ARENA_IS_OPTIMAL)
"""What `plan-arena` sets on functions."""
SOURCE_SHA256, OPTIONS = f"{PREFIX}{provenance.SOURCE_SHA256}", f"{PREFIX}{provenance.OPTIONS}"
"""Function attributes: the hash of the model file, and how it was compiled (`dialects/provenance.py`)."""
PRUNED = f"{PREFIX}{PRUNED_LAYERS}"
"""Function attribute: which channels are left out (`dialects/pruned_layers.py`)."""
WHOLE_INPUT = "tinyts.whole_input"
"""Function attribute: every input is to be in the arena, complete, before anything else runs."""


class VerifiedAttributes(ShortErrors, ResidenceInterface):
    """An op that checks its discardable attributes when it is verified."""

    def verify(self, verify_nested_ops: bool = True) -> None:
        """Checks the op, and then its attributes."""
        super().verify(verify_nested_ops)
        try:
            _verify_names(self.attributes, OP_CHECKS)
            for name, check in OP_CHECKS.items():
                if name in self.attributes:
                    check(self)
        except VerifyException as error:
            self.emit_error(str(error), error)


def band_rows(op: Operation) -> int:
    """The rows of a band that an op asks for, 1 where it does not; raises VerifyException for nonsense."""
    rows = op.attributes.get(BAND_ROWS)
    return 1 if rows is None else _number(BAND_ROWS, rows, 1)


def segments_of(op: Operation) -> tuple[int, ...]:
    """The segments of the layers made of an op, none where it does not say; raises VerifyException for nonsense."""
    asked = op.attributes.get(SEGMENT)
    if asked is None:
        return ()
    numbers = int_values(asked) if isinstance(asked, DenseArrayBase) and asked.elt_type == i64 else ()
    if not numbers or numbers[0] < 0 or list(numbers) != sorted(numbers):
        raise _unexpected(SEGMENT, "one or more i64 numbers of at least 0, in ascending order", asked)
    return numbers


def next_segment(op: Operation) -> Attribute:
    """SEGMENT for what is made of the bands of an op that has it: its last."""
    return to_attribute(segments_of(op)[-1:])


def _verify_band_rows(op: VerifiedAttributes) -> None:
    if not isinstance(op, RowGeometryInterface) and not op.get_traits_of_type(HasRowSplittingPatternsTrait):
        raise VerifyException(f"expected no {BAND_ROWS}: this op is not cut into bands")
    for type in map(tensor_type, op.results):
        if isinstance(type.encoding, RowsAttr):
            raise VerifyException(f"expected no {BAND_ROWS}: this op makes a band already, rows {rows_of(type)}")
    band_rows(op)


def _verify_segment(op: VerifiedAttributes) -> None:
    if not is_step(op):
        raise VerifyException(f"expected no {SEGMENT}: this op is no step")
    segments_of(op)


def _verify_held(op: VerifiedAttributes) -> None:
    if not isinstance(op, RowGeometryInterface):
        raise VerifyException(f"expected no {HELD}: this op is not cut into bands")
    _flag(HELD, op.attributes[HELD])


OP_CHECKS: Mapping[str, Callable[[VerifiedAttributes], None]] = {
    BAND_ROWS: _verify_band_rows,
    SEGMENT: _verify_segment,
    HELD: _verify_held,
}
"""What checks each attribute of an op that has it."""


def verify_function_attributes(function: FuncOp) -> None:
    """Raises CompileError, which names the function, for an attribute that no pass or frontend could have set."""
    try:
        _verify_names(function.attributes, FUNCTION_CHECKS)
        for name, check in FUNCTION_CHECKS.items():
            if (value := function.attributes.get(name)) is not None:
                check(name, value)
        types = function.function_type
        for name, count in ((INPUT_NAMES, len(types.inputs)), (OUTPUT_NAMES, len(types.outputs))):
            names = function.attributes.get(name)
            if isinstance(names, ArrayAttr) and len(names) != count:
                raise VerifyException(f"expected {name} of length {count}, got length {len(names)}")
    except VerifyException as error:
        raise CompileError(f"function @{function.sym_name.data}: {error}") from error


def declared_names(function: FuncOp, attribute: str) -> tuple[str, ...]:
    """The names of a function's inputs (INPUT_NAMES) or outputs (OUTPUT_NAMES), none where it does not say."""
    names = function.attributes.get(attribute)
    if not isinstance(names, ArrayAttr):
        return ()
    return tuple(name.data for name in names if isinstance(name, StringAttr))


def _bytes(name: str, value: Attribute) -> None:
    _number(name, value, 0)


def _boolean(name: str, value: Attribute) -> None:
    if not isinstance(value, IntegerAttr) or value.type != i1:
        raise _unexpected(name, "true or false", value)


def _flag(name: str, value: Attribute) -> None:
    if not isinstance(value, UnitAttr):
        raise _unexpected(name, "no value", value)


def _strings(name: str, value: Attribute) -> None:
    if not isinstance(value, ArrayAttr) or not all(isinstance(element, StringAttr) for element in value):
        raise _unexpected(name, "strings", value)


def _provenance(name: str, value: Attribute) -> None:
    provenance.verify_provenance(name.removeprefix(PREFIX), name, value)


def _pruned(name: str, value: Attribute) -> None:
    pruned_layers(name, value)


FUNCTION_CHECKS: Mapping[str, Callable[[str, Attribute], None]] = {
    INPUT_NAMES: _strings,
    OUTPUT_NAMES: _strings,
    SOURCE_SHA256: _provenance,
    OPTIONS: _provenance,
    PRUNED: _pruned,
    ARENA_BYTES: _bytes,
    STATE_BYTES: _bytes,
    PEAK_BYTES: _bytes,
    BOUND_BYTES: _bytes,
    FITTING_BYTES: _bytes,
    ARENA_IS_OPTIMAL: _boolean,
    WHOLE_INPUT: _flag,
}
"""What checks the value of each attribute of a function."""


def _verify_names(attributes: Mapping[str, Attribute], known: Mapping[str, object]) -> None:
    for name in attributes:
        if name.startswith(PREFIX) and name not in known:
            raise VerifyException(f"expected attributes of {', '.join(known)}, got {name}")


def _number(name: str, value: Attribute, least: int) -> int:
    if not isinstance(value, IntegerAttr) or value.type != i64 or value.value.data < least:
        raise _unexpected(name, f"an i64 of at least {least}", value)
    return value.value.data


def _unexpected(name: str, expected: str, found: Attribute) -> VerifyException:
    return VerifyException(f"expected {name} to be {expected}, got {found}")
