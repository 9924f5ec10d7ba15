"""The Cortex-M55 with Helium: whole models under QEMU's mps3-an547, as firmware and alone, against LiteRT."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from firmware import firmware, need, need_firmware_tools, real
from support import real_model

from tinyts_mlir.cli.serial import main as serial
from tinyts_mlir.compiler import compile_model
from tinyts_mlir.cores import CORTEX_M7, find_core
from tinyts_mlir.demo import demo_model
from tinyts_mlir.lowering.runtime_files import runtime_directory
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.toolchain.build import build_for, linker_script
from tinyts_mlir.toolchain.compilers import compiler_for
from tinyts_mlir.toolchain.errors import EmulatorError
from tinyts_mlir.toolchain.firmware_sizes import FirmwareSizes
from tinyts_mlir.toolchain.inputs import standard_inputs
from tinyts_mlir.toolchain.qemu import QemuEmulator
from tinyts_mlir.toolchain.reference import ReferenceModel

pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed (pip install 'tinyts-mlir[run]')")

CORTEX_M55 = find_core("cortex-m55")
LOOP = """
int loop(int count);
int fault(void);
int loop(int count) {
  int steps;
  __asm__ volatile("mov %0, #0\\n1: add %0, %0, #1\\nsubs %1, %1, #1\\nbne 1b" : "=&r"(steps), "+r"(count));
  return steps;
}
int fault(void) { return *(volatile int *)0x50000000u; }
"""


@pytest.fixture(autouse=True)
def tools() -> None:
    need_firmware_tools()
    need("qemu-system-arm")


@pytest.fixture(scope="module")
def demo_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "demo.tflite"
    path.write_bytes(export_tflite(demo_model()))
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "most_of_the_m7_s"), [("demo", 0.8), ("kws_MLPerf", 0.5), ("vww_MLPerf", 0.8), ("0_MW5", 0.65)]
)
def test_every_byte_is_litert_s_in_fewer_instructions(
    model: str, most_of_the_m7_s: float, demo_file: Path, tmp_path: Path
) -> None:
    path = demo_file if model == "demo" else real_model(model)
    reference = ReferenceModel(path)
    inputs = standard_inputs(reference.inputs, 2, 0)
    compiled = compile_model(path, ["--split-tensors", "--target=cortex-m55"])
    program = build_for(CORTEX_M55, compiled.files, compiled.name, tmp_path / "m55", "gcc")
    for one in inputs:
        for output, expected in zip(program.run(one.arrays), reference.run(one.arrays), strict=True):
            np.testing.assert_array_equal(output, expected.reshape(-1), err_msg=one.name)
    instructions = program.measure(inputs[0].arrays).instructions
    pytest.importorskip("unicorn", reason="the emulator is not installed (pip install unicorn)")
    compiled = compile_model(path, ["--split-tensors"])
    on_m7 = build_for(CORTEX_M7, compiled.files, compiled.name, tmp_path / "m7", "gcc")
    assert instructions < most_of_the_m7_s * on_m7.measure(inputs[0].arrays).instructions


@pytest.mark.slow
@pytest.mark.parametrize("benchmark", ["kws", "vww"])
def test_firmware_answers_as_litert(benchmark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = real_model(f"{benchmark}_MLPerf")
    compiled = real(path, "--input=external", "--target=cortex-m55")
    image = firmware(compiled, tmp_path / "project", "device", benchmark, BOARD="mps3-an547")
    arguments = [str(path), "--emulate", str(image), "--machine", "mps3-an547", "--inputs", "2", "--json"]
    status = serial([*arguments, "--iterations", "2"])
    output = capsys.readouterr()
    assert (status, output.err) == (0, "")
    assert json.loads(output.out)["equal"] is True
    bound = FirmwareSizes.read(image).stack_bound
    assert bound is not None
    assert bound <= FirmwareSizes.read(image).stack
    # The build is one with vectors, or all this would say nothing of them.
    code = subprocess.run(["arm-none-eabi-nm", str(image)], capture_output=True, text=True, check=True).stdout
    assert "tinyts_conv_mve_three" in code


def _emulate_loop(folder: Path) -> QemuEmulator:
    (folder / "loop.c").write_text(LOOP)
    (folder / "port.ld").write_text(linker_script(CORTEX_M55))
    startup = runtime_directory() / "ports" / "cortex-m7-emulator" / "startup.c"
    compiler = compiler_for(CORTEX_M55, "gcc")
    compiler.compile({folder / "loop.c": folder / "loop.o", startup: folder / "startup.o"}, [])
    flags = [f"-Wl,-T,{folder / 'port.ld'}", "-Wl,-u,loop", "-Wl,-u,fault"]
    compiler.link([folder / "loop.o", folder / "startup.o"], folder / "loop.elf", flags)
    return QemuEmulator(folder / "loop.elf", CORTEX_M55)


def test_instructions_are_counted_exactly(tmp_path: Path, demo_file: Path) -> None:
    """Of a loop of known length; and of code for a Cortex-M7, which an M55 runs as well, beside Unicorn's count."""
    emulator = _emulate_loop(tmp_path)
    for count in (1, 2, 3, 10, 999, 12345, 1000000):
        measured = emulator.measure("loop", count)
        assert (measured.result, measured.instructions) == (count, 3 * count + 2)
    pytest.importorskip("unicorn", reason="the emulator is not installed (pip install unicorn)")
    compiled = compile_model(demo_file, ["--split-tensors"])
    inputs = standard_inputs(ReferenceModel(demo_file).inputs, 0, 0)[0].arrays
    counts = [
        build_for(core, compiled.files, compiled.name, tmp_path / str(core.machine), "gcc").measure(inputs).instructions
        for core in (CORTEX_M7, dataclasses.replace(CORTEX_M7, machine=CORTEX_M55.machine))
    ]
    assert counts[0] == pytest.approx(counts[1], abs=2)


def test_a_fault_is_an_error(tmp_path: Path) -> None:
    emulator = _emulate_loop(tmp_path)
    with pytest.raises(
        EmulatorError, match=r"the emulated Cortex-M55 failed in fault: exception \d+.*address 0x50000000"
    ):
        emulator.call("fault")
