"""What the emitted C promises: docs/c-interface.md."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from comparison import skip_without
from every_kernel import INPUT_ROWS, compile_every_kernel, every_kernel, image_of, kernels_of, write
from host_batch import SANITIZERS
from support import MODELS

from tinyts_mlir.compiler import CompiledModel, compile_model
from tinyts_mlir.interpreters.tinyts import run_function
from tinyts_mlir.lowering.emit_c import emit_file
from tinyts_mlir.lowering.runtime_files import runtime_directory
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.toolchain.compilers import WARNING_FLAGS, Compiler, cortex_m7_compiler, host_compiler

COMPILERS = ("host", "gcc", "clang")
ALLOWED_SYMBOLS = {"memcpy", "memset", "memmove"}


def compiler_of(kind: str) -> Compiler:
    if kind == "host":
        return host_compiler()
    skip_without(kind)  # pyright: ignore
    return cortex_m7_compiler(kind)  # pyright: ignore


def compile_sources(
    compiler: Compiler, sources: list[Path], include: list[Path], *flags: str, out: str = "objects"
) -> list[Path]:
    """Objects of C sources, in a folder beside the first include folder."""
    directory = include[0].parent / out
    directory.mkdir(parents=True, exist_ok=True)
    objects = {source: directory / f"{number}_{source.stem}.o" for number, source in enumerate(sources)}
    if not compiler.has_libc:
        include = [*include, runtime_directory() / "ports" / "cortex-m7-emulator" / "freestanding"]
    compiler.compile(objects, include, [*WARNING_FLAGS, *flags])
    return list(objects.values())


def run(command: list[Path | str], **environment: str) -> str:
    result = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )
    assert result.returncode == 0, f"{command[0]}: status {result.returncode}\n{result.stdout}{result.stderr}"
    return result.stdout


def c_array(name: str, values: np.ndarray) -> str:
    return f"static const int8_t {name}[{values.size}] = {{{', '.join(map(str, values.reshape(-1)))}}};\n"


@cache
def outputs_of(seed: int, number: int) -> list[np.ndarray]:
    """The bytes of the outputs."""
    return [output.reshape(-1).view(np.int8) for output in run_function(every_kernel(seed), [image_of(number)])]


@pytest.fixture(scope="module")
def compiled() -> CompiledModel:
    return compile_every_kernel("first")


def test_network_calls_every_kernel(compiled: CompiledModel) -> None:
    every = {path.stem.removeprefix("tinyts_") for path in (runtime_directory() / "src").glob("*.c")} - {"runtime"}
    assert every - set(kernels_of(compiled)) == set()


@pytest.mark.slow
@pytest.mark.parametrize("kind", COMPILERS)
def test_no_warnings(kind: str, compiled: CompiledModel, tmp_path: Path) -> None:
    compiler = compiler_of(kind)
    sources = write(compiled.files, tmp_path / "project")
    compile_sources(compiler, sources, [tmp_path / "project"], "-Wvla", "-Wshadow", "-Wstrict-prototypes")
    single = tmp_path / "single" / "first.c"
    write({"first.c": emit_file(compiled.module, "first")}, single.parent)
    compile_sources(compiler, [single], [single.parent], "-Wvla", "-Wshadow", "-Wstrict-prototypes")


@pytest.mark.parametrize("kind", ["gcc", "clang"])
def test_symbols_and_sections(kind: str, compiled: CompiledModel, tmp_path: Path) -> None:
    """Nothing of the C library but memory functions, no variables, and no symbol without a prefix."""
    elffile = pytest.importorskip("elftools.elf.elffile")
    compiler = compiler_of(kind)
    objects = compile_sources(compiler, write(compiled.files, tmp_path / "project"), [tmp_path / "project"])
    defined: set[str] = set()
    undefined: set[str] = set()
    for path in objects:
        with path.open("rb") as stream:
            image = elffile.ELFFile(stream)
            for section in image.iter_sections():
                writable = section["sh_flags"] & 1
                assert not (writable and section["sh_size"]), f"{path.name}: {section.name} holds variables"
                if section["sh_type"] == "SHT_SYMTAB":
                    symbols = [s for s in section.iter_symbols() if s.name and s["st_info"]["bind"] != "STB_LOCAL"]
                    undefined |= {s.name for s in symbols if s["st_shndx"] == "SHN_UNDEF"}
                    defined |= {s.name for s in symbols if s["st_shndx"] != "SHN_UNDEF"}
    outside = {name for name in undefined - defined if not name.startswith("__aeabi_")}
    assert outside <= ALLOWED_SYMBOLS
    assert {name for name in defined if not name.startswith(("tinyts_", "first_"))} == set()


@pytest.mark.parametrize("kind", ["gcc", "clang"])
def test_placement_macros(kind: str, compiled: CompiledModel, tmp_path: Path) -> None:
    elffile = pytest.importorskip("elftools.elf.elffile")
    compiler = compiler_of(kind)
    sources = [path for path in write(compiled.files, tmp_path / "project") if path.parent.name == "project"]
    places = [f'-DFIRST_{part}_ATTR=__attribute__((section(".my_{part.lower()}")))' for part in ("WEIGHTS", "TABLES")]
    sizes: dict[str, int] = {}
    for path in compile_sources(compiler, sources, [tmp_path / "project"], *places):
        with path.open("rb") as stream:
            for section in elffile.ELFFile(stream).iter_sections():
                sizes[section.name] = sizes.get(section.name, 0) + section["sh_size"]
    assert sizes[".my_weights"] >= compiled.report["constant_bytes"]
    assert sizes[".my_tables"] >= compiled.report["tables_bytes"]


def test_cxx(compiled: CompiledModel, tmp_path: Path) -> None:
    """The header is C++, too, and a C++ program links with the model."""
    command = ["g++"] if shutil.which("g++") else [sys.executable, "-m", "ziglang", "c++"]
    if command[0] != "g++":
        pytest.importorskip("ziglang", reason="there is no C++ compiler: neither g++ nor zig's")
    project = tmp_path / "project"
    objects = compile_sources(host_compiler(), write(compiled.files, project), [project])
    program = tmp_path / "main.cpp"
    program.write_text("""
        #include "first.h"
        alignas(TINYTS_ARENA_ALIGNMENT) static unsigned char arena[FIRST_ARENA_BYTES];
        int main() {
          first_context context;
          return first_init(&context, arena, sizeof arena) == TINYTS_OK ? 0 : 1;
        }
    """)
    flags = ["-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", str(project)]
    run([*command, *flags, program, *objects, "-o", tmp_path / "main"])
    run([tmp_path / "main"])


def checks(body: str) -> str:
    """A C program whose exit status is the line of the first check that fails."""
    return f"""
