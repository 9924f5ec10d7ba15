"""Compares outputs byte for byte, with a message that says where they differ first."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

import numpy as np
import pytest

from tinyts_mlir.toolchain.compilers import CrossCompiler
from tinyts_mlir.toolchain.inputs import NamedInput
from tinyts_mlir.toolchain.reference import ReferenceModel

Outputs = Sequence[np.ndarray]


def expected_outputs(reference: ReferenceModel, inputs: Sequence[NamedInput]) -> list[Outputs]:
    """What LiteRT makes of each input, the inputs being one sequence that begins anew."""
    reference.reset()
    return [reference.run(inference.arrays) for inference in inputs]


def assert_same(inputs: Sequence[NamedInput], expected: Sequence[Outputs], got: Sequence[Outputs], what: str) -> None:
    """Fails where an output byte of an inference is not the expected one."""
    assert len(got) == len(expected) == len(inputs)
    for inference, expected_arrays, arrays in zip(inputs, expected, got, strict=True):
        for number, (one, other) in enumerate(zip(expected_arrays, arrays, strict=True)):
            assert other.dtype == one.dtype and other.size == one.size
            different = np.flatnonzero(one.reshape(-1) != other.reshape(-1))
            if different.size:
                first = different[0]
                pytest.fail(
                    f"{what}: input {inference.name}, output {number}: element {first} is {other.reshape(-1)[first]}, "
                    f"expected {one.reshape(-1)[first]}; {different.size} of {one.size} differ"
                )


def skip_without(compiler: CrossCompiler) -> None:
    """Skips a test where a Cortex-M7 program cannot be built with `compiler` or not be run."""
    pytest.importorskip("unicorn", reason="the emulator is not installed (pip install unicorn)")
    if compiler == "gcc" and shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    if compiler == "clang":
        pytest.importorskip("ziglang", reason="zig's clang is not installed (pip install ziglang)")


def default_cross_compiler() -> CrossCompiler:
    """gcc where it is installed, else clang; skips a test where neither is."""
    compiler: CrossCompiler = "gcc" if shutil.which("arm-none-eabi-gcc") else "clang"
    skip_without(compiler)
    return compiler
