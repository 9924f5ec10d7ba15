"""Where the instructions of an inference go, and the bytes of weights: by layer and by kernel.

What is counted, not estimated: the emulator watches the kernels' entries, and the schedule says which layer each of
their calls belongs to. A layer's instructions are those from its kernel's entry until it returns, with everything that
the kernel calls. The rest (dispatch, receiving rows, copying outputs) is the runtime's. Together they are exactly what
`EmulatedProgram.measure` counts.

**Weight bytes** are what an inference loads from the model's constants: weights, biases, multipliers, shifts, tables of
functions. Every load counts with its width, as often as it is executed: what a core without a data cache reads from
flash. The runtime's own tables (schedule, layers, offsets, kernels' parameters) are not among them.

**Lines missed** are simulated, where caches are given: what loads from flash (constants, tables, literals in the code)
and instructions miss in them, with empty caches when the inference begins. Constants are the most of it by far.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from xdsl.dialects.builtin import ModuleOp, NameLoc

from tinyts_mlir.analysis.macs import macs_of_module, macs_of_op
from tinyts_mlir.compiler import CompiledModel
from tinyts_mlir.dialects import tinyrt
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.rows import shape_of
from tinyts_mlir.dialects.tinyts import ConvolutionOp
from tinyts_mlir.dialects.tinyts_base import TinytsOp
from tinyts_mlir.lowering.c_program import CProgram, program_of
from tinyts_mlir.lowering.lower_to_runtime import layer_name
from tinyts_mlir.memories import Caches
from tinyts_mlir.toolchain.counting import Block
from tinyts_mlir.toolchain.emulator import WatchedCall
from tinyts_mlir.toolchain.errors import ToolchainError
from tinyts_mlir.toolchain.programs import Array, EmulatedProgram

RUNTIME = "runtime"
"""What runs outside of kernels."""


@dataclass(frozen=True)
class Work:
    """Sums over some of an inference's steps."""

    steps: int
    macs: int
    instructions: int
    weight_bytes: int
    data_misses: int = 0
    """Lines; 0 where no cache was simulated."""
    code_misses: int = 0

    @property
    def instructions_per_mac(self) -> float | None:
        """None where nothing is multiplied."""
        return round(self.instructions / self.macs, 3) if self.macs else None

    @staticmethod
    def total(parts: Iterable[Work]) -> Work:
        """The sum."""
        parts = list(parts)
        return Work(
            sum(part.steps for part in parts),
            sum(part.macs for part in parts),
            sum(part.instructions for part in parts),
            sum(part.weight_bytes for part in parts),
            sum(part.data_misses for part in parts),
            sum(part.code_misses for part in parts),
        )


@dataclass(frozen=True)
class LayerWork:
    """What one layer of the program does in an inference."""

    number: int
    name: str
    """The model file's name of what it makes."""
    kernel: str
    """Without `tinyts_`."""
    shape: str
    """Filter, stride and feature maps, for people."""
    has_scratch: bool
    work: Work
    executions: Mapping[Block, int]
    """How often each block of code ran."""


@dataclass(frozen=True)
class Profile:
    """One inference, measured."""

    outputs: list[Array]
    macs: int
    instructions: int
    stack_bytes: int
    layers: tuple[LayerWork, ...]
    """Those with a kernel, in the program's order."""
    executions: Mapping[Block, int]
    """How often each block of code ran, in layers or outside."""
    data_misses: int = 0
    """Lines that loads missed, in layers or outside; 0 where no cache was simulated."""
    code_misses: int = 0
    """Lines that instructions missed."""

    @property
    def runtime_instructions(self) -> int:
        """What no kernel executed."""
        return self.instructions - sum(layer.work.instructions for layer in self.layers)

    @property
    def weight_bytes(self) -> int:
        """Bytes loaded from the model's constants."""
        return sum(layer.work.weight_bytes for layer in self.layers)

    def kernels(self) -> dict[str, Work]:
        """The work of each kernel, and of the runtime; the most instructions first."""
        parts: defaultdict[str, list[Work]] = defaultdict(list)
        for layer in self.layers:
            parts[layer.kernel].append(layer.work)
        sums = {kernel: Work.total(works) for kernel, works in parts.items()}
        in_layers = Work.total(layer.work for layer in self.layers)
        rest = self.data_misses - in_layers.data_misses, self.code_misses - in_layers.code_misses
        sums[RUNTIME] = Work(0, 0, self.runtime_instructions, 0, *rest)
        return dict(sorted(sums.items(), key=lambda item: (-item[1].instructions, item[0])))


