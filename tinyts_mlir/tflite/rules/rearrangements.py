"""TRANSPOSE, slices, PACK and UNPACK, GATHER, TILE, resizing: layers that put elements in other places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
from xdsl.dialects.builtin import TensorType, i64
from xdsl.ir import Attribute, SSAValue

from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.rows import CHANNELS, HEIGHT, shape_of, tensor_type
from tinyts_mlir.dialects.tinyts import (
    BroadcastToOp,
    ConcatenationOp,
    DepthToSpaceOp,
    GatherOp,
    MirrorPadOp,
    ReshapeOp,
    ResizeBilinearOp,
    ResizeNearestNeighborOp,
    SpaceToDepthOp,
    StridedSliceOp,
    TileOp,
    TransposeOp,
)
from tinyts_mlir.dialects.tinyts_base import TinytsOp
from tinyts_mlir.dialects.tinyts_resizing import is_set
from tinyts_mlir.tflite.layer_reader import LayerReader, axis_from_front
from tinyts_mlir.tflite.layer_writer import LayerWriter
from tinyts_mlir.tflite.rule import INT8_VERSION, MOVABLE, MOVES_VERSION, Options, Rule, Unsigned
from tinyts_mlir.tflite.rules.data_movement import write_reshape
from tinyts_mlir.tflite.slices import MASKS, Index, chosen_indices, strided_slice_index
from tinyts_mlir.tflite.tensors import UnsupportedLayer

MIRROR_REFLECT, MIRROR_SYMMETRIC = 0, 1

# --- TRANSPOSE -----------------------------------------------------------------------------------------------------


def _read_transpose(layer: LayerReader) -> TransposeOp | ReshapeOp:
    input, result = layer.movable(0), layer.movable_output_type()
    shape = shape_of(input)
    permutation = [axis_from_front(axis, len(shape)) for axis in layer.integers(1)]
    moved = [axis for axis in permutation if 0 <= axis < len(shape) and shape[axis] > 1]
    if sorted(permutation) == list(range(len(shape))) and moved == sorted(moved):
        return ReshapeOp([input], result)
    return TransposeOp([[input]], result, {"permutation": permutation})


def _write_transpose(layer: LayerWriter, op: TransposeOp) -> None:
    axes = list(int_values(op.permutation))
    permutation = layer.integers("permutation", axes, [len(axes)])
    layer.add("TRANSPOSE", INT8_VERSION, [layer.activation(op.input[0]), permutation])


# --- STRIDED_SLICE, SLICE, SPLIT_V, UNPACK -------------------------------------------------------------------------


def _slice(layer: LayerReader, input: SSAValue, index: Sequence[Index], type: TensorType[Attribute]) -> TinytsOp:
    """What takes a numpy index of a value: a slice, and a reshape where axes come or go."""
    shape = shape_of(input)
    chosen = chosen_indices(shape, index)
    sizes = tuple(map(len, chosen))
    if not prod(sizes):
        raise UnsupportedLayer("expected a slice of at least one element, got none")
    if prod(sizes) != prod(type.get_shape()):
        raise UnsupportedLayer(f"expected an output of {prod(sizes)} elements, got {list(type.get_shape())}")
    begin, stride = [indices[0] for indices in chosen], [indices.step for indices in chosen]
    if sizes == shape and min(stride) > 0:
        return ReshapeOp([input], type)
    properties = {"begin": begin, "stride": stride}
    if sizes == type.get_shape():
        return StridedSliceOp([[input]], type, properties)
    sliced = StridedSliceOp([[input]], TensorType(type.element_type, sizes), properties)
    return ReshapeOp([layer.add(sliced, "/slice")], type)


def _is_end(end: int, size: int) -> bool:
    return 0 <= end <= size


def _read_strided_slice(layer: LayerReader) -> TinytsOp:
    input, result = layer.movable(0), layer.movable_output_type()
    begin, end, strides = (layer.integers(position) for position in (1, 2, 3))
    if not len(begin) == len(end) == len(strides) or 0 in strides:
        raise UnsupportedLayer(
            f"expected as many beginnings as ends and strides other than 0, got {begin}, {end} and {strides}"
        )
    masks = [layer.integer_option(mask) for mask in MASKS]
    if layer.option("Offset"):
        # LiteRT does not bring such ends back into the operand, and reads beyond it.
        ends = [first + last for first, last in zip(begin, end, strict=True)]
        if any(masks) or len(ends) != len(shape_of(input)) or not all(map(_is_end, ends, shape_of(input))):
            raise UnsupportedLayer(f"expected beginnings plus offsets up to {list(shape_of(input))}, got {ends}")
    return _slice(layer, input, strided_slice_index(begin, end, strides, masks, bool(layer.option("Offset"))), result)


def _write_strided_slice(layer: LayerWriter, op: StridedSliceOp) -> None:
    begin, stride, sizes = int_values(op.begin), int_values(op.stride), shape_of(op.result)
    ends = [first + step * size for first, step, size in zip(begin, stride, sizes, strict=True)]
    # An end below 0 would count from the back: the mask says 'up to the first'.
    end_mask = sum(1 << axis for axis, end in enumerate(ends) if end < 0)
    rank = [len(begin)]
    inputs = [
        layer.activation(op.input[0]),
        layer.integers("begin", begin, rank),
        layer.integers("end", [max(end, 0) for end in ends], rank),
        layer.integers("strides", stride, rank),
    ]
    layer.add("STRIDED_SLICE", INT8_VERSION, inputs, {"EndMask": end_mask})


def _read_slice(layer: LayerReader) -> TinytsOp:
    input, result = layer.movable(0), layer.movable_output_type()
    begin, size = layer.integers(1), layer.integers(2)
    shape = shape_of(input)
    if not len(begin) == len(size) == len(shape):
        raise UnsupportedLayer(f"expected {len(shape)} beginnings and sizes, got {begin} and {size}")
    bounds = zip(begin, size, shape, strict=True)
    ends = [extent if count == -1 else first + count for first, count, extent in bounds]
    for first, end, extent in zip(begin, ends, shape, strict=True):
        if not 0 <= first < end <= extent:
            raise UnsupportedLayer(f"expected a slice of shape {list(shape)}, got {begin} and {size}")
    return _slice(layer, input, [slice(*bound) for bound in zip(begin, ends, strict=True)], result)


def _read_split_v(layer: LayerReader) -> list[TinytsOp]:
    input, types = layer.movable(0), layer.movable_output_types()
    sizes, axes = layer.integers(1), layer.integers(2)
    shape = shape_of(input)
    axis = axis_from_front(axes[0], len(shape)) if len(axes) == 1 else -1
    if not 0 <= axis < len(shape) or len(sizes) != len(types):
        raise UnsupportedLayer(f"expected an axis and {len(types)} sizes, got {axes} and {sizes}")
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = shape[axis] - sum(sizes) - 1
    if min(sizes) < 1 or sum(sizes) != shape[axis]:
        raise UnsupportedLayer(f"expected sizes of {shape[axis]} in all, got {sizes}")
    ends = np.cumsum(sizes).tolist()
    before: list[Index] = [slice(None)] * axis
    return [
        _slice(layer, input, [*before, slice(end - size, end)], type)
        for end, size, type in zip(ends, sizes, types, strict=True)
    ]


def _read_unpack(layer: LayerReader) -> list[TinytsOp]:
    input, types = layer.movable(0), layer.movable_output_types()
    shape = shape_of(input)
    axis = axis_from_front(layer.integer_option("Axis"), len(shape))
    if not 0 <= axis < len(shape) or shape[axis] != len(types):
        raise UnsupportedLayer(f"expected an axis of {len(types)}, got axis {axis} of shape {list(shape)}")
    before: list[Index] = [slice(None)] * axis
    if types[0].element_type == i64:
        raise UnsupportedLayer("expected int8 or int32, which LiteRT unpacks, got int64")
    return [_slice(layer, input, [*before, number], type) for number, type in enumerate(types)]


# --- PACK, EXPAND_DIMS, SQUEEZE ------------------------------------------------------------------------------------


def _read_pack(layer: LayerReader) -> TinytsOp:
    result = layer.movable_output_type()
    inputs = [layer.movable(position) for position in range(layer.input_count)]
    shape = result.get_shape()
    axis = axis_from_front(layer.integer_option("Axis"), len(shape))
    if not inputs or not 0 <= axis < len(shape) or any(shape_of(input) != shape_of(inputs[0]) for input in inputs):
        raise UnsupportedLayer("expected inputs of one shape, and an axis of the output")
    # What lies in front of the axis, and behind it: a map of rank 4 would need a batch of 1.
    outer, inner = prod(shape[:axis]), prod(shape[axis + 1 :])
    parts = [
        layer.add(ReshapeOp([input], TensorType(tensor_type(input).element_type, (outer, inner))), f"/{number}")
        for number, input in enumerate(inputs)
    ]
    packed = TensorType(result.element_type, (outer, len(parts) * inner))
    return ReshapeOp([layer.add(ConcatenationOp([parts], packed, {"axis": 1}), "/packed")], result)


def _read_relabelled(layer: LayerReader) -> ReshapeOp:
    """EXPAND_DIMS and SQUEEZE: what the file gives as the output's shape is what the axes say."""
    return ReshapeOp([layer.movable(0)], layer.movable_output_type())


