"""tinyts-serial with programs of this machine and a pseudo terminal; what the device's data are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from firmware import build, demo, emit, need

from tinyts_mlir.cli.serial import main
from tinyts_mlir.demo import demo_model
from tinyts_mlir.mlperf_tiny import InputEncoding
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.toolchain.device import Device, DeviceError, Identity, Inferences, StreamingDevice, enough_iterations
from tinyts_mlir.toolchain.device_data import decode, encode
from tinyts_mlir.toolchain.errors import ProgramError, ToolchainError
from tinyts_mlir.toolchain.reference import TensorDetails
from tinyts_mlir.toolchain.serial_line import PortLine, ProcessLine

np = pytest.importorskip("numpy")
pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed (pip install 'tinyts-mlir[run]')")

TENSOR = TensorDetails("x", 0, (1, 256), np.dtype(np.int8), 0.3, 20)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The emitted CMake project's build folder, and the model beside it."""
    need("cmake", "make")
    folder = emit(demo().module, "demo", "cmake", tmp_path_factory.mktemp("desk") / "project")
    build(folder)
    (folder / "build" / "demo.tflite").write_bytes(export_tflite(demo_model()))
    return folder / "build"


def serial(programs: Path, *arguments: str) -> int:
    return main([str(programs / "demo.tflite"), *arguments])


