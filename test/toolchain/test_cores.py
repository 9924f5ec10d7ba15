"""Models on every core that is emulated: all bytes as LiteRT has them, instructions and stack measured.

The model has a padded convolution, a depthwise one, a residual sum, a mean and a dense layer, so that each core runs
the kernels' forms that its compiler's macros choose, and needs 64-bit products.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

from tinyts_mlir.compiler import compile_model
from tinyts_mlir.cores import CORES, CORTEX_M7, EMULATED_CORES, Architecture, Core, find_core
from tinyts_mlir.demo import demo_model
from tinyts_mlir.errors import CompileError
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.toolchain.build import build_for
from tinyts_mlir.toolchain.compilers import compiler_for
from tinyts_mlir.toolchain.errors import ToolchainError
from tinyts_mlir.toolchain.inputs import standard_inputs
from tinyts_mlir.toolchain.instruction_sets import open_core
from tinyts_mlir.toolchain.programs import EmulatedProgram
from tinyts_mlir.toolchain.reference import ReferenceModel
from tinyts_mlir.toolchain.riscv import split_instructions, stack_bytes_taken

GCC = {Architecture.ARM: "arm-none-eabi-gcc", Architecture.RISCV: "riscv64-unknown-elf-gcc"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed")
    path = tmp_path_factory.mktemp("model") / "demo.tflite"
    path.write_bytes(export_tflite(demo_model()))
    return path


def build(core: Core, model: Path, folder: Path, kind: str) -> EmulatedProgram:
    if kind == "gcc" and shutil.which(GCC[core.architecture]) is None:
        pytest.skip(f"{GCC[core.architecture]} is not installed")
    if kind == "clang":
        pytest.importorskip("ziglang", reason="ziglang is not installed")
    compiled = compile_model(model, ["--split-tensors"])
    return build_for(core, compiled.files, compiled.name, folder, compiler_for(core, kind))  # pyright: ignore[reportArgumentType]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gcc", "clang"])
@pytest.mark.parametrize("core", EMULATED_CORES, ids=lambda core: core.name)
def test_every_core_computes_what_litert_does(core: Core, kind: str, model: Path, tmp_path: Path):
    program, reference = build(core, model, tmp_path, kind), ReferenceModel(model)
    inputs = standard_inputs(reference.inputs, 1, 0)
    for one in inputs:
        for output, expected in zip(program.run(one.arrays), reference.run(one.arrays), strict=True):
            np.testing.assert_array_equal(output, expected.reshape(-1), err_msg=f"{core.name}, {one.name}")
    first, again = program.measure(inputs[0].arrays), program.measure(inputs[0].arrays)
    assert first.instructions == again.instructions > 0
    assert 0 < first.stack_bytes == again.stack_bytes < 2048
    sizes = program.sizes()
    assert sizes.data == sizes.bss == 0


def test_cores_with_dsp_instructions_run_about_what_the_m7_runs(model: Path, tmp_path: Path):
    inputs = standard_inputs(ReferenceModel(model).inputs, 0, 0)[0].arrays
    counts = {
        core.name: build(core, model, tmp_path / core.name, "gcc").measure(inputs).instructions
        for core in EMULATED_CORES
        if core.has_dsp and not core.has_mve
    }
    for name, instructions in counts.items():
        assert instructions == pytest.approx(counts[CORTEX_M7.name], rel=0.03), name


def test_what_is_not_known_or_cannot_run_is_named(tmp_path: Path):
    with pytest.raises(CompileError, match=r"--target: expected one of cortex-m0plus, .* got 'cortex-m44'.*cortex-m4"):
        find_core("cortex-m44")
    with pytest.raises(ToolchainError, match="--target cortex-m85: nothing here runs code of the Cortex-M85"):
        build_for(find_core("cortex-m85"), {}, "model", tmp_path)
    with pytest.raises(ToolchainError, match="there is no emulator for the Xtensa LX7"):
        open_core(find_core("xtensa-lx7"))
    with pytest.raises(ToolchainError, match="no compiler for the Xtensa LX7"):
        compiler_for(find_core("xtensa-lx7"))
    assert len({core.name for core in CORES}) == len(CORES)


@pytest.mark.parametrize(
    ("instruction", "taken"),
    [
        (0x7179, 48),  # c.addi16sp sp, -48
        (0x6145, 0),  # c.addi16sp sp, 48
        (0x7101, 512),  # c.addi16sp sp, -512
        (0x1141, 16),  # c.addi sp, -16
        (0x0141, 0),  # c.addi sp, 16
        (0xFD010113, 48),  # addi sp, sp, -48
        (0x03010113, 0),  # addi sp, sp, 48
        (0x00A50533, 0),  # add a0, a0, a0
    ],
)
def test_what_risc_v_instructions_take_of_the_stack(instruction: int, taken: int):
    assert stack_bytes_taken(instruction) == taken
    size = 4 if instruction & 3 == 3 else 2
    assert list(split_instructions(instruction.to_bytes(size, "little") * 3)) == [instruction] * 3