#include "first.h"
#include <string.h>
#define CHECK(condition) do {{ if (!(condition)) return __LINE__ - FIRST_LINE; }} while (0)
static _Alignas(TINYTS_ARENA_ALIGNMENT) int8_t arena[FIRST_ARENA_BYTES + TINYTS_ARENA_ALIGNMENT];
static int8_t image[FIRST_INPUT_BYTES + FIRST_INPUT_ROW_BYTES], one[FIRST_OUTPUT0_BYTES], two[FIRST_OUTPUT1_BYTES];
static int64_t three[FIRST_OUTPUT2_BYTES / sizeof(int64_t)];
int main(void) {{
  enum {{ FIRST_LINE = __LINE__ }};
{body}
  return 0;
}}
"""


STATUS = checks("""
  first_context context;
  CHECK(first_init(NULL, arena, FIRST_ARENA_BYTES) == TINYTS_ERROR_NULL_POINTER);
  CHECK(first_init(&context, NULL, FIRST_ARENA_BYTES) == TINYTS_ERROR_NULL_POINTER);
  CHECK(first_init(&context, arena, FIRST_ARENA_BYTES - 1) == TINYTS_ERROR_ARENA_SIZE);
  CHECK(first_init(&context, arena, 0) == TINYTS_ERROR_ARENA_SIZE);
  for (size_t i = 1; i < TINYTS_ARENA_ALIGNMENT; ++i)
    CHECK(first_init(&context, arena + i, FIRST_ARENA_BYTES) == TINYTS_ERROR_ARENA_ALIGNMENT);
  CHECK(first_init(&context, arena, FIRST_ARENA_BYTES) == TINYTS_OK);
  CHECK(first_init(&context, arena, sizeof arena) == TINYTS_OK);
  CHECK(first_output_probabilities(NULL) == NULL);
  CHECK(first_output_probabilities(&context) == NULL);
  CHECK(first_invoke(NULL, image, one, two, three) == TINYTS_ERROR_NULL_POINTER);
  CHECK(first_invoke(&context, NULL, one, two, three) == TINYTS_ERROR_NULL_POINTER);
  CHECK(first_invoke(&context, image, NULL, two, three) == TINYTS_ERROR_NULL_POINTER);
  CHECK(first_invoke(&context, image, one, NULL, three) == TINYTS_ERROR_NULL_POINTER);
  CHECK(first_output_rows(&context) == NULL);
  CHECK(first_invoke(&context, image, one, two, three) == TINYTS_OK);
  CHECK(memcmp(first_output_probabilities(&context), one, sizeof one) == 0);
  CHECK(memcmp(first_output_rows(&context), two, sizeof two) == 0);
  CHECK((uintptr_t)first_output_classes(&context) % sizeof(int64_t) == 0);
  CHECK(memcmp(first_output_classes(&context), three, sizeof three) == 0);
  CHECK(first_feed(NULL, image, 1) == TINYTS_ERROR_NULL_POINTER);
  CHECK(first_feed(&context, NULL, 1) == TINYTS_ERROR_NULL_POINTER);
  CHECK(first_feed(&context, image, FIRST_INPUT_ROWS + 1) == TINYTS_ERROR_TOO_MANY_ROWS);
  CHECK(first_output_rows(&context) != NULL);  /* nothing was taken: the last inference still stands */
  CHECK(first_feed(&context, image, 0) == TINYTS_OK);
  CHECK(first_feed(&context, image, 5) == TINYTS_OK);
  CHECK(first_output_rows(&context) == NULL);
  CHECK(first_feed(&context, image, FIRST_INPUT_ROWS - 4) == TINYTS_ERROR_TOO_MANY_ROWS);
  CHECK(first_feed(&context, image, FIRST_INPUT_ROWS - 5) == TINYTS_OK);
  CHECK(memcmp(first_output_rows(&context), two, sizeof two) == 0);
  CHECK(first_feed(&context, image, 3) == TINYTS_OK);  /* an inference that is given up */
  CHECK(first_invoke(&context, image, one, two, three) == TINYTS_OK);
  CHECK(memcmp(first_output_rows(&context), two, sizeof two) == 0);
  first_context moved = context;  /* no pointer into it is kept */
  memset(&context, 0x5A, sizeof context);
  CHECK(first_feed(&moved, image, FIRST_INPUT_ROWS) == TINYTS_OK);
  CHECK(memcmp(first_output_probabilities(&moved), one, sizeof one) == 0);
