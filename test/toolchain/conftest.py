"""A model project written by hand, with the names and the interface of an emitted one."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

RUNTIME = Path(__file__).parents[2] / "runtime"

HEADER = """
#ifndef SAMPLE_H
#define SAMPLE_H
#include "tinyts/tinyts_runtime.h"
#define SAMPLE_ARENA_BYTES 64
#define SAMPLE_INPUT_COUNT 1
#define SAMPLE_OUTPUT_COUNT 1
#define SAMPLE_INPUT_BYTES 24
#define SAMPLE_INPUT0_BYTES 24
#define SAMPLE_OUTPUT_BYTES 8
#define SAMPLE_OUTPUT0_BYTES 8
#define SAMPLE_INPUT_ROW_BYTES 8
typedef struct { tinyts_state state; int8_t *arena; uint32_t row; } sample_context;
tinyts_status sample_init(sample_context *ctx, void *arena, size_t arena_bytes);
tinyts_status sample_invoke(sample_context *ctx, const int8_t *input, int8_t *output);
tinyts_status sample_feed(sample_context *ctx, const int8_t *rows, size_t row_count);
const int8_t *sample_output(const sample_context *ctx);
#endif
"""

# The maximum of three rows. %(body)s runs at the end of each inference.
SOURCE = """
#include "sample.h"
#include "src/maximum.h"
#include <string.h>

