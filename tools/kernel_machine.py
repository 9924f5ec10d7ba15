"""Where kernels are tested and measured: a machine has memory, and functions that can be called with addresses.

Callers know nothing else of it: this host and emulated cores run the same cases.
"""

from __future__ import annotations

import ctypes
import shutil
import struct
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinyts_mlir.cores import CORTEX_M7, Core, find_core
from tinyts_mlir.toolchain.build import linker_script
from tinyts_mlir.toolchain.compilers import WARNING_FLAGS, CrossCompiler, compiler_for
from tinyts_mlir.toolchain.emulator import Emulator
from tinyts_mlir.toolchain.qemu import QemuEmulator

RUNTIME = Path(__file__).resolve().parents[1] / "runtime"
WARNINGS = [*WARNING_FLAGS, "-Wsign-conversion", "-Wshadow"]
GUARD_BYTES = 8
WORD_ALIGNMENT = 4
"""Of scratch and of int32 state."""


class Machine(ABC):
    """Memory to put data in, and kernels to call."""

    pointer_bytes: int

    @abstractmethod
    def allocate(self, data: bytes, misalignment: int = 0) -> int:
        """Copies the data to an address that is `misalignment` more than a multiple of 16."""

    def allocate_at_end(self, data: bytes, begins: bool) -> int | None:
        """Copies the data to where memory begins, or else ends: to touch a byte beyond is an error.

        None where the machine has no such place left.
        """
        return None

    @abstractmethod
    def read(self, address: int, size: int) -> bytes: ...

    @abstractmethod
    def call(self, function: str, *arguments: int) -> None:
        """Calls a function that takes a kernel's arguments: four words in registers, the fifth where the ABI has it."""

    @abstractmethod
    def free_all(self) -> None: ...


def compile_library(sources: Sequence[Path], library: Path) -> ctypes.CDLL:
    """A shared library made with the host's C compiler, with the undefined-behaviour sanitizer where there is one."""
    compiler = shutil.which("cc")
    assert compiler is not None, "these tests need a C compiler called cc"
    command = [compiler, *WARNINGS, "-O2", "-shared", "-fPIC", "-I", str(RUNTIME / "include")]
    command += [*map(str, sources), "-o", str(library)]
    sanitizer = ["-fsanitize=undefined", "-fno-sanitize-recover=all"]
    if subprocess.run([*command, *sanitizer], capture_output=True, check=False).returncode != 0:
        subprocess.run(command, check=True)
    return ctypes.CDLL(str(library))


