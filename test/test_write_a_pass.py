"""docs/write-a-pass.md tells the truth: its package is installed, its commands run, its figures are those measured."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from documents import DOCS, install, run_shown, shown_commands, shown_files, write_files
from support import text_of
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from tinyts_mlir.compiler import new_context
from tinyts_mlir.dialects.ir_text import parse_ir

DOCUMENT = DOCS / "write-a-pass.md"
OPS = re.compile(r"tinyts\.\w+")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("package")
    write_files(DOCUMENT, directory)
    return directory


@pytest.fixture(scope="module")
def site(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(package, tmp_path_factory.mktemp("installed"))


def test_forty_lines() -> None:
    lines = shown_files(DOCUMENT)["pool_first/__init__.py"].splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 120


def test_commands_and_figures(package: Path, site: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed")
    pytest.importorskip("unicorn", reason="the emulator is not installed")
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("the page's figures are those of gcc")
    install_command, *commands = shown_commands(DOCUMENT)
    assert install_command == ["pip", "install", "--no-deps", "."]  # which the fixture has done
    printed = [run_shown(words, package, site) for words in commands]
    assert OPS.findall(printed[0]) == ["tinyts.max_pool_2d"] * 2 + ["tinyts.leaky_relu", "tinyts.relu"]
    before, after = (figures(text) for text in printed[-2:])
    assert after["instructions"] < 0.65 * before["instructions"]
    table = DOCUMENT.read_text(encoding="utf-8")
    for label, name in (("arena, bytes", "arena"), ("equal to LiteRT", "equal")):
        (row,) = (line for line in table.splitlines() if line.startswith(f"| {label} "))
        assert [int(found.replace(",", "")) for found in re.findall(r"\d[\d,]*", row)] == [before[name], after[name]]


def figures(text: str) -> dict[str, int]:
    """What `tinyts-run` measured."""
    patterns = {
        "instructions": r"instructions +([\d,]+) measured",
        "arena": r"arena +([\d,]+) bytes",
        "equal": r"bit exact +yes, ([\d,]+) output bytes",
    }
    return {name: int(re.findall(pattern, text)[0].replace(",", "")) for name, pattern in patterns.items()}


def test_help_knows_it(package: Path, site: Path) -> None:
    assert "--pool-first  " in run_shown(["tinyts-opt", "--help"], package, site)
    shown = run_shown(["tinyts-opt", "--help-pass", "pool-first"], package, site)
    assert "Pools before it applies layers that rise with their input." in shown


@pytest.fixture
def pool_first(package: Path, monkeypatch: pytest.MonkeyPatch) -> ModulePass:
    monkeypatch.syspath_prepend(package)
    import pool_first  # pyright: ignore[reportMissingImports]

    return pool_first.PoolFirstPass()


def applied(text: str, module_pass: ModulePass) -> tuple[str, str]:
    """The module before and after a pass."""
    context: Context = new_context()
    module: ModuleOp = parse_ir(text, "test", context)
    before = text_of(module)
    module_pass.apply(context, module)
    module.verify()
    return before, text_of(module)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("alpha = 0.1", "alpha = -0.1"),
        ("stride = [2, 2]} : tensor<1x24x24x16x!q>", "stride = [2, 2]} : tensor<1x24x24x16x!r>"),
        ("stride = [2, 2]}", 'stride = [2, 2], activation = "relu"}'),
        ("return %b : tensor<1x24x24x16x!q>", "return %b, %a : tensor<1x24x24x16x!q>, tensor<1x48x48x16x!q>"),
    ],
    ids=["falls", "another quantization", "activation", "read twice"],
)
def test_where_it_would_be_wrong(old: str, new: str, pool_first: ModulePass) -> None:
    text = """
    func.func @main(%x: tensor<1x48x48x16x!q>) -> RESULTS {
      %a = tinyts.leaky_relu %x {alpha = 0.1} : tensor<1x48x48x16x!q>
      %b = tinyts.max_pool_2d %a {window = [2, 2], stride = [2, 2]} : tensor<1x24x24x16x!q>
      func.return %b : tensor<1x24x24x16x!q>
    }"""
    assert old in text

    def spelled(text: str) -> str:
        results = re.findall(r"return [^:]+: (.*)", text)[0]
        if "!r" in text:
            results = results.replace("!q", "!r")
            text = text.replace("return %b : tensor<1x24x24x16x!q>", "return %b : tensor<1x24x24x16x!r>")
        text = text.replace("RESULTS", f"({results})")
        return text.replace("!q", "!quant.uniform<i8:f32, 0.5:-1>").replace("!r", "!quant.uniform<i8:f32, 0.25:-1>")

    before, after = applied(spelled(text), pool_first)
    assert before != after
    before, after = applied(spelled(text.replace(old, new)), pool_first)
    assert before == after
