"""Products of matrices of the `tinyts` dialect: batch_matmul."""

from __future__ import annotations

from xdsl.dialects.builtin import IntegerAttr
from xdsl.ir import Operation
from xdsl.irdl import (
    irdl_op_definition,
    opt_prop_def,
)

from tinyts_mlir.dialects.interfaces import is_constant, is_read_in_place
from tinyts_mlir.dialects.row_geometry import RowMap
from tinyts_mlir.dialects.rows import FEATURE_MAP_RANK, tensor_type, whole_shape
from tinyts_mlir.dialects.tinyts_binary import TwoOperandOp, broadcast

MATRIX_RANK, MOST_RANK = 2, 5


@irdl_op_definition
class BatchMatmulOp(TwoOperandOp):
    """TFLite's BATCH_MATMUL: products of the matrices in the last two dimensions; the others are broadcast.

    With `adjoint_lhs` or `adjoint_rhs`, that operand's matrices are transposed. One operand may be a constant. Of a
    feature map, a row is a matrix.

    Example:
        %2 = tinyts.batch_matmul %0, %1 {adjoint_rhs = 1} : tensor<1x4x16x16x!q>
    """

    name = "tinyts.batch_matmul"

    adjoint_lhs = opt_prop_def(IntegerAttr)
    adjoint_rhs = opt_prop_def(IntegerAttr)

    @property
    def adjoints(self) -> tuple[bool, bool]:
        """Which operands' matrices are transposed."""
        flags = (self.adjoint_lhs, self.adjoint_rhs)
        first, second = (flag is not None and flag.value.data != 0 for flag in flags)
        return first, second

    @property
    def operand_shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The shapes of the whole operands."""
        first, second = (whole_shape(tensor_type(group[0])) for group in (self.lhs, self.rhs))
        return first, second

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Rows of the result's matrices, elements of each sum, columns."""
        first, second = self.operand_shapes
        rows, depth = first[-2:][::-1] if self.adjoints[0] else first[-2:]
        return rows, depth, second[-2] if self.adjoints[1] else second[-1]

    def row_map(self) -> RowMap | None:
        """Matrix by matrix; None where these are no rows of maps, or one outside of the arena is read for all."""
        result = whole_shape(tensor_type(self.result))
        if len(result) != FEATURE_MAP_RANK:
            return None
        rows = result[-3]
        for group in self.operand_groups():
            shape = whole_shape(tensor_type(group[0]))
            matrices = shape[-3] if len(shape) > MATRIX_RANK else 1
            is_map = len(shape) == FEATURE_MAP_RANK and not is_constant(group[0])
            if matrices > 1 and not is_map:
                return None
            owner = group[0].owner
            if matrices == 1 < rows and isinstance(owner, Operation) and is_read_in_place(owner):
                return None
        return RowMap()

    def verify_(self) -> None:
        """Checks shapes, types and rows."""
        super().verify_()
        first, second = self.operand_shapes
        self.expect(
            all(MATRIX_RANK <= len(shape) <= MOST_RANK for shape in (first, second)),
            f"expected operands of {MATRIX_RANK} to {MOST_RANK} dimensions, got {list(first)} and {list(second)}",
        )
        rows, depth, columns = self.sizes
        found = second[-1] if self.adjoints[1] else second[-2]
        self.expect(depth == found, f"expected matrices that fit, got sums of {depth} and of {found} products")
        batches = broadcast(first[:-2], second[:-2])
        if batches is None:
            raise self.fail(f"expected dimensions that can be broadcast, got {list(first)} and {list(second)}")
        expected, result = (*batches, rows, columns), whole_shape(tensor_type(self.result))
        self.expect(result == expected, f"expected a result of shape {list(expected)}, got {list(result)}")
