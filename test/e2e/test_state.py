"""Models with state as sequences: every call's outputs are LiteRT's, on this machine and on the emulated Cortex-M7."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from comparison import assert_same, default_cross_compiler, expected_outputs
from network_builder import NetworkBuilder, Quantization, like, quantization
from support import MODELS
from xdsl.dialects.builtin import BytesAttr, DenseIntOrFPElementsAttr, ModuleOp, TensorType, i8
from xdsl.ir import SSAValue

from tinyts_mlir.api import Compiled
from tinyts_mlir.compiler import compile_model, compile_module, import_model
from tinyts_mlir.dialects import tinyrt
from tinyts_mlir.dialects.rows import shape_of
from tinyts_mlir.dialects.tinyts import (
    AssignStateOp,
    ReadStateOp,
    ReshapeOp,
    ShiftStateOp,
    StateOp,
    StridedSliceOp,
)
from tinyts_mlir.interpreters.check_passes import run_sequence
from tinyts_mlir.lowering.c_program import program_of
from tinyts_mlir.reporting.arena_timeline import timeline_of
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.tflite.reader import read_tflite
from tinyts_mlir.tflite.writer import write_tflite
from tinyts_mlir.toolchain.build import build_cortex_m7, build_host
from tinyts_mlir.toolchain.evaluate import evaluate
from tinyts_mlir.toolchain.inputs import NamedInput, random_inputs
from tinyts_mlir.toolchain.reference import ReferenceModel
from tinyts_mlir.toolchain.reference_process import ReferenceCrash

STEPS, STEPS_ON_M7 = 50, 5
WAKE_WORDS = {
    "alexa": 22348,
    "choo_choo_homie": None,
    "hey_mycroft": 23628,
    "okay_nabu": 26080,
    "vad": 16772,
}
"""Streaming models, and the arena that TensorFlow Lite Micro needs for each, where its publisher says."""
MOST_SHARE = 0.6


class Network(NetworkBuilder):
    """A network with state."""

    def state(self, name: str, value: SSAValue, shape: tuple[int, ...], initial: bytes | None = None) -> SSAValue:
        properties: dict[str, object] = {"state": name}
        if initial is not None:
            properties["initial"] = DenseIntOrFPElementsAttr(TensorType(i8, shape), BytesAttr(initial))
        return self.append(StateOp([], like(value, shape), properties))

    def read(self, state: SSAValue) -> SSAValue:
        return self.append(ReadStateOp([state], state.type))

    def assign(self, value: SSAValue, state: SSAValue) -> SSAValue:
        return self.append(AssignStateOp([value, state], state.type))

    def slice(self, value: SSAValue, shape: tuple[int, ...], begin: list[int]) -> SSAValue:
        return self.append(StridedSliceOp([[value]], like(value, shape), {"begin": begin, "stride": [1] * 4}))

    def last_rows(self, value: SSAValue, like: SSAValue) -> SSAValue:
        begin = [0, shape_of(value)[1] - shape_of(like)[1], 0, 0]
        return self.append(StridedSliceOp([[value]], like.type, {"begin": begin, "stride": [1, 1, 1, 1]}))


def ring_buffer(rows: int, step: int) -> ModuleOp:
    """The last rows of a map under a depthwise filter, as streaming convolutions have them."""
    network = Network(3)
    image = network.input((1, step, 1, 6))
    state = network.state("ring/states", image, (1, rows, 1, 6))
    together = network.concatenation([network.read(state), image], 1)
    network.assign(network.last_rows(together, state), state)
    value = network.depthwise_conv_2d(together, (rows + step, 1), padding="valid")
    return network.module([network.fully_connected(network.append(ReshapeOp([value], like(value, (1, 6)))), 3)])


def ring_buffer_read_twice() -> ModuleOp:
    """What a ring buffer held before is read as well, so that it is not shifted in place."""
    network = Network(4)
    image = network.input((1, 2, 3, 4))
    state = network.state("ring", image, (1, 4, 3, 4), bytes(range(48)))
    before = network.read(state)
    together = network.concatenation([before, image], 1)
    network.assign(network.last_rows(together, state), state)
    return network.module([network.conv_2d(together, 5, (3, 1), padding="valid"), network.conv_2d(before, 2, (2, 2))])


def delay_and_sum() -> ModuleOp:
    """Two states: the value before, and a sum of all that returns what lies in state itself."""
    network = Network(5)
    image = network.input((1, 3, 4, 2))
    previous = network.state("previous", image, (1, 3, 4, 2))
    total = network.state("total", image, (1, 3, 4, 2), b"\x05" * 24)
    before = network.read(previous)
    network.assign(image, previous)
    held = network.read(total)
    now = network.quantize(network.add(held, network.conv_2d(image, 2)), quantization(image))
    network.assign(now, total)
    return network.module([before, network.add(before, now), held])


def shifted() -> ModuleOp:
    """A ring buffer that is shifted, returned, and read by rows."""
    network = Network(6)
    image = network.input((1, 2, 3, 4))
    value = network.leaky_relu(image, 0.5)
    state = network.state("ring", value, (1, 7, 3, 4))
    steps = network.append(ShiftStateOp([value, state], state.type))
    return network.module([steps, network.max_pool_2d(network.conv_2d(steps, 3, (3, 3)), (2, 1))])


def mixed_filters() -> ModuleOp:
    """Filters of two heights on channels of a ring buffer, as wake words with several time scales have them."""
    network = Network(7)
    image = network.input((1, 1, 1, 8))
    state = network.state("ring", image, (1, 8, 1, 8))
    steps = network.append(ShiftStateOp([image, state], state.type))

    def part(channel: int, count: int, rows: int) -> SSAValue:
        channels = network.slice(steps, (1, 8, 1, count), [0, 0, 0, channel])
        last = network.slice(channels, (1, rows, 1, count), [0, 8 - rows, 0, 0])
        return network.depthwise_conv_2d(last, (rows, 1), padding="valid", result=Quantization(0.7, 4))

    return network.module([network.conv_2d(network.concatenation([part(0, 3, 5), part(3, 5, 7)], 3), 6)])


NETWORKS = {
    "mixed filters": mixed_filters(),
    "ring buffer": ring_buffer(4, 1),
    "ring buffer of two": ring_buffer(3, 2),
    "tall ring buffer": ring_buffer(19, 1),
    "more new rows than old": ring_buffer(1, 3),
    "ring buffer read twice": ring_buffer_read_twice(),
    "delay and sum": delay_and_sum(),
    "shifted": shifted(),
}
FLAGS = {
    "whole": (),
    "split": ("--split-tensors",),
    "external": ("--split-tensors", "--input=external"),
    "breadth first": ("--split-tensors=rows=1", "--schedule-bands=order=breadth-first"),
    "budget": ("--ram=64K",),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_sequences(name: str, tmp_path: Path) -> None:
    data = export_tflite(NETWORKS[name])
    reference = ReferenceModel(data)
    inputs = random_inputs(reference.inputs, 12)
    expected = expected_outputs(reference, inputs)
    arrays = [inference.arrays for inference in inputs]
    assert_same(inputs, expected, run_sequence(NETWORKS[name], arrays), "tinyts interpreter")
    for kind, flags in FLAGS.items():
        compiled = compile_module(import_model(data, "model"), flags, "net")
        assert_same(inputs, expected, run_sequence(compiled.module, arrays), f"tinyrt interpreter, {kind}")
        folder = tmp_path / kind
        folder.mkdir()
        program = build_host(compiled.files, "net", folder)
        assert_same(inputs, expected, program.run_all(arrays), f"host, {kind}")
        if program.interface.has_feed:
            assert_same(inputs, expected, program.run_all(arrays, 1), f"host, {kind}, fed row by row")


def test_a_sequence_on_the_cortex_m7(tmp_path: Path) -> None:
    compiler = default_cross_compiler()
    reference = ReferenceModel(export_tflite(NETWORKS["delay and sum"]))
    inputs = random_inputs(reference.inputs, 6)
    expected = expected_outputs(reference, inputs)
    compiled = compile_module(NETWORKS["delay and sum"].clone(), FLAGS["split"], "net")
    program = build_cortex_m7(compiled.files, "net", tmp_path, compiler)
    assert_same(inputs, expected, program.run_all([one.arrays for one in inputs]), "Cortex-M7")
    assert compiled.report["state_bytes"] == 48
    assert program.context_bytes == compiled.report["context_bytes"] + 48  # type: ignore[operator]


def test_a_reset_begins_anew(tmp_path: Path) -> None:
    compiler = default_cross_compiler()
    compiled = compile_module(NETWORKS["delay and sum"].clone(), FLAGS["split"], "net")
    program = build_cortex_m7(compiled.files, "net", tmp_path, compiler)
    inputs = random_inputs(ReferenceModel(export_tflite(NETWORKS["delay and sum"])).inputs, 3)
    arrays = [one.arrays for one in inputs]
    first = program.run_all(arrays)
    continued = program.run_all(arrays)
    program.reset()
    assert_same(inputs, first, program.run_all(arrays), "after a reset")
    assert any((one != other).any() for one, other in zip(first[0], continued[0], strict=True))


def test_the_reference_begins_anew() -> None:
    reference = ReferenceModel(export_tflite(NETWORKS["delay and sum"]))
    inputs = random_inputs(reference.inputs, 3)
    first = [reference.run(one.arrays) for one in inputs]
    continued = reference.run(inputs[0].arrays)
    assert any((one != other).any() for one, other in zip(first[0], continued, strict=True))
    reference.reset()
    assert_same(inputs, first, [reference.run(one.arrays) for one in inputs], "after a reset")


class CrashingReference(ReferenceModel):
    """LiteRT's reference, but it crashes on one of its inputs."""

    def __init__(self, model: bytes, crash_at: int) -> None:
        super().__init__(model)
        self.runs_left = crash_at

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        self.runs_left -= 1
        if self.runs_left == -1:
            raise ReferenceCrash("aborted")
        return super().run(inputs)


