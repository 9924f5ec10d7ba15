"""Where the input lives: received row by row, received whole, or read in place; every byte is LiteRT's all the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from comparison import assert_same, default_cross_compiler, expected_outputs
from fuzz_networks import check_networks
from network_builder import NetworkBuilder, Quantization
from network_generator import Network, random_network
from support import MODELS
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import PassPipeline
from xdsl.universe import Universe

from tinyts_mlir.compiler import CompiledModel, compile_module, new_context
from tinyts_mlir.demo import demo_model
from tinyts_mlir.dialects import tinyrt
from tinyts_mlir.dialects.tinyts import ExternalInputOp
from tinyts_mlir.errors import CompileError
from tinyts_mlir.interpreters.check_passes import PassChecker
from tinyts_mlir.lowering.c_program import program_of
from tinyts_mlir.pipeline import PassSpec, build_passes, complete, with_input
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.tflite.importer import import_tflite
from tinyts_mlir.toolchain.build import build_cortex_m7, build_host
from tinyts_mlir.toolchain.errors import ToolchainError
from tinyts_mlir.toolchain.inputs import NamedInput, standard_inputs
from tinyts_mlir.toolchain.programs import EmulatedProgram, HostProgram
from tinyts_mlir.toolchain.reference import ReferenceModel

MODES = ("stream", "arena", "external")
NAMES = ("demo", "kws_MLPerf", "ic_MLPerf", "vww_micronet_vww2")
FEED_ROWS = (1, 3, 1 << 16)
SANITIZERS = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")

in_each_mode = pytest.mark.parametrize("mode", MODES)
on_each_model = pytest.mark.parametrize("name", NAMES)


@dataclass(frozen=True)
class Model:
    """A model file with inputs, and what LiteRT makes of them."""

    name: str
    data: bytes
    inputs: list[NamedInput]
    expected: list[list[np.ndarray]]

    def module(self) -> ModuleOp:
        return import_tflite(self.data, f"{self.name}.tflite")

    def compile(self, mode: str, *flags: str) -> CompiledModel:
        return compile_module(self.module(), [*(flags or ["--split-tensors"]), f"--input={mode}"], self.name)

    def check(self, program: HostProgram | EmulatedProgram, count: int) -> None:
        """Runs `count` inputs, each at once and, where the model can be fed, so many rows at a time."""
        inputs, expected = self.inputs[:count], self.expected[:count]
        arrays = [inference.arrays for inference in inputs]
        assert_same(inputs, expected, program.run_all(arrays), "invoke")
        for rows in FEED_ROWS if program.interface.has_feed else ():
            assert_same(inputs, expected, program.run_all(arrays, rows), f"feed, {rows} rows at a time")


@cache
def load(name: str) -> Model:
    """A model by its name; skips the test where the file is absent."""
    path = MODELS / f"{name}.tflite"
    if name != "demo" and not path.exists():
        pytest.skip(f"no {path.name} in {MODELS}: set TINYTS_MODELS to the folder that has it")
    data = export_tflite(demo_model()) if name == "demo" else path.read_bytes()
    reference = ReferenceModel(data)
    inputs = standard_inputs(reference.inputs, 3)
    return Model(name, data, inputs, expected_outputs(reference, inputs))


@in_each_mode
@on_each_model
def test_host(name: str, mode: str, tmp_path: Path) -> None:
    """With sanitizers: the input's buffer is exactly as long as the input."""
    model = load(name)
    compiled = model.compile(mode)
    program = build_host(compiled.files, compiled.name, tmp_path, SANITIZERS)
    assert program.interface.has_feed == (mode != "external")
    model.check(program, count=7)


@pytest.mark.slow
@in_each_mode
@on_each_model
def test_cortex_m7(name: str, mode: str, tmp_path: Path) -> None:
    model = load(name)
    compiled = model.compile(mode)
    program = build_cortex_m7(compiled.files, compiled.name, tmp_path, default_cross_compiler())
    model.check(program, count=1)


