"""The C kernels of int16 against numpy, on this host and on the emulated Cortex-M7, at ends of memory.

The layers are those of the networks of `test/e2e/int16_grids.py`, compiled; each makes all its rows in one call, of
random rows.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

from int16_grids import GRIDS
from kernel_machine import Machine, run_kernel
from network_builder import NetworkBuilder
from xdsl.ir import SSAValue

from tinyts_mlir.compiler import compile_module
from tinyts_mlir.dialects import tinyrt
from tinyts_mlir.dialects.row_geometry import RowMap
from tinyts_mlir.dialects.rows import RowRange
from tinyts_mlir.kernels import catalogue
from tinyts_mlir.kernels.c_sources import int16_sources
from tinyts_mlir.kernels.numpy_rows import Window
from tinyts_mlir.kernels.parameter_structs import find_struct
from tinyts_mlir.kernels.parameters import Parameter, parameter_value
from tinyts_mlir.kernels.registry import find_kernel
from tinyts_mlir.lowering.c_program import program_of

CODES = {"int8_t": "b", "uint8_t": "B", "int16_t": "h", "uint16_t": "H", "int32_t": "i", "uint32_t": "I"}
STEP = 3
"""Every so manyth network of a grid: kernels run in an emulator, too."""
LARGEST_SUM = 1 << 24


def layers(name: str) -> Iterator[tinyrt.LayerOp]:
    """The layers on int16 of a grid's networks."""
    for number, make in enumerate(list(GRIDS[name]())[::STEP]):
        builder = NetworkBuilder(number)
        outputs = make(builder)
        module = builder.module([outputs] if isinstance(outputs, SSAValue) else outputs)
        for layer in program_of(compile_module(module, ("--split-tensors=rows=2",), "net").module).layers():
            if isinstance(layer, tinyrt.LayerOp):
                kernel = find_kernel(layer.kernel.data)
                if kernel is not None and kernel.sources is int16_sources():
                    yield layer


def layout_of(struct: str) -> str:
    """A struct of the header as `kernel_machine.pack` takes it."""
    found = find_struct(struct, int16_sources())
    assert found is not None
    codes = ("P" if field.is_pointer else f"{field.length or ''}{CODES[field.type]}" for field in found.fields)
    return " ".join(f"{field.name}:{code}" for field, code in zip(found.fields, codes, strict=True))


def tensor_of(value: SSAValue) -> tuple[int, int]:
    """Rows, and bytes of a row."""
    op = cast(tinyrt.TensorOp, value.owner)
    return op.rows.value.data, op.row_bytes.value.data


def noise(generator: np.random.Generator, kernel: str, rows: int, size: int) -> np.ndarray:
    """Rows of bytes; sums are such as maps make."""
    if "of_sums" in kernel:
        return generator.integers(-LARGEST_SUM, LARGEST_SUM, (rows, size // 4), np.int32).view(np.int8)
    return generator.integers(-128, 128, (rows, size), np.int8)


def check(machine: Machine, layer: tinyrt.LayerOp, generator: np.random.Generator) -> None:
    """Runs one layer in the machine and in numpy."""
    kernel = layer.kernel.data
    parameters = {name: parameter_value(value) for name, value in layer.parameters.data.items()}
    row_map = RowMap(layer.row_stride.value.data, layer.window_rows.value.data, layer.padding_top.value.data)
    row_count = 1 if catalogue.accumulates(kernel, parameters) else tensor_of(layer.outputs[0])[0]
    windows: list[Window] = []
    given: list[bytes | None] = []
    for value in layer.inputs:
        rows, size = tensor_of(value)
        need = row_map.needed(RowRange(0, row_count), rows)
        found = noise(generator, kernel, rows, size)[need.rows.start : need.rows.stop]
        windows.append(Window(found, need.padding_before, need.padding_after))
        given += [None] * need.padding_before + [row.tobytes() for row in found] + [None] * need.padding_after
    sizes = [tensor_of(value)[1] for value in layer.outputs for _ in range(row_count)]
    wanted: Sequence[int | bytes] = sizes
    if catalogue.accumulates(kernel, parameters):
        states = generator.integers(-LARGEST_SUM, LARGEST_SUM, (row_count, sizes[0] // 4), np.int32).view(np.int8)
        windows = [Window(windows[0].rows[: row_map.window]), Window(states)]
        wanted = [state.tobytes() for state in states]
    expected = catalogue.run_kernel(kernel, parameters, windows, row_count)
    packed: dict[str, Parameter] = dict(parameters)
    made = run_kernel(
        machine,
        f"tinyts_{kernel}",
        (layout_of(layer.struct.data), packed),
        given,
        wanted,
        row_count,
        input_alignment=4,
        output_alignment=4,
    )
    assert b"".join(made) == b"".join(rows.tobytes() for rows in expected), layer


@pytest.mark.parametrize("name", GRIDS)
def test_kernels(machine: Machine, name: str) -> None:
    generator = np.random.default_rng(len(name))
    found = list(layers(name))
    for layer in found:
        check(machine, layer, generator)
    assert found or name in ("movers", "rearranged")


def test_every_kernel_is_run() -> None:
    """The grids have layers for all kernels of int16."""
    folder = Path(str(int16_sources().folders[-1])) / "src"
    kernels = {path.stem.removeprefix("tinyts_") for path in folder.glob("*_int16.c")}
    assert {layer.kernel.data for name in GRIDS for layer in layers(name)} == kernels