# --- GATHER, TILE, BROADCAST_TO, MIRROR_PAD ------------------------------------------------------------------------


def _read_gather(layer: LayerReader) -> TinytsOp:
    input, result = layer.movable(0), layer.movable_output_type()
    shape, indices = shape_of(input), layer.integers(1)
    axis = axis_from_front(layer.integer_option("Axis"), len(shape))
    if layer.option("BatchDims"):
        raise UnsupportedLayer(f"expected no batch dimensions, got {layer.option('BatchDims')}")
    if not 0 <= axis < len(shape):
        raise UnsupportedLayer(f"expected an axis from 0 to {len(shape) - 1}, got {axis}")
    properties = {"axis": axis, "indices": indices}
    found = (*shape[:axis], len(indices), *shape[axis + 1 :])
    if found == result.get_shape():
        return GatherOp([[input]], result, properties)
    gathered = GatherOp([[input]], TensorType(result.element_type, found), properties)
    return ReshapeOp([layer.add(gathered, "/gather")], result)


def _write_gather(layer: LayerWriter, op: GatherOp) -> None:
    indices = int_values(op.indices)
    inputs = [layer.activation(op.input[0]), layer.integers("indices", indices, [len(indices)])]
    layer.add("GATHER", INT8_VERSION, inputs, {"Axis": op.axis.value.data})


