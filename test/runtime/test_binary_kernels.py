"""Kernels of two operands, and of one and a constant, against numpy: all shapes of their loops."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import cast

import numpy as np
import pytest
from benchmark_kernels import layout_of
from kernel_machine import Machine, run_kernel
from network_builder import NetworkBuilder, Quantization, feature_map
from xdsl.ir import SSAValue

from tinyts_mlir.dialects.interfaces import is_constant
from tinyts_mlir.dialects.rows import shape_of
from tinyts_mlir.dialects.tinyts import AddOp, BinaryOp, DivOp, MaximumOp, MinimumOp, MulOp, SubOp
from tinyts_mlir.kernels.catalogue import kernel_call
from tinyts_mlir.kernels.numpy_rows import Window

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """An op on two operands; either may be a constant."""

    op_type: type[BinaryOp]
    first: Shape
    second: Shape
    constant: int | None = None
    activation: str | None = None
    quantizations: tuple[Quantization, Quantization] = (Quantization(0.03, -5), Quantization(0.02, 7))
    result: Quantization | None = None

    def op(self) -> BinaryOp:
        builder = NetworkBuilder(1)
        operands: list[SSAValue] = []
        for number, (shape, type) in enumerate(zip((self.first, self.second), self.quantizations, strict=True)):
            make = builder.constant_operand if number == self.constant else builder.input
            operands.append(make(shape, type))
        made = builder.binary(self.op_type, *operands, activation=self.activation, result=self.result)
        return cast(BinaryOp, made.owner)


def check(machine: Machine, op: BinaryOp) -> str:
    """All rows at once, and one after the other; gives the kernel."""
    call = kernel_call(op)
    generator = np.random.default_rng(3)
    rows = 1 if call.flat or len(shape_of(op.result)) != 4 else shape_of(op.result)[1]
    maps: list[np.ndarray] = []
    for group in op.operand_groups():
        if is_constant(group[0]):
            continue
        shape = shape_of(group[0])
        held = 1 if rows == 1 or shape[-3] == 1 else rows
        map = generator.integers(-128, 128, (held, int(np.prod(shape)) // held), np.int8)
        map.reshape(-1)[::7] = -128
        maps.append(np.broadcast_to(map, (rows, map.shape[1])))
    [expected] = call.kernel.run(call.parameters, [Window(map) for map in maps], rows)
    for count in {1, rows}:
        for start in range(0, rows, count):
            wanted = slice(start, start + count)
            got = run_kernel(
                machine,
                f"tinyts_{call.kernel.name}",
                (layout_of(call.kernel.struct_name), cast("dict[str, object]", call.parameters)),
                [row.tobytes() for map in maps for row in map[wanted]],
                [expected.shape[1]] * count,
                count,
            )
            assert got == [row.tobytes() for row in expected[wanted]]
    return call.kernel.name


MAPS = [(1, 3, 5, 16), (1, 2, 6, 3), (1, 2, 1, 40), (1, 1, 9, 8), (7, 5), (1, 3, 3, 12)]


@pytest.mark.parametrize("activation", [None, "relu6"])
@pytest.mark.parametrize("shape", MAPS, ids=str)
@pytest.mark.parametrize("op_type", [AddOp, SubOp, MulOp])
def test_operands_of_one_shape(machine: Machine, op_type: type[BinaryOp], shape: Shape, activation: str | None) -> None:
    kernel = check(machine, Case(op_type, shape, shape, activation=activation).op())
    assert kernel == ("multiply" if op_type is MulOp else "affine_add")


@pytest.mark.parametrize("shape", MAPS, ids=str)
@pytest.mark.parametrize("op_type", [MinimumOp, MaximumOp])
def test_bytes_of_one_shape(machine: Machine, op_type: type[BinaryOp], shape: Shape) -> None:
    check(machine, Case(op_type, shape, shape).op())


@pytest.mark.parametrize("activation", [None, "relu6"])
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("op_type", [AddOp, SubOp, MulOp])
@pytest.mark.parametrize(
    ("shape", "other"),
    [
        ((1, 3, 5, 16), (1, 1, 1, 16)),
        ((1, 2, 8, 20), (1, 1, 1, 20)),
        ((1, 3, 2, 16), (1, 1, 1, 16)),
        ((1, 3, 5, 6), (1, 1, 1, 6)),
        ((1, 3, 5, 8), (1, 3, 5, 1)),
        ((1, 3, 5, 8), (1, 3, 1, 8)),
        ((1, 3, 5, 8), (1, 1, 1, 1)),
    ],
    ids=str,
)
def test_operands_that_are_broadcast(
    machine: Machine, op_type: type[BinaryOp], shape: Shape, other: Shape, swapped: bool, activation: str | None
) -> None:
    shapes = (other, shape) if swapped else (shape, other)
    kernel = check(machine, Case(op_type, *shapes, activation=activation).op())
    assert kernel == ("multiply" if op_type is MulOp else "broadcast_affine_add")


@pytest.mark.parametrize("activation", [None, "relu"])
@pytest.mark.parametrize("constant", [0, 1])
@pytest.mark.parametrize("op_type", [AddOp, SubOp, MulOp])
@pytest.mark.parametrize(
    ("shape", "vector", "kernel"),
    [
        ((1, 3, 5, 16), (1, 1, 1, 1), "lookup"),
        ((1, 3, 5, 16), (16,), "affine_channels"),
        ((1, 3, 5, 24), (1, 1, 1, 24), "affine_channels"),
        ((1, 3, 8, 3), (3,), "affine_channels"),
        ((1, 3, 5, 3), (3,), "affine_channels"),
        ((1, 3, 5, 7), (7,), "affine_channels"),
        ((1, 3, 5, 7), (1, 1, 5, 7), "affine_channels"),
        ((1, 3, 5, 7), (1, 3, 5, 7), "affine_channels"),
        ((1, 3, 5, 7), (1, 3, 5, 1), None),
        ((1, 3, 5, 8), (1, 1, 5, 1), None),
        ((5, 8), (8,), "affine_channels"),
    ],
    ids=str,
)
def test_constant_operands(
    machine: Machine,
    op_type: type[BinaryOp],
    shape: Shape,
    vector: Shape,
    kernel: str | None,
    constant: int,
    activation: str | None,
) -> None:
    shapes = (vector, shape) if constant == 0 else (shape, vector)
    found = check(machine, Case(op_type, *shapes, constant=constant, activation=activation).op())
    assert found == (kernel or ("multiply" if op_type is MulOp else "broadcast_affine_add"))


SCALES = ((1e-3, 1.0, 1.0), (1.0, 1e-3, 0.01), (0.5, 0.5, 1.0), (1.0, 1.0, 300.0), (0.1, 0.1, 0.011))
POINTS = ((-128, -128, -128), (127, 127, 127), (127, -128, 0), (0, 0, 0))
EXTREMES = [
    tuple(Quantization(scale, point) for scale, point in zip(scales, points, strict=True))
    for scales, points in product(SCALES, POINTS)
]


@pytest.mark.parametrize("second", [(1, 2, 3, 16), (1, 1, 1, 16), None], ids=str)
@pytest.mark.parametrize("quantizations", EXTREMES, ids=str)
def test_products_of_extreme_quantizations(
    machine: Machine, quantizations: tuple[Quantization, Quantization, Quantization], second: Shape | None
) -> None:
    shape = (1, 2, 6, 16)
    constant = 1 if second is None else None
    other = (1, 1, 1, 16) if second is None else shape if second[1] == 2 else second
    check(machine, Case(MulOp, shape, other, constant, None, quantizations[:2], quantizations[2]).op())


@pytest.mark.parametrize("second", [(1, 2, 6, 16), (1, 1, 1, 16)], ids=str)
@pytest.mark.parametrize("points", [(-128, -128, -128), (127, -3, 127), (5, 127, 0)], ids=str)
@pytest.mark.parametrize("exponent", [-24, -9, -3, 0, 1, 2, 6, 7, 13, 22])
def test_quotients(machine: Machine, exponent: int, points: tuple[int, int, int], second: Shape) -> None:
    """From where all that is shifted is shifted too far, to where nothing is; zeroes among what is divided by."""
    scales = (1.37 * 2.0**exponent, 0.5, 2.0)
    first, other, result = (Quantization(scale, point) for scale, point in zip(scales, points, strict=True))
    builder = NetworkBuilder(1)
    operands = [[builder.input((1, 2, 6, 16), first)], [builder.input(second, other)]]
    op = DivOp(operands, feature_map((1, 2, 6, 16), result), {"activation": "none"})
    assert check(machine, op) == "divide"
