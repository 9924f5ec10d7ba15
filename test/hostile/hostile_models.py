"""Three networks, their inputs, and what they make of them: all that the emitted C is to do on hostile ground."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from every_kernel import FLAGS as EVERY_KERNEL
from every_kernel import every_kernel, image_of
from network_builder import NetworkBuilder, Quantization
from xdsl.dialects.builtin import ModuleOp, f32

from tinyts_mlir.compiler import CompiledModel, compile_module
from tinyts_mlir.demo import demo_model
from tinyts_mlir.interpreters.tinyts import run_function

Array = npt.NDArray[Any]

FLAGS = {
    "convolutions": ("--receive-inputs=input=external", "--split-tensors"),  # in the caller's memory, not copied
    "every_kernel": EVERY_KERNEL,
    "floats": ("--split-tensors",),
}
NAMES = tuple(FLAGS)


def floats() -> ModuleOp:
    """Floats in, floats out; an odd number of them in a row."""
    builder = NetworkBuilder(3)
    value = builder.quantize(builder.edge_input((1, 7, 5, 3), f32), Quantization(0.021, -7))
    value = builder.conv_2d(value, 3, (3, 3), padding="same")
    return builder.module([builder.dequantize(value), builder.dequantize(builder.average_pool_2d(value, (7, 5)))])


@cache
def module_of(name: str) -> ModuleOp:
    """A network, not yet compiled."""
    return {"convolutions": demo_model, "every_kernel": every_kernel, "floats": floats}[name]()


@cache
def compiled(name: str) -> CompiledModel:
    """A network, compiled under its name."""
    return compile_module(module_of(name).clone(), FLAGS[name], name)


@cache
def inferences(name: str) -> list[list[Array]]:
    """Two random inputs; floats among them that lie between two bytes, and outside of them all."""
    if name == "every_kernel":
        return [[image_of(number)] for number in range(2)]
    random = np.random.default_rng(5)
    if name == "convolutions":
        return [[random.integers(-128, 128, (1, 48, 48, 3), np.int8)] for _ in range(2)]
    halves = ((np.arange(105) - 52.5) * np.float32(0.021)).astype(np.float32)
    return [[halves.reshape(1, 7, 5, 3)], [(2 * random.standard_normal((1, 7, 5, 3))).astype(np.float32)]]


@cache
def expected(name: str) -> list[list[Array]]:
    """What the interpreter makes of them."""
    return [run_function(module_of(name), inputs) for inputs in inferences(name)]


def assert_expected(name: str, got: Sequence[Sequence[Array]]) -> None:
    """Fails where an output byte is not the interpreter's."""
    assert len(got) == len(expected(name))
    for number, (arrays, wanted) in enumerate(zip(got, expected(name), strict=True)):
        for output, (array, other) in enumerate(zip(arrays, wanted, strict=True)):
            assert array.dtype == other.dtype
            different = np.flatnonzero(array.reshape(-1) != other.reshape(-1))
            assert different.size == 0, f"{name}: inference {number}, output {output}: elements {different[:8]} differ"