class HostMachine(Machine):
    """The kernels as a shared library in this process."""

    pointer_bytes = ctypes.sizeof(ctypes.c_void_p)

    def __init__(self, directory: Path) -> None:
        self.library = compile_library(sorted((RUNTIME / "src").glob("*.c")), directory / "libtinyts.so")
        self.buffers: list[ctypes.Array[ctypes.c_char]] = []

    def allocate(self, data: bytes, misalignment: int = 0) -> int:
        buffer = ctypes.create_string_buffer(len(data) + 31)
        self.buffers.append(buffer)
        address = -(-ctypes.addressof(buffer) // 16) * 16 + misalignment
        ctypes.memmove(address, data, len(data))
        return address

    def read(self, address: int, size: int) -> bytes:
        return ctypes.string_at(address, size)

    def call(self, function: str, *arguments: int) -> None:
        pointer = ctypes.c_void_p
        symbol = getattr(self.library, function)
        symbol.argtypes = [pointer, pointer, pointer, ctypes.c_int32, pointer]
        symbol.restype = None
        symbol(*arguments)

    def free_all(self) -> None:
        self.buffers.clear()


class EmulatedMachine(Machine):
    """The kernels on an emulated core."""

    pointer_bytes = 4
    first_free = 0x20400000  # far above the port's own data
    islands: Sequence[tuple[int, int]] = [(0x40000000 + number * 0x10000, 0x5000) for number in range(128)]

    def __init__(self, directory: Path, kind: CrossCompiler, core: Core = CORTEX_M7) -> None:
        self.core = core
        compiler = compiler_for(core, kind)
        port = RUNTIME / "ports" / "cortex-m7-emulator"
        sources = [*sorted((RUNTIME / "src").glob("*.c")), port / "startup.c"]
        objects = {source: directory / f"{source.stem}.o" for source in sources}
        include = [RUNTIME / "include", *([] if compiler.has_libc else [port / "freestanding"])]
        compiler.compile(objects, include, WARNINGS)
        kernels = [f"-Wl,-u,{source.stem}" for source in sources if source.stem not in ("tinyts_runtime", "startup")]
        script = directory / "port.ld"
        script.write_text(linker_script(self.core))
        compiler.link(list(objects.values()), directory / "kernels.elf", ["-T", str(script), *kernels])
        self.emulator = self.start(directory / "kernels.elf")
        self.free = self.first_free
        self.free_island = 0

    def start(self, program: Path) -> Emulator | QemuEmulator:
        emulator = Emulator(program, self.core)
        for address, size in self.islands:
            emulator.map_memory(address, size)
        return emulator

    def allocate(self, data: bytes, misalignment: int = 0) -> int:
        address = -(-self.free // 16) * 16 + misalignment
        self.emulator.write(address, data)
        self.free = address + len(data)
        return address

    def allocate_at_end(self, data: bytes, begins: bool) -> int | None:
        if self.free_island == len(self.islands) or len(data) > self.islands[self.free_island][1]:
            return None
        address, size = self.islands[self.free_island]
        address += 0 if begins else size - len(data)
        self.free_island += 1
        self.emulator.write(address, data)
        return address

    def read(self, address: int, size: int) -> bytes:
        return self.emulator.read(address, size)

    def call(self, function: str, *arguments: int) -> None:
        self.emulator.call(function, *arguments)

    def free_all(self) -> None:
        self.free = self.first_free
        self.free_island = 0


class CortexM55Machine(EmulatedMachine):
    """The kernels in QEMU's Cortex-M55. Its islands are memories of the board, with nothing on either side."""

    first_free = 0x60400000
    islands = ((0x20000000, 512 << 10), (0x21000000, 4 << 20), (0x01000000, 2 << 20))

    def __init__(self, directory: Path, kind: CrossCompiler) -> None:
        super().__init__(directory, kind, find_core("cortex-m55"))

    def start(self, program: Path) -> Emulator | QemuEmulator:
        return QemuEmulator(program, self.core)


def pack(layout: str, values: Mapping[str, object], machine: Machine) -> bytes:
    """A C struct. `layout` is "name:code ..." with the codes of the struct module, 2i for an array, and P for pointers:
    their values are numpy arrays, which are placed in the machine's memory (the element type is the array's), or NULL
    where they have no value.
    """
    packed = bytearray()
    alignments = [1]
    for field in layout.split():
        name, code = field.split(":")
        value = values.get(name) if code == "P" else values[name]
        if code == "P":
            code = "Q" if machine.pointer_bytes == 8 else "I"
            value = _place_array(value, machine)
        alignment = struct.calcsize("=" + code[-1])
        alignments.append(alignment)
        packed += bytes(-len(packed) % alignment)
        packed += struct.pack("=" + code, *(value if isinstance(value, tuple) else (value,)))
    return bytes(packed + bytes(-len(packed) % max(alignments)))


def _place_array(value: object, machine: Machine) -> int:
    if value is None:
        return 0
    assert isinstance(value, np.ndarray)
    data = value.tobytes()
    return machine.allocate_at_end(data, begins=False) or machine.allocate(data, 0 if value.itemsize > 1 else 1)


@dataclass(frozen=True)
class _Placed:
    """Data in a machine's memory, between guard bytes unless memory ends there."""

    address: int
    data: bytes
    guards: tuple[bytes, bytes] = (b"", b"")


def run_kernel(
    machine: Machine,
    kernel: str,
    parameters: tuple[str, Mapping[str, object]],
    input_rows: Sequence[bytes | None],
    output_rows: Sequence[int | bytes],
    row_count: int,
    scratch_bytes: int = 0,
    input_alignment: int = 1,
    output_alignment: int = 1,
) -> list[bytes]:
    """Calls the kernel once, with every row in a place of its own between guard bytes; returns the output rows.

    Where the machine can tell that a kernel reads beyond an end of memory, every other row lies at such an end, and so
    do the arrays among the parameters.

    An output row is given as its size, or as the state that it holds before the call. The scratch and other output rows
    are full of noise; without bytes of scratch the kernel gets none.
    """
    generator = np.random.default_rng(len(input_rows) + row_count)

    def place(data: bytes, alignment: int = 1) -> _Placed:
        end = int(generator.integers(4))
        if end < 2 and (address := machine.allocate_at_end(data, begins=end == 0)) is not None:
            return _Placed(address, data)
        guards = generator.bytes(GUARD_BYTES), generator.bytes(GUARD_BYTES)
        misalignment = int(generator.integers(16)) // alignment * alignment
        address = machine.allocate(guards[0] + data + guards[1], misalignment) + GUARD_BYTES
        return _Placed(address, data, guards)

    def pointers(placed: Sequence[_Placed | None]) -> int:
        code = "Q" if machine.pointer_bytes == 8 else "I"
        addresses = [0 if row is None else row.address for row in placed]
        return machine.allocate(struct.pack(f"={len(addresses)}{code}", *addresses))

    inputs = [None if row is None else place(row, input_alignment) for row in input_rows]
    outputs = [
        place(row, WORD_ALIGNMENT) if isinstance(row, bytes) else place(generator.bytes(row), output_alignment)
        for row in output_rows
    ]
    scratch = place(generator.bytes(scratch_bytes), WORD_ALIGNMENT) if scratch_bytes else None
    block = machine.allocate(pack(*parameters, machine))
    machine.call(kernel, block, pointers(inputs), pointers(outputs), row_count, scratch.address if scratch else 0)

    for row in inputs:
        assert row is None or machine.read(row.address, len(row.data)) == row.data, "an input row has changed"
    for written in [*outputs, *([scratch] if scratch else [])]:
        before, behind = written.guards
        front = machine.read(written.address - len(before), len(before))
        assert front == before, "bytes in front of a row or the scratch have changed"
        back = machine.read(written.address + len(written.data), len(behind))
        assert back == behind, "bytes behind a row or the scratch have changed"
    results = [machine.read(row.address, len(row.data)) for row in outputs]
    machine.free_all()
    return results
