"""Bare-metal firmware: what is in it, where things lie, and what a memory that is too small is answered."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from firmware import build, demo, emit, firmware, need, need_firmware_tools, run
from xdsl.dialects.builtin import ModuleOp

from tinyts_mlir.cli.serial import main as serial
from tinyts_mlir.cli.sizes import main as sizes_command
from tinyts_mlir.demo import demo_model
from tinyts_mlir.interpreters.tinyts import run_function
from tinyts_mlir.lowering.projects.baremetal import boards
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.toolchain.device import Device
from tinyts_mlir.toolchain.elf import Image
from tinyts_mlir.toolchain.firmware_sizes import FirmwareSizes
from tinyts_mlir.toolchain.serial_line import ProcessLine, qemu_command

np = pytest.importorskip("numpy")
pytest.importorskip("elftools", reason="pyelftools is not installed (pip install 'tinyts-mlir[run]')")

HEAP_AND_STDIO = re.compile(r"_?(malloc|calloc|realloc|free|sbrk)(_r)?|.*printf.*|.*scanf.*|_?dtoa.*|fopen|fwrite|puts")


@pytest.fixture(scope="module")
def f767zi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build folder of both applications for the F767ZI."""
    need_firmware_tools()
    folder = emit(demo().module, "demo", "baremetal", tmp_path_factory.mktemp("f767zi") / "project")
    build(folder)  # stm32f767zi is the default
    return folder / "build"


def map_sections(text: str) -> dict[str, tuple[int, int]]:
    """Output sections of a linker map: address and size."""
    found = re.findall(r"^(\.\w+)\s+(0x[0-9a-f]+)\s+(0x[0-9a-f]+)", text, re.MULTILINE)
    return {name: (int(address, 16), int(size, 16)) for name, address, size in found}


@pytest.mark.parametrize("target", ["device", "streaming"])
def test_map_of_the_f767zi(target: str, f767zi: Path) -> None:
    text = (f767zi / f"{target}.map").read_text()
    sections = map_sections(text)
    places = {".vectors": 0x08000000, ".stack": 0x20000000, ".bss": 0x20020000}
    assert {name: sections[name][0] for name in places} == places
    assert sections[".vectors"][1] == 16 * 4
    for name in (".text", ".weights", ".tables", ".rodata"):
        address, size = sections[name]
        assert size > 0
        assert 0x08000000 <= address < address + size <= 0x08200000, name
    arena = demo().report["arena_bytes"]
    assert sections[".dtcm"] == (sections[".stack"][0] + sections[".stack"][1], arena)
    assert sections[".data"][1] == 0
    assert ".qspi" not in sections
    # The model's constants are all in .weights: what is left are texts of the application and tables of kernels.
    assert sections[".weights"][1] >= demo().report["constant_bytes"] > 8 * sections[".rodata"][1]
    assert "_printf" not in text
    assert "malloc" not in text


@pytest.mark.parametrize("target", ["device", "streaming"])
def test_no_heap_and_no_stdio(target: str, f767zi: Path) -> None:
    symbols = Image.read(f767zi / f"{target}.elf").symbols
    assert "demo_init" in symbols
    assert [name for name in symbols if HEAP_AND_STDIO.fullmatch(name)] == []


def test_project_asks_for_strict_compilation(f767zi: Path) -> None:
    commands = (f767zi / "CMakeFiles" / "device.dir" / "flags.make").read_text()
    commands += (f767zi / "CMakeFiles" / "demo.dir" / "flags.make").read_text()
    assert commands.count("-Wall -Wextra -Werror") == 2
    assert "-mfpu=fpv5-d16" in commands


def test_binary_is_what_lies_in_flash(f767zi: Path) -> None:
    content = (f767zi / "device.bin").read_bytes()
    sizes = FirmwareSizes.read(f767zi / "device.elf")
    assert sizes.flash_bytes <= len(content) < sizes.flash_bytes + 256  # sections are aligned
    stack_top, reset = (int.from_bytes(content[start : start + 4], "little") for start in (0, 4))
    image = Image.read(f767zi / "device.elf")
    assert stack_top == 0x20000000 + sizes.stack
    assert reset == image.symbol("startup_reset").address | 1