""")


def test_status(compiled: CompiledModel, tmp_path: Path) -> None:
    project = tmp_path / "project"
    sources = write({**compiled.files, "main.c": STATUS}, project)
    objects = compile_sources(host_compiler(), sources, [project], *SANITIZERS)
    host_compiler().link(objects, tmp_path / "main", SANITIZERS)
    run([tmp_path / "main"])


def reentrant_program(names: tuple[str, str], headers: bool) -> str:
    """Feeds two models, one of them in two contexts, row by row in turns; status 0 when all outputs are right."""
    one, two = names
    runs = [(one, 0, 0), (one, 0, 1), (two, 1, 2)]  # model, seed of its weights, number of its image
    text = "".join(f'#include "{name}.h"\n' for name in names if headers) + "#include <string.h>\n"
    body = ""
    for number, (name, seed, image) in enumerate(runs):
        text += c_array(f"image{number}", image_of(image))
        text += "".join(
            c_array(f"expected{number}_{output}", values) for output, values in enumerate(outputs_of(seed, image))
        )
        text += f"static {name}_context context{number};\n"
        text += f"static _Alignas(16) int8_t arena{number}[{name.upper()}_ARENA_BYTES];\n"
        body += f"  if ({name}_init(&context{number}, arena{number}, sizeof arena{number}) != TINYTS_OK) return 1;\n"
    body += f"  for (size_t row = 0; row < {INPUT_ROWS}; ++row) {{\n"
    for number, (name, _, _) in enumerate(runs):
        rows = f"image{number} + row * {name.upper()}_INPUT_ROW_BYTES"
        body += f"    if ({name}_feed(&context{number}, {rows}, 1) != TINYTS_OK) return 2;\n"
    body += "  }\n"
    for number, (name, _, _) in enumerate(runs):
        for output, suffix in enumerate(("probabilities", "rows", "classes")):
            expected = f"expected{number}_{output}"
            got = f"{name}_output_{suffix}(&context{number})"
            body += f"  if (memcmp({got}, {expected}, sizeof {expected}) != 0) return {10 + 3 * number + output};\n"
    return f"{text}int main(void) {{\n{body}  return 0;\n}}\n"


def test_two_models_in_one_image(tmp_path: Path) -> None:
    """Models share the runtime, and contexts share nothing."""
    first, second = compile_every_kernel("first"), compile_every_kernel("second", 1, ["--split-tensors=rows=2"])
    project = tmp_path / "project"
    main = reentrant_program(("first", "second"), headers=True)
    sources = write({**first.files, **second.files, "main.c": main}, project)
    objects = compile_sources(host_compiler(), sources, [project], *SANITIZERS)
    host_compiler().link(objects, tmp_path / "main", SANITIZERS)
    run([tmp_path / "main"])


def test_two_single_files_in_one_image(tmp_path: Path) -> None:
    """Files that bring the runtime along do not get in each other's way; the headers come from the projects."""
    first, second = compile_every_kernel("first"), compile_every_kernel("second", 1, ["--split-tensors=rows=2"])
    headers = {name: text for name, text in {**first.files, **second.files}.items() if name.endswith(".h")}
    files = {f"{model.name}.c": emit_file(model.module, model.name) for model in (first, second)}
    write(headers, tmp_path / "headers")
    sources = write({**files, "main.c": reentrant_program(("first", "second"), headers=True)}, tmp_path / "files")
    objects = compile_sources(host_compiler(), sources, [tmp_path / "headers"], *SANITIZERS)
    host_compiler().link(objects, tmp_path / "main", SANITIZERS)
    run([tmp_path / "main"])


