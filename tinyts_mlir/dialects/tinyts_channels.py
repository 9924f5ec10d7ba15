"""Constants of layers of the `tinyts` dialect that lose channels: what the lost ones come to goes into the bias."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import LocationAttr, i32
from xdsl.ir import SSAValue

from tinyts_mlir.dialects.channel_geometry import Integers
from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.rows import quantization_of
from tinyts_mlir.dialects.tinyts_inputs import ConstantOp


class WeightedLayer(Protocol):
    """A layer of sums over channels: a convolution, or a dense layer."""

    filter: Any
    bias: Any
    location: LocationAttr

    def mixed_map(self) -> SSAValue | None:
        """The map that it reads."""
        ...


def constant_op(value: SSAValue) -> ConstantOp:
    """The op behind a constant."""
    op = value.owner
    assert isinstance(op, ConstantOp)
    return op


def constant_array(value: SSAValue) -> npt.NDArray[Any]:
    """The stored integers of a constant, in their shape."""
    return constant_op(value).array()


def absorbed_bias(layer: WeightedLayer, sums: Integers, bytes: Integers, outputs: Integers) -> ConstantOp | None:
    """The bias of some outputs of a layer, with what channels that always hold the same byte come to.

    Args:
        layer: with all of its channels.
        sums: of the weights of each such channel, of shape (outputs, channels).
        bytes: what they hold, of shape (channels,).
        outputs: the numbers of the outputs.

    None where there is none, and nothing to absorb.
    """
    map = layer.mixed_map()
    assert map is not None
    input = quantization_of(map)
    share = sums @ (bytes - input.zero_point)
    kept = None if layer.bias is None else constant_op(layer.bias).taking(outputs, 0)
    if not share.any():
        return kept
    if kept is None:
        filter = quantization_of(layer.filter)
        scales = [input.scale * filter.scales[output if filter.is_per_axis else 0] for output in outputs]
        type = (
            UniformQuantizedType.per_axis(i32, scales, [0] * len(scales), 0)
            if filter.is_per_axis
            else UniformQuantizedType.per_tensor(i32, scales[0])
        )
        before, location = np.zeros(len(outputs), np.int64), layer.location
    else:
        type, location = quantization_of(kept.result), kept.location
        before = kept.array().astype(np.int64)
    total = (before + share) & 0xFFFFFFFF  # accumulators wrap, and so may their biases
    return ConstantOp.from_bytes(total.astype(np.uint32).tobytes(), (len(outputs),), type, location)
