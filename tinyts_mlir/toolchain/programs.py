"""Built models that can be run: on this machine, or on an emulated core."""

from __future__ import annotations

import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt

from tinyts_mlir.cores import CORTEX_M7, Core
from tinyts_mlir.memories import Caches
from tinyts_mlir.toolchain.counting import AddressRange, Block
from tinyts_mlir.toolchain.elf import Symbol
from tinyts_mlir.toolchain.emulator import Emulator, WatchedCall
from tinyts_mlir.toolchain.errors import ProgramError
from tinyts_mlir.toolchain.model_interface import ARENA_GUARD_BYTES, ModelInterface
from tinyts_mlir.toolchain.qemu import QemuEmulator

Array = npt.NDArray[Any]

_GUARD_VALUE = b"\xa5"
_NOISE_VALUE = b"\x5a"
_LARGEST_ALIGNMENT = 8


class Program(Protocol):
    """A built model."""

    @property
    def interface(self) -> ModelInterface:
        """Name and sizes of the model."""
        ...

    def run(self, inputs: Sequence[Array], feed_rows: int | None = None) -> list[Array]:
        """Run one inference; return its outputs, flat. With ``feed_rows`` the rows are fed that many at a time."""
        ...

    def run_all(self, inferences: Sequence[Sequence[Array]], feed_rows: int | None = None) -> list[list[Array]]:
        """Run several inferences one after the other in the same context."""
        ...


@dataclass(frozen=True)
class HostProgram:
    """The model as a program of this machine. Its arena, context and outputs are guarded against stray writes."""

    interface: ModelInterface
    executable: Path
    compiler_version: str
    timeout_seconds: float = 600

    def run(self, inputs: Sequence[Array], feed_rows: int | None = None) -> list[Array]:
        """Run one inference."""
        return self.run_all([inputs], feed_rows)[0]

    def run_all(self, inferences: Sequence[Sequence[Array]], feed_rows: int | None = None) -> list[list[Array]]:
        """Run several inferences in one process."""
        if feed_rows is not None:
            self.interface.check_feed(feed_rows)
        content = b"".join(part for inputs in inferences for part in self.interface.check_inputs(inputs))
        with tempfile.TemporaryDirectory(prefix="tinyts-") as directory:
            input_file, output_file = Path(directory, "inputs"), Path(directory, "outputs")
            input_file.write_bytes(content)
            arguments = [str(self.executable), str(input_file), str(output_file)]
            self._execute(arguments if feed_rows is None else [*arguments, str(feed_rows)])
            result = output_file.read_bytes()
        sizes = self.interface.output_bytes
        expected = sum(sizes) * len(inferences)
        if len(result) != expected:
            raise ProgramError(f"{self.interface.name}: expected {expected} output bytes, got {len(result)}")
        return [self.interface.outputs_of(result[i * sum(sizes) :]) for i in range(len(inferences))]

    def _execute(self, arguments: Sequence[str]) -> None:
        name = f"{self.interface.name} on this machine"
        try:
            result = subprocess.run(
                arguments, capture_output=True, text=True, errors="replace", timeout=self.timeout_seconds, check=False
            )
        except subprocess.TimeoutExpired:
            raise ProgramError(f"{name}: not finished after {self.timeout_seconds:g} seconds") from None
        except OSError as error:
            raise ProgramError(f"{name}: cannot start: {error.strerror}") from None
        if result.returncode < 0:
            raise ProgramError(f"{name}: killed by {signal.Signals(-result.returncode).name}")
        if result.returncode > 0:
            message = "\n".join(result.stderr.strip().splitlines()[:12])
            raise ProgramError(f"{name}: {message or f'exit status {result.returncode}'}")