def _read_tile(layer: LayerReader) -> TileOp:
    return TileOp([[layer.movable(0)]], layer.movable_output_type(), {"multiples": layer.integers(1)})


def _write_tile(layer: LayerWriter, op: TileOp) -> None:
    multiples = int_values(op.multiples)
    layer.add(
        "TILE", INT8_VERSION, [layer.activation(op.input[0]), layer.integers("multiples", multiples, [len(multiples)])]
    )


def _read_broadcast_to(layer: LayerReader) -> BroadcastToOp:
    type, expected = layer.movable_output_type(), list(layer.integers(1))
    if list(type.get_shape()) != expected:
        raise UnsupportedLayer(f"expected an output of shape {expected}, got {list(type.get_shape())}")
    return BroadcastToOp([[layer.movable(0)]], type)


def _write_broadcast_to(layer: LayerWriter, op: BroadcastToOp) -> None:
    shape = shape_of(op.result)
    layer.add(
        "BROADCAST_TO", INT8_VERSION, [layer.activation(op.input[0]), layer.integers("shape", shape, [len(shape)])]
    )


def _read_mirror_pad(layer: LayerReader) -> MirrorPadOp:
    mode = layer.integer_option("Mode")
    if mode not in (MIRROR_REFLECT, MIRROR_SYMMETRIC):
        raise UnsupportedLayer(f"expected the mode REFLECT or SYMMETRIC, got {mode}")
    properties = {"padding": layer.integers(1), "symmetric": 1 if mode == MIRROR_SYMMETRIC else None}
    return MirrorPadOp([[layer.activation(0)]], layer.output_type(), properties)