def test_cmake(compiled: CompiledModel, tmp_path: Path) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("cmake is not installed")
    write(compiled.files, tmp_path / "project")
    run(["cmake", "-S", tmp_path / "project", "-B", tmp_path / "build"])
    run(["cmake", "--build", tmp_path / "build"])
    assert (tmp_path / "build" / "libfirst.a").exists()


PRINT_DIGEST = """
import hashlib, sys
from pathlib import Path
from tinyts_mlir.compiler import compile_model
from tinyts_mlir.lowering.emit_c import emit_file
for path in map(Path, sys.argv[1:]):
    model = compile_model(path)
    text = repr(sorted(model.files.items())) + emit_file(model.module, "name")
    print(hashlib.sha256(text.encode()).hexdigest())
"""


@pytest.mark.slow
def test_deterministic(tmp_path: Path) -> None:
    """The same model gives the same bytes: again, in another process, with other hashes of strings."""
    path = tmp_path / "network.tflite"
    path.write_bytes(export_tflite(every_kernel(of_uint8=False)))
    paths = [path, *(model for model in [MODELS / "vww_micronet_vww2.tflite"] if model.exists())]
    digests = [
        run([sys.executable, "-c", PRINT_DIGEST, *paths], PYTHONHASHSEED=seed).split() for seed in ("0", "1", "12345")
    ]
    assert digests[0] == digests[1] == digests[2]
    for path, digest in zip(paths, digests[0], strict=True):
        model = compile_model(path)
        text = repr(sorted(model.files.items())) + emit_file(model.module, "name")
        assert hashlib.sha256(text.encode()).hexdigest() == digest


def test_no_paths_in_files(tmp_path: Path) -> None:
    path = tmp_path / "network.tflite"
    path.write_bytes(export_tflite(every_kernel(of_uint8=False)))
    for file, text in compile_model(path).files.items():
        assert str(tmp_path) not in text and os.fspath(Path.home()) not in text, file
