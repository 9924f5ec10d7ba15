"""Real models: every output byte is LiteRT's, on this machine and on the emulated Cortex-M7, in the planned memory."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from comparison import assert_same, default_cross_compiler, expected_outputs, skip_without
from host_batch import build_host_batch
from support import real_model, real_models
from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr
from xdsl.dialects.func import ReturnOp
from xdsl.passes import PassPipeline
from xdsl.rewriter import Rewriter
from xdsl.universe import Universe

from tinyts_mlir.analysis.op_graph import functions
from tinyts_mlir.compiler import CompiledModel, compile_model, compile_module, new_context, read_module
from tinyts_mlir.dialects.tinyts import SoftmaxOp
from tinyts_mlir.interpreters.check_passes import PassChecker
from tinyts_mlir.interpreters.tinyts import run_function
from tinyts_mlir.pipeline import PassSpec, build_passes, complete
from tinyts_mlir.tflite.file import TfliteFile
from tinyts_mlir.tflite.reader import read_tflite
from tinyts_mlir.toolchain.build import build_cortex_m7, build_host
from tinyts_mlir.toolchain.inputs import NamedInput, standard_inputs
from tinyts_mlir.toolchain.reference import ReferenceModel

RANDOM_INPUTS = 10
DEFAULT = "--split-tensors"

ARENA_BYTES = {
    "0_MW5": 36960,
    "1_MW10": 27200,
    "3_IM5": 42240,
    "4_IM10": 22752,
    "5_IM256": 150240,
    "7_MBV2": 80640,
    "ad_micronet_large": 67872,
    "ic_MLPerf": 14272,
    "kws_MLPerf": 9920,
    "kws_ds_cnn_l": 36144,
    "kws_micronet_l": 62208,
    "vww_MLPerf": 29568,
    "vww_micronet_vww2": 15616,
    "vww_micronet_vww3": 46992,
}
"""The most that each model's arena may take with default flags."""

TABLES_BYTES = {"5_IM256": 16384}
"""The most that schedule, placement and descriptors may take with default flags."""

SMALL = ("ic_MLPerf", "kws_MLPerf", "vww_MLPerf", "vww_micronet_vww2")
IN_INPUT_MODES = ("ic_MLPerf", "kws_MLPerf", "vww_micronet_vww2")
FEED_ROWS = (1, 7, 1 << 16)

models = pytest.mark.parametrize("path", real_models())


@cache
def reference(path: Path) -> ReferenceModel:
    return ReferenceModel(path)


@cache
def compiled_model(path: Path) -> CompiledModel:
    """The model compiled with default flags."""
    return compile_model(path)


@cache
def inputs(path: Path, count: int = RANDOM_INPUTS) -> list[NamedInput]:
    return standard_inputs(reference(path).inputs, count)


@cache
def expected(path: Path, count: int = RANDOM_INPUTS) -> list[list[np.ndarray]]:
    return expected_outputs(reference(path), inputs(path, count))


@models
def test_cortex_m7(path: Path, tmp_path: Path) -> None:
    compiled = compiled_model(path)
    program = build_cortex_m7(compiled.files, compiled.name, tmp_path, default_cross_compiler())
    outputs = program.run_all([inference.arrays for inference in inputs(path)])
    assert_same(inputs(path), expected(path), outputs, "invoke")
    sizes = program.sizes()
    assert (sizes.data, sizes.bss) == (0, 0)


@models
def test_host(path: Path, tmp_path: Path) -> None:
    compiled = compiled_model(path)
    program = build_host(compiled.files, compiled.name, tmp_path)
    arrays = [inference.arrays for inference in inputs(path)]
    assert_same(inputs(path), expected(path), program.run_all(arrays), "invoke")
    for rows in FEED_ROWS if program.interface.has_feed else ():
        assert_same(inputs(path), expected(path), program.run_all(arrays, rows), f"feed, {rows} rows at a time")


def in_arena_elsewhere(path: Path) -> None:
    """Skips a model whose plan with the input in the arena test_input_modes.py runs on both targets."""
    if path.stem in IN_INPUT_MODES:
        pytest.skip("run by test_input_modes.py")


@cache
def compiled_with_input_in_arena(path: Path) -> CompiledModel:
    return compile_model(path, [DEFAULT, "--input=arena"])


