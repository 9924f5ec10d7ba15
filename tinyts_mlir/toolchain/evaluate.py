"""Build a compiled model, run it, compare it with the reference, and collect what was measured."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tinyts_mlir.cores import find_core
from tinyts_mlir.toolchain.build import build_for, build_host
from tinyts_mlir.toolchain.compilers import CrossCompiler
from tinyts_mlir.toolchain.inputs import NamedInput
from tinyts_mlir.toolchain.programs import EmulatedProgram, HostProgram
from tinyts_mlir.toolchain.reference import ReferenceModel
from tinyts_mlir.toolchain.reference_process import ReferenceCrash

Array = npt.NDArray[Any]
HOST = "host"
"""This machine, as a target; every other one is the name of an emulated core."""


class Emitted(Protocol):
    """A compiled model."""

    @property
    def name(self) -> str:
        """Prefix of its files and symbols."""
        ...

    @property
    def files(self) -> Mapping[str, str]:
        """The emitted project."""
        ...


@dataclass(frozen=True)
class Mismatch:
    """The first byte that differs from the reference."""

    input: str
    input_number: int
    output: int
    index: int
    expected: int | float
    got: int | float
    differing_bytes: int
    """In all outputs of all inputs."""

    def __str__(self) -> str:
        return (
            f"input {self.input_number} ({self.input}), output {self.output}, index {self.index}: "
            f"expected {self.expected}, got {self.got}; differing bytes in all outputs: {self.differing_bytes}"
        )


@dataclass(frozen=True)
class Crash:
    """An input that the reference has no outputs for."""

    input: str
    input_number: int
    reason: str

    def __str__(self) -> str:
        return f"input {self.input_number} ({self.input}): {self.reason}"


@dataclass(frozen=True)
class DeviceFigures:
    """What is measured on an emulated core; see `InferenceMeasurement` and `Sizes`."""

    instructions: int
    stack_bytes: int
    context_bytes: int
    text_bytes: int
    rodata_bytes: int
    data_bytes: int
    bss_bytes: int
    library_bytes: int


@dataclass(frozen=True)
class Evaluation:
    """The outcome of `evaluate`."""

    compiler: str
    arena_bytes: int
    state_bytes: int
    """What stays from one inference to the next, in the context, of which it is counted apart."""
    outputs: list[list[Array]]
    """For each inference the outputs, flat."""
    bit_exact: bool | None
    """None when nothing was compared."""
    crashes: tuple[Crash, ...]
    """Inputs on which the reference crashed: nothing is compared for them."""
    mismatch: Mismatch | None
    compared_bytes: int
    figures: DeviceFigures | None
    """None on the host, where they would say nothing about a microcontroller."""

    def as_json(self) -> dict[str, object]:
        """The figures under the names that users see."""
        figures: dict[str, object] = {field.name: None for field in fields(DeviceFigures)}
        if self.figures is not None:
            figures |= asdict(self.figures)
        sram = None if self.figures is None else self.sram_bytes(self.figures)
        return {
            "bit_exact": self.bit_exact,
            "mismatch": None if self.mismatch is None else asdict(self.mismatch),
            "reference_crashes": [asdict(crash) for crash in self.crashes],
            "compared_bytes": self.compared_bytes,
            "arena_bytes": self.arena_bytes,
            "state_bytes": self.state_bytes,
            "sram_bytes": sram,
            **figures,
        }

    def sram_bytes(self, figures: DeviceFigures) -> int:
        """All of the SRAM that an inference needs."""
        return self.arena_bytes + self.state_bytes + figures.context_bytes + figures.stack_bytes


def evaluate(
    model: Emitted,
    target: str,
    inputs: Sequence[NamedInput],
    reference: ReferenceModel | None = None,
    feed_rows: int | None = None,
    compiler: CrossCompiler | None = None,
) -> Evaluation:
    """Build and run the model on every input; on a core the first input is measured.

    ``target`` is HOST or the name of a core. The inputs are one sequence, which begins anew in the reference as in the
    program: state stays from one to the next. With ``feed_rows`` rows are fed that many at a time. Raises
    ReferenceCrash only where the reference crashes on every input, or on the first of a model with state.
    """
    inferences = [inference.arrays for inference in inputs]
    with tempfile.TemporaryDirectory(prefix="tinyts-run-") as directory:
        program: HostProgram | EmulatedProgram
        figures = None
        if target == HOST:
            program = build_host(model.files, model.name, Path(directory))
            outputs = program.run_all(inferences, feed_rows)
        else:
            program = build_for(find_core(target), model.files, model.name, Path(directory), compiler)
            outputs, figures = _measure(program, inferences, feed_rows)
    has_state = program.interface.state_bytes > 0
    expected, crashes = ([], []) if reference is None else _expected(reference, inputs, has_state)
    mismatch = _compare(inputs, expected, outputs)
    return Evaluation(
        compiler=program.compiler_version,
        arena_bytes=program.interface.arena_bytes,
        state_bytes=program.interface.state_bytes,
        outputs=outputs,
        bit_exact=None if reference is None else mismatch is None,
        mismatch=mismatch,
        crashes=tuple(crashes),
        compared_bytes=sum(array.nbytes for arrays in expected if arrays is not None for array in arrays),
        figures=figures,
    )


def _expected(
    reference: ReferenceModel, inputs: Sequence[NamedInput], has_state: bool
) -> tuple[list[Sequence[Array] | None], list[Crash]]:
    """The reference's outputs for each input, None where it crashed, and from there on where it has lost its state."""
    expected: list[Sequence[Array] | None] = []
    crashes: list[Crash] = []
    reference.reset()
    for number, inference in enumerate(inputs):
        if crashes and has_state:
            expected.append(None)
            crashes.append(Crash(inference.name, number, f"the state is lost since input {crashes[0].input_number}"))
            continue
        try:
            expected.append(reference.run(inference.arrays))
        except ReferenceCrash as crash:
            if has_state and number == 0:
                raise ReferenceCrash(f"{crash}; so it has no state to go on with, and nothing is compared") from None
            if len(crashes) == len(inputs) - 1:
                raise ReferenceCrash(f"{crash}; so it does on all of the {len(inputs)} inputs") from None
            expected.append(None)
            crashes.append(Crash(inference.name, number, str(crash)))
    return expected, crashes


