"""The stack's bound: every form of every kernel, measured with both compilers, and on every core that is emulated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from comparison import skip_without
from every_kernel import every_kernel
from network_builder import NetworkBuilder
from xdsl.dialects.builtin import ModuleOp

from tinyts_mlir.compiler import compile_module
from tinyts_mlir.cores import CORTEX_M7, EMULATED_CORES, Core
from tinyts_mlir.lowering.memory_accounting import STACK_BOUND_BYTES
from tinyts_mlir.toolchain.build import build_for
from tinyts_mlir.toolchain.compilers import CrossCompiler, compiler_for
from tinyts_mlir.toolchain.errors import ToolchainError


def convolutions() -> ModuleOp:
    """Widths that leave a pixel over; patches in and out of words, small enough for the stack or not."""
    builder = NetworkBuilder(3)
    value = builder.depthwise_conv_2d(builder.input((1, 9, 14, 3)), (3, 3), padding="same")
    value = builder.conv_2d(value, 16, (3, 3), stride=(1, 2), padding="same")
    value = builder.conv_2d(value, 9, (3, 3), padding="same")
    value = builder.conv_2d(value, 301, (1, 1))
    value = builder.conv_2d(value, 32, (1, 1))
    value = builder.conv_2d(value, 32, (3, 3), padding="same")
    value = builder.conv_2d(value, 11, (3, 3), padding="same", groups=1)
    value = builder.depthwise_conv_2d(value, (5, 5), stride=(2, 2), padding="same")
    value = builder.conv_2d(value, 8, (5, 3), padding="same", activation="relu6")
    return builder.module([builder.conv_2d(value, 66, (1, 1))])


def stack_bytes(
    network: Callable[[], ModuleOp], scratch: str, core: Core, compiler: CrossCompiler, folder: Path
) -> int:
    compiled = compile_module(network(), ["--split-tensors", f"--plan-arena=scratch={scratch}"], "net")
    program = build_for(core, compiled.files, compiled.name, folder, compiler)
    random = np.random.default_rng(1)
    inputs = [random.integers(-128, 128, size, np.int8) for size in program.interface.input_bytes]
    return program.measure(inputs).stack_bytes


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize(
    "scratch", ["auto", *(pytest.param(mode, marks=pytest.mark.slow) for mode in ("always", "never"))]
)
@pytest.mark.parametrize("network", [convolutions, every_kernel])
def test_stack_stays_within_its_bound(
    network: Callable[[], ModuleOp], scratch: str, compiler: CrossCompiler, tmp_path: Path
) -> None:
    skip_without(compiler)
    assert 200 < stack_bytes(network, scratch, CORTEX_M7, compiler, tmp_path) <= STACK_BOUND_BYTES


@pytest.mark.slow
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("core", [core for core in EMULATED_CORES if core != CORTEX_M7], ids=lambda core: core.name)
@pytest.mark.parametrize("network", [convolutions, every_kernel])
def test_no_other_core_takes_more(
    network: Callable[[], ModuleOp], core: Core, compiler: CrossCompiler, tmp_path: Path
) -> None:
    try:
        compiler_for(core, compiler)
    except ToolchainError as error:  # it is not installed
        pytest.skip(str(error))
    assert 200 < stack_bytes(network, "auto", core, compiler, tmp_path) <= STACK_BOUND_BYTES