@pytest.mark.slow
@models
def test_input_in_arena_on_cortex_m7(path: Path, tmp_path: Path) -> None:
    in_arena_elsewhere(path)
    compiled = compiled_with_input_in_arena(path)
    assert compiled.report["input"]["mode"] == "arena"  # pyright: ignore[reportIndexIssue]
    program = build_cortex_m7(compiled.files, compiled.name, tmp_path, default_cross_compiler())
    one = inputs(path)[:1]
    assert_same(one, expected_outputs(reference(path), one), program.run_all([one[0].arrays]), "invoke")


@models
def test_input_in_arena_on_host(path: Path, tmp_path: Path) -> None:
    in_arena_elsewhere(path)
    compiled = compiled_with_input_in_arena(path)
    program = build_host(compiled.files, compiled.name, tmp_path)
    few = inputs(path)[:2]
    arrays, wanted = [inference.arrays for inference in few], expected_outputs(reference(path), few)
    assert_same(few, wanted, program.run_all(arrays), "invoke")
    if program.interface.has_feed:
        assert_same(few, wanted, program.run_all(arrays, 7), "feed, 7 rows at a time")


@models
def test_memory(path: Path) -> None:
    report = compiled_model(path).report
    assert report["arena_bytes"] <= ARENA_BYTES.get(path.stem, 1 << 32)
    assert report["tables_bytes"] <= TABLES_BYTES.get(path.stem, 1 << 32)


def layer_file(path: Path) -> TfliteFile:
    return read_tflite(path.read_bytes(), path.name)


def returning_logits(module: ModuleOp) -> ModuleOp:
    """The module with the operand of its only softmax in place of its output."""
    (softmax,) = (op for op in module.walk() if isinstance(op, SoftmaxOp))
    (function,) = functions(module)
    Rewriter.replace_op(function.body.block.last_op, ReturnOp(softmax.input[0]))
    function.attributes["tinyts.output_names"] = ArrayAttr([StringAttr("logits")])
    function.update_function_type()
    return module


@models
def test_logits(path: Path, tmp_path: Path) -> None:
    """What is in front of a SOFTMAX is exact, too: probabilities hide much."""
    layers = [layer for layer in layer_file(path).layers if layer.op == "SOFTMAX"]
    if not layers:
        return  # the output itself has been compared
    (layer,) = layers
    compiled = compile_module(returning_logits(read_module(path, new_context())), [DEFAULT], "logits")
    program = build_host(compiled.files, compiled.name, tmp_path)
    logits = [[reference(path).run_all_tensors(i.arrays)[layer.inputs[0]]] for i in inputs(path)]
    assert_same(inputs(path), logits, program.run_all([i.arrays for i in inputs(path)]), "logits")


@models
def test_interpreter(path: Path) -> None:
    """The interpreter makes of every layer what LiteRT makes of it."""
    module, file = read_module(path, new_context()), layer_file(path)
    for inference in inputs(path)[RANDOM_INPUTS - 1 : RANDOM_INPUTS + 1]:
        values: dict[str, tuple[np.ndarray, ...]] = {}
        outputs = run_function(module, inference.arrays, values=values)
        tensors = reference(path).run_all_tensors(inference.arrays)
        for layer in file.layers:
            made = values[file.tensors[layer.outputs[0]].name]
            assert_same([inference], [[tensors[i] for i in layer.outputs]], [made], f"layer {layer.index} {layer.op}")
        assert_same([inference], [reference(path).run(inference.arrays)], [outputs], "outputs")


@pytest.mark.slow
@pytest.mark.parametrize("flag", ["split-tensors", "split-tensors{rows=3}"])
@pytest.mark.parametrize("name", ["ad_MLPerf", "ic_MLPerf", "kws_MLPerf", "vww_micronet_vww2", "4_IM10"])
def test_passes(name: str, flag: str) -> None:
    """Every pass, interpreted before and after it, keeps every output byte."""
    context = new_context()
    module = read_module(real_model(name), context)
    passes = build_passes(complete([PassSpec("split-tensors", flag)]), Universe.get_multiverse().all_passes)
    checker = PassChecker(samples=1)
    checked: list[str] = []

    def check(previous: object, module: ModuleOp, _next: object) -> None:
        pass_name = None if previous is None else str(getattr(previous, "name"))  # noqa: B009
        module.verify()
        checker.check(module, pass_name)
        checked.append(pass_name or "")

    PassPipeline(passes, check).apply(context, module)
    assert checked == ["", *(one.name for one in passes)]