def test_behind_a_crash_nothing_is_compared() -> None:
    """LiteRT begins anew behind it, and the model does not."""
    compiled = compile_module(NETWORKS["delay and sum"].clone(), FLAGS["split"], "net")
    data = export_tflite(NETWORKS["delay and sum"])
    inputs = random_inputs(ReferenceModel(data).inputs, 4)
    evaluation = evaluate(compiled, "host", inputs, CrashingReference(data, 2))
    assert evaluation.bit_exact and evaluation.mismatch is None
    assert [crash.input_number for crash in evaluation.crashes] == [2, 3]
    assert evaluation.crashes[1].reason == "the state is lost since input 2"
    assert evaluation.compared_bytes == 2 * sum(array.nbytes for array in evaluation.outputs[0])
    with pytest.raises(ReferenceCrash, match="aborted; so it has no state to go on with"):
        evaluate(compiled, "host", inputs, CrashingReference(data, 0))


def test_a_ring_buffer_is_read_where_it_lies() -> None:
    """No copy of the buffer: the only values in the arena are rows that are made."""
    compiled = compile_module(ring_buffer(19, 1), FLAGS["split"], "net")
    program = program_of(compiled.module)
    kernels = [layer.kernel.data for layer in program.layers() if isinstance(layer, tinyrt.LayerOp)]
    assert kernels == ["shift", "depthwise_conv_2d", "fully_connected"]
    assert program.state_byte_count == 20 * 6
    assert program.arena_bytes.value.data <= 16