def profile(
    program: EmulatedProgram,
    compiled: CompiledModel,
    source: ModuleOp,
    inputs: Sequence[Array],
    caches: Caches | None = None,
) -> Profile:
    """Run one inference and measure its layers, and once more to count what is read, and misses ``caches``.

    A hook on reads can disturb what Unicorn computes (seen with one of thirty programs), but not which loads are
    executed, as no kernel's flow depends on data: everything but what is read and missed is of the run without it.

    ``source`` is the module as imported, which tells shapes and multiplications. Raises ToolchainError where the
    kernels that ran are not those of the schedule.
    """
    lowered = program_of(compiled.module)
    layers = lowered.layers()
    kernels = program.kernel_addresses(len(layers))
    constants = [constant.name for constant in CProgram(lowered, compiled.name).constants.all()]
    measured = program.measure(inputs, kernels={*kernels} - {0})
    reading = program.measure(inputs, kernels={*kernels} - {0}, constants=constants, caches=caches)
    steps = [number for number in lowered.steps() if kernels[number]]
    for run in (measured, reading):
        if [call.function for call in run.kernel_calls] != [kernels[number] for number in steps]:
            raise ToolchainError(f"{compiled.name}: the kernels that ran are not those of the schedule")
    calls: defaultdict[int, list[WatchedCall]] = defaultdict(list)
    for number, call, read in zip(steps, measured.kernel_calls, reading.kernel_calls, strict=True):
        of_reads = {name: getattr(read, name) for name in ("bytes_read", "data_misses", "code_misses")}
        calls[number].append(replace(call, **of_reads))
    origins = _Origins(source)
    works = tuple(
        _layer_work(number, layer, calls[number], origins)
        for number, layer in enumerate(layers)
        if isinstance(layer, tinyrt.LayerOp)
    )
    return Profile(
        measured.outputs,
        macs_of_module(source),
        measured.instructions,
        measured.stack_bytes,
        works,
        measured.executions,
        reading.data_misses,
        reading.code_misses,
    )


def _layer_work(number: int, layer: tinyrt.LayerOp, calls: Sequence[WatchedCall], origins: _Origins) -> LayerWork:
    op = origins.of(layer)
    executions: Counter[Block] = Counter()
    for call in calls:
        executions.update(call.executions)
    return LayerWork(
        number,
        layer_name(layer),
        layer.kernel.data,
        _shape(op, layer),
        layer.scratch is not None,
        Work(
            len(calls),
            origins.take_macs(layer),
            sum(call.instructions for call in calls),
            sum(call.bytes_read for call in calls),
            sum(call.data_misses for call in calls),
            sum(call.code_misses for call in calls),
        ),
        executions,
    )


class _Origins:
    """The ops of the imported model that layers are made of, found by their names in the model file."""

    def __init__(self, source: ModuleOp) -> None:
        self.by_name: defaultdict[str, list[TinytsOp]] = defaultdict(list)
        for op in source.walk():
            if isinstance(op, TinytsOp) and op.operands and isinstance(op.location, NameLoc):
                self.by_name[layer_name(op)].append(op)
        self.taken: Counter[str] = Counter()

    def of(self, layer: tinyrt.LayerOp) -> TinytsOp | None:
        """The op behind a layer. Of several of one name each is that of one layer with weights, in their order."""
        ops = self.by_name[layer_name(layer)]
        return ops[min(self.taken[layer_name(layer)], len(ops) - 1)] if ops else None

    def take_macs(self, layer: tinyrt.LayerOp) -> int:
        """The multiplications of the op behind a layer, once: for the layer that has the weights."""
        op = self.of(layer)
        taken = self.taken[layer_name(layer)]
        if op is None or taken == len(self.by_name[layer_name(layer)]) or not _has_weights(layer):
            return 0
        self.taken[layer_name(layer)] += 1
        return macs_of_op(op)


def _has_weights(layer: tinyrt.LayerOp) -> bool:
    return any("weights" in name for name in layer.parameters.data)


def _shape(op: TinytsOp | None, layer: tinyrt.LayerOp) -> str:
    """`3x3/2 48x48x16 -> 24x24x16`; bytes of rows where no op of the model is behind the layer."""
    if op is None:
        tensor = cast(tinyrt.TensorOp, layer.outputs[0].owner)
        return f"-> {tensor.rows.value.data} rows of {tensor.row_bytes.value.data}"
    maps = f"{_extent(shape_of(op.operands[0]))} -> {_extent(shape_of(op.results[0]))}"
    window = op.filter_size if isinstance(op, ConvolutionOp) else _pair(op, "window")
    stride = _pair(op, "stride")
    if window is None:
        return maps
    return f"{'x'.join(map(str, window))}{f'/{max(stride)}' if stride and max(stride) > 1 else ''} {maps}"


def _pair(op: TinytsOp, name: str) -> tuple[int, ...] | None:
    attribute = op.properties.get(name)
    return None if attribute is None else tuple(int_values(attribute))  # type: ignore[arg-type]


def _extent(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape[1:] if len(shape) > 1 else shape))
