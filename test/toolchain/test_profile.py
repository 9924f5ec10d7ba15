"""Instructions and weight bytes by layer and kernel, on the demo model."""

from pathlib import Path

import pytest

from tinyts_mlir.analysis.macs import macs_of_module
from tinyts_mlir.compiler import CompiledModel, compile_model, new_context, read_module
from tinyts_mlir.demo import demo_model
from tinyts_mlir.errors import UserError
from tinyts_mlir.lowering.c_program import program_of
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.toolchain.build import build_cortex_m7
from tinyts_mlir.toolchain.inputs import random_inputs
from tinyts_mlir.toolchain.profile import RUNTIME, Profile, profile
from tinyts_mlir.toolchain.programs import EmulatedProgram
from tinyts_mlir.toolchain.reference import ReferenceModel

Setting = tuple[EmulatedProgram, CompiledModel, Path]


@pytest.fixture(scope="module", params=["gcc", "clang"])
def setting(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Setting:
    pytest.importorskip("unicorn", reason="the emulator is not installed (pip install unicorn)")
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed")
    directory = tmp_path_factory.mktemp("demo")
    path = directory / "demo.tflite"
    path.write_bytes(export_tflite(demo_model(0)))
    compiled = compile_model(path)
    try:
        program = build_cortex_m7(compiled.files, compiled.name, directory, request.param)
    except UserError as error:
        if "PATH" in str(error) or "missing" in str(error):
            pytest.skip(str(error))
        raise
    return program, compiled, path


def run(setting: Setting) -> Profile:
    program, compiled, path = setting
    [inference] = random_inputs(ReferenceModel(path).inputs, 1)
    return profile(program, compiled, read_module(path, new_context()), inference.arrays)


@pytest.fixture(scope="module")
def measured(setting: Setting) -> Profile:
    return run(setting)


def test_the_parts_sum_up_to_what_measure_counts(setting: Setting, measured: Profile):
    program, _, path = setting
    [inference] = random_inputs(ReferenceModel(path).inputs, 1)
    plain = program.measure(inference.arrays)
    assert (measured.instructions, measured.stack_bytes) == (plain.instructions, plain.stack_bytes)
    assert sum(work.instructions for work in measured.kernels().values()) == plain.instructions
    assert 0 < measured.runtime_instructions < plain.instructions / 10
    assert all((a == b).all() for a, b in zip(measured.outputs, plain.outputs, strict=True))


def test_every_layer_ran_as_often_as_the_schedule_says(setting: Setting, measured: Profile):
    steps = program_of(setting[1].module).steps()
    for layer in measured.layers:
        assert layer.work.steps == steps.count(layer.number) > 0
        assert layer.work.instructions > 0


def test_every_multiplication_belongs_to_a_layer(setting: Setting, measured: Profile):
    assert measured.macs == macs_of_module(read_module(setting[2], new_context()))
    assert sum(layer.work.macs for layer in measured.layers) == measured.macs
    assert {layer.kernel for layer in measured.layers if layer.work.macs} == {
        "conv_2d",
        "depthwise_conv_2d",
        "fully_connected",
    }


def test_weights_are_read_once_at_least_and_only_by_kernels_that_have_some(setting: Setting, measured: Profile):
    layers = program_of(setting[1].module).layers()
    for layer in measured.layers:
        parameters = layers[layer.number].parameters.data
        arrays = [value for value in parameters.values() if hasattr(value, "get_shape")]
        size = sum(len(array.data.data) for array in arrays)
        assert layer.work.weight_bytes >= size if size else layer.work.weight_bytes == 0, layer
    [dense] = [layer for layer in measured.layers if layer.kernel == "fully_connected"]
    assert dense.work.weight_bytes <= 4 * dense.work.macs


def test_two_runs_are_equal(setting: Setting, measured: Profile):
    again = run(setting)
    assert (again.instructions, again.layers, again.executions) == (
        measured.instructions,
        measured.layers,
        measured.executions,
    )


def test_shapes_are_for_people(measured: Profile):
    first = measured.layers[0]
    assert (first.number, first.kernel, first.shape) == (1, "conv_2d", "3x3/2 48x48x3 -> 24x24x8")
    assert RUNTIME not in {layer.kernel for layer in measured.layers}