def test_device(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (programs / "libdemo.a").is_file()
    assert serial(programs, "--process", f"{programs}/device", "--inputs", "2", "--iterations", "3") == 0
    text = capsys.readouterr().out
    assert "device      tinyts-mlir, model demo; input as uint8" in text
    assert "2 of 2 equal to LiteRT" in text
    assert "inferences a second" in text


@pytest.mark.parametrize(
    ("microseconds", "iterations"),
    [(0, 1_000), (1, 1_000), (1_500, 667), (99_999, 11), (100_000, 10), (5_000_000, 10), (None, 1)],
)
def test_enough_iterations(microseconds: int | None, iterations: int) -> None:
    assert enough_iterations(Inferences(1, (), microseconds)) == iterations


def test_iterations(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As given; without that, at least ten, and the second input gets as many as the first."""
    device = ("--process", f"{programs}/device", "--inputs", "2", "--json")
    assert serial(programs, *device, "--iterations", "3") == 0
    assert [one["inferences"] for one in json.loads(capsys.readouterr().out)["inputs"]] == [3, 3]
    assert serial(programs, *device) == 0
    [first, second] = json.loads(capsys.readouterr().out)["inputs"]
    assert first["inferences"] == second["inferences"] >= 10


def test_texts_of_the_device(tmp_path: Path) -> None:
    need("cmake", "make")
    folder = emit(demo().module, "demo", "cmake", tmp_path / "project")
    build(folder, "device", DEVICE_VENDOR="somebody", DEVICE_PROFILE="ULPMark for tinyML")
    with ProcessLine([f"{folder}/build/device"]) as line:
        device = Device(line, 20)
        device.synchronise()
        assert device.identity() == Identity("somebody", "ULPMark for tinyML", "demo")


def test_streaming(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert serial(programs, "--process", f"{programs}/streaming", "--streaming", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["equal"] is True
    assert len(report["inputs"]) == 3
    assert all(one["results"] == one["expected"] for one in report["inputs"])


def test_wrong_results_are_found(programs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.tflite"
    other.write_bytes(export_tflite(demo_model(seed=1)))
    assert main([str(other), "--process", f"{programs}/device", "--inputs", "1"]) == 4
    assert "0 of 1 equal to LiteRT" in capsys.readouterr().out


def test_input_file(programs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "image.bin"
    file.write_bytes(bytes(range(256)) * 27)
    assert serial(programs, "--process", f"{programs}/device", "--input-file", str(file)) == 0
    assert "1 of 1 equal" in capsys.readouterr().out
    file.write_bytes(b"short")
    assert serial(programs, "--process", f"{programs}/device", "--input-file", str(file)) == 1
    assert f"{file}: expected 6912 bytes, got 5" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--process", "/nonexistent/program"], 1, "cannot start /nonexistent/program"),
        (["--process", f"{sys.executable} -c pass"], 1, "ended with status 0"),
        (["--process", "sleep 60", "--timeout", "0.3"], 1, "the device does not answer within 0.3 seconds"),
        (["--emulate", "/nonexistent.elf"], 1, "cannot read /nonexistent.elf"),
        (["--process", ""], 1, "--process: expected a command"),
    ],
)
def test_errors(
    arguments: list[str], status: int, message: str, programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert serial(programs, *arguments) == status
    error = capsys.readouterr().err
    assert error.startswith("tinyts-serial: error: ")
    assert message in error
    assert len(error.splitlines()) == 1


def test_usage(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    timeouts = [["--process", "x", "--timeout", text] for text in ("0", "-1", "nan", "inf", "x")]
    others = ([], ["--process", "x", "--port", "y"], ["--process", "x", "--streaming", "--iterations", "2"])
    for arguments in (*others, *timeouts):
        with pytest.raises(SystemExit) as stop:
            serial(programs, *arguments)
        assert stop.value.code == 2
        assert capsys.readouterr().err.startswith("tinyts-serial: error: ")


def test_serial_port(programs: Path) -> None:
    """A pseudo terminal stands for a board's port; the device behind it has been running, and was sent half a line."""
    pytest.importorskip("serial", reason="pyserial is not installed (pip install -e '.[serial]')")
    controller, terminal = os.openpty()
    with subprocess.Popen([programs / "device"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"db load 12")

        def copy(source: int, target: int) -> None:
            try:
                while data := os.read(source, 1024):
                    os.write(target, data)
            except OSError:
                pass  # the other end is closed

        threads = [
            threading.Thread(target=copy, args=(controller, process.stdin.fileno()), daemon=True),
            threading.Thread(target=copy, args=(process.stdout.fileno(), controller), daemon=True),
        ]
        with PortLine(os.ttyname(terminal)) as line:
            for thread in threads:
                thread.start()
            device = Device(line, 20)
            device.synchronise()
            assert device.identity().model == "demo"
            device.load(bytes(range(64)))
            assert device.loaded() == bytes(range(64))
            with pytest.raises(DeviceError, match=r"e-\[The input is not loaded\]"):
                device.infer(1)
        process.kill()
    os.close(controller)
    os.close(terminal)


def test_port_that_is_none(tmp_path: Path) -> None:
    pytest.importorskip("serial", reason="pyserial is not installed (pip install -e '.[serial]')")
    with pytest.raises(ToolchainError, match="cannot open the serial port"):
        PortLine(str(tmp_path / "no port"))


def test_process_that_stops_listening() -> None:
    with ProcessLine([sys.executable, "-c", "print('hello', flush=True)"]) as line:
        assert line.read_line(20) == "hello"
        with pytest.raises(ProgramError, match="ended with status 0"):
            line.read_line(20)


def test_lines_have_no_control_characters() -> None:
    program = r"import sys; sys.stdout.buffer.write(b'e-[\x1b[2J\xff]\r\n'); sys.stdout.flush(); input()"
    with ProcessLine([sys.executable, "-c", program]) as line:
        assert line.read_line(20) == r"e-[\x1b[2J\xff]"


@pytest.mark.parametrize("encoding", InputEncoding)
def test_encodings(encoding: InputEncoding) -> None:
    array = np.arange(-128, 128, dtype=np.int8).reshape(1, 256)
    data = encode(array, TENSOR, encoding)
    assert len(data) == 256 * (4 if encoding is InputEncoding.FLOAT32 else 1)
    assert (decode(data, TENSOR, encoding) == array).all()
    if encoding is InputEncoding.UINT8:
        assert data == bytes(range(256))


def test_streaming_device_in_the_middle_of_an_image(programs: Path) -> None:
    """What came before is no row; rows of nothing end the image under way; wrong lines are told from rows."""
    with ProcessLine([f"{programs}/streaming"]) as line:
        row = b"7F" * (48 * 3)
        line.write(b"%zz%".join([row, row[:-2], row + b"00", row]) + b"%12")
        device = StreamingDevice(line, 20)
        device.synchronise()
        assert device.row_bytes == 48 * 3
        image = b"".join(bytes([number]) * (48 * 3) for number in range(48))
        first = device.infer(image)
        device.synchronise()
        assert device.infer(image).results == first.results
        with pytest.raises(DeviceError, match="the application wants row 0, expected 48"):
            device.infer(image + image[:1])
