"""Measures kernels alone on an emulated Cortex-M7 or Cortex-M55: instructions of whole calls over maps of many shapes.

    python tools/benchmark_kernels.py depthwise_conv_2d --compiler gcc clang

A map is made in bands of so many rows, with each amount of scratch that the kernel has a use for, and without. Figures
are instructions for one multiplication of an input with a weight, those with padding counted as well, or, for kernels
without weights, for one output element.
"""

from __future__ import annotations

import argparse
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import cast

import numpy as np
from kernel_machine import CortexM55Machine, EmulatedMachine, pack
from network_builder import NetworkBuilder, Quantization
from rearrangement_samples import rearranged
from xdsl.dialects.builtin import IntegerAttr
from xdsl.ir import Operation, SSAValue

from tinyts_mlir.dialects.rows import shape_of
from tinyts_mlir.dialects.tinyts import AddOp, BinaryOp, MaximumOp, MulOp, ResizeBilinearOp, SubOp
from tinyts_mlir.kernels.catalogue import kernel_call, scratch_options
from tinyts_mlir.kernels.entry import KernelCall
from tinyts_mlir.kernels.parameter_structs import find_struct
from tinyts_mlir.toolchain.compilers import CrossCompiler

C_TYPES = {"int8_t": "b", "uint8_t": "B", "int16_t": "h", "uint16_t": "H", "int32_t": "i", "uint32_t": "I"}
Build = Callable[[NetworkBuilder], SSAValue]


@dataclass(frozen=True)
class Shape:
    """A layer, by the words that name it in the table, and multiplications an output element."""

    name: str
    build: Build
    macs: int = 1


def layout_of(parameter_struct: str) -> str:
    """The fields of a parameter struct in kernels.h, as `kernel_machine.pack` takes them."""
    found = find_struct(parameter_struct)
    assert found is not None, parameter_struct
    return " ".join(
        f"{field.name}:{field.length or ''}{'P' if field.is_pointer else C_TYPES[field.type]}" for field in found.fields
    )


def depthwise_shapes() -> Iterator[Shape]:
    """The shapes of the depthwise layers in MCUNets and MobileNets, and some with a number of channels in between."""
    grid = [(3, 1, width) for width in (1, 2, 3, 4, 5, 6, 7, 9, 10, 12, 20, 24, 40)]
    grid += [(3, 2, width) for width in (3, 5, 6, 10, 12, 20, 40)]
    grid += [(size, 1, width) for size in (5, 7) for width in (3, 5, 10, 20)]
    grid += [(size, 2, width) for size in (5, 7) for width in (5, 10, 20)]
    for size, stride, width in grid:
        channels = 16 if width > 12 else 48
        yield _depthwise(size, stride, width, channels)
    for channels in (4, 7, 10, 11):
        yield _depthwise(3, 1, 10, channels)
    for channels, stride in product((1, 2, 3), (1, 2)):
        yield _depthwise(3, stride, 40, channels)
    yield _depthwise(3, 1, 64, 3)


def _depthwise(size: int, stride: int, width: int, channels: int) -> Shape:
    def build(builder: NetworkBuilder) -> SSAValue:
        # As trained models have them: ReLU behind every layer.
        image = builder.input((1, width, width, channels), Quantization(0.02, -128))
        strides, result = (stride, stride), Quantization(0.1 * size, -128)
        return builder.depthwise_conv_2d(image, (size, size), stride=strides, activation="relu", result=result)

    return Shape(f"{size}x{size} s{stride}, {width:2} columns, {channels:2} channels", build, size * size)


def conv_shapes() -> Iterator[Shape]:
    """Pointwise layers of MCUNets and MobileNets, first layers, those of ResNets; some with odd numbers of channels."""
    pointwise = [(16, 96, 20), (96, 24, 20), (240, 48, 10), (480, 160, 3), (64, 64, 5), (115, 32, 16), (9, 14, 32)]
    for channels, outputs, width in pointwise:
        for bits in (8, 16):
            yield _convolution(1, 1, width, (channels, outputs), bits)
    for size, stride, channels, outputs, width in ((3, 2, 3, 16, 40), (3, 1, 16, 16, 32), (3, 1, 64, 64, 8)):
        for bits in (8, 16):
            yield _convolution(size, stride, width, (channels, outputs), bits)


