"""Which rows of a feature map a tensor holds, as the encoding of its type.

A rank-4 tensor is a feature map in NHWC order; its rows run along H. A tensor type without an encoding holds every row.
A band holds some consecutive ones and says so:

    tensor<1x2x48x16x!q, #tinyts.rows<8:10 of 48>>

is the rows 8 and 9 of a map of 48 rows. Tensors of any other rank count as one row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from xdsl.dialects.builtin import Float32Type, IntAttr, IntegerType, NoneAttr, TensorType
from xdsl.ir import Attribute, ParametrizedAttribute, SSAValue
from xdsl.irdl import irdl_attr_definition, param_def
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from tinyts_mlir.dialects.quant import UniformQuantizedType

FEATURE_MAP_RANK = 4
WORD_BYTES = 4
"""Where a state begins, at a multiple."""
HEIGHT, WIDTH, CHANNELS = 1, 2, 3
WIDE_BITS = 16
"""Of activations that are int16."""
INDEX_BITS = (32, 64)


@dataclass(frozen=True)
class RowRange:
    """The rows `start` to `stop - 1`."""

    start: int
    stop: int

    @property
    def count(self) -> int:
        """How many rows these are."""
        return self.stop - self.start

    def contains(self, other: RowRange) -> bool:
        """Whether every row of `other` is here; an empty range is everywhere."""
        return other.count <= 0 or (self.start <= other.start and other.stop <= self.stop)

    def __str__(self) -> str:
        return f"{self.start}:{self.stop}"


@irdl_attr_definition
class RowsAttr(ParametrizedAttribute):
    """The rows that a band holds, and how many its feature map has."""

    name = "tinyts.rows"

    start: IntAttr = param_def()
    stop: IntAttr = param_def()
    total: IntAttr = param_def()

    @staticmethod
    def get(rows: RowRange, total: int) -> RowsAttr:
        """The rows `rows` of a feature map with `total` rows."""
        return RowsAttr(IntAttr(rows.start), IntAttr(rows.stop), IntAttr(total))

    @property
    def range(self) -> RowRange:
        """The rows as a range."""
        return RowRange(self.start.data, self.stop.data)

    def verify(self) -> None:
        """Checks 0 <= start < stop <= total."""
        start, stop, total = self.start.data, self.stop.data, self.total.data
        if not 0 <= start < stop <= total:
            raise VerifyException(f"tinyts.rows: expected 0 <= start < stop <= total, got {start}:{stop} of {total}")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        """Parses `<start:stop of total>`."""
        with parser.in_angle_brackets():
            start = parser.parse_integer(allow_negative=False)
            parser.parse_punctuation(":")
            stop = parser.parse_integer(allow_negative=False)
            parser.parse_keyword("of")
            total = parser.parse_integer(allow_negative=False)
        return [IntAttr(start), IntAttr(stop), IntAttr(total)]

    def print_parameters(self, printer: Printer) -> None:
        """Prints `<start:stop of total>`."""
        printer.print_string(f"<{self.range} of {self.total.data}>")


def tensor_type(value: SSAValue) -> TensorType[Attribute]:
    """The tensor type of a value; raises VerifyException for anything else."""
    if not isinstance(value.type, TensorType):
        raise VerifyException(f"expected a tensor, got {value.type}")
    return value.type


def shape_of(value: SSAValue) -> tuple[int, ...]:
    """The shape of a tensor value: of a band, the band's."""
    return tensor_type(value).get_shape()


def quantization_of(value: SSAValue) -> UniformQuantizedType:
    """The quantized element type of a tensor value; raises VerifyException when it has none."""
    element_type = tensor_type(value).element_type
    if not isinstance(element_type, UniformQuantizedType):
        raise VerifyException(f"expected a tensor of !quant.uniform elements, got {value.type}")
    return element_type


def rows_of(type: TensorType[Attribute]) -> RowRange:
    """The rows that a tensor of this type holds."""
    if isinstance(type.encoding, RowsAttr):
        return type.encoding.range
    return RowRange(0, total_rows(type))


def total_rows(type: TensorType[Attribute]) -> int:
    """The rows of the whole feature map of which this type is a band (or which it is)."""
    if isinstance(type.encoding, RowsAttr):
        return type.encoding.total.data
    shape = type.get_shape()
    return shape[HEIGHT] if len(shape) == FEATURE_MAP_RANK else 1


