"""Recurrent layers of the `tinyts` dialect: lstm, svdf_features and svdf_sums.

What they keep from one call to the next is state (`tinyts_state.py`): an LSTM takes what its state held before and
makes what it is to hold; an SVDF is a dense layer into a ring buffer, and sums over what the buffer holds.
"""

from __future__ import annotations

from xdsl.dialects.builtin import FloatAttr, IntegerAttr, TensorType
from xdsl.ir import SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import Pure

from tinyts_mlir.dialects.rows import (
    RowsAttr,
    quantization_of,
    shape_of,
    size_in_bytes,
    tensor_type,
    verify_feature_map,
)
from tinyts_mlir.dialects.tinyts_base import TinytsOp, verify_bias, verify_dense_filter, verify_int8

GATES = ("forget", "cell", "output", "input")
"""The order in which an LSTM has its gates; without an input gate, that is one less the forget gate."""
LSTM_RANK = 3


def verify_int16(op: TinytsOp, *values: SSAValue) -> None:
    """Checks that values are int16 with one scale, and 0 where they stand for 0."""
    for value in values:
        type = quantization_of(value)
        fits = type.storage_type.width.data == 16 and not type.is_per_axis and type.zero_points == (0,)
        op.expect(fits, f"expected int16 with one scale and a zero point of 0, got {value.type}")


def verify_whole(op: TinytsOp, *values: SSAValue) -> None:
    """Checks that values are whole tensors."""
    for value in values:
        verify_feature_map(tensor_type(value))
        op.expect(not isinstance(tensor_type(value).encoding, RowsAttr), f"expected whole tensors, got {value.type}")


@irdl_op_definition
class LstmOp(TinytsOp):
    """TFLite's UNIDIRECTIONAL_SEQUENCE_LSTM of a sequence, with a cell of int16, a batch of 1 and no projection.

    `weights` are those of the input and then those of the hidden state, for the gates forget, cell, output and input,
    in this order; where the input gate is not there, it is one less the forget gate. `biases` are as many as gates.
    `hidden` and `cell` are the state before, `hidden_after` and `cell_after` that behind the last step. What is made is
    quantized by `hidden_scale` and `hidden_zero_point`, whatever the results' types say. A `cell_clip` above 0 bounds
    the cell, on both sides.

    Example:
        %y, %h, %c = tinyts.lstm %x, %hidden, %cell, [%w0, %w1, %w2, %w3, %w4, %w5, %w6, %w7], [%b0, %b1, %b2, %b3]
          {hidden_scale = 0.0078, hidden_zero_point = 0}
          : tensor<1x28x20x!q>, tensor<1x20x!q>, tensor<1x20x!quant.uniform<i16:f32, 0.000244140625>>
    """

    name = "tinyts.lstm"

    input = operand_def(TensorType)
    hidden = operand_def(TensorType)
    cell = operand_def(TensorType)
    weights = var_operand_def(TensorType)
    biases = var_operand_def(TensorType)

    result = result_def(TensorType)
    hidden_after = result_def(TensorType)
    cell_after = result_def(TensorType)

    hidden_scale = prop_def(FloatAttr)
    hidden_zero_point = prop_def(IntegerAttr)
    cell_clip = opt_prop_def(FloatAttr)

    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    traits = traits_def(Pure())

    @property
    def steps(self) -> int:
        """How many steps the sequence has."""
        return size_in_bytes(tensor_type(self.input)) // self.inputs

    @property
    def inputs(self) -> int:
        """How many elements a step of the input has."""
        return shape_of(self.input)[-1]

    @property
    def units(self) -> int:
        """How many cells there are, and elements of a step of the result."""
        return shape_of(self.cell)[-1]

    def verify_(self) -> None:
        """Checks shapes and types."""
        self.verify_offsets()
        verify_whole(self, self.input, self.hidden, self.cell, *self.results)
        verify_int8(self, self.input, self.hidden, self.result, self.hidden_after)
        verify_int16(self, self.cell, self.cell_after)
        shape, made = shape_of(self.input), shape_of(self.result)
        self.expect(
            len(shape) == LSTM_RANK and 1 in shape[:2],
            f"expected a sequence of three dimensions with a batch of 1, got {list(shape)}",
        )
        self.expect(
            made == (*shape[:2], self.units),
            f"expected a result of shape {[*shape[:2], self.units]}, got {list(made)}",
        )
        for before, after in ((self.hidden, self.hidden_after), (self.cell, self.cell_after)):
            found = list(shape_of(before))
            self.expect(found == [1, self.units], f"expected state of shape {[1, self.units]}, got {found}")
            self.expect(after.type == before.type, f"expected state of one type, got {before.type} and {after.type}")
        gates = len(self.biases)
        self.expect(
            gates in (len(GATES) - 1, len(GATES)) and len(self.weights) == 2 * gates,
            f"expected 3 or 4 biases and twice as many weights, got {gates} and {len(self.weights)}",
        )
        for number, weights in enumerate(self.weights):
            verify_dense_filter(self, weights)
            expected = (self.units, self.inputs if number < gates else self.units)
            self.expect(
                shape_of(weights) == expected,
                f"expected weights of shape {list(expected)}, got {list(shape_of(weights))}",
            )
            self.expect(not quantization_of(weights).is_per_axis, "expected one scale for the weights of a gate")
        for bias in self.biases:
            verify_bias(self, bias, self.units)