def _write_mirror_pad(layer: LayerWriter, op: MirrorPadOp) -> None:
    padding = int_values(op.padding)
    inputs = [layer.activation(op.input[0]), layer.integers("paddings", padding, [len(padding) // 2, 2])]
    layer.add("MIRROR_PAD", INT8_VERSION, inputs, {"Mode": MIRROR_SYMMETRIC if op.is_symmetric else MIRROR_REFLECT})


# --- resizing, and blocks of pixels --------------------------------------------------------------------------------


def _resizing_flags(layer: LayerReader) -> Mapping[str, int | None]:
    if layer.option("AlignCorners") and layer.option("HalfPixelCenters"):
        raise UnsupportedLayer("expected align_corners or half_pixel_centers, not both")
    return {
        "align_corners": 1 if layer.option("AlignCorners") else None,
        "half_pixel_centers": 1 if layer.option("HalfPixelCenters") else None,
    }


def _resized_type(layer: LayerReader) -> TensorType[Attribute]:
    """The output's type, which must be of the size that the layer says."""
    type, size = layer.output_type(), list(layer.integers(1))
    if list(type.get_shape())[HEIGHT:CHANNELS] != size:
        raise UnsupportedLayer(f"expected an output of {size} rows and columns, got shape {list(type.get_shape())}")
    return type


def _read_resize_nearest_neighbor(layer: LayerReader) -> ResizeNearestNeighborOp:
    return ResizeNearestNeighborOp([[layer.activation(0)]], _resized_type(layer), _resizing_flags(layer))


def _read_resize_bilinear(layer: LayerReader) -> ResizeBilinearOp:
    return ResizeBilinearOp([[layer.activation(0)]], _resized_type(layer), _resizing_flags(layer))


def _write_resizing(layer: LayerWriter, op: ResizeNearestNeighborOp | ResizeBilinearOp) -> None:
    size = layer.integers("size", shape_of(op.result)[HEIGHT:CHANNELS], [2])
    name = "RESIZE_BILINEAR" if isinstance(op, ResizeBilinearOp) else "RESIZE_NEAREST_NEIGHBOR"
    options = {"AlignCorners": is_set(op.align_corners), "HalfPixelCenters": is_set(op.half_pixel_centers)}
    layer.add(name, INT8_VERSION, [layer.activation(op.input[0]), size], options)


def _read_depth_to_space(layer: LayerReader) -> DepthToSpaceOp:
    properties = {"block_size": layer.integer_option("BlockSize")}
    return DepthToSpaceOp([[layer.activation(0)]], layer.output_type(), properties)


def _read_space_to_depth(layer: LayerReader) -> SpaceToDepthOp:
    properties = {"block_size": layer.integer_option("BlockSize")}
    return SpaceToDepthOp([[layer.activation(0)]], layer.output_type(), properties)


def _write_blocks(layer: LayerWriter, op: DepthToSpaceOp | SpaceToDepthOp) -> None:
    name = "DEPTH_TO_SPACE" if isinstance(op, DepthToSpaceOp) else "SPACE_TO_DEPTH"
    layer.add(name, MOVES_VERSION, [layer.activation(op.input[0])], {"BlockSize": op.block_size.value.data})


RESIZING = ("AlignCorners", "HalfPixelCenters")

RULES = [
    Rule(
        "TRANSPOSE",
        TransposeOp,
        Options("TransposeOptions"),
        _read_transpose,
        _write_transpose,
        inputs=(2, 2),
        constraints="constant permutation",
        types=MOVABLE,
        unsigned=Unsigned.SHIFTED,
    ),
    Rule(
        "STRIDED_SLICE",
        StridedSliceOp,
        Options("StridedSliceOptions", (*MASKS, "Offset")),
        _read_strided_slice,
        _write_strided_slice,
        inputs=(4, 4),
        constraints="constant bounds",
        types=MOVABLE,
        unsigned=Unsigned.SHIFTED,
    ),
    Rule(
        "SLICE",
        StridedSliceOp,
        Options("SliceOptions"),
        _read_slice,
        _write_strided_slice,
        inputs=(3, 3),
        is_other_spelling=True,
        constraints="constant bounds",
        types=MOVABLE,
        unsigned=Unsigned.SHIFTED,
    ),
    Rule(
        "SPLIT_V",
        StridedSliceOp,
        Options("SplitVOptions", ("NumSplits",)),
        _read_split_v,
        _write_strided_slice,
        inputs=(3, 3),
        several_results=True,
        is_other_spelling=True,
        constraints="constant sizes",
        types=MOVABLE,
        unsigned=Unsigned.SHIFTED,
    ),
    Rule(
        "UNPACK",
        StridedSliceOp,
        Options("UnpackOptions", ("Axis", "Num")),
        _read_unpack,
        _write_strided_slice,
        several_results=True,
        is_other_spelling=True,
        types="int8, int32",
        unsigned=Unsigned.SHIFTED,
    ),
    Rule(
        "PACK",
        ReshapeOp,
        Options("PackOptions", ("Axis", "ValuesCount")),
        _read_pack,
        write_reshape,
        inputs=None,
        is_other_spelling=True,
        types=MOVABLE,
        unsigned=Unsigned.SHIFTED,
    ),
    *(
        Rule(
            name,
            ReshapeOp,
            Options(options),
            _read_relabelled,
            write_reshape,
            inputs,
            is_other_spelling=True,
            types=MOVABLE,
            unsigned=Unsigned.SHIFTED,
        )
        for name, options, inputs in (
            ("EXPAND_DIMS", "ExpandDimsOptions", (2, 2)),
            ("SQUEEZE", "SqueezeOptions", (1, 1)),
        )
    ),
    Rule(
        "GATHER",
        GatherOp,
        Options("GatherOptions", ("Axis", "BatchDims")),
        _read_gather,
        _write_gather,
        (2, 2),
        constraints="constant indices",
        types=MOVABLE,
        unsigned=Unsigned.SHIFTED,
    ),
    Rule(
        "TILE",
        TileOp,
        Options("TileOptions"),
        _read_tile,
        _write_tile,
        inputs=(2, 2),
        types=MOVABLE,
        unsigned=Unsigned.SHIFTED,
        constraints="constant multiples",
    ),
    Rule(
        "BROADCAST_TO",
        BroadcastToOp,
        Options("BroadcastToOptions"),
        _read_broadcast_to,
        _write_broadcast_to,
        inputs=(2, 2),
        types=MOVABLE,
        unsigned=Unsigned.SHIFTED,
    ),
    Rule(
        "MIRROR_PAD",
        MirrorPadOp,
        Options("MirrorPadOptions", ("Mode",)),
        _read_mirror_pad,
        _write_mirror_pad,
        inputs=(2, 2),
        unsigned=Unsigned.SHIFTED,
    ),
    Rule(
        "RESIZE_NEAREST_NEIGHBOR",
        ResizeNearestNeighborOp,
        Options("ResizeNearestNeighborOptions", RESIZING),
        _read_resize_nearest_neighbor,
        _write_resizing,
        inputs=(2, 2),
        unsigned=Unsigned.SHIFTED,
    ),
    Rule(
        "RESIZE_BILINEAR",
        ResizeBilinearOp,
        Options("ResizeBilinearOptions", RESIZING),
        _read_resize_bilinear,
        _write_resizing,
        inputs=(2, 2),
    ),
    Rule(
        "DEPTH_TO_SPACE",
        DepthToSpaceOp,
        Options("DepthToSpaceOptions", ("BlockSize",)),
        _read_depth_to_space,
        _write_blocks,
        unsigned=Unsigned.SHIFTED,
    ),
    Rule(
        "SPACE_TO_DEPTH",
        SpaceToDepthOp,
        Options("SpaceToDepthOptions", ("BlockSize",)),
        _read_space_to_depth,
        _write_blocks,
        unsigned=Unsigned.SHIFTED,
    ),
]
