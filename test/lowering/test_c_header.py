"""What NAME.h and README.md say first: an example that runs, and where the code comes from."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest
from xdsl.dialects.builtin import ModuleOp

from tinyts_mlir.cli.opt import opt
from tinyts_mlir.compiler import CompiledModel, compile_model, compile_module, new_context
from tinyts_mlir.demo import demo_model
from tinyts_mlir.dialects.ir_text import parse_ir
from tinyts_mlir.errors import CompileError
from tinyts_mlir.kernels.c_sources import runtime_directory
from tinyts_mlir.lowering.emit_c import emit_file
from tinyts_mlir.lowering.projects import KINDS, emit_application_project
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.version import VERSION

STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
FLOATS = """
!q = !quant.uniform<i8:f32, 0.5:-1>
func.func @main(%x: tensor<1x4x4x2xf32>, %y: tensor<1x4x4x2x!q>) -> (tensor<1x4x4x2xf32>, tensor<1x4x4x2x!q>) {
  %0 = tinyts.quantize %x : tensor<1x4x4x2x!q>
  %1 = tinyts.add %0, %y : tensor<1x4x4x2x!q>
  %2 = tinyts.dequantize %1 : tensor<1x4x4x2xf32>
  func.return %2, %1 : tensor<1x4x4x2xf32>, tensor<1x4x4x2x!q>
}
"""


def compiler(language: str) -> str:
    """A compiler of this machine, or none and the test is skipped."""
    found = shutil.which({"c": "gcc", "c++": "g++"}[language])
    if found is None:
        pytest.skip(f"no GNU compiler for {language}")
    return found


def floats() -> ModuleOp:
    """A model with float and int8 inputs and outputs, two of each."""
    return parse_ir(FLOATS, "floats.mlir", new_context())


def example_of(text: str) -> str:
    """The program in the comment at the top of a header."""
    comment = text[text.index("/* ", 0) : text.index("*/")] if text.startswith("/* ") else ""
    [lines] = re.findall(r"^ \* An inference.*\n((?:\n|    .*\n)+)", comment, re.MULTILINE)
    return lines


def write(compiled: CompiledModel, folder: Path) -> None:
    for name, text in compiled.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.slow
@pytest.mark.parametrize("language", ["c", "c++"])
@pytest.mark.parametrize("model", ["stream", "external", "floats"])
def test_the_example_builds_and_runs(model: str, language: str, tmp_path: Path) -> None:
    cc, linker = compiler("c"), compiler(language)
    module, flags = (floats(), []) if model == "floats" else (demo_model(), [f"--input={model}"])
    compiled = compile_module(module, ["--split-tensors", *flags], "MobileNet")
    write(compiled, tmp_path)
    example = example_of(compiled.files["MobileNet.h"])
    suffix, standard = {"c": ("c", "-std=c99"), "c++": ("cpp", "-std=c++11")}[language]
    (tmp_path / f"copied.{suffix}").write_text(example)
    # The example's own exit status only says that nothing was refused: have it say what it has made, too.
    (tmp_path / f"talking.{suffix}").write_text(
        example.replace("        return 0;", '        puts("inference done");\n        return 0;').replace(
            "    #include", "    #include <stdio.h>\n    #include", 1
        )
    )
    sources = [str(path) for path in [*tmp_path.glob("*.c"), *tmp_path.glob("src/*.c")]]
    sources = [path for path in sources if "copied" not in path and "talking" not in path]
    run(tmp_path, [cc, "-std=c11", "-O1", "-I.", "-c", *sources])
    objects = [Path(path).with_suffix(".o").name for path in sources]
    for program in ("copied", "talking"):
        run(tmp_path, [linker, standard, *STRICT, "-I.", f"{program}.{suffix}", *objects, "-o", program])
    assert run(tmp_path, ["./copied"]) == ""
    assert run(tmp_path, ["./talking"]) == "inference done\n"
    assert example.count("_invoke(") == 1


def test_the_example_of_a_model_in_one_file_runs(tmp_path: Path) -> None:
    text = emit_file(compile_module(demo_model(), ["--split-tensors"], "net").module, "net")
    (tmp_path / "net.c").write_text(text)
    (tmp_path / "main.c").write_text(example_of(text[text.index("/* net: an int8") :]))
    run(tmp_path, [compiler("c"), "-std=c11", "-I.", "main.c", "-o", "main"])
    assert run(tmp_path, ["./main"]) == ""


def test_the_read_me_builds_it(tmp_path: Path) -> None:
    compiled = compile_module(demo_model(), ["--split-tensors"], "net")
    write(compiled, tmp_path)
    (tmp_path / "main.c").write_text(example_of(compiled.files["net.h"]))
    [build] = re.findall(r"^    cc (.*)$", compiled.files["README.md"], re.MULTILINE)
    run(tmp_path, ["sh", "-c", f"{compiler('c')} {build}"])
    assert run(tmp_path, ["./a.out"]) == ""
    calls = re.findall(r"^    (net_\w+\(.*\);)$", compiled.files["README.md"], re.MULTILINE)
    assert [call.partition("(")[0] for call in calls] == ["net_init", "net_invoke"]
    assert "NET_ARENA_BYTES" in compiled.files["README.md"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_read_me_of_a_project_says_how_it_is_built(kind: str) -> None:
    files = emit_application_project(compile_module(demo_model(), ["--split-tensors"], "net").module, "net", kind)
    command = {"mbed": "mbed compile", "package": "`make` builds"}.get(kind, "cmake -B build")
    assert files["README.md"].index(command) < files["README.md"].index("## The model alone")
    assert "README.md" in json.loads(files["net_report.json"])["files"]


def test_it_says_where_it_comes_from(tmp_path: Path) -> None:
    data = export_tflite(demo_model())
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        (folder / "net.tflite").write_bytes(data)
    compiled = compile_model(folders[0] / "net.tflite", ["--split-tensors=rows=2", "--ram=1M", "--input=arena"])
    digest, options = hashlib.sha256(data).hexdigest(), "--split-tensors=rows=2 --input=arena --ram=1048576"
    for name in ("net.h", "README.md"):
        assert digest in compiled.files[name]
        assert options in compiled.files[name]
        assert VERSION in compiled.files[name]
        assert str(tmp_path) not in compiled.files[name]
    assert "SPDX-License-Identifier: Apache-2.0" in compiled.files["net.h"]
    assert "SPDX" not in compiled.files["net_weights.c"]
    reported = [compiled.report[key] for key in ("tool_version", "model_sha256", "options")]
    assert reported == [VERSION, digest, options]
    # What it says compiles the same again, whoever is asked, wherever the model lies.
    assert compile_model(folders[1] / "net.tflite", options.split()).files == compiled.files
    ways = {
        "flags": options.split(),
        "pipeline": ["-p", "canonicalize,split-tensors{rows=2}", "--ram", "1024K", "--input", "arena"],
    }
    for way, words in ways.items():
        output = tmp_path / way
        opt([str(folders[1] / "net.tflite"), *words, "--emit-c", "-o", f"{output}{os.sep}"])
        written = {path.relative_to(output).as_posix(): path.read_text() for path in output.rglob("*.*")}
        assert {name: text for name, text in written.items() if name in compiled.files} == compiled.files


def test_ir_carries_it(tmp_path: Path) -> None:
    data = export_tflite(demo_model())
    (tmp_path / "net.tflite").write_bytes(data)
    opt([str(tmp_path / "net.tflite"), "--fold-pads", "--split-tensors=rows=2", "-o", str(tmp_path / "split.mlir")])
    lower = ["--schedule-bands=order=depth-first", "--plan-arena", "--lower-to-runtime"]
    opt([str(tmp_path / "split.mlir"), "--stream-reductions", *lower, "-o", str(tmp_path / "net.mlir")])
    opt([str(tmp_path / "net.mlir"), "-t", "c", "-o", f"{tmp_path}/out/"])
    report = json.loads((tmp_path / "out" / "net_report.json").read_text())
    assert report["model_sha256"] == hashlib.sha256(data).hexdigest()
    first = "--fold-pads --split-tensors=rows=2"
    assert report["options"] == f"{first}; --stream-reductions {' '.join(lower)}"


def test_ir_without_a_model_file_says_so() -> None:
    compiled = compile_module(floats(), [], "net")
    assert (compiled.report["model_sha256"], compiled.report["options"]) == (None, "")
    assert " * Model:   IR without a model file\n * Options: none\n" in compiled.files["net.h"]


@pytest.mark.parametrize("name", ["tinyts", "TINYTS", "Tinyts", "TinyTS_net", "STDINT"])
def test_macros_of_a_model_are_none_of_the_runtime(name: str) -> None:
    with pytest.raises(CompileError, match=f"does not start with 'tinyts', in any case, got '{name}'"):
        compile_module(demo_model(), [], name)


def macros_of(texts: Sequence[str]) -> set[str]:
    return {macro for text in texts for macro in re.findall(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", text, re.MULTILINE)}


def test_no_model_has_a_macro_of_ours() -> None:
    """Whatever it is called: no macro of runtime, applications and ports ends as one of a model's does."""
    own: set[str] = set()
    for flag in ("--input=stream", "--input=external"):
        files = compile_module(demo_model(), [flag], "net").files
        own |= macros_of([files[f"net{end}"] for end in (".h", ".c", "_weights.h", "_weights.c")])
    endings = {macro.removeprefix("NET_") for macro in own if macro.startswith("NET_")}
    assert {"ARENA_BYTES", "INPUT0_SCALE", "INPUT_ROWS", "BUILD_ID", "WEIGHTS_ATTR"} <= endings
    assert not any(macro.lower().startswith("net_") for macro in own if not macro.isupper())
    # Nor do two models whose names are not equal but for their case.
    assert not [(one, two) for one in endings for two in endings if one.endswith(f"_{two}")]
    runtime = [path.read_text() for path in runtime_directory().rglob("*") if path.suffix in (".c", ".h", ".cpp")]
    ours = {macro for macro in macros_of(runtime) if not macro.startswith("TINYTS_")}
    assert len(ours) > 20
    assert not [macro for macro in ours for ending in endings if macro.endswith(f"_{ending}")]


def test_two_models_whose_names_differ_in_case_do_not_build_together(tmp_path: Path) -> None:
    for name in ("Net", "net"):
        (tmp_path / name).mkdir()
        write(compile_module(demo_model(), ["--split-tensors"], name), tmp_path / name)
    (tmp_path / "both.c").write_text('#include "Net/Net.h"\n#include "net/net.h"\n')
    command = [compiler("c"), "-std=c11", "-INet", "-c", "both.c"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "the macros of two models begin with NET_" in result.stderr


def run(folder: Path, command: Sequence[str]) -> str:
    """What a command prints; an assertion error with what it complains about."""
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, textwrap.shorten(result.stderr, 2000)
    return result.stdout
