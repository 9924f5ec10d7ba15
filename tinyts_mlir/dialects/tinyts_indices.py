"""Ops of the `tinyts` dialect whose results are indices, int32 or int64: arg_max, arg_min."""

from __future__ import annotations

import abc
from typing import ClassVar

from xdsl.dialects.builtin import IntegerAttr, TensorType
from xdsl.irdl import ParsePropInAttrDict, irdl_op_definition, prop_def, result_def, traits_def
from xdsl.traits import Pure

from tinyts_mlir.dialects.row_geometry import RowMap
from tinyts_mlir.dialects.rows import FEATURE_MAP_RANK, HEIGHT, is_index_type, tensor_type, whole_shape
from tinyts_mlir.dialects.tinyts_base import UnaryRowOp, verify_int8


class ArgExtremeOp(UnaryRowOp, abc.ABC):
    """Where along `axis` an extreme is: the first index, where several elements are it.

    The axis stays, with one element, so that rows of a map are rows of the result.
    """

    result = result_def(TensorType)

    axis = prop_def(IntegerAttr)

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())

    IS_MINIMUM: ClassVar[bool] = False

    def row_map(self) -> RowMap | None:
        """Row by row, unless it is rows that are compared."""
        rank = len(whole_shape(tensor_type(self.input[0])))
        return RowMap() if rank == FEATURE_MAP_RANK and self.axis.value.data != HEIGHT else None

    def verify_(self) -> None:
        """Checks the axis, shapes, types and rows."""
        self.expect(len(self.input) > 0, "expected at least one operand")
        self.verify_rows()
        self.verify_offsets()
        verify_int8(self, *self.input)
        shape, axis = whole_shape(tensor_type(self.input[0])), self.axis.value.data
        self.expect(0 <= axis < len(shape), f"expected an axis from 0 to {len(shape) - 1}, got {axis}")
        expected, found = (*shape[:axis], 1, *shape[axis + 1 :]), whole_shape(tensor_type(self.result))
        self.expect(found == expected, f"expected a result of shape {list(expected)}, got {list(found)}")
        if not is_index_type(tensor_type(self.result).element_type):
            raise self.fail(f"expected a result of i32 or i64, got {self.result.type}")


@irdl_op_definition
class ArgMaxOp(ArgExtremeOp):
    """TFLite's ARG_MAX: the first index of the greatest element along an axis.

    Example:
        %1 = tinyts.arg_max %0 {axis = 3} : tensor<1x12x16x1xi32>
    """

    name = "tinyts.arg_max"

    IS_MINIMUM: ClassVar[bool] = False


@irdl_op_definition
class ArgMinOp(ArgExtremeOp):
    """TFLite's ARG_MIN: the first index of the least element along an axis.

    Example:
        %1 = tinyts.arg_min %0 {axis = 1} : tensor<1x1xi64>
    """

    name = "tinyts.arg_min"

    IS_MINIMUM: ClassVar[bool] = True