def _measure(
    program: EmulatedProgram, inferences: Sequence[Sequence[Array]], feed_rows: int | None
) -> tuple[list[list[Array]], DeviceFigures]:
    measured = program.measure(inferences[0], feed_rows)
    sizes = program.sizes()
    figures = DeviceFigures(
        instructions=measured.instructions,
        stack_bytes=measured.stack_bytes,
        context_bytes=program.context_bytes - program.interface.state_bytes,
        text_bytes=sizes.text,
        rodata_bytes=sizes.rodata,
        data_bytes=sizes.data,
        bss_bytes=sizes.bss,
        library_bytes=sizes.library,
    )
    return [measured.outputs, *program.run_all(inferences[1:], feed_rows)], figures


def _compare(
    inputs: Sequence[NamedInput], expected: Sequence[Sequence[Array] | None], got: Sequence[Sequence[Array]]
) -> Mismatch | None:
    first: tuple[int, int, int, int | float, int | float] | None = None
    differing_bytes = 0
    for number, (expected_outputs, outputs) in enumerate(zip(expected, got, strict=False)):
        if expected_outputs is None:
            continue
        for output, (reference, array) in enumerate(zip(expected_outputs, outputs, strict=True)):
            flat = np.ascontiguousarray(reference).reshape(-1)
            differing = np.flatnonzero(flat.view(np.uint8) != array.view(np.uint8))
            differing_bytes += differing.size
            if differing.size and first is None:
                index = int(differing[0]) // flat.itemsize
                first = (number, output, index, flat[index].item(), array[index].item())
    if first is None:
        return None
    number, output, index, expected_value, value = first
    return Mismatch(inputs[number].name, number, output, index, expected_value, value, differing_bytes)
