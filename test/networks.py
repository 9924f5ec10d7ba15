"""Small networks as text, and what tests do with them: split, plan, run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from support import parse
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.passes import ModulePass
from xdsl.transforms.canonicalize import CanonicalizePass

from tinyts_mlir.analysis.op_graph import functions
from tinyts_mlir.interpreters.check_passes import random_inputs, run_module
from tinyts_mlir.lowering.lower_to_runtime import LowerToRuntimePass
from tinyts_mlir.transforms.plan_arena import PlanArenaPass
from tinyts_mlir.transforms.receive_inputs import ReceiveInputsPass
from tinyts_mlir.transforms.schedule_bands import ScheduleBandsPass
from tinyts_mlir.transforms.split_tensors import SplitTensorsPass
from tinyts_mlir.transforms.stream_reductions import StreamReductionsPass

Int8Array = NDArray[np.int8]
Shape = tuple[int, ...]

MAP = "!quant.uniform<i8:f32, 0.5:-1>"
FILTER = "!quant.uniform<i8:f32, 0.015625>"
PROBABILITY = "!quant.uniform<i8:f32, 0.00390625:-128>"


def map_type(shape: Sequence[int], quantization: str = MAP) -> str:
    return f"tensor<{'x'.join(map(str, shape))}x{quantization}>"


class NetworkText:
    """Writes a function op by op; values are known by their names.

    Args:
        inputs: the shape of each input.
        seed: of the weights.
    """

    def __init__(self, *inputs: Shape, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.lines: list[str] = []
        self.shapes: dict[str, Shape] = {f"%x{i}": shape for i, shape in enumerate(inputs)}
        self.types: dict[str, str] = {name: map_type(shape) for name, shape in self.shapes.items()}
        self.inputs = tuple(self.shapes)

    def weights(self, shape: Shape) -> str:
        name = f"%w{len(self.lines)}"
        values = self.random.integers(-128, 128, shape).tolist()
        shape_text = "x".join(map(str, shape))
        self.lines.append(f"{name} = tinyts.constant dense<{values}> : tensor<{shape_text}xi8> as {FILTER}")
        return name

    def op(self, name: str, operands: str, properties: str, *shapes: Shape, quantization: str = MAP) -> str:
        """One op; gives its only result's name, or its results' names separated by commas."""
        results = [f"%v{len(self.lines)}_{i}" for i in range(len(shapes))]
        types = [map_type(shape, quantization) for shape in shapes]
        self.shapes |= dict(zip(results, shapes, strict=True))
        self.types |= dict(zip(results, types, strict=True))
        type_text = types[0] if len(types) == 1 else f"({', '.join(types)})"
        braces = f" {{{properties}}}" if properties else ""
        self.lines.append(f"{', '.join(results)} = tinyts.{name} {operands}{braces} : {type_text}")
        return ", ".join(results)

    def window(
        self,
        kind: str,
        input: str,
        window: tuple[int, int],
        *,
        stride: tuple[int, int] = (1, 1),
        dilation: tuple[int, int] = (1, 1),
        padding: tuple[int, int, int, int] = (0, 0, 0, 0),
        channels: int = 1,
    ) -> str:
        """A convolution or a pool: conv_2d, depthwise_conv_2d, average_pool_2d or max_pool_2d."""
        _, rows, columns, input_channels = self.shapes[input]
        sizes = [
            (size + sum(padding[2 * i : 2 * i + 2]) - ((window[i] - 1) * dilation[i] + 1)) // stride[i] + 1
            for i, size in enumerate((rows, columns))
        ]
        properties = f"stride = {list(stride)}, padding = {list(padding)}"
        if kind.endswith("pool_2d"):
            return self.op(
                kind, input, f"window = {list(window)}, {properties}", (1, sizes[0], sizes[1], input_channels)
            )
        properties += f", dilation = {list(dilation)}"
        if kind == "conv_2d":
            filter = self.weights((channels, *window, input_channels))
        else:
            channels = input_channels
            filter = self.weights((1, *window, channels))
        return self.op(kind, f"{input}, {filter}", properties, (1, sizes[0], sizes[1], channels))

    def text(self, *outputs: str) -> str:
        arguments = ", ".join(f"{name}: {self.types[name]}" for name in self.inputs)
        types = ", ".join(self.types[name] for name in outputs)
        body = "\n  ".join([*self.lines, f"func.return {', '.join(outputs)} : {types}"])
        return f"func.func @main({arguments}) -> ({types}) {{\n  {body}\n}}\n"


def random_network(seed: int) -> str:
    """A network of a few layers of any kind, with branches."""
    random = np.random.default_rng(seed)

    def number(low: int, high: int) -> int:
        return int(random.integers(low, high + 1))

    network = NetworkText((1, number(3, 8), number(2, 5), number(1, 3)), seed=seed)
    maps = ["%x0"]
    for _ in range(number(2, 6)):
        x = maps[number(max(0, len(maps) - 3), len(maps) - 1)]
        _, rows, columns, channels = network.shapes[x]
        match number(0, 8):
            case 0 | 1 | 2 as kind:
                window = (number(1, min(rows, 5)), number(1, min(columns, 3)))
                stride = (number(1, 2), number(1, 2))
                limit = [size - 1 for size in window]
                padding = (number(0, limit[0]), number(0, limit[0]), number(0, limit[1]), number(0, limit[1]))
                dilation = (1, 1)
                if kind and window[0] * 2 - 1 <= rows:
                    dilation = (number(1, 2), 1)
                name = ("max_pool_2d" if seed % 2 else "average_pool_2d", "depthwise_conv_2d", "conv_2d")[kind]
                maps.append(
                    network.window(
                        name, x, window, stride=stride, dilation=dilation, padding=padding, channels=number(1, 3)
                    )
                )
            case 3:
                maps.append(network.op("leaky_relu", x, "alpha = 0.25", network.shapes[x]))
            case 4:
                alike = [y for y in maps if network.shapes[y] == network.shapes[x]]
                y = alike[number(0, len(alike) - 1)]
                maps.append(network.op("add", f"{x}, {y}", "", network.shapes[x]))
            case 5:
                top, bottom, left = number(0, 2), number(0, 2), number(0, 1)
                shape = (1, rows + top + bottom, columns + left, channels)
                maps.append(network.op("pad", x, f"padding = [{top}, {bottom}, {left}, 0]", shape))
            case 6:
                alike = [y for y in maps if network.shapes[y][:3] == network.shapes[x][:3]]
                y = alike[number(0, len(alike) - 1)]
                shape = (1, rows, columns, channels + network.shapes[y][3])
                maps.append(network.op("concatenation", f"{x}, {y}", "axis = 3", shape))
            case 7:
                axis = number(1, 2)
                half = [size // 2 if i == axis - 1 else size for i, size in enumerate((rows, columns, channels))]
                if (rows, columns)[axis - 1] % 2 == 0:
                    maps += network.op("split", x, f"axis = {axis}", *[(1, *half)] * 2).split(", ")
            case _:
                alike = [y for y in maps if network.shapes[y][2:] == network.shapes[x][2:]]
                y = alike[number(0, len(alike) - 1)]
                shape = (1, rows + network.shapes[y][1], columns, channels)
                maps.append(network.op("concatenation", f"{x}, {y}", "axis = 1", shape))
    outputs = [maps[-1]]
    if seed % 3 == 0:
        outputs.append(maps[len(maps) // 2])
    shape = network.shapes[outputs[0]]
    if seed % 4 == 1:
        elements = int(np.prod(shape))
        flat = network.op("reshape", outputs[0], "", (1, elements))
        filter = network.weights((4, elements))
        outputs[0] = network.op("fully_connected", f"{flat}, {filter}", "", (1, 4))
    if seed % 4 == 2:
        outputs[0] = network.window("average_pool_2d", outputs[0], shape[1:3])
    if seed % 4 == 3:
        outputs[0] = network.op("softmax", outputs[0], "", shape, quantization=PROBABILITY)
    return network.text(*(output for output in outputs if output != "%x0"), *(["%x0"] if outputs == ["%x0"] else []))


def apply(module: ModuleOp, *passes: ModulePass) -> ModuleOp:
    """Runs passes on a module, which must verify behind each."""
    for module_pass in passes:
        module_pass.apply(Context(), module)
        module.verify()
    return module


BIAS = "!quant.uniform<i32:f32, 0.0078125>"
BLOCKS = {
    "3x3": (8, (3, 3), (1, 1), 5, (1, 1)),
    "5x3 stride 2": (9, (5, 3), (2, 1), 6, (1, 1)),
    "behind a 3x3": (8, (3, 3), (2, 2), 4, (3, 3)),
}
"""Rows and columns, filter and stride of the depthwise layer, channels between, and the first filter."""


def block_network(name: str, seed: int = 0) -> str:
    """Convolution, depthwise and pointwise convolution, which can be one fused block, and layers around them."""
    size, filter, stride, channels, first = BLOCKS[name]
    network = NetworkText((1, size, size, 3), seed=seed)

    def convolution(kind: str, input: str, window: tuple[int, int], stride: tuple[int, int], channels: int) -> str:
        _, rows, columns, input_channels = network.shapes[input]
        channels = channels or input_channels
        padding = [window[0] // 2, window[0] // 2, window[1] // 2, window[1] // 2]
        made = [-(-rows // stride[0]), -(-columns // stride[1])]
        shape = (channels, *window, input_channels) if kind == "conv_2d" else (1, *window, channels)
        filter, bias = network.weights(shape), f"%b{len(network.lines)}"
        values = network.random.integers(-900, 900, channels).tolist()
        network.lines.append(f"{bias} = tinyts.constant dense<{values}> : tensor<{channels}xi32> as {BIAS}")
        properties = f"stride = {list(stride)}, padding = {padding}"
        return network.op(kind, f"{input}, {filter}, {bias}", properties, (1, *made, channels))

    value = network.window("max_pool_2d", "%x0", (1, 1))
    value = convolution("conv_2d", value, first, (1, 1), channels)
    value = convolution("depthwise_conv_2d", value, filter, stride, 0)
    value = convolution("conv_2d", value, (1, 1), (1, 1), 4)
    return network.text(network.window("max_pool_2d", value, (2, 1)))


def planned(
    text: str,
    rows: int = 1,
    order: str = "depth-first",
    input: str = "stream",
    alignment: int = 4,
    front: Sequence[ModulePass] = (),
) -> ModuleOp:
    """The planned module of a network; `input` is stream, arena or external, `front` runs before it is split."""
    external = input == "external"
    return apply(
        parse(text),
        ReceiveInputsPass("external" if external else "arena"),
        CanonicalizePass(),
        *front,
        SplitTensorsPass(rows),
        StreamReductionsPass(),
        ScheduleBandsPass(order, "stream" if external else input),
        PlanArenaPass(alignment, "always"),
    )


def function_of(module: ModuleOp) -> FuncOp:
    [function] = functions(module)
    return function


def examples(text: str, count: int = 2) -> list[tuple[list[Int8Array], list[Int8Array]]]:
    """Random inputs of a network, and what the whole network makes of them."""
    module = parse(text)
    generator = np.random.default_rng(0)
    inputs = [random_inputs(module, generator) for _ in range(count)]
    return [(arrays, run_module(module, arrays)) for arrays in inputs]


def lowered(module: ModuleOp) -> ModuleOp:
    """The program of a planned module, which stays as it is."""
    clone = module.clone()
    LowerToRuntimePass().apply(Context(), clone)
    clone.verify()
    return clone


def same(outputs: Sequence[Int8Array], expected: Sequence[Int8Array]) -> bool:
    return all(np.array_equal(a.reshape(-1), b.reshape(-1)) for a, b in zip(outputs, expected, strict=True))
