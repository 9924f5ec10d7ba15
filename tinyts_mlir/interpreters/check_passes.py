"""Checks a pass by running the module before and after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue

from tinyts_mlir.analysis.op_graph import functions
from tinyts_mlir.dialects import tinyrt
from tinyts_mlir.dialects.quant import UniformQuantizedType
from tinyts_mlir.dialects.rows import numpy_type, shape_of, tensor_type
from tinyts_mlir.errors import CompileError
from tinyts_mlir.interpreters.tinyrt import run_program
from tinyts_mlir.interpreters.tinyts import States, run_function

Array = NDArray[Any]


def run_module(module: ModuleOp, inputs: Sequence[Array], *, states: States | None = None) -> list[Array]:
    """Runs the only function or program of a module; gives each output flat.

    `states` is what the call before has left, an empty one before the first; the call leaves its own there.
    """
    for op in module.body.block.ops:
        if isinstance(op, tinyrt.ProgramOp):
            return run_program(op, inputs, states=states)
    return [output.reshape(-1) for output in run_function(module, inputs, states=states)]


def run_sequence(module: ModuleOp, steps: Sequence[Sequence[Array]]) -> list[list[Array]]:
    """Runs a module on the inputs of one call after another, from its initial state on; gives the outputs of each."""
    states: States = {}
    return [run_module(module, inputs, states=states) for inputs in steps]


def random_inputs(module: ModuleOp, generator: np.random.Generator) -> list[Array]:
    """Random inputs for the only function of a module; raises CompileError where there is not one."""
    all_functions = list(functions(module))
    if len(all_functions) != 1:
        raise CompileError(f"--check-passes: expected a module of one function, got {len(all_functions)}")
    return [_random(argument, generator) for argument in all_functions[0].body.block.args]


def _random(argument: SSAValue, generator: np.random.Generator) -> Array:
    """Random elements of an argument's type; floats fill the range of what they are quantized to."""
    type = numpy_type(tensor_type(argument).element_type)
    if type == np.int16:
        return generator.integers(-(1 << 15), 1 << 15, shape_of(argument), dtype=np.int16)
    bytes = generator.integers(-128, 128, shape_of(argument), dtype=np.int8)
    if type != np.float32:
        return bytes.view(type)
    quantized = (tensor_type(result).element_type for use in argument.uses for result in use.operation.results)
    grid = next((one for one in quantized if isinstance(one, UniformQuantizedType)), None)
    scale, zero_point = (1.0, 0) if grid is None else (grid.scale, grid.zero_point)
    if grid is not None and grid.storage_type.width.data > 8:  # the upper bytes
        scale, zero_point = scale * 256, zero_point // 256
    return ((bytes + generator.uniform(-0.5, 0.5, bytes.shape) - zero_point) * scale).astype(np.float32)


class PassChecker:
    """Runs a module again after every pass, always on the same inputs, and compares.

    Args:
        samples: how many random inputs.
        seed: of the random inputs.
    """

    def __init__(self, samples: int = 2, seed: int = 0) -> None:
        self.samples = samples
        self.generator = np.random.default_rng(seed)
        self.inputs: list[list[Array]] = []
        self.expected: list[list[Array]] = []
        self.types: list[str] = []

    def check(self, module: ModuleOp, pass_name: str | None) -> None:
        """Runs the module; raises CompileError where an output is not what it was before the pass `pass_name`.

        The first call, with None, fixes inputs and expected outputs; a pass that changes their types, anew.
        """
        types = [str(op.function_type) for op in module.body.block.ops if isinstance(op, FuncOp)] or self.types
        if pass_name is None or types != self.types:
            self.types = types
            self.inputs = [random_inputs(module, self.generator) for _ in range(self.samples)]
            self.expected = run_sequence(module, self.inputs)
            return
        found = run_sequence(module, self.inputs)
        for sample, (expected, outputs) in enumerate(zip(self.expected, found, strict=True)):
            for number, (before, after) in enumerate(zip(expected, outputs, strict=True)):
                different = np.flatnonzero(before != after)
                if different.size:
                    first = int(different[0])
                    raise CompileError(
                        f"--check-passes: {pass_name} changed output {number} on random input {sample}: "
                        f"element {first} was {before[first]} and is {after[first]} "
                        f"({different.size} of {before.size} differ)"
                    )
