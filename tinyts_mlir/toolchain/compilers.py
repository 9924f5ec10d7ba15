"""C compilers: the host's own, and gcc or clang for a core."""

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

from tinyts_mlir.cores import CORTEX_M7, Architecture, Core
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
        # With its flags: asked without a target, zig looks for the C library of this machine first, and may fail at it.
        return self.ask([*self.compile_flags, "--version"]).splitlines()[0]

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


_GCC = {Architecture.ARM: "arm-none-eabi-gcc", Architecture.RISCV: "riscv64-unknown-elf-gcc"}
_LIBRARIES = {
    Architecture.ARM: "newlib (libnewlib-arm-none-eabi)",
    Architecture.RISCV: "picolibc (picolibc-riscv64-unknown-elf)",
}
"""Which C library goes with each GCC, for people."""


def compiler_for(core: Core, kind: CrossCompiler | None = None) -> Compiler:
    """A compiler for a core: gcc when it is installed, otherwise clang, unless ``kind`` says which."""
    if core.architecture not in _GCC:
        raise ToolchainError(f"no compiler for the {core.title} is known here: its C is built by the maker's own tools")
    if kind is None:
        kind = "gcc" if shutil.which(_GCC[core.architecture]) else "clang"
    return _gcc(core) if kind == "gcc" else _zig_clang(core)


def cortex_m7_compiler(kind: CrossCompiler | None = None) -> Compiler:
    """`compiler_for` the Cortex-M7."""
    return compiler_for(CORTEX_M7, kind)


def _gcc(core: Core) -> Compiler:
    command = _GCC[core.architecture]
    if shutil.which(command) is None:
        raise ToolchainError(f"{command} is not on PATH; --compiler clang uses the one from PyPI (ziglang)")
    library = ("--specs=picolibc.specs",) if core.architecture is Architecture.RISCV else ()
    compiler = Compiler(
        command=(command,),
        compile_flags=("-O3", *core.gcc, *library, *_SECTION_FLAGS),
        link_flags=(*core.gcc, *library, "-nostartfiles", "-Wl,--gc-sections"),
    )
    # Without specs GCC does not say where picolibc is; with them it fails where there is none.
    try:
        # A path only if the library is installed: the compiler and its C library are separate packages in places.
        found = bool(library) or Path(compiler.ask([*core.gcc, "-print-file-name=libc.a"])).is_absolute()
        compiler.ask([*core.gcc, *library, "--version"])
    except ToolchainError:
        found = False
    if not found:
        raise ToolchainError(f"{command} has no C library here: install {_LIBRARIES[core.architecture]}")
    return compiler


def _zig_clang(core: Core) -> Compiler:
    if util.find_spec("ziglang") is None:
        raise missing_package("ziglang")
    return Compiler(
        command=(sys.executable, "-m", "ziglang", "cc"),
        compile_flags=(
            *core.clang,
            "-O3",
            # zig lowers -O3 to -O2, keeps frame pointers, and treats memcpy as any function on a freestanding target.
            *("-Xclang", "-O3", "-fomit-frame-pointer", "-fhosted"),
            *("-fno-sanitize=all", "-fno-stack-protector", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables"),
            "-g0",
            *_SECTION_FLAGS,
        ),
        link_flags=(*core.clang, "-O3", "-nostartfiles", "-Wl,--gc-sections"),
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
