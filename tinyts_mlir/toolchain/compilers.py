"""C compilers: the host's own, and gcc or clang for the Cortex-M7."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import util
from pathlib import Path
from typing import Literal, cast

from tinyts_mlir.toolchain.errors import ToolchainError, missing_package

CrossCompiler = Literal["gcc", "clang"]

WARNING_FLAGS = ("-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror")
_SECTION_FLAGS = ("-ffunction-sections", "-fdata-sections")
_SHOWN_ERROR_LINES = 12


@dataclass(frozen=True)
class Compiler:
    """A compiler driver with the flags that its target needs."""

    command: tuple[str, ...]
    compile_flags: tuple[str, ...] = ()
    link_flags: tuple[str, ...] = ()
    has_libc: bool = True
    environment: Mapping[str, str] = field(default_factory=lambda: cast("dict[str, str]", {}))

    def version(self) -> str:
        """Return the first line that the compiler prints about itself."""
        return self.ask(["--version"]).splitlines()[0]

    def ask(self, arguments: Sequence[str]) -> str:
        """Return what the compiler prints."""
        return self._run(arguments, Path.cwd()).strip()

    def compile(
        self,
        objects: Mapping[Path, Path],
        include: Sequence[Path],
        flags: Sequence[str] = WARNING_FLAGS,
    ) -> None:
        """Compile every source to its object (``objects[source]``), as many at once as there are processors."""
        includes = [f"-I{directory.resolve()}" for directory in include]

        def compile_one(source: Path, target: Path) -> None:
            arguments = [*self.compile_flags, *flags, *includes, "-c", str(source.resolve()), "-o", str(target)]
            self._run(arguments, target.parent)

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            jobs = [pool.submit(compile_one, source, target.resolve()) for source, target in objects.items()]
        for job in jobs:
            job.result()

    def link(self, objects: Sequence[Path], output: Path, flags: Sequence[str] = ()) -> None:
        """Link a program."""
        names = [str(path.resolve()) for path in objects]
        self._run([*self.link_flags, *flags, *names, "-o", str(output.resolve())], output.parent)

    def _run(self, arguments: Sequence[str], directory: Path) -> str:
        try:
            result = subprocess.run(
                [*self.command, *arguments],
                cwd=directory,
                env={**os.environ, "LC_ALL": "C", **self.environment},
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
        except OSError as error:
            raise ToolchainError(f"cannot start the C compiler {self.command[0]}: {error.strerror}") from None
        if result.returncode != 0:
            lines = (result.stderr.strip() or result.stdout.strip()).splitlines()
            shown = "\n".join(f"  {line}" for line in lines[:_SHOWN_ERROR_LINES])
            more = f"\n  ... {len(lines) - _SHOWN_ERROR_LINES} more lines" if len(lines) > _SHOWN_ERROR_LINES else ""
            name = shlex.join(self.command)
            raise ToolchainError(f"{name} failed with exit status {result.returncode}:\n{shown}{more}")
        return result.stdout


def host_compiler() -> Compiler:
    """The compiler named by $CC, or ``cc``."""
    command = shlex.split(os.environ.get("CC", "")) or ["cc"]
    if shutil.which(command[0]) is None:
        raise ToolchainError(f"no C compiler for this machine: {command[0]} is not on PATH (CC names another one)")
    return Compiler(command=tuple(command), compile_flags=("-O2",))


def cortex_m7_compiler(kind: CrossCompiler | None = None) -> Compiler:
    """A compiler for the Cortex-M7: gcc when it is installed, otherwise clang, unless ``kind`` says which."""
    if kind is None:
        kind = "gcc" if shutil.which("arm-none-eabi-gcc") else "clang"
    return _arm_gcc() if kind == "gcc" else _zig_clang()


def _arm_gcc() -> Compiler:
    executable = shutil.which("arm-none-eabi-gcc")
    if executable is None:
        raise ToolchainError("arm-none-eabi-gcc is not on PATH; --compiler clang uses the one from PyPI (ziglang)")
    machine = ("-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-d16")
    compiler = Compiler(
        command=("arm-none-eabi-gcc",),
        compile_flags=("-O3", *machine, *_SECTION_FLAGS),
        link_flags=(*machine, "-nostartfiles", "-Wl,--gc-sections"),
    )
    # A path only if the library is installed: the compiler and its C library are separate packages in places.
    if not Path(compiler.ask([*machine, "-print-file-name=libc.a"])).is_absolute():
        raise ToolchainError("arm-none-eabi-gcc has no C library here: install newlib (libnewlib-arm-none-eabi)")
    return compiler


def _zig_clang() -> Compiler:
    if util.find_spec("ziglang") is None:
        raise missing_package("ziglang")
    machine = ("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m7+fp_armv8d16+fp64")
    return Compiler(
        command=(sys.executable, "-m", "ziglang", "cc"),
        compile_flags=(
            *machine,
            "-O3",
            # zig lowers -O3 to -O2, keeps frame pointers, and treats memcpy as any function on a freestanding target.
            *("-Xclang", "-O3", "-fomit-frame-pointer", "-fhosted"),
            *("-fno-sanitize=all", "-fno-stack-protector", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables"),
            "-g0",
            *_SECTION_FLAGS,
        ),
        link_flags=(*machine, "-O3", "-nostartfiles", "-Wl,--gc-sections"),
        has_libc=False,
        environment={"ZIG_GLOBAL_CACHE_DIR": str(_zig_cache())},
    )


def _zig_cache() -> Path:
    """Where zig may write: it keeps the compiler's support library there (built once, some seconds)."""
    chosen = os.environ.get("ZIG_GLOBAL_CACHE_DIR")
    if chosen:
        return Path(chosen)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "tinyts-mlir" / "zig"
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="tinyts-zig-"))
    return cache if os.access(cache, os.W_OK) else Path(tempfile.mkdtemp(prefix="tinyts-zig-"))