def test_the_summary_adds_up() -> None:
    """State is counted, and apart from the context."""
    compiled = Compiled(compile_module(mixed_filters(), FLAGS["split"], "net"))
    assert compiled.sram.state == 64
    assert compiled.sram.total == sum(line.bytes for line in compiled.summary.memory if not line.is_part)
    assert "state, from call to call" in [line.kind for line in compiled.summary.memory]
    timeline = timeline_of(compiled.planned)
    shift = next(number for number, layer in enumerate(timeline.layers) if layer.kernel == "shift")
    assert shift in next(layer.reads for layer in timeline.layers if layer.kernel == "depthwise_conv_2d")


def test_mixed_filters_are_one() -> None:
    """No channels are taken apart: the zero weights of the lower filter change no sum."""
    program = program_of(compile_module(mixed_filters(), FLAGS["split"], "net").module)
    kernels = [layer.kernel.data for layer in program.layers() if isinstance(layer, tinyrt.LayerOp)]
    assert kernels == ["shift", "depthwise_conv_2d", "conv_2d"]


def wake_word(name: str) -> Path:
    found = sorted((MODELS / "wild").glob(f"{name}-*.tflite"))
    if not found:
        pytest.skip(f"no {name} in {MODELS / 'wild'}")
    return found[0]


