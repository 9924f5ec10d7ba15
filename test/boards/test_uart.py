"""Devices behind a UART that keeps one character: registers and time are simulated on this machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from firmware import demo
from fuzz_device import LEFT_OUT

from tinyts_mlir.lowering.projects import emit_application_project
from tinyts_mlir.lowering.runtime_files import runtime_directory
from tinyts_mlir.output import write_project
from tinyts_mlir.toolchain.compilers import WARNING_FLAGS, host_compiler
from tinyts_mlir.toolchain.device import Device, StreamingDevice
from tinyts_mlir.toolchain.serial_line import ProcessLine

SIMULATION = Path(__file__).parent / "uart_simulation"
PORTS = {
    "polling": SIMULATION / "polling_port.c",
    "stm32f767zi": runtime_directory() / "ports" / "stm32f767zi" / "board.c",
}


def build(folder: Path, port: str, application: str) -> Path:
    files = emit_application_project(demo().module, "demo", "cmake")
    write_project(folder, files)
    left_out = {f"applications/{source}.c" for source in LEFT_OUT[application]}
    sources = [folder / name for name in files if name.endswith(".c") and name not in {*left_out, "ports/desk/tinyts_port.c"}]
    objects = {
        source: folder / f"{number}.o"
        for number, source in enumerate([*sources, SIMULATION / "simulation.c", PORTS[port]])
    }
    host_compiler().compile(objects, [SIMULATION, folder, folder / "applications"], ["-D_GNU_SOURCE", *WARNING_FLAGS])
    host_compiler().link(list(objects.values()), folder / application, [])
    return folder / application


@pytest.mark.parametrize("port", PORTS)
def test_device_is_synchronised(port: str, tmp_path: Path) -> None:
    with ProcessLine([str(build(tmp_path, port, "device"))]) as line:
        line.write(b"db load 12")  # half a command, as of a run that was interrupted
        device = Device(line, 20)
        device.synchronise()
        assert device.identity().model == "demo"
        device.load(bytes(range(64)))
        assert device.loaded() == bytes(range(64))


@pytest.mark.parametrize("port", PORTS)
def test_streaming_device_is_synchronised(port: str, tmp_path: Path) -> None:
    with ProcessLine([str(build(tmp_path, port, "streaming"))]) as line:
        line.write(b"7F7F")
        device = StreamingDevice(line, 20)
        device.synchronise()
        assert device.row_bytes == 48 * 3
        image = bytes(range(256)) * 27
        assert device.infer(image).results == device.infer(image).results


def answers(program: Path, commands: bytes) -> list[bytes]:
    result = subprocess.run([program], input=commands, capture_output=True, check=True, timeout=60)
    return [line for line in result.stdout.split(b"\r\n") if line.startswith((b"e-", b"m-name"))]


def test_board_keeps_what_comes_while_it_speaks(tmp_path: Path) -> None:
    """A burst that a port which only polls does lose: or the simulation, and the tests above, would say nothing."""
    burst = b"%first%second%name%" + b" " * 60
    expected = [b"e-[Unknown command: first]", b"e-[Unknown command: second]", b"m-name-dut-[tinyts-mlir]"]
    assert answers(build(tmp_path / "board", "stm32f767zi", "device"), burst) == expected
    assert answers(build(tmp_path / "polling", "polling", "device"), burst) != expected