PASSES = [(name, "split-tensors") for name in NAMES] + [
    ("demo", "schedule-bands{order=breadth-first}"),
    ("demo", "split-tensors{rows=3}"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "flag"), PASSES)
@in_each_mode
def test_passes(name: str, flag: str, mode: str) -> None:
    """Every pass, interpreted before and after it, keeps every output byte."""
    specs = [PassSpec(flag.partition("{")[0], flag)]
    passes = build_passes(complete(with_input(specs, mode)), Universe.get_multiverse().all_passes)
    checker = PassChecker(samples=1)
    seen: set[type] = set()

    def check(previous: object, module: ModuleOp, _next: object) -> None:
        module.verify()
        checker.check(module, None if previous is None else type(previous).__name__)
        seen.update(type(op) for op in module.walk())

    PassPipeline(passes, check).apply(new_context(), load(name).module())
    assert (ExternalInputOp in seen) == (mode == "external")
    assert (tinyrt.ReceiveOp in seen) == (mode != "external")


def without_options(module: ModuleOp) -> str:
    """A program as text, without the options that it was compiled with."""
    return re.sub(r'options = "[^"]*"', "", str(module))


@on_each_model
def test_report_and_arena(name: str) -> None:
    model = load(name)
    compiled = {mode: model.compile(mode) for mode in MODES}
    (image,) = model.inputs[0].arrays
    for mode, one in compiled.items():
        assert one.report["input"] == {"mode": mode, "bytes": image.size, "counted_in_arena": mode != "external"}
    arena = {mode: program_of(one.module).arena_bytes.value.data for mode, one in compiled.items()}
    # Placement is a heuristic, hence the tolerance.
    assert arena["external"] <= 1.02 * arena["stream"] and arena["stream"] <= 1.02 * arena["arena"]
    assert arena["arena"] >= image.size
    # Streaming is the default: the same program, but for what the header says of options.
    default = compile_module(model.module(), ["--split-tensors"], name)
    assert without_options(default.module) == without_options(compiled["stream"].module)


@pytest.mark.parametrize("flags", [(), ("--split-tensors",)], ids=["whole", "split"])
def test_external_input_is_no_block_of_the_arena(flags: tuple[str, ...]) -> None:
    """An arena that is smaller than the input."""
    builder = NetworkBuilder()
    module = builder.module([builder.max_pool_2d(builder.input((1, 32, 32, 3)), (8, 8), stride=(8, 8))])
    compiled = compile_module(module, [*flags, "--input=external"], "pool")
    report = compiled.report
    assert report["input"] == {"mode": "external", "bytes": 3072, "counted_in_arena": False}
    assert report["arena_bytes"] <= (64 if not flags else 96)  # pyright: ignore[reportOperatorIssue]


def test_external_input_cannot_be_fed(tmp_path: Path) -> None:
    model = load("demo")
    compiled = model.compile("external")
    assert "feed" not in compiled.files["demo.h"] + compiled.files["demo.c"]
    program = build_host(compiled.files, compiled.name, tmp_path)
    with pytest.raises(ToolchainError, match=r"demo reads its input in place \(--input external\): it cannot be fed"):
        program.run(model.inputs[0].arrays, 1)


def test_whole_tensors(tmp_path: Path) -> None:
    """Read in place by a plan without bands."""
    model = load("demo")
    compiled = model.compile("external", "--schedule-bands=order=depth-first")
    model.check(build_host(compiled.files, compiled.name, tmp_path, SANITIZERS), count=7)


# --- other networks ---------------------------------------------------------------------------------------------------


def vector() -> ModuleOp:
    """One row, which the first op needs whole: received in one piece, whatever the mode."""
    builder = NetworkBuilder()
    return builder.module([builder.fully_connected(builder.input((1, 640)), 12)])


