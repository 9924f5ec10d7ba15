"""Finding and driving C compilers."""

import shutil
import sys
from pathlib import Path

import pytest

from tinyts_mlir.toolchain import compilers
from tinyts_mlir.toolchain.compilers import cortex_m7_compiler, host_compiler
from tinyts_mlir.toolchain.errors import ToolchainError


def _compile(compiler: compilers.Compiler, text: str, directory: Path) -> bytes:
    source = directory / "source.c"
    source.write_text(text)
    compiler.compile({source: directory / "source.o"}, [])
    return (directory / "source.o").read_bytes()


def test_cc_names_the_host_compiler_and_its_flags(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("CC", "cc -DCHOSEN=1")
    assert host_compiler().command == ("cc", "-DCHOSEN=1")
    _compile(host_compiler(), "int x[CHOSEN];", tmp_path)


def test_a_host_compiler_that_is_not_there(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(ToolchainError, match="no-such-compiler is not on PATH"):
        host_compiler()


def test_clang_is_used_where_gcc_is_not_installed(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("ziglang", reason="zig's clang is not installed")
    monkeypatch.setenv("PATH", "")
    assert cortex_m7_compiler().command == (sys.executable, "-m", "ziglang", "cc")
    with pytest.raises(ToolchainError, match="arm-none-eabi-gcc is not on PATH"):
        cortex_m7_compiler("gcc")


def test_gcc_is_preferred():
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    assert cortex_m7_compiler().command == ("arm-none-eabi-gcc",)


def test_a_missing_ziglang_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(compilers.util, "find_spec", lambda name: None)
    with pytest.raises(ToolchainError, match=r"package ziglang, .* the extra 'run' "):
        cortex_m7_compiler("clang")


def test_versions(cross_compiler: str):
    assert (
        cortex_m7_compiler(cross_compiler)
        .version()
        .startswith({"gcc": "arm-none-eabi-gcc", "clang": "clang"}[cross_compiler])
    )


def test_target_features(cross_compiler: str, tmp_path: Path):
    text = """
    #include <stdint.h>
    #if !defined __OPTIMIZE__ || !__ARM_FEATURE_DSP || __ARM_FP != 0xe || !__ARM_PCS_VFP || __ARM_ARCH_PROFILE != 'M'
    #error "not a Cortex-M7 with double precision"
    #endif
    double add(double x, double y);
    double add(double x, double y) { return x + y; }
    """
    assert b"__aeabi_dadd" not in _compile(cortex_m7_compiler(cross_compiler), text, tmp_path)


def test_a_small_memcpy_is_no_call(cross_compiler: str, tmp_path: Path):
    port = Path(__file__).parents[2] / "runtime/ports/cortex-m7-emulator/freestanding"
    compiler = cortex_m7_compiler(cross_compiler)
    source, target = tmp_path / "source.c", tmp_path / "source.o"
    source.write_text(
        "#include <string.h>\nint load(const char *p);\nint load(const char *p) { int w; memcpy(&w, p, 4); return w; }"
    )
    compiler.compile({source: target}, [] if compiler.has_libc else [port])
    assert b"memcpy" not in target.read_bytes()
    source.write_text(source.read_text().replace("memcpy(&w, p, 4)", "memcpy(&w, p, (unsigned)*p)"))
    compiler.compile({source: target}, [] if compiler.has_libc else [port])
    assert b"memcpy" in target.read_bytes()


def test_the_version_of_a_cross_compiler_asks_nothing_of_the_compiler_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """zig asks `cc` for the directories of the C library, and fails where one of them cannot be read."""
    pytest.importorskip("ziglang", reason="zig's clang is not installed")
    (tmp_path / "cc").write_text(f"#!/bin/sh\necho ' /{'x' * 300}' >&2\n")
    (tmp_path / "cc").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cortex_m7_compiler("clang").version().startswith("clang")


@pytest.mark.parametrize(
    "text",
    ["int f(int x) { return x; }\nint y = f;", "#include <stdint.h>\nint8_t f(int x);\nint8_t f(int x) { return x; }"],
)
def test_errors_and_warnings_are_one_exception(text: str, cross_compiler: str, tmp_path: Path):
    for compiler in (host_compiler(), cortex_m7_compiler(cross_compiler)):
        with pytest.raises(ToolchainError, match=r"failed with exit status \d+:\n(.*\n)*.*source\.c:\d+") as caught:
            _compile(compiler, text, tmp_path)
        assert len(str(caught.value).splitlines()) <= 14


def test_zig_writes_where_it_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    pytest.importorskip("ziglang", reason="zig's clang is not installed")
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", str(tmp_path / "chosen"))
    assert cortex_m7_compiler("clang").environment == {"ZIG_GLOBAL_CACHE_DIR": str(tmp_path / "chosen")}
    monkeypatch.delenv("ZIG_GLOBAL_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cortex_m7_compiler("clang").environment == {"ZIG_GLOBAL_CACHE_DIR": str(tmp_path / "cache/tinyts-mlir/zig")}
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert Path(cortex_m7_compiler("clang").environment["ZIG_GLOBAL_CACHE_DIR"]).is_dir()