def element_bytes(type: TensorType[Attribute]) -> int:
    """Bytes of one element: of its storage type, where it is quantized."""
    element_type = type.element_type
    if isinstance(element_type, Float32Type):
        return 4
    if isinstance(element_type, UniformQuantizedType):
        element_type = element_type.storage_type
    if not isinstance(element_type, IntegerType):
        raise VerifyException(f"expected a tensor of integers or of !quant.uniform elements, got {type}")
    return element_type.width.data // 8


def numpy_type(element_type: Attribute) -> np.dtype[np.generic]:
    """The numpy type of an element: float32, int8, uint8, or int32 and int64 for indices and sums."""
    if isinstance(element_type, Float32Type):
        return np.dtype(np.float32)
    if isinstance(element_type, UniformQuantizedType):
        if element_type.is_unsigned:
            return np.dtype(np.uint8)
        element_type = element_type.storage_type
    if not isinstance(element_type, IntegerType):
        raise VerifyException(f"expected integers, f32 or !quant.uniform elements, got {element_type}")
    return np.dtype(f"i{element_type.width.data // 8}")


def element_count(type: TensorType[Attribute]) -> int:
    """Elements of a tensor: of a band, the band's."""
    return prod(type.get_shape())


def is_wide(type: TensorType[Attribute]) -> bool:
    """Whether elements are int16 with a quantization."""
    element_type = type.element_type
    return isinstance(element_type, UniformQuantizedType) and element_type.storage_type.width.data == WIDE_BITS


def is_index_type(element_type: Attribute) -> bool:
    """Whether elements are indices, as ARG_MAX makes them: int32 or int64, without a quantization."""
    return isinstance(element_type, IntegerType) and element_type.width.data in INDEX_BITS


def row_bytes(type: TensorType[Attribute]) -> int:
    """Bytes of one row of a tensor."""
    shape = type.get_shape()
    elements = prod(shape[WIDTH:]) if len(shape) == FEATURE_MAP_RANK else prod(shape)
    return elements * element_bytes(type)


def size_in_bytes(type: TensorType[Attribute]) -> int:
    """Bytes of a tensor: of a band, the band's."""
    return prod(type.get_shape()) * element_bytes(type)


def whole_shape(type: TensorType[Attribute]) -> tuple[int, ...]:
    """The shape of the whole feature map of which this type is a band (or which it is)."""
    shape = type.get_shape()
    if len(shape) == FEATURE_MAP_RANK:
        return (shape[0], total_rows(type), *shape[WIDTH:])
    return shape


def band_type(whole: TensorType[Attribute], rows: RowRange) -> TensorType[Attribute]:
    """The type of the band of `whole` that holds `rows`; `whole` itself where these are all."""
    if rows == RowRange(0, total_rows(whole)):
        return TensorType(whole.element_type, whole_shape(whole))
    batch, _, width, channels = whole.get_shape()
    encoding = RowsAttr.get(rows, total_rows(whole))
    return TensorType(whole.element_type, (batch, rows.count, width, channels), encoding)


def verify_feature_map(type: TensorType[Attribute]) -> None:
    """Checks that sizes are known, that a batch is 1, and that an encoding says what the shape says."""
    shape = type.get_shape()
    if min(shape, default=1) < 1:
        raise VerifyException(f"expected sizes of at least 1, got {type}")
    if len(shape) == FEATURE_MAP_RANK and shape[0] != 1:
        raise VerifyException(f"expected tensors of rank {FEATURE_MAP_RANK} to have a batch of 1, got {type}")
    if isinstance(type.encoding, NoneAttr):
        return
    if not isinstance(type.encoding, RowsAttr):
        raise VerifyException(f"expected #tinyts.rows as the encoding of a tensor type, got {type.encoding}")
    if len(shape) != FEATURE_MAP_RANK:
        raise VerifyException(f"expected a band to have rank {FEATURE_MAP_RANK}, got {type}")
    if shape[HEIGHT] != rows_of(type).count:
        raise VerifyException(f"expected {rows_of(type).count} rows in the shape of a band, got {type}")