@irdl_op_definition
class SvdfFeaturesOp(TinytsOp):
    """What an SVDF layer adds to its memory at a step: the input's products with `filter`, as int16.

    Example:
        %f = tinyts.svdf_features %x, %filter : tensor<1x1x1x64x!quant.uniform<i16:f32, 0.00375>>
    """

    name = "tinyts.svdf_features"

    input = operand_def(TensorType)
    filter = operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())

    def verify_(self) -> None:
        """Checks shapes and types."""
        self.verify_offsets()
        verify_whole(self, self.input, self.result)
        verify_int8(self, self.input)
        verify_int16(self, self.result)
        verify_dense_filter(self, self.filter)
        self.expect(not quantization_of(self.filter).is_per_axis, "expected one scale for the filter")
        filters, inputs = shape_of(self.filter)
        self.expect(
            size_in_bytes(tensor_type(self.input)) == inputs,
            f"expected one vector of {inputs} elements, as the filter has, got {list(shape_of(self.input))}",
        )
        self.expect(
            shape_of(self.result) == (1, 1, 1, filters),
            f"expected a result of shape {[1, 1, 1, filters]}, got {list(shape_of(self.result))}",
        )


@irdl_op_definition
class SvdfSumsOp(TinytsOp):
    """What an SVDF layer makes of its memory, the oldest step first: for each unit, products with `weights` over time.

    `weights` are filters x steps; as many filters as the layer's rank make a unit.

    Example:
        %y = tinyts.svdf_sums %memory, %weights, %bias : tensor<1x64x!q>
    """

    name = "tinyts.svdf_sums"

    memory = operand_def(TensorType)
    weights = operand_def(TensorType)
    bias = opt_operand_def(TensorType)
    result = result_def(TensorType)

    traits = traits_def(Pure())

    @property
    def rank(self) -> int:
        """How many filters make a unit."""
        return shape_of(self.weights)[0] // shape_of(self.result)[-1]

    def verify_(self) -> None:
        """Checks shapes and types."""
        self.verify_offsets()
        verify_whole(self, self.memory, self.result)
        verify_int8(self, self.result)
        verify_int16(self, self.memory, self.weights)
        shape = shape_of(self.weights)
        self.expect(len(shape) == 2, f"expected weights of filters x steps, got {self.weights.type}")
        filters, steps = shape
        self.expect(
            shape_of(self.memory) == (1, steps, 1, filters),
            f"expected a memory of shape {[1, steps, 1, filters]}, got {list(shape_of(self.memory))}",
        )
        made = shape_of(self.result)
        self.expect(
            len(made) == 2 and made[0] == 1 and filters % made[1] == 0,
            f"expected a result of 1 x a divisor of {filters} elements, got {list(made)}",
        )
        if self.bias is not None:
            verify_bias(self, self.bias, made[1])