def _convolution(size: int, stride: int, width: int, channels: tuple[int, int], bits: int) -> Shape:
    def build(builder: NetworkBuilder) -> SSAValue:
        image = builder.input((1, 4 * stride, width * stride, channels[0]), Quantization(0.02, -128))
        result = Quantization(0.1 * size, -128)
        value = builder.conv_2d(
            image, channels[1], (size, size), stride=(stride, stride), activation="relu", result=result
        )
        cast(Operation, value.owner).properties["weight_bits"] = IntegerAttr(bits, 64)
        return value

    name = f"{size}x{size} s{stride}, {width:2} columns, {channels[0]:3} to {channels[1]:3} channels, {bits:2} bits"
    return Shape(name, build, size * size * channels[0])


def add_shapes() -> Iterator[Shape]:
    """Rows of MCUNets' residual additions."""
    for width, channels in ((20, 16), (10, 40), (5, 96), (3, 7)):

        def build(builder: NetworkBuilder, shape: tuple[int, ...] = (1, 4, width, channels)) -> SSAValue:
            return builder.add(builder.input(shape), builder.input(shape))

        yield Shape(f"{width:2} columns, {channels:2} channels", build)


def pool_shapes(average: bool) -> Iterator[Shape]:
    """Small windows, and those over a whole map."""
    for size, stride, width, channels in ((2, 2, 8, 16), (3, 2, 9, 48), (3, 1, 7, 10), (5, 5, 5, 96)):

        def build(
            builder: NetworkBuilder,
            shape: tuple[int, ...] = (1, width, width, channels),
            window: tuple[int, int] = (size, size),
            stride: int = stride,
        ) -> SSAValue:
            pool = builder.average_pool_2d if average else builder.max_pool_2d
            return pool(builder.input(shape), window, stride=(stride, stride), padding="valid")

        yield Shape(f"{size}x{size} s{stride}, {width:2} columns, {channels:2} channels", build, size * size)


_KINDS: dict[str, tuple[tuple[int, ...], bool] | None] = {
    "of two maps": None,
    "of a map and a vector of channels": ((1, 1, 1, 0), False),
    "of a map and a map of one channel": ((1, 4, 0, 1), False),
    "of a map and a constant": ((1, 1, 1, 1), True),
    "of a map and a constant of channels": ((1, 1, 1, 0), True),
}
"""The second operand's shape, with 0 for as many as the first has, and whether it is a constant."""


def binary_shapes(op_type: type[BinaryOp]) -> Iterator[Shape]:
    """All kinds of second operands."""
    for (kind, second), (width, channels) in product(_KINDS.items(), ((20, 16), (10, 40), (5, 96), (30, 3))):

        def build(
            builder: NetworkBuilder,
            shape: tuple[int, ...] = (1, 4, width, channels),
            second: tuple[tuple[int, ...], bool] | None = second,
        ) -> SSAValue:
            operand = builder.input(shape)
            if second is None:
                return builder.binary(op_type, operand, builder.input(shape))
            other = tuple(size or whole for size, whole in zip(second[0], shape, strict=True))
            if second[1]:
                return builder.binary(op_type, operand, builder.constant_operand(other, Quantization(0.03, -7)))
            return builder.binary(op_type, operand, builder.input(other))

        yield Shape(f"{kind}, {width:2} columns, {channels:2} channels", build)


def resize_shapes() -> Iterator[Shape]:
    """Twice and four times as large, with each way to count positions, and sizes that fit nothing."""
    for factor, flags, (width, channels) in product(
        (2, 4, 0), ({}, {"half_pixel_centers": 1}, {"align_corners": 1}), ((10, 16), (5, 40), (12, 3))
    ):

        def build(
            builder: NetworkBuilder,
            shape: tuple[int, ...] = (1, width, width, channels),
            size: int = width * factor or width + 3,
            flags: dict[str, int] = flags,
        ) -> SSAValue:
            return rearranged(builder, ResizeBilinearOp, builder.input(shape), (1, size, size, shape[3]), flags)

        name = f"{factor} times" if factor else "3 more"
        yield Shape(f"{name}, {' '.join(flags) or 'corners'}, {width:2} columns, {channels:2} channels", build)


GRIDS: dict[str, Callable[[], Iterator[Shape]]] = {
    "conv_2d": conv_shapes,
    "depthwise_conv_2d": depthwise_shapes,
    "add": add_shapes,
    "sub": lambda: binary_shapes(SubOp),
    "broadcast_add": lambda: binary_shapes(AddOp),
    "mul": lambda: binary_shapes(MulOp),
    "maximum": lambda: binary_shapes(MaximumOp),
    "resize_bilinear": resize_shapes,
    "average_pool_2d": lambda: pool_shapes(True),
    "max_pool_2d": lambda: pool_shapes(False),
}