def flattened() -> ModuleOp:
    """Rows, of which the first op needs all: as a vector."""
    builder = NetworkBuilder()
    image = builder.input((1, 7, 5, 3))
    return builder.module([builder.fully_connected(builder.reshape(image, (1, 105)), 4)])


def several() -> ModuleOp:
    """Inputs of which one is read twice, one is only a vector, one is returned and one is read by nothing."""
    builder = NetworkBuilder()
    image, other = builder.input((1, 7, 5, 2)), builder.input((1, 7, 5, 2), Quantization(0.03, 5))
    row, same, _ = builder.input((1, 9)), builder.input((1, 3, 2, 1)), builder.input((1, 2, 2, 1))
    total = builder.add(builder.conv_2d(image, 2), other)
    return builder.module(
        [builder.add(total, image), builder.fully_connected(row, 3), same, builder.max_pool_2d(same, (3, 2))]
    )


def in_place() -> ModuleOp:
    """Kernels that may write over what they read: never over the input."""
    builder = NetworkBuilder()
    image = builder.input((1, 6, 4, 2))
    first = builder.add(builder.leaky_relu(image, 0.25), image)
    return builder.module([builder.add(image, builder.add(first, image)), builder.leaky_relu(image, 0.5)])


def returned() -> ModuleOp:
    """An input returned as it is, reshaped, and behind a pad that adds nothing."""
    builder = NetworkBuilder()
    image, other = builder.input((1, 5, 3, 2)), builder.input((1, 4, 3, 1))
    return builder.module(
        [image, builder.reshape(image, (30,)), builder.pad(other, (0, 0, 0, 0)), builder.leaky_relu(image, 0.5)]
    )


OTHERS = (vector, flattened, several, in_place, returned)
FLAGS = ((), ("--split-tensors=rows=1",), ("--split-tensors=rows=2", "--schedule-bands=order=breadth-first"))


@in_each_mode
def test_other_networks(mode: str, tmp_path: Path) -> None:
    networks: list[Network] = []
    for make in OTHERS:
        for flags in FLAGS:
            module = make()
            one_input = len(module.body.block.first_op.body.block.args) == 1  # pyright: ignore
            feed = 1 if one_input and mode != "external" else None
            networks.append(Network(len(networks), module, (*flags, f"--input={mode}"), feed, returns_input=True))
    assert not check_networks(networks, tmp_path)


@pytest.mark.slow
def test_random_networks_read_in_place(tmp_path: Path) -> None:
    networks: list[Network] = []
    for seed in range(1000, 1050):
        network = random_network(seed)
        flags = [flag for flag in network.flags if "input=" not in flag]
        networks.append(Network(seed, network.module, (*flags, "--input=external"), None, network.returns_input))
    assert not check_networks(networks, tmp_path)


@pytest.mark.parametrize("make", [vector, flattened])
def test_one_piece(make: object) -> None:
    """Where the first op needs the whole input at once, streaming is what `arena` says: it is there before all else."""
    assert callable(make)
    reports = [compile_module(make(), ["--schedule-bands", f"--input={mode}"], "net").report for mode in MODES]
    assert [report["input"]["mode"] for report in reports] == ["arena", "arena", "external"]  # pyright: ignore
    assert reports[0]["arena_bytes"] == reports[1]["arena_bytes"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--input=flash"], "--input: expected stream, arena, external, got 'flash'"),
        (["--input="], "--input: expected stream, arena, external, got ''"),
        (
            ["--input=stream", "--schedule-bands=input=stream"],
            "--input stream and the option input of --schedule-bands exclude each other",
        ),
        (
            ["--receive-inputs=input=external", "--input=arena"],
            "--input arena and the option input of --receive-inputs exclude each other",
        ),
    ],
)
def test_wrong_flags(arguments: list[str], message: str) -> None:
    with pytest.raises(CompileError) as raised:
        compile_module(vector(), arguments, "net")
    assert str(raised.value) == message
