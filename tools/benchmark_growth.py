"""How the time of a compilation grows: synthetic networks of growing height and depth, each compiled to C.

    python tools/benchmark_growth.py [--rows 32,64,128,256] [--layers 20,50,100,200]

Prints seconds on one core, and the quotient to the network of half the rows. Inverted residual blocks with a stride now
and then, as in MobileNetV2.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from xdsl.dialects.builtin import ModuleOp, TensorType, i8, i32
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Region, SSAValue

from tinyts_mlir.compiler import compile_module
from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.tinyts import AddOp, AveragePool2DOp, ConstantOp, Conv2DOp, DepthwiseConv2DOp

ACTIVATION = UniformQuantizedType.per_tensor(i8, 0.05, -3)
WEIGHT = UniformQuantizedType.per_tensor(i8, 0.01)
BIAS = UniformQuantizedType.per_tensor(i32, 0.0005)
WIDTH = 32
LAYERS_A_STRIDE = 25


class SyntheticNetwork:
    """Builds a network layer by layer."""

    def __init__(self, rows: int, layers: int) -> None:
        self.random = np.random.default_rng(0)
        self.block = Block(arg_types=[self.map_type(rows, WIDTH, 3)])
        self.count = 0
        value: SSAValue = self.convolution(self.block.args[0], 8, size=3, stride=2)
        while self.count < layers - 4:
            value = self.inverted_residual(value, stride=2 if self.count % LAYERS_A_STRIDE > LAYERS_A_STRIDE - 5 else 1)
        _, height, width, channels = self.shape(value)
        pool = AveragePool2DOp([[value]], self.map_type(1, 1, channels), {"window": [height, width]})
        self.block.add_ops([pool, ReturnOp(pool.results[0])])

    @staticmethod
    def map_type(rows: int, columns: int, channels: int) -> TensorType[Attribute]:
        return TensorType(ACTIVATION, [1, rows, columns, channels])

    @staticmethod
    def shape(value: SSAValue) -> tuple[int, ...]:
        assert isinstance(value.type, TensorType)
        return value.type.get_shape()

    def constant(self, shape: list[int], bias: bool = False) -> SSAValue:
        dtype = np.int32 if bias else np.int8
        data = self.random.integers(-100, 100, shape).astype(dtype).tobytes()
        op = ConstantOp.from_bytes(data, shape, BIAS if bias else WEIGHT)
        self.block.add_op(op)
        return op.result

    def windowed(self, value: SSAValue, channels: int, size: int, stride: int, depthwise: bool) -> SSAValue:
        _, rows, columns, input_channels = self.shape(value)
        stride = stride if min(rows, columns) > stride else 1
        before = size // 2
        result = self.map_type(-(-rows // stride), -(-columns // stride), channels)
        after = [
            max(0, (out - 1) * stride + size - before - given)
            for out, given in ((result.get_shape()[1], rows), (result.get_shape()[2], columns))
        ]
        properties = {"stride": [stride, stride], "padding": [before, after[0], before, after[1]]}
        bias = self.constant([channels], bias=True)
        if depthwise:
            op: Conv2DOp | DepthwiseConv2DOp = DepthwiseConv2DOp(
                [[value], self.constant([1, size, size, channels]), bias], result, properties
            )
        else:
            weights = self.constant([channels, size, size, input_channels])
            op = Conv2DOp([[value], weights, bias], result, properties)
        self.block.add_op(op)
        self.count += 1
        return op.result

    def convolution(self, value: SSAValue, channels: int, size: int = 1, stride: int = 1) -> SSAValue:
        return self.windowed(value, channels, size, stride, depthwise=False)

    def inverted_residual(self, value: SSAValue, stride: int) -> SSAValue:
        channels = self.shape(value)[3]
        wide = self.convolution(value, 4 * channels)
        wide = self.windowed(wide, 4 * channels, 3, stride, depthwise=True)
        narrow = self.convolution(wide, channels)
        if self.shape(narrow) != self.shape(value):
            return narrow
        add = AddOp([[value], [narrow]], value.type)
        self.block.add_op(add)
        self.count += 1
        return add.result

    def module(self) -> ModuleOp:
        results = [operand.type for operand in self.block.last_op.operands] if self.block.last_op else []
        types = ([argument.type for argument in self.block.args], results)
        return ModuleOp([FuncOp("main", types, Region(self.block))])


def seconds_to_compile(rows: int, layers: int) -> tuple[float, int, int]:
    """Seconds, steps and bytes of arena for one network."""
    module = SyntheticNetwork(rows, layers).module()
    start = time.perf_counter()
    compiled = compile_module(module, ["--split-tensors"], "synthetic")
    seconds = time.perf_counter() - start
    return seconds, int(str(compiled.report["steps"])), int(str(compiled.report["arena_bytes"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", default="32,64,128,256")
    parser.add_argument("--layers", default="20,50,100,200")
    options = parser.parse_args()
    print("layers  rows   steps  arena bytes  seconds  to half the rows")
    for layers in map(int, options.layers.split(",")):
        before: float | None = None
        for rows in map(int, options.rows.split(",")):
            seconds, steps, arena = seconds_to_compile(rows, layers)
            quotient = "" if before is None else f"{seconds / before:.2f}"
            print(f"{layers:6d} {rows:5d} {steps:7d} {arena:12d} {seconds:8.2f}  {quotient}", flush=True)
            before = seconds


if __name__ == "__main__":
    main()
