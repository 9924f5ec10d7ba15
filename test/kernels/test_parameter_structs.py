"""Declarations of parameter structs, and what is said about values that do not fit them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import parse

from tinyts_mlir.dialects.tinyts import LeakyReluOp, MaxPool2DOp
from tinyts_mlir.errors import CompileError
from tinyts_mlir.kernels.c_sources import CSources, package_sources
from tinyts_mlir.kernels.catalogue import kernel_call
from tinyts_mlir.kernels.parameter_structs import Field, declared_structs, find_struct
from tinyts_mlir.kernels.parameters import Parameter

HEADER = """
/* typedef struct { int8_t not_a_field; } tinyts_comment_parameters; */
typedef struct {
  const int32_t *bias, *more;   /* [channels]; semicolons */
  int8_t shifts[2], zero_point; // and other comments;
  uint16_t
      width;
} tinyts_example_parameters;
typedef struct { uint8_t one; } tinyts_other;
"""


def sources(directory: Path, header: str) -> CSources:
    (directory / "example").mkdir()
    (directory / "example" / "kernels.h").write_text(header)
    return package_sources("example/kernels.h", directory)


def test_declarations(tmp_path: Path) -> None:
    [(name, struct)] = declared_structs(sources(tmp_path, HEADER)).items()
    assert name == struct.name == "example"
    assert struct.fields == (
        Field("bias", "int32_t", is_pointer=True),
        Field("more", "int32_t", is_pointer=True),
        Field("shifts", "int8_t", 2),
        Field("zero_point", "int8_t"),
        Field("width", "uint16_t"),
    )


@pytest.mark.parametrize("field", ["float scale;", "int width;", "uint8_t table[N];", "int8_t (*function)(void);"])
def test_fields_that_are_not_understood(tmp_path: Path, field: str) -> None:
    header = f"typedef struct {{ {field} }} tinyts_example_parameters;"
    with pytest.raises(CompileError, match="tinyts_example_parameters: expected"):
        declared_structs(sources(tmp_path, header))


def test_the_packages_struct_comes_before_the_runtimes(tmp_path: Path) -> None:
    own = sources(tmp_path, "typedef struct { uint8_t one; } tinyts_copy_parameters;")
    assert [field.name for field in getattr(find_struct("copy", own), "fields", ())] == ["one"]
    assert [field.name for field in getattr(find_struct("clear", own), "fields", ())] == ["row_bytes"]
    assert find_struct("nonsense", own) is None


@pytest.mark.parametrize("header", ["kernels.h", "src/kernels.h", "tinyts/tinyts_kernels.h", "../a/kernels.h", "/a/kernels.h"])
def test_a_package_has_a_folder_of_its_own(tmp_path: Path, header: str) -> None:
    with pytest.raises(ValueError, match="expected a header in a folder of the package's own"):
        package_sources(header, tmp_path)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"width": 65536}, "width: expected 0 to 65535, got 65536"),
        ({"width": -1}, "width: expected 0 to 65535, got -1"),
        ({"zero_point": 128}, "zero_point: expected -128 to 127, got 128"),
        ({"shifts": (1, -129)}, "shifts: expected -128 to 127, got -129"),
        ({"shifts": (1, 2, 3)}, "shifts: expected 2 of int8_t, got 3"),
        ({"shifts": 1}, "shifts: expected 2 values, got one"),
        ({"bias": np.zeros(3, np.int8)}, "bias: expected an array of int32_t, got one of int8_t"),
        ({"bias": 3}, "bias: expected an array of int32_t, got 3"),
        ({"width": np.zeros(3, np.int8)}, "width: expected a value of uint16_t, got an array"),
        ({"height": 3}, "height: tinyts_example_parameters has no such field"),
        ({}, None),
    ],
)
def test_complaints(tmp_path: Path, changed: dict[str, Parameter], complaint: str | None) -> None:
    struct = declared_structs(sources(tmp_path, HEADER))["example"]
    right: dict[str, Parameter] = {"bias": np.zeros(3, np.int32), "shifts": (1, -128), "zero_point": 127, "width": 9}
    assert next(struct.complaints({**right, **changed}), None) == complaint
    assert list(struct.complaints({"shifts": (1, 2), "width": 1})) == ["zero_point: expected a value, got none"]


def test_an_error_names_the_layer() -> None:
    """A map wider than the C struct can say."""
    map = "tensor<1x2x70000x1x!quant.uniform<i8:f32, 0.5>>"
    module = parse(f"""
        func.func @main(%x: {map}) -> {map} {{
          %a = tinyts.leaky_relu %x {{alpha = 0.5}} : {map}
          %b = tinyts.max_pool_2d %a {{window = [1, 1]}} : {map} loc("net/pool_7")
          func.return %b : {map}
        }}""")
    pool = next(op for op in module.walk() if isinstance(op, MaxPool2DOp))
    expected = "^layer 'net/pool_7': tinyts.max_pool_2d: input_width: expected 0 to 65535, got 70000$"
    with pytest.raises(CompileError, match=expected):
        kernel_call(pool)
    assert kernel_call(next(op for op in module.walk() if isinstance(op, LeakyReluOp))).parameters