@dataclass(frozen=True)
class InferenceMeasurement:
    """One inference on an emulated core.

    Instructions and stack are those of NAME_invoke alone (when fed: of all calls of NAME_feed, and of the deepest).
    """

    outputs: list[Array]
    instructions: int
    stack_bytes: int
    kernel_calls: tuple[WatchedCall, ...]
    """Calls of the kernels that were asked for, in their order."""
    executions: Mapping[Block, int]
    """How often each block ran."""
    data_misses: int
    """Lines that loads missed in a cache; 0 without."""
    code_misses: int
    """Lines that instructions missed."""


@dataclass(frozen=True)
class Sizes:
    """What the linked model and runtime occupy, without the port, the libraries, the arena and the context.

    Taken from the sections of the linked program, after unused functions were removed: port.ld gives the port's and
    the libraries' parts sections of their own. Every public function of the model is kept, used or not, so that the
    sizes do not depend on who calls.
    """

    text: int
    rodata: int
    data: int
    """Initialised variables; the emitted C has none, so anything but 0 is a defect."""
    bss: int
    """Other variables; likewise."""
    library: int
    """Code and constants out of the compiler's libraries, such as memcpy."""


class EmulatedProgram:
    """The model as a program of an emulated core."""

    def __init__(self, interface: ModelInterface, executable: Path, compiler_version: str, core: Core = CORTEX_M7):
        self.interface = interface
        self.executable = executable
        self.compiler_version = compiler_version
        self.core = core
        self._emulator = Emulator(executable, core) if core.machine is None else QemuEmulator(executable, core)
        address = self._emulator.address
        self._context = address("port_context")
        self._arena = address("port_arena") + ARENA_GUARD_BYTES
        self._inputs = [address(f"port_input{i}") for i in range(len(interface.input_bytes))]
        self._outputs = [address(f"port_output{i}") for i in range(len(interface.output_bytes))]
        self._initialise()

    @property
    def context_bytes(self) -> int:
        """``sizeof(NAME_context)``."""
        return self._emulator.image.symbol("port_context").size

    def sizes(self) -> Sizes:
        """Sizes of the linked model and runtime."""
        sections = self._emulator.image.section_bytes
        names = {"text": ".text", "rodata": ".rodata", "data": ".data", "bss": ".bss", "library": ".library.text"}
        return Sizes(**{field: sections.get(section, 0) for field, section in names.items()})

    def run(self, inputs: Sequence[Array], feed_rows: int | None = None) -> list[Array]:
        """Run one inference, without counting."""
        for function, arguments in self._prepare(inputs, feed_rows):
            self._require_ok(function, self._emulator.call(function, *arguments))
        return self._finish(feed_rows)

    def run_all(self, inferences: Sequence[Sequence[Array]], feed_rows: int | None = None) -> list[list[Array]]:
        """Run several inferences in the same context, without counting."""
        return [self.run(inputs, feed_rows) for inputs in inferences]

    def reset(self) -> None:
        """Have the state as it is in the beginning."""
        function = f"{self.interface.name}_reset"
        self._require_ok(function, self._emulator.call(function, self._context))

    def measure(
        self,
        inputs: Sequence[Array],
        feed_rows: int | None = None,
        kernels: Collection[int] = (),
        constants: Sequence[str] = (),
        caches: Caches | None = None,
    ) -> InferenceMeasurement:
        """Run one inference and measure it; tens of times slower than `run`.

        Calls of the functions at the addresses ``kernels`` are also measured one by one, with the bytes that they load
        from the variables ``constants``. With ``caches``, which are empty at the start of each call of the model, lines
        that miss in them are counted.
        """
        instructions = stack_bytes = data_misses = code_misses = 0
        calls: list[WatchedCall] = []
        executions: Counter[Block] = Counter()
        ranges = _joined(self._emulator.image.symbol(name) for name in constants)
        for function, arguments in self._prepare(inputs, feed_rows):
            measured = self._emulator.measure(function, *arguments, watched=kernels, read_ranges=ranges, caches=caches)
            self._require_ok(function, measured.result)
            instructions += measured.instructions
            stack_bytes = max(stack_bytes, measured.stack_bytes)
            data_misses += measured.data_misses
            code_misses += measured.code_misses
            calls += measured.watched
            executions.update(measured.executions)
        return InferenceMeasurement(
            self._finish(feed_rows), instructions, stack_bytes, tuple(calls), executions, data_misses, code_misses
        )

    def kernel_addresses(self, layer_count: int) -> list[int]:
        """The address of each layer's kernel, 0 for a layer that receives rows, read from the table of layers."""
        table = self._emulator.image.symbol(f"{self.interface.name}_layers")
        size, rest = divmod(table.size, layer_count)
        if rest:
            raise ProgramError(f"{self.interface.name}: a table of {table.size} bytes cannot hold {layer_count} layers")
        content = self._emulator.read(table.address, table.size)
        # `kernel` is the first member of tinyts_layer; the lowest bit of its address says Thumb.
        return [int.from_bytes(content[i : i + 4], "little") & ~1 for i in range(0, len(content), size)]

    def _initialise(self) -> None:
        size = self.interface.arena_bytes
        guard = _GUARD_VALUE * ARENA_GUARD_BYTES
        self._emulator.write(self._arena - ARENA_GUARD_BYTES, guard + _NOISE_VALUE * size + guard)
        self._emulator.write(self._context, _NOISE_VALUE * self.context_bytes)
        function = f"{self.interface.name}_init"
        self._require_ok(function, self._emulator.call(function, self._context, self._arena, size))

    def _prepare(self, inputs: Sequence[Array], feed_rows: int | None) -> list[tuple[str, tuple[int, ...]]]:
        """Put the inputs into their places; return the calls that make the inference."""
        contents = self.interface.check_inputs(inputs)
        name = self.interface.name
        for address, content in zip(self._inputs, contents, strict=True):
            self._emulator.write(address, content)
        if feed_rows is None:
            return [(f"{name}_invoke", (self._context, *self._inputs, *self._outputs))]
        self.interface.check_feed(feed_rows)
        row_bytes = self.interface.row_bytes
        row_count = len(contents[0]) // row_bytes
        return [
            (f"{name}_feed", (self._context, self._inputs[0] + row * row_bytes, min(feed_rows, row_count - row)))
            for row in range(0, row_count, feed_rows)
        ]

    def _finish(self, feed_rows: int | None) -> list[Array]:
        read = self._emulator.read
        guards = read(self._arena - ARENA_GUARD_BYTES, ARENA_GUARD_BYTES)
        guards += read(self._arena + self.interface.arena_bytes, ARENA_GUARD_BYTES)
        if guards != _GUARD_VALUE * len(guards):
            raise ProgramError(
                f"{self.interface.name} on the emulated {self.core.title}: the model wrote outside the arena"
            )
        sizes = self.interface.output_bytes
        addresses = self._outputs
        if feed_rows is not None:
            functions = self.interface.output_functions
            addresses = [self._emulator.call(function, self._context) for function in functions]
            if 0 in addresses:
                raise ProgramError(f"{functions[addresses.index(0)]} is NULL after the last row was fed")
        content = b"".join(read(address, size) for address, size in zip(addresses, sizes, strict=True))
        return self.interface.outputs_of(content)

    def _require_ok(self, function: str, status: int) -> None:
        if status != 0:
            raise ProgramError(f"{function} returned status {status} on the emulated {self.core.title}")


def _joined(symbols: Iterable[Symbol]) -> list[AddressRange]:
    """The bytes of the symbols, as few ranges as it takes; the padding between two variables belongs to the first."""
    ranges: list[AddressRange] = []
    for symbol in sorted(symbols, key=lambda symbol: symbol.address):
        end = symbol.address + symbol.size
        if ranges and symbol.address - ranges[-1][1] < _LARGEST_ALIGNMENT:
            ranges[-1] = (ranges[-1][0], max(end, ranges[-1][1]))
        else:
            ranges.append((symbol.address, end))
    return ranges