ROWS, ORDERS = (1, 2, 3, 5), ("auto", "depth-first", "breadth-first")
VARIANTS = {
    "unsplit": [],
    "unsplit, breadth-first": ["--schedule-bands=order=breadth-first"],
    **{
        f"{rows} rows, {order}": [f"--split-tensors=rows={rows}", f"--schedule-bands=order={order}"]
        for rows in ROWS
        for order in ORDERS
    },
    "input in the arena": [DEFAULT, "--input=arena"],
    "input in the arena, 2 rows, breadth-first": [
        "--split-tensors=rows=2",
        "--schedule-bands=order=breadth-first",
        "--input=arena",
    ],
    "input in place": [DEFAULT, "--input=external"],
    "input in place, unsplit": ["--input=external"],
    "all scratch": [DEFAULT, "--plan-arena=scratch=always"],
    "no scratch": [DEFAULT, "--plan-arena=scratch=never"],
    "much RAM": ["--ram=1M"],
    "some RAM": ["--ram=16K"],
    "bands of many heights": ["--choose-bands=limit=24576,highest=5", DEFAULT],
}
CORTEX_M7_VARIANTS = (
    "unsplit",
    "2 rows, breadth-first",
    "3 rows, depth-first",
    "input in place",
    "no scratch",
    "some RAM",
)


@pytest.mark.slow
@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("name", SMALL)
def test_variants_on_host(name: str, part: int, tmp_path: Path) -> None:
    """All variants, half of them in one program."""
    path = real_model(name)
    half = {f"variant_{number}": variant for number, variant in enumerate(VARIANTS) if number % 2 == part}
    files = {name: compile_model(path, VARIANTS[variant], name).files for name, variant in half.items()}
    programs = build_host_batch(files, tmp_path, ["-O1"])
    arrays = [inference.arrays for inference in inputs(path, 2)]
    for name, variant in half.items():
        program = programs[name]
        assert_same(inputs(path, 2), expected(path, 2), program.run_all(arrays), variant)
        if program.interface.has_feed:
            assert_same(inputs(path, 2), expected(path, 2), program.run_all(arrays, 3), f"{variant}, fed")


@pytest.mark.slow
@pytest.mark.parametrize("variant", CORTEX_M7_VARIANTS)
@pytest.mark.parametrize("name", ["kws_MLPerf", "vww_micronet_vww2"])
def test_variants_on_cortex_m7(name: str, variant: str, tmp_path: Path) -> None:
    path = real_model(name)
    compiled = compile_model(path, VARIANTS[variant])
    program = build_cortex_m7(compiled.files, compiled.name, tmp_path, default_cross_compiler())
    arrays = [inference.arrays for inference in inputs(path, 1)]
    assert_same(inputs(path, 1), expected(path, 1), program.run_all(arrays), "invoke")
    if program.interface.has_feed:
        assert_same(inputs(path, 1), expected(path, 1), program.run_all(arrays, 5), "feed")


@pytest.mark.parametrize("name", ["ad_MLPerf", "ic_MLPerf", "kws_MLPerf", "vww_MLPerf", "vww_micronet_vww2"])
def test_other_cross_compiler(name: str, tmp_path: Path) -> None:
    """The compiler that `test_cortex_m7` does not use."""
    if default_cross_compiler() == "clang":
        pytest.skip("arm-none-eabi-gcc is not installed, so clang has been used already")
    skip_without("clang")
    path = real_model(name)
    compiled = compiled_model(path)
    program = build_cortex_m7(compiled.files, compiled.name, tmp_path, "clang")
    outputs = program.run_all([inference.arrays for inference in inputs(path)])
    assert_same(inputs(path), expected(path), outputs, "invoke")


def test_measuring_changes_nothing(tmp_path: Path) -> None:
    path = real_model("kws_MLPerf")
    compiled = compiled_model(path)
    program = build_cortex_m7(compiled.files, compiled.name, tmp_path, default_cross_compiler())
    few = inputs(path)[:2]
    measured = [program.measure(inference.arrays) for inference in few]
    assert_same(few, expected(path)[:2], [one.outputs for one in measured], "measured")
    assert len({one.stack_bytes for one in measured}) == 1
