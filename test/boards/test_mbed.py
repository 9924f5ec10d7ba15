"""The mbed projects, against a stand-in for mbed's headers and CMake files that has just what they may use."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from firmware import demo, emit, need, run

from tinyts_mlir.cli.serial import main as serial
from tinyts_mlir.compiler import CompiledModel
from tinyts_mlir.demo import demo_model
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.toolchain.compilers import host_compiler
from tinyts_mlir.toolchain.errors import ToolchainError

STUBS = Path(__file__).parent / "mbed_stubs" / "mbed-os"
WARNINGS = ("-Wall", "-Wextra", "-Werror")


def compile_all(folder: Path, program: Path, *flags: str) -> Path:
    """What Mbed CLI does: every source of the folder, every folder with headers on the path."""
    need("c++")
    include = {path.parent for path in folder.rglob("*.h")} | {STUBS}
    objects: dict[Path, Path] = {}
    for number, path in enumerate(sorted(folder.rglob("*.c"))):
        objects[path] = folder / f"{number}_{path.stem}.o"
    host_compiler().compile(objects, sorted(include), [*WARNINGS, *flags])
    cpp = [folder / "main.cpp", STUBS / "mbed.cpp"]
    assert list(folder.rglob("*.cpp")) == cpp[:1]
    paths = [f"-I{path}" for path in sorted(include)]
    run("c++", "-std=c++14", "-O2", *WARNINGS, *flags, *paths, *cpp, *objects.values(), "-o", program)
    return program


@pytest.fixture
def demo_file(tmp_path: Path) -> Path:
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed")
    path = tmp_path / "demo.tflite"
    path.write_bytes(export_tflite(demo_model()))
    return path


@pytest.mark.slow
def test_mbed_cli(tmp_path: Path, demo_file: Path) -> None:
    folder = emit(demo().module, "demo", "mbed", tmp_path / "project")
    settings = json.loads((folder / "mbed_app.json").read_text())
    assert settings["requires"] == ["bare-metal"]
    assert settings["target_overrides"]["*"]["target.printf_lib"] == "minimal-printf"
    assert re.fullmatch(r"https://\S+/mbed-os/#[0-9a-f]{40}\n", (folder / "mbed-os.lib").read_text())
    assert not (folder / "CMakeLists.txt").exists()
    program = compile_all(folder, tmp_path / "device")
    assert serial([str(demo_file), "--process", str(program), "--inputs", "1"]) == 0
    program = compile_all(folder, tmp_path / "streaming", "-DTINYTS_APPLICATION_STREAMING")
    assert serial([str(demo_file), "--process", str(program), "--inputs", "1", "--streaming"]) == 0


@pytest.mark.slow
def test_mbed_ce(tmp_path: Path, demo_file: Path) -> None:
    need("cmake", "make", "c++")
    folder = emit(demo().module, "demo", "mbed-ce", tmp_path / "project")
    settings = json.loads((folder / "mbed_app.json5").read_text())
    assert settings["target_overrides"]["*"]["target.application-profile"] == "bare-metal"
    shutil.copytree(STUBS, folder / "mbed-os")
    build = folder / "build"
    flags = f"-DCMAKE_C_FLAGS={' '.join(WARNINGS)}", f"-DCMAKE_CXX_FLAGS={' '.join(WARNINGS)}"
    target = ("-DMBED_TARGET=NUCLEO_F767ZI", "-DCMAKE_BUILD_TYPE=Release")
    output = run("cmake", "-G", "Unix Makefiles", "-S", folder, "-B", build, *target, *flags)
    assert "mbed programs: device;streaming" in output
    run("cmake", "--build", build)
    assert serial([str(demo_file), "--process", f"{build}/device", "--inputs", "1"]) == 0
    assert serial([str(demo_file), "--process", f"{build}/streaming", "--inputs", "1", "--streaming"]) == 0


def only_main_includes_mbed(folder: Path) -> bool:
    texts = {path: path.read_text() for path in folder.rglob("*") if path.suffix in (".c", ".h", ".cpp")}
    return [path.name for path, text in texts.items() if "mbed.h" in text.replace("an mbed header", "")] == ["main.cpp"]


@pytest.mark.parametrize("kind", ["mbed", "mbed-ce"])
def test_external_input_has_no_streaming_application(kind: str, tmp_path: Path) -> None:
    compiled: CompiledModel = demo("--input=external")
    folder = emit(compiled.module, "demo", kind, tmp_path / "project")
    assert only_main_includes_mbed(folder)
    assert not list(folder.rglob("*stream*"))
    assert "no streaming application" in (folder / "README.md").read_text()
    if kind == "mbed-ce":
        assert "streaming" not in (folder / "CMakeLists.txt").read_text()


def test_sources_of_an_earlier_project_do_no_harm(tmp_path: Path, demo_file: Path) -> None:
    """The streaming application's go when a model without one is emitted into the folder; copies of them do no harm."""
    earlier = emit(demo().module, "demo", "mbed", tmp_path / "project")
    streaming = {path.name: path.read_text() for path in (earlier / "applications").glob("tinyts_s*.?")}
    folder = emit(demo("--input=external").module, "demo", "mbed", tmp_path / "project")
    for name in ("tinyts_streaming.c", "tinyts_source_serial.c"):
        assert not (folder / "applications" / name).exists()
        (folder / "applications" / name).write_text(streaming[name])
    for name in ("tinyts_streaming.h", "tinyts_source.h"):
        (folder / "applications" / name).write_text(streaming[name])
    program = compile_all(folder, tmp_path / "device")
    assert serial([str(demo_file), "--process", str(program), "--inputs", "1"]) == 0
    with pytest.raises(ToolchainError, match="rows cannot be fed"):
        compile_all(folder, tmp_path / "streaming", "-DTINYTS_APPLICATION_STREAMING")


def test_timestamp_pin_and_reset(tmp_path: Path) -> None:
    folder = emit(demo("--input=external").module, "demo", "mbed", tmp_path / "project")
    program = compile_all(folder, tmp_path / "device", "-DTINYTS_DEVICE_ENERGY_MODE=1", "-DTINYTS_TIMESTAMP_PIN=D7")
    result = subprocess.run([program], input=b"timestamp%reset%name%", capture_output=True, check=True)
    lines = result.stdout.decode().split()
    assert lines[0] == "m-timestamp-mode-energy"
    assert lines[2:] == ["m-ready", "pin", "0", "pin", "1", "m-ready", "system", "reset"]
