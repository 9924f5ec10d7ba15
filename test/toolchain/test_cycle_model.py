"""Lines of flash that the cost model foresees, against caches that are simulated, and what a chip makes of them."""

import tempfile
from pathlib import Path

import pytest

from tinyts_mlir.analysis.cost_model import estimated_instructions
from tinyts_mlir.analysis.cycle_model import cycles_per_instruction, estimated_cycles, lines_missed
from tinyts_mlir.chips import CHIPS, find_chip
from tinyts_mlir.compiler import CompiledModel, compile_model
from tinyts_mlir.demo import demo_model
from tinyts_mlir.lowering.c_program import program_of
from tinyts_mlir.memories import Caches, CacheShape
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.toolchain.build import build_cortex_m7
from tinyts_mlir.toolchain.inputs import random_inputs
from tinyts_mlir.toolchain.programs import EmulatedProgram
from tinyts_mlir.toolchain.reference import ReferenceModel


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "demo.tflite"
    path.write_bytes(export_tflite(demo_model(0)))
    return path


@pytest.fixture(scope="module")
def compiled(model: Path) -> CompiledModel:
    return compile_model(model, ["--split-tensors"])


@pytest.fixture(scope="module")
def program(compiled: CompiledModel) -> EmulatedProgram:
    pytest.importorskip("unicorn", reason="the emulator is not installed (pip install unicorn)")
    pytest.importorskip("ziglang", reason="zig's clang is not installed (pip install ziglang)")
    with tempfile.TemporaryDirectory() as directory:
        return build_cortex_m7(compiled.files, compiled.name, Path(directory), "clang")


@pytest.mark.parametrize("bytes, ways", [(1024, 4), (2048, 4), (4096, 2), (8192, 4), (65536, 4)])
def test_foreseen_lines_are_near_those_of_a_simulated_cache(
    compiled: CompiledModel, program: EmulatedProgram, model: Path, bytes: int, ways: int
):
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed")
    [inference] = random_inputs(ReferenceModel(model).inputs, 1)
    shape = CacheShape(bytes, ways)
    simulated = program.measure(inference.arrays, caches=Caches(shape, CacheShape(65536, 2)))
    foreseen = sum(lines_missed(program_of(compiled.module), shape).values())
    assert foreseen == pytest.approx(simulated.data_misses, rel=0.35)


def test_more_near_memory_never_costs_more(compiled: CompiledModel):
    sizes = (256, 1024, 4096, 16384, 65536)
    lines = [sum(lines_missed(program_of(compiled.module), CacheShape(size, 4)).values()) for size in sizes]
    assert lines == sorted(lines, reverse=True) and lines[0] > 3 * lines[-1] > 0


def test_cycles_are_of_instructions_and_lines(compiled: CompiledModel):
    lowered = program_of(compiled.module)
    chip = find_chip("stm32f767")
    estimate = estimated_cycles(lowered, chip)
    assert estimate is not None and chip.timing is not None
    assert estimate.lines == round(sum(lines_missed(lowered, chip.timing.near).values()))
    assert estimate.line_cycles == 10
    instructions = estimated_instructions(lowered)
    assert 0.7 * instructions < estimate.cycles - 10 * estimate.lines < 1.4 * instructions
    assert estimate.milliseconds == estimate.cycles / 216_000


def test_no_estimate_where_too_little_is_known(compiled: CompiledModel):
    lowered = program_of(compiled.module)
    for chip in CHIPS:
        known = chip.timing is not None and cycles_per_instruction(chip) is not None
        assert (estimated_cycles(lowered, chip) is not None) == known, chip
    for name in ("rp2040", "esp32c3", "stm32f103", "imxrt1062"):  # plain C, or flash of the board's
        assert estimated_cycles(lowered, find_chip(name)) is None, name


def test_lines_of_chips():
    """Of flash at the highest clock: a line of a Cortex-M7's cache, and a read of an accelerator's."""
    cycles = {chip.name: chip.timing.line_cycles for chip in CHIPS if chip.timing is not None}
    assert cycles["stm32f767"] == cycles["stm32f746"] == 10
    assert (cycles["stm32h743"], cycles["stm32f446"], cycles["stm32l476"]) == (14, 5, 16)
