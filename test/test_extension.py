"""What a package outside of the project has to bring, and what it gets for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import example_extension
import networks
import numpy as np
import pytest
from networks import apply, examples, function_of, lowered, same
from support import text_of
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.dialects.func import Func
from xdsl.parser import Parser

from tinyts_mlir.analysis.op_graph import OpGraph
from tinyts_mlir.dialects.quant import Quant
from tinyts_mlir.dialects.tinyts import Tinyts
from tinyts_mlir.interpreters.check_passes import run_module
from tinyts_mlir.transforms.plan_arena import PlanArenaPass
from tinyts_mlir.transforms.schedule_bands import ScheduleBandsPass
from tinyts_mlir.transforms.split_tensors import SplitTensorsPass
from tinyts_mlir.transforms.verify_plan import VerifyPlanPass

Q = "!quant.uniform<i8:f32, 0.5:-1>"
MAP, DOUBLE = f"tensor<1x5x3x2x{Q}>", f"tensor<1x10x3x2x{Q}>"

DIFFERENCE = f"""
    func.func @main(%x: {MAP}) -> {MAP} {{
      %a = tinyts.leaky_relu %x {{alpha = 0.5}} : {MAP}
      %b = example.row_difference %a : {MAP}
      %c = tinyts.add %a, %b : {MAP}
      func.return %c : {MAP}
    }}"""

DOUBLED = f"""
    func.func @main(%x: {MAP}) -> {DOUBLE} {{
      %a = tinyts.leaky_relu %x {{alpha = 0.5}} : {MAP}
      %b = example.double_rows %a : {DOUBLE}
      %c = example.row_difference %b : {DOUBLE}
      func.return %c : {DOUBLE}
    }}"""


def parse(text: str) -> ModuleOp:
    context = Context()
    for dialect in (Builtin, Func, Quant, Tinyts, example_extension.Example):
        context.load_dialect(dialect)
    module = Parser(context, text).parse_module()
    module.verify()
    return module


@pytest.fixture(autouse=True)
def with_the_extension(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "parse", parse)


def test_what_the_op_means() -> None:
    module = parse(DIFFERENCE.replace("tinyts.add %a, %b", "example.row_difference %x"))
    rows = np.random.default_rng(0).integers(-128, 128, (5, 6), dtype=np.int8)
    around = np.pad(rows.astype(int), ((1, 1), (0, 0)))
    assert run_module(module, [rows])[0].tolist() == np.clip(around[2:] - around[:-2], -128, 127).ravel().tolist()


@pytest.mark.parametrize("order", ["depth-first", "breadth-first", "auto"])
@pytest.mark.parametrize("rows", [1, 2, 9])
@pytest.mark.parametrize("text", [DIFFERENCE, DOUBLED], ids=["interface", "trait"])
def test_every_pass_knows_it(text: str, rows: int, order: str) -> None:
    module = parse(text)
    expected = examples(text)
    for module_pass in (
        SplitTensorsPass(rows),
        ScheduleBandsPass(order, "stream"),
        PlanArenaPass(),
        VerifyPlanPass(),
    ):
        apply(module, module_pass)
        for inputs, outputs in expected:
            assert same(run_module(module, inputs), outputs)
    program = lowered(module)
    for inputs, outputs in expected:
        assert same(run_module(program, inputs), outputs)


def test_it_is_split_by_its_row_map() -> None:
    module = apply(parse(DIFFERENCE), SplitTensorsPass(1))
    bands = [op for op in OpGraph.of(function_of(module)).ops if op.name == "example.row_difference"]
    assert [len(op.operands) for op in bands] == [2, 3, 3, 3, 2]


def test_its_own_pattern_comes_first() -> None:
    text = text_of(apply(parse(DOUBLED), SplitTensorsPass(1)))
    assert "example.double_rows" not in text
    assert text.count("tinyts.concatenation") == 5
    assert "rows<9:10 of 10>" in text


def test_tools_find_it(tmp_path: Path) -> None:
    """An entry point is all that makes ops and passes known to `tinyts-opt`."""
    metadata = tmp_path / "example_extension-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: example-extension\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[xdsl.universe]\nexample = example_extension:EXAMPLE_UNIVERSE\n")
    model = tmp_path / "model.mlir"
    model.write_text(DIFFERENCE.replace("example.row_difference %a", "tinyts.leaky_relu %a {alpha = 7.0}"))
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    flags = ["--check-passes", "--split-tensors", "--schedule-bands", "--plan-arena", "--verify-plan"]
    environment = {**os.environ, "PYTHONPATH": path}

    def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
        code = "from tinyts_mlir.cli.opt import main; main()"
        return subprocess.run(
            [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, check=False
        )

    before = run([str(model), "--use-row-difference"])
    assert before.returncode == 0, before.stderr
    assert "example.row_difference %a : tensor<1x5x3x2x" in before.stdout
    (tmp_path / "replaced.mlir").write_text(before.stdout)
    after = run([str(tmp_path / "replaced.mlir"), *flags, "--lower-to-runtime"])
    assert after.returncode == 0, after.stderr
    assert "kernel = row_difference" in after.stdout
    # Without its kernel in C, there is no C.
    emitted = run([str(tmp_path / "replaced.mlir"), "--split-tensors", "--emit-c"])
    assert emitted.returncode == 1, emitted.stderr
    assert emitted.stderr.startswith("tinyts-opt: error:")
    assert "row_difference" in emitted.stderr
