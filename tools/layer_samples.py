"""Networks of layers side by side, of the kinds in tools/layer_kinds.py, with weights that are hard on fast paths.

Each layer reads an input of its own, so that it does the same work whatever the others make of theirs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from network_builder import NetworkBuilder, Pair, Quantization
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

Extent = tuple[int, int, int]
"""Rows, columns and channels."""
INT32_MIN, INT32_MAX = -(1 << 31), (1 << 31) - 1
PLAIN = "plain"


class Convolution(NamedTuple):
    """A convolution of a map; without output channels it is depthwise."""

    map: Extent
    outputs: int | None
    size: Pair = (1, 1)
    stride: int = 1


SHAPES = {
    "even": (
        Convolution((24, 24, 3), 16, (3, 3), 2),
        Convolution((24, 24, 1), 32, (3, 3), 2),
        Convolution((24, 12, 1), 32, (10, 4), 2),
        Convolution((16, 16, 8), 48),
        Convolution((12, 12, 16), 48),
        Convolution((12, 12, 16), 8),
        Convolution((6, 6, 48), 64),
        Convolution((8, 8, 16), 16, (3, 3)),
        Convolution((6, 6, 32), 32, (3, 3), 2),
        Convolution((16, 16, 16), None, (3, 3)),
        Convolution((12, 12, 48), None, (3, 3), 2),
        Convolution((12, 12, 48), None, (5, 5)),
        Convolution((12, 12, 48), None, (7, 7)),
    ),
    "odd": (
        Convolution((25, 25, 3), 17, (3, 3), 2),
        Convolution((25, 25, 1), 9, (3, 3), 2),
        Convolution((11, 11, 9), 47),
        Convolution((11, 11, 18), 49),
        Convolution((11, 11, 17), 9),
        Convolution((7, 7, 35), 65),
        Convolution((7, 7, 17), 15, (3, 3)),
        Convolution((13, 13, 15), None, (3, 3)),
        Convolution((13, 13, 27), None, (3, 3), 2),
        Convolution((11, 11, 27), None, (5, 5)),
        Convolution((11, 11, 25), None, (7, 7)),
        Convolution((1, 64, 1), 32, (1, 9), 2),
        Convolution((1, 64, 16), 48),
        Convolution((64, 1, 48), 32),
        Convolution((1, 64, 16), 32, (1, 3)),
        Convolution((64, 1, 16), 32, (3, 1)),
        Convolution((1, 64, 48), None, (1, 5)),
        Convolution((64, 1, 48), None, (9, 1)),
    ),
}
"""Whole blocks of channels; other numbers of them, and maps of a single row or column."""


def weights_of(kind: str, layer: Convolution, random: np.random.Generator) -> dict[str, Any]:
    """Arguments of the builder: scales, biases, weights and activation of one kind."""
    channels = layer.outputs or layer.map[2]
    few = random.choice(channels, -(-channels // 16), replace=False)
    scales, bias = random.uniform(0.004, 0.01, channels), random.integers(-20_000, 20_000, channels)
    chosen: dict[str, Any] = {"activation": "none"}
    if kind == "negative scales":
        scales *= random.choice([-1, 1], channels)
        chosen["activation"] = "relu_n1_to_1"
    elif kind == "dead channels":
        scales[few] = random.choice([1e-14, 1e-7], len(few))
        bias[few] = np.where(scales[few] < 1e-10, INT32_MIN, -(1 << 27))
    elif kind == "large biases":
        bias[few] = random.choice([INT32_MIN, INT32_MAX, 4096 - (1 << 31), 1 << 24, -(1 << 24)], len(few))
    elif kind == "shifts to the left":
        # A scale of the result that is not made for the greatest of the scales.
        scales[few], chosen["result"] = 8.0, Quantization(0.03, 3)
    elif kind == "least weights":
        shape = (channels, *layer.size, layer.map[2]) if layer.outputs else (1, *layer.size, channels)
        weights = random.integers(-127, 128, shape)
        weights[tuple(random.integers(0, size) for size in shape)] = -128
        chosen["weights"] = weights
        scales *= random.choice([-1, 1], channels)
    elif kind != PLAIN:
        raise ValueError(f"no weights of kind {kind}")
    return {**chosen, "scales": scales.tolist(), "bias": bias}


WEIGHTS = (
    PLAIN,
    "negative scales",
    "dead channels",
    "large biases",
    "shifts to the left",
    "least weights",
)


def layer_network(shapes: str, weights: str, seed: int = 0) -> ModuleOp:
    """The layers of one of SHAPES, with one of WEIGHTS."""
    builder, random = NetworkBuilder([seed, 1]), np.random.default_rng([seed, 2])
    outputs: list[SSAValue] = []
    for layer in SHAPES[shapes]:
        input, window = builder.input((1, *layer.map)), (layer.stride, layer.stride)
        arguments = weights_of(weights, layer, random)
        if layer.outputs is None:
            outputs.append(builder.depthwise_conv_2d(input, layer.size, stride=window, **arguments))
        else:
            made = builder.conv_2d(input, layer.outputs, layer.size, stride=window, padding="same", **arguments)
            outputs.append(made)
    return builder.module(outputs)
