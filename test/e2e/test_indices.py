"""Models that give indices: a segmentation network made band by band, and what int32 and int64 outputs are in C."""

from __future__ import annotations

from pathlib import Path

import pytest
from comparison import assert_same, default_cross_compiler, expected_outputs
from host_batch import SANITIZERS
from index_samples import indices_of, squeezed, twice
from network_builder import NetworkBuilder, Quantization, like
from xdsl.dialects.builtin import ModuleOp, f32
from xdsl.passes import PassPipeline
from xdsl.universe import Universe

from tinyts_mlir.compiler import compile_module, new_context
from tinyts_mlir.dialects.assembly import int_values
from tinyts_mlir.dialects.rows import CHANNELS, HEIGHT, element_bytes, shape_of, tensor_type
from tinyts_mlir.dialects.tinyts import ArgExtremeOp, ArgMaxOp, ArgMinOp, ResizeBilinearOp
from tinyts_mlir.dialects.tinyts_base import TinytsOp
from tinyts_mlir.lowering.c_program import program_of
from tinyts_mlir.pipeline import build_passes, pass_flag
from tinyts_mlir.tflite.exporter import export_tflite
from tinyts_mlir.tflite.importer import import_tflite
from tinyts_mlir.toolchain.build import build_cortex_m7, build_host
from tinyts_mlir.toolchain.inputs import standard_inputs
from tinyts_mlir.toolchain.reference import ReferenceModel

ROWS = 24
FLAGS = ((), ("--split-tensors",), ("--split-tensors=rows=1",), ("--split-tensors=rows=5", "--input=arena"))


def segmentation(bits: int = 32) -> ModuleOp:
    """Six classes for each pixel, with classes of a quarter of the pixels before they are resized."""
    builder = NetworkBuilder(4)
    image = builder.quantize(builder.edge_input((1, ROWS, 16, 3), f32), Quantization(0.02, -5))
    value = builder.conv_2d(image, 12, (3, 3), stride=(2, 2), padding="same", activation="relu6")
    value = builder.conv_2d(value, 6, (3, 3), padding="same")
    type = like(value, (1, ROWS, 16, 6))
    value = builder.append(ResizeBilinearOp([[value]], type, {"half_pixel_centers": 1}))
    return builder.module([squeezed(builder, indices_of(builder, ArgMaxOp, value, CHANNELS, bits), CHANNELS)])


def odd_outputs() -> ModuleOp:
    """Outputs of every type, int64 among values of odd sizes; one is the only index of a vector."""
    builder = NetworkBuilder(5)
    image = builder.leaky_relu(builder.input((1, 5, 3, 3), Quantization(0.02, -5)), 0.5)
    small = builder.max_pool_2d(image, (3, 3))
    wide = indices_of(builder, ArgMinOp, image, HEIGHT, 64)
    vector = builder.reshape(image, [45])
    outputs = [
        small,
        squeezed(builder, indices_of(builder, ArgMaxOp, vector, 0, 64), 0),
        builder.dequantize(small),
        twice(builder, squeezed(builder, wide, HEIGHT)),
        indices_of(builder, ArgMinOp, image, CHANNELS, 32),
    ]
    return builder.module(outputs, ["bytes", "only", "floats", "pairs", "pixels"])


@pytest.mark.parametrize("flags", FLAGS, ids=" ".join)
@pytest.mark.parametrize("network", [segmentation, odd_outputs])
def test_every_index_is_that_of_litert(network: object, flags: tuple[str, ...], tmp_path: Path) -> None:
    assert callable(network)
    data = export_tflite(network())
    reference = ReferenceModel(data)
    inputs = standard_inputs(reference.inputs, 2)
    expected = expected_outputs(reference, inputs)
    compiled = compile_module(import_tflite(data, "net"), flags, "net")
    arrays = [inference.arrays for inference in inputs]
    host = build_host(compiled.files, "net", tmp_path / "host", SANITIZERS)
    assert_same(inputs, expected, host.run_all(arrays), "host")
    device = build_cortex_m7(compiled.files, "net", tmp_path / "m7", default_cross_compiler())
    assert_same(inputs, expected, device.run_all(arrays), "Cortex-M7")
    if host.interface.has_feed:
        assert_same(inputs, expected, host.run_all(arrays, 2), "host, fed")
        assert_same(inputs, expected, device.run_all(arrays, 2), "Cortex-M7, fed")


def test_classes_are_found_band_by_band() -> None:
    """No more than the classes, and a few rows, are in memory at once."""
    found = compile_module(segmentation(), ["--split-tensors"], "net").report["arena_bytes"]
    whole = compile_module(segmentation(), [], "net").report["arena_bytes"]
    assert isinstance(found, int) and isinstance(whole, int)
    assert found < whole / 2 and found < 4 * ROWS * 16 + 1500


def test_planned_bands_of_int64_are_aligned() -> None:
    """Whatever lies beside them."""
    available = Universe.get_multiverse().all_passes
    flags = ("--canonicalize", "--receive-inputs", "--split-tensors=rows=1", "--schedule-bands", "--plan-arena")
    specs = [spec for flag in flags if (spec := pass_flag(flag, available)) is not None]
    module = odd_outputs()
    PassPipeline(build_passes(specs, available)).apply(new_context(), module)
    checked = 0
    for op in module.walk():
        if isinstance(op, TinytsOp) and op.offsets is not None:
            for result, offset in zip(op.results, int_values(op.offsets), strict=True):
                if element_bytes(tensor_type(result)) == 8:
                    checked += 1
                    assert offset % 8 == 0
    assert checked >= 3


def test_a_band_of_rows_has_a_row_map() -> None:
    for axis, has_map in ((0, True), (HEIGHT, False), (2, True), (CHANNELS, True)):
        builder = NetworkBuilder(0)
        op = indices_of(builder, ArgMaxOp, builder.input((1, 4, 3, 2)), axis).owner
        assert isinstance(op, ArgExtremeOp)
        assert (op.row_map() is not None) == has_map
        assert shape_of(op.result)[axis] == 1
    assert program_of(compile_module(segmentation(64), ["--split-tensors"], "net").module)
