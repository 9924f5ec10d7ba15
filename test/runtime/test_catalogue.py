"""What Python says about kernels, and reads of kernels.h, is what C has."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from kernel_machine import compile_library

from tinyts_mlir.kernels.c_sources import runtime_sources
from tinyts_mlir.kernels.convolutions import (
    CONV_2D_PIXELS,
    CONV_2D_STACK_BYTES,
    conv_2d_scratch_bytes,
)
from tinyts_mlir.kernels.entry import Kernel
from tinyts_mlir.kernels.parameter_structs import Field, ParameterStruct, declared_structs, find_struct
from tinyts_mlir.kernels.registry import FAMILIES
from tinyts_mlir.lowering.runtime_files import files_needed

MACROS = """
#include "tinyts/tinyts_kernels.h"
uint32_t conv_2d(uint16_t height, uint16_t width, uint16_t channels, uint32_t pixels);
uint32_t conv_2d(uint16_t height, uint16_t width, uint16_t channels, uint32_t pixels) {
  tinyts_conv_2d_parameters p = {.filter_height = height, .filter_width = width, .filter_channels = channels};
  return TINYTS_CONV_2D_SCRATCH_BYTES(&p, pixels);
}
uint32_t conv_2d_stack(void);
uint32_t conv_2d_stack(void) { return TINYTS_CONV_2D_STACK_BYTES; }
"""

KERNELS = [kernel for module in FAMILIES for kernel in module.FAMILY.kernels]
STRUCTS = declared_structs(runtime_sources())


def c_type(field: Field) -> str:
    if field.is_pointer:
        return f"const {field.type} *"
    return field.type if field.length is None else f"{field.type} *"  # an array in an expression


def assertions() -> Iterator[str]:
    """C that does not compile unless every field has the type that was read."""
    yield '#include "tinyts/tinyts_kernels.h"'
    for struct in STRUCTS.values():
        for field in struct.fields:
            member = f"((tinyts_{struct.name}_parameters *)0)->{field.name}"
            yield f'_Static_assert(_Generic({member}, {c_type(field)}: 1, default: 0), "{struct.name}.{field.name}");'
            if field.length is not None:
                yield f'_Static_assert(sizeof({member}) == {field.length} * sizeof({field.type}), "{field.name}");'
        yield f"unsigned long size_of_{struct.name}(void);"
        yield f"unsigned long size_of_{struct.name}(void) {{ return sizeof(tinyts_{struct.name}_parameters); }}"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    directory: Path = tmp_path_factory.mktemp("catalogue")
    (directory / "macros.c").write_text(MACROS, encoding="utf-8")
    (directory / "fields.c").write_text("\n".join(assertions()) + "\n", encoding="utf-8")
    return compile_library([directory / "macros.c", directory / "fields.c"], directory / "catalogue.so")


def test_scratch_of_convolutions(library: ctypes.CDLL) -> None:
    for height, width, channels, pixels in product((1, 3, 10), (1, 4, 7), (1, 3, 64), CONV_2D_PIXELS):
        expected = library.conv_2d(height, width, channels, pixels)
        assert conv_2d_scratch_bytes((height, width), channels, pixels) == expected
    assert library.conv_2d_stack() == CONV_2D_STACK_BYTES
    assert conv_2d_scratch_bytes((3, 3), 3, 4) == 7 * 36
    assert conv_2d_scratch_bytes((1, 1), 16, 2) == 64


def as_ctypes(struct: ParameterStruct) -> type[ctypes.Structure]:
    def type_of(field: Field) -> object:
        if field.is_pointer:
            return ctypes.c_void_p
        element = getattr(ctypes, f"c_{field.type.removesuffix('_t')}")
        return element if field.length is None else element * field.length

    return type(struct.name, (ctypes.Structure,), {"_fields_": [(f.name, type_of(f)) for f in struct.fields]})


@pytest.mark.parametrize("struct", STRUCTS.values(), ids=STRUCTS.keys())
def test_every_field_is_read(library: ctypes.CDLL, struct: ParameterStruct) -> None:
    """The library compiles, so types are right; no field is missing, or the struct would be smaller."""
    assert library[f"size_of_{struct.name}"]() == ctypes.sizeof(as_ctypes(struct))


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_every_kernel_is_in_the_runtime(kernel: Kernel) -> None:
    files = files_needed([kernel.name])
    assert files.kernel_sources == (f"src/{kernel.name}.c",)
    assert f"tinyts_{kernel.name}" in files.external_functions()
    assert find_struct(kernel.struct_name) is not None


def test_every_source_and_struct_has_a_kernel() -> None:
    folder = Path(str(runtime_sources().folders[-1])) / "src"
    assert {path.stem for path in folder.glob("*.c")} == {kernel.name for kernel in KERNELS} | {"runtime"}
    assert set(STRUCTS) == {kernel.struct_name for kernel in KERNELS}