def with_features(path: Path) -> bytes:
    """The model with what its dense layer reads as another output: a probability alone hardly ever changes."""
    file = read_tflite(path.read_bytes(), path.name)
    [dense] = [layer for layer in file.layers if layer.op == "FULLY_CONNECTED"]
    return write_tflite(replace(file, outputs=(*file.outputs, dense.inputs[0])))


@pytest.mark.parametrize("name", WAKE_WORDS)
def test_features_of_wake_words(name: str, tmp_path: Path) -> None:
    data = with_features(wake_word(name))
    reference = ReferenceModel(data)
    inputs = random_inputs(reference.inputs, STEPS)
    expected = expected_outputs(reference, inputs)
    assert len({outputs[1].tobytes() for outputs in expected}) == STEPS
    compiled = compile_module(import_model(data, name), FLAGS["split"], "net")
    arrays = [one.arrays for one in inputs]
    assert_same(inputs, expected, build_host(compiled.files, "net", tmp_path).run_all(arrays), "host")
    few = inputs[:STEPS_ON_M7]
    (tmp_path / "m7").mkdir()
    device = build_cortex_m7(compiled.files, "net", tmp_path / "m7", default_cross_compiler())
    assert_same(few, expected[:STEPS_ON_M7], device.run_all(arrays[:STEPS_ON_M7]), "Cortex-M7")


@pytest.mark.parametrize("name", WAKE_WORDS)
def test_wake_words(name: str, tmp_path: Path) -> None:
    path = wake_word(name)
    compiler = default_cross_compiler()
    reference = ReferenceModel(path)
    inputs = random_inputs(reference.inputs, STEPS)
    expected = expected_outputs(reference, inputs)
    compiled = compile_model(path, FLAGS["split"], "net")
    (tmp_path / "host").mkdir()
    program = build_host(compiled.files, "net", tmp_path / "host")
    assert_same(inputs, expected, program.run_all([one.arrays for one in inputs]), "host")
    (tmp_path / "m7").mkdir()
    device = build_cortex_m7(compiled.files, "net", tmp_path / "m7", compiler)
    few = inputs[:STEPS_ON_M7]
    assert_same(few, expected[:STEPS_ON_M7], device.run_all([one.arrays for one in few]), "Cortex-M7")
    if (theirs := WAKE_WORDS[name]) is not None:
        ours = compiled.report["arena_bytes"] + device.context_bytes  # type: ignore[operator]
        assert ours <= MOST_SHARE * theirs


def test_the_interpreter_keeps_states_apart() -> None:
    """Two sequences of one module know nothing of each other."""
    module = NETWORKS["shifted"]
    inputs = [NamedInput("x", (np.full((1, 2, 3, 4), value, np.int8),)).arrays for value in (3, 90)]
    once, again = run_sequence(module, inputs), run_sequence(module, inputs)
    assert all((one == other).all() for a, b in zip(once, again, strict=True) for one, other in zip(a, b, strict=True))