def instructions(machine: EmulatedMachine, call: KernelCall, op: Operation, rows: int) -> tuple[int, int]:
    """To make a whole map in bands of so many rows; and the deepest stack."""
    generator = np.random.default_rng(1)
    result = op.results[0]
    _, height, _, _ = shape_of(result)
    maps: list[list[int]] = []
    blocks = 1 if call.flat else height // (call.row_map.block or 1)
    for operand in _feature_maps(op):
        count = 1 if call.flat else shape_of(operand)[1]
        size = prod(shape_of(operand)) // count
        maps.append([machine.allocate(generator.bytes(size), int(generator.integers(4))) for _ in range(count)])
    size = prod(shape_of(result)) // blocks
    outputs = [machine.allocate(bytes(size), int(generator.integers(4))) for _ in range(blocks)]
    scratch = machine.allocate(bytes(call.scratch_bytes)) if call.scratch_bytes else 0
    block = machine.allocate(pack(layout_of(call.kernel.struct_name), call.parameters, machine))
    total, deepest = 0, 0
    row_map = call.row_map
    for first in range(0, blocks, rows):
        count = min(rows, blocks - first)
        start = first * row_map.stride - row_map.padding
        needed = range(start, start + (count - 1) * row_map.stride + row_map.window)
        # A map of one row is read for all rows, but for what has a window.
        read = [
            map[0] if len(map) == 1 and row_map.window == 1 else map[y] if 0 <= y < len(map) else 0
            for map in maps
            for y in needed
        ]
        tables = [machine.allocate(struct.pack(f"={len(t)}I", *t)) for t in (read, outputs[first : first + count])]
        measured = machine.emulator.measure(f"tinyts_{call.kernel.name}", block, *tables, count, scratch)
        total += measured.instructions
        deepest = max(deepest, measured.stack_bytes)
    machine.free_all()
    return total, deepest


def _feature_maps(op: Operation) -> list[SSAValue]:
    return [operand for operand in op.operands if isinstance(operand.owner, type(op.parent))]


def measure(machines: Sequence[EmulatedMachine], shape: Shape, rows: Sequence[int]) -> Iterator[list[str]]:
    """The table's rows: for each amount of scratch, by machine and height of bands."""
    op = cast(Operation, shape.build(NetworkBuilder(3)).owner)
    work = prod(shape_of(op.results[0])) * shape.macs
    for scratch_bytes in (*scratch_options(op), 0):
        call = kernel_call(op, scratch_bytes)
        cells = [shape.name, str(scratch_bytes)]
        for machine in machines:
            measured = [instructions(machine, call, op, count) for count in rows]
            cells += [f"{executed / work:.2f}" for executed, _ in measured]
            cells.append(str(max(stack for _, stack in measured)))
        yield cells


MACHINES = {"cortex-m7": EmulatedMachine, "cortex-m55": CortexM55Machine}


def main() -> int:
    """Prints a table."""
    parser = argparse.ArgumentParser(description="Measures kernels alone on an emulated core.")
    parser.add_argument("kernel", choices=sorted(GRIDS))
    parser.add_argument("--compiler", nargs="+", choices=("gcc", "clang"), default=["gcc"])
    parser.add_argument("--rows", nargs="+", type=int, default=[1, 4], help="heights of bands (1 4)")
    parser.add_argument("--only", default="", help="shapes whose name has this in it")
    parser.add_argument("--core", nargs="+", choices=tuple(MACHINES), default=["cortex-m7"])
    arguments = parser.parse_args()
    heads = ["shape", "scratch"]
    machines: list[EmulatedMachine] = []
    with tempfile.TemporaryDirectory() as directory:
        for core, kind in product(arguments.core, cast(list[CrossCompiler], arguments.compiler)):
            objects = Path(directory) / f"{core}-{kind}"
            objects.mkdir()
            machines.append(MACHINES[core](objects, kind))
            heads += [f"{core}, {kind}, rows: {rows}" for rows in arguments.rows] + ["stack"]
        print("| " + " | ".join(heads) + " |")
        print("|---" * len(heads) + "|")
        for shape in GRIDS[arguments.kernel]():
            if arguments.only in shape.name:
                for row in measure(machines, shape, arguments.rows):
                    print("| " + " | ".join(row) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