%(definitions)s
tinyts_status sample_init(sample_context *ctx, void *arena, size_t arena_bytes) {
  if (arena_bytes < SAMPLE_ARENA_BYTES) { return TINYTS_ERROR_ARENA_SIZE; }
  ctx->arena = arena;
  ctx->row = 0;
  return TINYTS_OK;
}
tinyts_status sample_feed(sample_context *ctx, const int8_t *rows, size_t row_count) {
  for (size_t i = 0; i < row_count; ++i) {
    if (ctx->row == 3) { ctx->row = 0; }
    if (ctx->row == 0) { memset(ctx->arena, -128, 8); }
    maximum(ctx->arena, rows + 8 * i, 8);
    ctx->row++;
  }
  if (ctx->row == 3) {
    %(body)s
  }
  return TINYTS_OK;
}
const int8_t *sample_output(const sample_context *ctx) { return ctx->row == 3 ? ctx->arena : NULL; }
tinyts_status sample_invoke(sample_context *ctx, const int8_t *input, int8_t *output) {
  ctx->row = 0;
  tinyts_status status = sample_feed(ctx, input, 3);
  if (status == TINYTS_OK) { memcpy(output, ctx->arena, 8); }
  return status;
}
"""

MAXIMUM_HEADER = """
#include <stddef.h>
#include <stdint.h>
void maximum(int8_t *largest, const int8_t *row, size_t count);
extern const int8_t sample_table[1000];
"""

MAXIMUM_SOURCE = """
#include "src/maximum.h"
void maximum(int8_t *largest, const int8_t *row, size_t count) {
  for (size_t i = 0; i < count; ++i) { if (row[i] > largest[i]) { largest[i] = row[i]; } }
}
int never_called(int x);
int never_called(int x) { return x * 12345; }
"""

WEIGHTS = """
#include "src/maximum.h"
const int8_t sample_table[1000] = {1, 2, 3};
"""


@pytest.fixture
def make_sample() -> Callable[..., dict[str, str]]:
    def make(body: str = "(void)0;", definitions: str = "") -> dict[str, str]:
        return {
            "sample.h": HEADER,
            "sample.c": SOURCE % {"body": body, "definitions": definitions},
            "sample_weights.c": WEIGHTS,
            "src/maximum.h": MAXIMUM_HEADER,
            "src/maximum.c": MAXIMUM_SOURCE,
            "tinyts/tinyts_runtime.h": (RUNTIME / "include/tinyts/tinyts_runtime.h").read_text(),
            "CMakeLists.txt": "",
            "sample_report.json": "{}",
        }

    return make


def _skip_without(compiler: str) -> None:
    pytest.importorskip("unicorn", reason="the emulator is not installed (pip install unicorn)")
    if compiler == "gcc" and shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    if compiler == "clang":
        pytest.importorskip("ziglang", reason="zig's clang is not installed (pip install ziglang)")


@pytest.fixture
def skip_without() -> Callable[[str], None]:
    return _skip_without


@pytest.fixture(params=["gcc", "clang"])
def cross_compiler(request: pytest.FixtureRequest) -> str:
    _skip_without(request.param)
    return request.param


@pytest.fixture(scope="session")
def sample_tflite() -> bytes:
    """MAX_POOL_2D over all three rows of [1, 3, 1, 8]: what the sample project computes."""
    flatbuffers = pytest.importorskip("flatbuffers")
    tflite = pytest.importorskip("tflite")
    builder = flatbuffers.Builder(1024)

    def vector(start: Callable[..., object], values: list[int], prepend: Callable[[int], None]) -> int:
        start(builder, len(values))
        for value in reversed(values):
            prepend(value)
        return builder.EndVector()

    offset = builder.PrependUOffsetTRelative

    def tensor(name: str, shape: list[int]) -> int:
        name_offset = builder.CreateString(name)
        shape_offset = vector(tflite.TensorStartShapeVector, shape, builder.PrependInt32)
        scales = vector(tflite.QuantizationParametersStartScaleVector, [0.5], builder.PrependFloat32)
        zero_points = vector(tflite.QuantizationParametersStartZeroPointVector, [-5], builder.PrependInt64)
        tflite.QuantizationParametersStart(builder)
        tflite.QuantizationParametersAddScale(builder, scales)
        tflite.QuantizationParametersAddZeroPoint(builder, zero_points)
        quantization = tflite.QuantizationParametersEnd(builder)
        tflite.TensorStart(builder)
        tflite.TensorAddShape(builder, shape_offset)
        tflite.TensorAddType(builder, tflite.TensorType.INT8)
        tflite.TensorAddName(builder, name_offset)
        tflite.TensorAddQuantization(builder, quantization)
        return tflite.TensorEnd(builder)

    tensors = [tensor("rows", [1, 3, 1, 8]), tensor("largest", [1, 1, 1, 8])]
    tflite.Pool2DOptionsStart(builder)
    tflite.Pool2DOptionsAddPadding(builder, tflite.Padding.VALID)
    tflite.Pool2DOptionsAddStrideH(builder, 3)
    tflite.Pool2DOptionsAddStrideW(builder, 1)
    tflite.Pool2DOptionsAddFilterHeight(builder, 3)
    tflite.Pool2DOptionsAddFilterWidth(builder, 1)
    options = tflite.Pool2DOptionsEnd(builder)
    op_inputs = vector(tflite.OperatorStartInputsVector, [0], builder.PrependInt32)
    op_outputs = vector(tflite.OperatorStartOutputsVector, [1], builder.PrependInt32)
    tflite.OperatorStart(builder)
    tflite.OperatorAddInputs(builder, op_inputs)
    tflite.OperatorAddOutputs(builder, op_outputs)
    tflite.OperatorAddBuiltinOptionsType(builder, tflite.BuiltinOptions.Pool2DOptions)
    tflite.OperatorAddBuiltinOptions(builder, options)
    operator = tflite.OperatorEnd(builder)
    tensors_offset = vector(tflite.SubGraphStartTensorsVector, tensors, offset)
    inputs = vector(tflite.SubGraphStartInputsVector, [0], builder.PrependInt32)
    outputs = vector(tflite.SubGraphStartOutputsVector, [1], builder.PrependInt32)
    operators = vector(tflite.SubGraphStartOperatorsVector, [operator], offset)
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddTensors(builder, tensors_offset)
    tflite.SubGraphAddInputs(builder, inputs)
    tflite.SubGraphAddOutputs(builder, outputs)
    tflite.SubGraphAddOperators(builder, operators)
    subgraph = tflite.SubGraphEnd(builder)
    tflite.OperatorCodeStart(builder)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, tflite.BuiltinOperator.MAX_POOL_2D)
    tflite.OperatorCodeAddBuiltinCode(builder, tflite.BuiltinOperator.MAX_POOL_2D)
    tflite.OperatorCodeAddVersion(builder, 2)
    code = tflite.OperatorCodeEnd(builder)
    tflite.BufferStart(builder)
    buffer = tflite.BufferEnd(builder)
    codes = vector(tflite.ModelStartOperatorCodesVector, [code], offset)
    subgraphs = vector(tflite.ModelStartSubgraphsVector, [subgraph], offset)
    buffers = vector(tflite.ModelStartBuffersVector, [buffer], offset)
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, 3)
    tflite.ModelAddOperatorCodes(builder, codes)
    tflite.ModelAddSubgraphs(builder, subgraphs)
    tflite.ModelAddBuffers(builder, buffers)
    builder.Finish(tflite.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())