def test_sizes_command(f767zi: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sizes_command([str(f767zi / "streaming.elf")]) == 0
    sizes = FirmwareSizes.read(f767zi / "streaming.elf")
    text = capsys.readouterr().out
    assert f"RAM{sizes.ram_bytes:>19,}" in text
    assert f"the call graph needs at most {sizes.stack_bound:,}" in text
    assert sizes_command([str(f767zi / "CMakeCache.txt")]) == 1
    assert "tinyts-sizes: error: cannot read the program CMakeCache.txt" in capsys.readouterr().err


def test_stack_that_is_too_small(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    need_firmware_tools()
    folder = emit(demo().module, "demo", "baremetal", tmp_path / "project")
    script = folder / "ports" / "stm32f767zi" / "board.ld"
    script.write_text(script.read_text().replace("STACK_BYTES = 2K", "STACK_BYTES = 256"))
    build(folder, "device")
    assert sizes_command([str(folder / "build" / "device.elf")]) == 3
    assert "in the board's linker script keeps 256\n" in capsys.readouterr().err


def test_stack_bound_is_of_the_firmware_s_own_build(f767zi: Path, tmp_path: Path) -> None:
    """Not of what else lies below the folder, and unknown where the firmware lies elsewhere."""
    bound = FirmwareSizes.read(f767zi / "device.elf").stack_bound
    assert bound is not None
    copy = tmp_path / "device.elf"
    copy.write_bytes((f767zi / "device.elf").read_bytes())
    shutil.copytree(f767zi, tmp_path / "project" / "build")
    assert FirmwareSizes.read(copy).stack_bound is None
    shutil.copytree(f767zi / "CMakeFiles", tmp_path / "CMakeFiles")
    other = tmp_path / "project" / "build" / "CMakeFiles" / "other.dir"
    other.mkdir()
    (other / "other.ci").write_text("not of this firmware")
    (tmp_path / "streaming.elf").write_bytes(b"")
    assert FirmwareSizes.read(copy).stack_bound == bound


@pytest.fixture(scope="module")
def small_board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of its own: its linker script changes, and its builds fail."""
    need_firmware_tools()
    return emit(demo().module, "demo", "baremetal", tmp_path_factory.mktemp("small") / "project")


@pytest.mark.parametrize(
    ("memory", "script_change", "settings", "message"),
    [
        (
            "DTCM",
            ("LENGTH = 128K", "LENGTH = 4K"),
            {},
            "DTCM overflows: the model demo has an arena of {arena_bytes:,} bytes there",
        ),
        (
            "RAM",
            ("LENGTH = 384K", "LENGTH = 4K"),
            {},
            "RAM overflows: the model demo has an arena of {arena_bytes:,} bytes .* buffer for an input of 6,912",
        ),
        (
            "FLASH",
            ("LENGTH = 2M", "LENGTH = 16K"),
            {},
            "FLASH overflows: the model demo has {constant_bytes:,} bytes of weights",
        ),
        (
            "QSPI",
            ("LENGTH = 256M", "LENGTH = 1K"),
            {"WEIGHTS": "qspi"},
            "QSPI overflows: the model demo has {constant_bytes:,} bytes of weights",
        ),
    ],
)
def test_overflow_names_the_models_part(
    memory: str, script_change: tuple[str, str], settings: dict[str, str], message: str, small_board: Path
) -> None:
    script = small_board / "ports" / "stm32f767zi" / "board.ld"
    original = script.read_text()
    assert original.count(script_change[0]) == 1
    script.write_text(original.replace(*script_change))
    try:
        output = build(small_board, "device", fails=True, **{"WEIGHTS": "flash", **settings})
    finally:
        script.write_text(original)
    pattern = message.format(**{key: demo().report[key] for key in ("arena_bytes", "constant_bytes")})
    assert re.search(pattern, output), output[-2000:]
    others = {"DTCM", "RAM", "FLASH", "QSPI"} - {memory}
    assert not any(f"{other} overflows" in output for other in others)


def test_flashing_copies_into_a_drive_that_is_there(f767zi: Path, tmp_path: Path) -> None:
    drive = tmp_path / "the drive"
    output = build(f767zi.parent, "flash_device", fails=True, BOARD_DRIVE=str(drive))
    assert f"there is no drive {drive}" in " ".join(output.split())
    assert not drive.exists()
    drive.mkdir()
    build(f767zi.parent, "flash_device", BOARD_DRIVE=str(drive))
    assert (drive / "device.bin").read_bytes() == (f767zi / "device.bin").read_bytes()


def test_unknown_board_and_places(tmp_path: Path) -> None:
    need_firmware_tools()
    folder = emit(demo().module, "demo", "baremetal", tmp_path / "project")
    for setting, message in (
        ("BOARD=toaster", "there is no ports/toaster/board.cmake"),
        ("ARENA=attic", "ARENA: no such place: attic"),
        ("WEIGHTS=dtcm", "WEIGHTS: no such place: dtcm"),
    ):
        output = run("cmake", "-S", folder, "-B", tmp_path / setting, f"-D{setting}", status=1)
        assert message in " ".join(output.split())


def test_flags_of_the_user(tmp_path: Path) -> None:
    """They come on top of the chip's."""
    image = firmware(demo(), tmp_path / "project", "device", CMAKE_C_FLAGS="-DOWN=1")
    flags = (image.parent / "CMakeFiles" / "device.dir" / "flags.make").read_text()
    assert "-DOWN=1" in flags
    assert "-mcpu=cortex-m7" in flags
    assert FirmwareSizes.read(image).dtcm == demo().report["arena_bytes"]


def test_every_board_is_emitted(tmp_path: Path) -> None:
    assert boards() == ["mps2-an500", "mps3-an547", "stm32f767zi"]
    folder = emit(demo().module, "demo", "baremetal", tmp_path / "project")
    assert {path.parent.name for path in folder.glob("ports/*/board.cmake")} == set(boards())


# --- under QEMU ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def on_mps2(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Builds the device for mps2-an500 with the settings that are given, and the defaults of the others."""
    need("qemu-system-arm")
    need_firmware_tools()
    folder = emit(demo("--input=external").module, "demo", "baremetal", tmp_path_factory.mktemp("mps2") / "project")
    defaults = {"BOARD": "mps2-an500", "WEIGHTS": "flash", "ARENA": "dtcm", "ENERGY_MODE": "OFF"}

    def image(**settings: str) -> Path:
        build(folder, "device", **{**defaults, **settings})
        return folder / "build" / "device.elf"

    return image


@pytest.fixture
def demo_file(tmp_path: Path) -> Path:
    path = tmp_path / "demo.tflite"
    path.write_bytes(export_tflite(demo_model()))
    return path


@pytest.mark.slow
def test_weights_in_qspi_and_arena_in_ram(on_mps2: Callable[..., Path], demo_file: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed")
    image = on_mps2(WEIGHTS="qspi", ARENA="ram")
    sizes = FirmwareSizes.read(image)
    assert (sizes.weights, sizes.dtcm) == (0, 0)
    assert sizes.qspi >= demo().report["constant_bytes"]
    assert (image.parent / "device.qspi.bin").stat().st_size == sizes.qspi
    assert (image.parent / "device.bin").stat().st_size < sizes.flash_bytes + 256
    assert serial([str(demo_file), "--emulate", str(image), "--inputs", "1"]) == 0


def test_rows_of_the_generator(tmp_path: Path) -> None:
    """source_generator.c's rows, made here as well; the results are those of the model as it was before any pass."""
    need("qemu-system-arm")
    image = firmware(demo(), tmp_path / "project", "streaming", BOARD="mps2-an500", SOURCE="generator")
    expected = generated_results(demo_model(), 2)
    got: list[str] = []
    with ProcessLine(qemu_command(str(image))) as line:
        while len(got) < len(expected):
            text = line.read_line(60)
            assert text is not None
            if text.startswith("m-results-["):
                got.append(text)
    assert got == expected


def generated_results(module: ModuleOp, count: int) -> list[str]:
    state = 0
    results: list[str] = []
    for _ in range(count):
        values: list[int] = []
        for _ in range(48 * 48 * 3):
            state = (state * 1664525 + 1013904223) % (1 << 32)
            values.append((state >> 24) - 128)
        [output] = run_function(module, [np.array(values, np.int8).reshape(1, 48, 48, 3)])
        probabilities = (output.reshape(-1).astype(np.float32) + np.float32(128)) * np.float32(1 / 256)
        results.append(f"m-results-[{','.join(f'{value:.3f}' for value in probabilities)}]")
    return results


def test_board_starts_again_after_reset_and_keeps_time(on_mps2: Callable[..., Path]) -> None:
    with ProcessLine(qemu_command(str(on_mps2()))) as line:
        device = Device(line)
        device.synchronise()
        first = device.timestamp()
        assert 0 < device.timestamp() - first < 60_000_000
        device.load(b"\x01" * 16)
        assert device.loaded() == b"\x01" * 16
        device.reset()
        assert device.loaded() == b""


def test_energy_mode(on_mps2: Callable[..., Path]) -> None:
    with ProcessLine(qemu_command(str(on_mps2(ENERGY_MODE="ON")))) as line:
        assert line.read_line(60) == "m-timestamp-mode-energy"
        device = Device(line)
        device.synchronise()
        assert device.command("timestamp") == []
        device.load(bytes(48 * 48 * 3))
        inferences = device.infer(1)
        assert inferences.microseconds is None
        assert len(inferences.results) == 10
