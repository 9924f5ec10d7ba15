"""`tinyts-opt --emit-project`: what it writes, what it refuses, and that the C in it is clean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from firmware import demo, need
from index_samples import indices_of
from network_builder import NetworkBuilder, Quantization
from xdsl.dialects.builtin import ModuleOp

from tinyts_mlir.cli.opt import opt
from tinyts_mlir.compiler import compile_model, compile_module
from tinyts_mlir.demo import demo_model
from tinyts_mlir.dialects.tinyts import ArgMaxOp
from tinyts_mlir.errors import CompileError
from tinyts_mlir.lowering.projects import KINDS, PROJECTS, emit_application_project
from tinyts_mlir.mlperf_tiny import BENCHMARKS
from tinyts_mlir.output import write_project
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.toolchain.compilers import WARNING_FLAGS, cortex_m7_compiler, host_compiler

STRICT = (*WARNING_FLAGS, "-Wshadow", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wvla")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "demo.tflite"
    path.write_bytes(export_tflite(demo_model()))
    return path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--emit-project", "cmake", "-o", "{}/out/"], "--emit-project: expected --emit-c as well"),
        (
            ["--emit-c", "--emit-project", "make", "-o", "{}/out/"],
            "--emit-project: expected mbed, mbed-ce, baremetal, cmake, package, got 'make'",
        ),
        (
            ["--emit-c", "--emit-project", "cmake", "--benchmark", "xx", "-o", "{}/out/"],
            "--benchmark: expected ic, vww, kws, ad, got 'xx'",
        ),
        (["--emit-c", "--benchmark", "ic", "-o", "{}/out/"], "--benchmark: expected --emit-project as well"),
        (["--emit-c", "--emit-project", "cmake"], "--emit-project: expected -o and a folder"),
        (["--emit-c", "--emit-project", "cmake", "-o", "{}/demo.c"], "--emit-project: expected -o and a folder"),
    ],
)
def test_command_line_errors(arguments: list[str], message: str, model: Path, tmp_path: Path) -> None:
    with pytest.raises(CompileError) as error:
        opt([str(model), *(argument.replace("{}", str(tmp_path)) for argument in arguments)])
    assert message in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", PROJECTS)
def test_command_line(kind: str, model: Path, tmp_path: Path) -> None:
    """The command writes what the function gives, the model's own files unchanged among them."""
    opt(
        [
            str(model),
            "--split-tensors",
            "--emit-c",
            "--emit-project",
            kind,
            "--benchmark",
            "ic",
            "-o",
            f"{tmp_path}/out/",
        ]
    )
    written = {
        path.relative_to(tmp_path / "out").as_posix(): path.read_text()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    compiled = compile_model(model)
    assert written == emit_application_project(compiled.module, "demo", kind, "ic")
    replaced = ("CMakeLists.txt", "README.md", "demo_report.json")
    assert {name: text for name, text in compiled.files.items() if name not in replaced}.items() <= written.items()
    assert '#define TINYTS_DEVICE_MODEL "ic01"' in written["applications/tinyts_application_model.h"]
    assert json.loads(written["demo_report.json"])["name"] == "demo"


@pytest.mark.parametrize("kind", KINDS)
def test_no_file_has_a_name_that_an_sdk_could_have(kind: str) -> None:
    """Every C file but the model's own, the program's main, and examples, begins with tinyts_."""
    files = map(Path, emit_application_project(demo().module, "demo", kind))
    named = {file for file in files if file.suffix in (".c", ".h", ".cpp") and file.parts[0] != "examples"}
    model = {"demo.c", "demo.h", "demo_weights.c", "demo_weights.h", "main.cpp"}
    assert len(named) > 10
    assert {file.name for file in named if not file.name.startswith("tinyts_")} <= model


TAKEN = """device streaming run_device flash_device port console source mbed
board startup main poll test"""


@pytest.mark.parametrize("name", TAKEN.split())
@pytest.mark.parametrize("kind", KINDS)
def test_names_of_the_project_are_taken(name: str, kind: str) -> None:
    with pytest.raises(CompileError, match=f"a model cannot be named {name}, .* --name gives it another name"):
        emit_application_project(demo().module, name, kind)


def test_command_with_a_taken_name_writes_nothing(model: Path, tmp_path: Path) -> None:
    project = ["--split-tensors", "--emit-c", "--emit-project", "cmake", "--name", "device", "-o", f"{tmp_path}/out/"]
    with pytest.raises(CompileError, match="a model cannot be named device"):
        opt([str(model), *project])
    assert list(tmp_path.iterdir()) == []


def network(inputs: int, outputs: int) -> ModuleOp:
    builder = NetworkBuilder(0)
    values = [builder.input((1, 4, 4, 2), Quantization(0.1, 3)) for _ in range(inputs)]
    value = values[0] if inputs == 1 else builder.add(*values)
    results = [builder.conv_2d(value, 2) for _ in range(outputs)]
    return builder.module(results, [f"output{i}" for i in range(outputs)])


@pytest.mark.parametrize(("inputs", "outputs"), [(2, 1), (1, 2)])
def test_applications_have_one_input_and_one_output(inputs: int, outputs: int) -> None:
    compiled = compile_module(network(inputs, outputs), ["--split-tensors"], "net")
    with pytest.raises(CompileError, match=f"one input and one output, but the model has {inputs} and {outputs}"):
        emit_application_project(compiled.module, "net", "cmake")


def test_applications_give_no_indices() -> None:
    builder = NetworkBuilder(0)
    image = builder.input((1, 4, 4, 2), Quantization(0.1, 3))
    compiled = compile_module(builder.module([indices_of(builder, ArgMaxOp, image, 3)]), ["--split-tensors"], "net")
    with pytest.raises(CompileError, match="need an int8 output, but the model gives int32 or int64 indices"):
        emit_application_project(compiled.module, "net", "cmake")


def test_own_model_has_its_own_conventions() -> None:
    """Signed bytes where the zero point is not an image's, and the model's name."""
    compiled = compile_module(network(1, 1), ["--split-tensors"], "net")
    header = emit_application_project(compiled.module, "net", "cmake")["applications/tinyts_application_model.h"]
    assert '#define TINYTS_DEVICE_MODEL "net"' in header
    assert "#define TINYTS_INPUT_ENCODING TINYTS_INPUT_INT8" in header
    image = emit_application_project(demo().module, "demo", "cmake")["applications/tinyts_application_model.h"]
    assert "#define TINYTS_INPUT_ENCODING TINYTS_INPUT_UINT8" in image


def test_distance_from_the_input_needs_an_output_of_its_size() -> None:
    with pytest.raises(
        CompileError, match=r"--benchmark ad: expected a model whose output has the input's size, but they"
    ):
        emit_application_project(demo().module, "demo", "cmake", "ad")


STRING_H = """#include <stddef.h>
void *memcpy(void *restrict target, const void *restrict source, size_t bytes);
void *memset(void *target, int value, size_t bytes);
int strcmp(const char *first, const char *second);
size_t strlen(const char *text);
"""
"""What the applications use of it, for a compiler that comes without a C library."""


@pytest.mark.parametrize("kind", ["gcc", "clang", "host"])
@pytest.mark.parametrize("benchmark", ["kws", "ic", "ad"])
def test_applications_and_boards_are_clean(kind: str, benchmark: str, tmp_path: Path) -> None:
    """Every C file of an application or a board, for each encoding of the input."""
    if kind == "gcc":
        need("arm-none-eabi-gcc")
    if kind == "clang":
        pytest.importorskip("ziglang", reason="zig's clang is not installed (pip install ziglang)")
    assert {BENCHMARKS[name].encoding for name in ("kws", "ic", "ad")} == {one.encoding for one in BENCHMARKS.values()}
    compiler = host_compiler() if kind == "host" else cortex_m7_compiler(kind)  # pyright: ignore
    compiled = compile_module(network(1, 1), ["--split-tensors"], "net")
    project = tmp_path / "project"
    write_project(
        project, emit_application_project(compiled.module, "net", "cmake" if kind == "host" else "baremetal", benchmark)
    )
    if not compiler.has_libc:
        (project / "string.h").write_text(STRING_H)
    sources = [*project.glob("applications/*.c"), *project.glob("ports/*/*.c")]
    assert len(sources) >= 9
    include = [project, project / "applications", project / "ports" / "cortex-m7"]
    compiler.compile({path: path.with_suffix(".o") for path in sources}, include, STRICT)
