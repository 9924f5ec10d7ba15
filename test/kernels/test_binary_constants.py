"""Sums and products, with constants or without, against the plain kernels: every pair of bytes, many quantizations."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
from network_builder import NetworkBuilder, Quantization

from tinyts_mlir.dialects.tinyts import AddOp, BinaryOp, MulOp, SubOp
from tinyts_mlir.kernels import addition, products
from tinyts_mlir.kernels.affine_bytes import affine_byte, affine_bytes
from tinyts_mlir.kernels.binary import geometry
from tinyts_mlir.kernels.catalogue import kernel_call
from tinyts_mlir.kernels.numpy_rows import Window
from tinyts_mlir.kernels.parameters import Parameters

BYTES = np.arange(-128, 128).astype(np.int8)
FIRST, SECOND = np.repeat(BYTES, 256), np.tile(BYTES, 256)


def random_op(op_type: type[BinaryOp], generator: np.random.Generator, constant: bool) -> BinaryOp:
    """All pairs of bytes, or all bytes for each value of a constant; scales as trained layers have them, or worse."""
    builder = NetworkBuilder(1)
    scales = np.exp2(generator.uniform(-9, -2, 2)).astype(np.float32)
    points = [int(point) for point in generator.choice((-128, 127, 0, -3, 57), 3)]
    first = builder.input((1, 1, 256, 256), Quantization(float(scales[0]), points[0]))
    type = Quantization(float(scales[1]), points[1])
    second = builder.constant_operand((256,), type) if constant else builder.input((1, 1, 256, 256), type)
    most = scales.max() if op_type is not MulOp else scales.prod() * generator.choice((16, 64, 255))
    result = Quantization(float(most * np.exp2(generator.uniform(-0.6, 1.3))), points[2])
    activation = ("none", "relu", "relu6")[int(generator.integers(3))]
    swapped = bool(generator.integers(2))
    operands = (second, first) if swapped else (first, second)
    return cast(BinaryOp, builder.binary(op_type, *operands, activation=activation, result=result).owner)


def reference(op: BinaryOp) -> tuple[Parameters, str]:
    """The parameters of the plain kernel, and its name."""
    if isinstance(op, MulOp):
        return {**geometry(op), **products.product_constants(op)}, "multiply"
    assert isinstance(op, AddOp | SubOp)
    return {**geometry(op), **vars(addition.sum_constants(op))}, "scaled_sum"


def kernel_of(op: BinaryOp, constant: bool) -> str:
    """The kernel, whose results must be right."""
    parameters, plain = reference(op)
    call = kernel_call(op)
    maps = [FIRST if constant else SECOND, FIRST]
    windows = [Window(map.reshape(1, -1)) for map in (maps[:1] if constant else maps)]
    if constant:
        windows = [Window(np.repeat(BYTES, 256).reshape(1, -1))]
    family = products.FAMILY if plain == "multiply" else addition.FAMILY
    run = next(kernel.run for kernel in family.kernels if kernel.name == plain)
    [expected] = run(parameters, windows, 1)
    [got] = call.kernel.run(call.parameters, windows, 1)
    np.testing.assert_array_equal(got, expected)
    return call.kernel.name


@pytest.mark.parametrize("op_type", [AddOp, SubOp, MulOp])
def test_pairs_of_bytes(op_type: type[BinaryOp]) -> None:
    generator = np.random.default_rng(5)
    kernels = [kernel_of(random_op(op_type, generator, constant=False), constant=False) for _ in range(40)]
    fast = "multiply" if op_type is MulOp else "affine_add"
    assert kernels.count(fast) > 0.9 * len(kernels)


@pytest.mark.parametrize("op_type", [AddOp, SubOp, MulOp])
def test_constants_of_channels(op_type: type[BinaryOp]) -> None:
    generator = np.random.default_rng(6)
    kernels = [kernel_of(random_op(op_type, generator, constant=True), constant=True) for _ in range(12)]
    # Of products, one in some hundred values is not affine: what is on either side of 0 is rounded away from it.
    assert kernels.count("affine_channels") > (0.6 if op_type is MulOp else 0.9) * len(kernels)


@pytest.mark.parametrize("factor", [0.0, 1.0, -1.0, 0.37, -0.91, 1e-4, 55.0, -126.0])
@pytest.mark.parametrize("limits", [(-128, 127), (-128, 90), (3, 127), (5, 5)])
def test_affine_functions(factor: float, limits: tuple[int, int]) -> None:
    for offset in (-1000.0, -300.5, -128.0, 0.0, 0.5, 17.25, 128.5, 1000.0):
        wanted = np.clip(np.floor(factor * BYTES + offset), *limits).astype(np.int64)
        found = affine_byte(wanted, limits)
        assert found is not None
        got = affine_bytes(BYTES, np.array(found.factor), np.array(found.offset), limits)
        np.testing.assert_array_equal(got, wanted)


def test_what_is_not_affine() -> None:
    assert affine_byte(np.abs(np.arange(-128, 128)).clip(-128, 127).astype(np.int64), (-128, 127)) is None
