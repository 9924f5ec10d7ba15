"""Turns the files of an emitted project into a program that can be run and measured.

Whatever is written goes below the directory that the caller names: ``project/`` holds the files as emitted, ``build/``
the objects, the generated connection to the port (`ModelInterface`) and the program.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tinyts_mlir.cores import CORTEX_M7, EMULATED_CORES, Core
from tinyts_mlir.toolchain.compilers import (
    WARNING_FLAGS,
    Compiler,
    CrossCompiler,
    compiler_for,
    host_compiler,
)
from tinyts_mlir.toolchain.errors import ToolchainError
from tinyts_mlir.toolchain.model_interface import ModelInterface
from tinyts_mlir.toolchain.programs import EmulatedProgram, HostProgram

Files = Mapping[str, str | bytes]


def build_host(files: Files, name: str, directory: Path, flags: Sequence[str] = ()) -> HostProgram:
    """Build the model with this machine's compiler; ``flags`` (say, sanitizers) go to compiler and linker."""
    compiler = host_compiler()
    project = _Project.write(files, name, directory)
    port = _ports() / "host"
    objects = project.compile(
        compiler,
        [port / "main.c", project.generate("port_model.c", project.interface.host_source())],
        [port.parent],
        flags,
    )
    executable = project.build_directory / name
    compiler.link(objects, executable, flags)
    return HostProgram(project.interface, executable, compiler.version())


def build_for(
    core: Core,
    files: Files,
    name: str,
    directory: Path,
    compiler: CrossCompiler | Compiler | None = None,
    flags: Sequence[str] = (),
) -> EmulatedProgram:
    """Build the model for an emulated core, with gcc where it is installed unless ``compiler`` says which."""
    if not core.can_run:
        runs = ", ".join(one.name for one in EMULATED_CORES)
        raise ToolchainError(f"--target {core.name}: nothing here runs code of the {core.title}; it can run for {runs}")
    if not isinstance(compiler, Compiler):
        compiler = compiler_for(core, compiler)
    project = _Project.write(files, name, directory)
    port = _ports() / "cortex-m7-emulator"
    objects = project.compile(
        compiler,
        [port / "startup.c", project.generate("port_buffers.c", project.interface.device_source())],
        [] if compiler.has_libc else [port / "freestanding"],
        flags,
    )
    executable = project.build_directory / f"{name}.elf"
    kept = [f"-Wl,-u,{function}" for function in project.interface.functions()]
    script = project.generate("port.ld", linker_script(core))
    compiler.link(objects, executable, ["-T", str(script.resolve()), *kept, *flags])
    return EmulatedProgram(project.interface, executable, compiler.version(), core)


def linker_script(core: Core) -> str:
    """The linker script for a core in its emulator: its memories, then where everything goes."""
    memories = "port.ld" if core.machine is None else f"{core.machine}.ld"
    port = _ports() / "cortex-m7-emulator"
    # One text: not every linker finds what a script includes.
    return (port / memories).read_text() + (port / "port_sections.ld").read_text()


def build_cortex_m7(
    files: Files,
    name: str,
    directory: Path,
    compiler: CrossCompiler | Compiler | None = None,
    flags: Sequence[str] = (),
) -> EmulatedProgram:
    """`build_for` the Cortex-M7."""
    return build_for(CORTEX_M7, files, name, directory, compiler, flags)


@dataclass(frozen=True)
class _Project:
    """An emitted project on disk."""

    interface: ModelInterface
    directory: Path
    build_directory: Path
    sources: tuple[Path, ...]

    @classmethod
    def write(cls, files: Files, name: str, directory: Path) -> _Project:
        header = files.get(f"{name}.h")
        if header is None:
            raise ToolchainError(f"the project of {name} has no {name}.h")
        interface = ModelInterface.from_header(name, header if isinstance(header, str) else header.decode())
        project, build = directory / "project", directory / "build"
        try:
            build.mkdir(parents=True, exist_ok=True)
            for file, content in files.items():
                path = project / _inside(file)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.encode() if isinstance(content, str) else content)
        except OSError as error:
            raise ToolchainError(f"cannot write the project to {directory}: {error.strerror}") from None
        sources = tuple(project / file for file in sorted(files) if file.endswith(".c"))
        return cls(interface, project, build, sources)

    def generate(self, file: str, content: str) -> Path:
        path = self.build_directory / file
        path.write_text(content)
        return path

    def compile(
        self, compiler: Compiler, port_sources: Iterable[Path], include: Iterable[Path], flags: Sequence[str]
    ) -> list[Path]:
        objects: dict[Path, Path] = {}
        for source in self.sources:
            file = source.relative_to(self.directory).with_suffix(".o").as_posix().replace("/", "_")
            objects[source] = self.build_directory / f"model_{file}"
        for source in port_sources:
            objects[source] = self.build_directory / f"port_{source.stem}.o"
        compiler.compile(objects, [self.directory, *include], [*WARNING_FLAGS, *flags])
        return list(objects.values())


def _inside(file: str) -> PurePosixPath:
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts:
        raise ToolchainError(f"a project's file must lie inside it, got {file}")
    return path


def _ports() -> Path:
    """Return runtime/ports: packaged as data in a wheel, beside the package in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for runtime in (package / "_runtime", package.parent / "runtime"):
        if (runtime / "ports").is_dir():
            return runtime / "ports"
    raise ToolchainError("the runtime's ports are missing: tinyts-mlir is not completely installed")
