"""Projects built and run on the host and on the emulated Cortex-M7."""

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from tinyts_mlir.toolchain.build import build_cortex_m7, build_host
from tinyts_mlir.toolchain.errors import ProgramError, ToolchainError
from tinyts_mlir.toolchain.programs import EmulatedProgram, HostProgram

MakeSample = Callable[..., dict[str, str]]
Build = Callable[[Mapping[str, str]], HostProgram | EmulatedProgram]

INPUT = np.random.default_rng(0).integers(-128, 128, 24, np.int8)
EXPECTED = INPUT.reshape(3, 8).max(axis=0)


@pytest.fixture
def build_m7(cross_compiler: str, tmp_path: Path) -> Callable[[Mapping[str, str]], EmulatedProgram]:
    return lambda files: build_cortex_m7(files, "sample", tmp_path, cross_compiler)


@pytest.fixture(params=["host", "gcc", "clang"])
def build(request: pytest.FixtureRequest, tmp_path: Path) -> Build:
    if request.param == "host":
        return lambda files: build_host(files, "sample", tmp_path)
    request.getfixturevalue("skip_without")(request.param)
    return lambda files: build_cortex_m7(files, "sample", tmp_path, request.param)


@pytest.mark.parametrize("feed_rows", [None, 1, 2, 3, 100])
def test_run(feed_rows: int | None, build: Build, make_sample: MakeSample):
    program = build(make_sample())
    (output,) = program.run([INPUT], feed_rows)
    np.testing.assert_array_equal(output, EXPECTED)
    for (result,), sign in zip(program.run_all([[INPUT], [~INPUT]], feed_rows), (1, -1), strict=True):
        expected = (INPUT if sign == 1 else ~INPUT).reshape(3, 8).max(axis=0)
        np.testing.assert_array_equal(result, expected)


def test_several_inputs_and_outputs_go_to_their_own_pointers(build: Build, make_sample: MakeSample):
    files = make_sample()
    files["sample.h"] = textwrap.dedent("""
    #include "tinyts/tinyts_runtime.h"
    #define SAMPLE_ARENA_BYTES 1u
    #define SAMPLE_INPUT_COUNT 3
    #define SAMPLE_OUTPUT_COUNT 3
    #define SAMPLE_INPUT_BYTES 1
    #define SAMPLE_INPUT0_BYTES 1
    #define SAMPLE_INPUT1_BYTES 2
    #define SAMPLE_INPUT2_BYTES 3
    #define SAMPLE_OUTPUT_BYTES 3
    #define SAMPLE_OUTPUT0_BYTES (3)
    #define SAMPLE_OUTPUT1_BYTES 2
    #define SAMPLE_OUTPUT2_BYTES 1
    typedef struct { tinyts_state state; } sample_context;
    tinyts_status sample_init(sample_context *ctx, void *arena, size_t arena_bytes);
    tinyts_status sample_invoke(sample_context *ctx, const int8_t *a, const int8_t *b, const int8_t *c,
                                int8_t *x, int8_t *y, int8_t *z);
    """)
    files["sample.c"] = """
    #include "sample.h"
    #include <string.h>
    tinyts_status sample_init(sample_context *ctx, void *arena, size_t arena_bytes) {
      (void)ctx; (void)arena; (void)arena_bytes; return TINYTS_OK;
    }
    tinyts_status sample_invoke(sample_context *ctx, const int8_t *a, const int8_t *b, const int8_t *c,
                                int8_t *x, int8_t *y, int8_t *z) {
      (void)ctx; memcpy(x, c, 3); memcpy(y, b, 2); memcpy(z, a, 1); return TINYTS_OK;
    }
    """
    inputs = [np.array([1], np.int8), np.array([2, 3], np.int8), np.array([4, 5, 6], np.int8)]
    program = build(files)
    for outputs in program.run_all([inputs, inputs]):
        assert [output.tolist() for output in outputs] == [[4, 5, 6], [2, 3], [1]]
    if isinstance(program, EmulatedProgram):
        assert program.sizes().bss == 0  # no padding behind buffers of odd sizes
    with pytest.raises(ToolchainError, match="sample has 3 inputs: only models with one can be fed"):
        program.run(inputs, 1)


def test_every_output_of_a_fed_model(build: Build, make_sample: MakeSample):
    files = make_sample()
    files["sample.h"] = (
        files["sample.h"]
        .replace("OUTPUT_COUNT 1", "OUTPUT_COUNT 2\n#define SAMPLE_OUTPUT1_BYTES 3")
        .replace("sample_output(const", "sample_output_first(const")
        .replace("int8_t *output);", "int8_t *output, int8_t *last);")
        .replace("#endif", "const int8_t *sample_output_last(const sample_context *ctx);\n#endif")
    )
    files["sample.c"] = (
        files["sample.c"]
        .replace("sample_output(const", "sample_output_first(const")
        .replace("int8_t *output) {", "int8_t *output, int8_t *last) {")
        .replace("memcpy(output, ctx->arena, 8);", "memcpy(output, ctx->arena, 8); memcpy(last, ctx->arena + 5, 3);")
    ) + "const int8_t *sample_output_last(const sample_context *ctx) { return sample_output_first(ctx) + 5; }"
    program = build(files)
    for feed_rows in (None, 2):
        first, last = program.run([INPUT], feed_rows)
        np.testing.assert_array_equal(first, EXPECTED)
        np.testing.assert_array_equal(last, EXPECTED[5:])


@pytest.mark.parametrize(
    ("body", "place"),
    [("ctx->arena[-1] = 0;", "1 bytes before its start"), ("ctx->arena[64] = 0;", "1 bytes behind its last")],
)
def test_guard_bytes_trip(body: str, place: str, build: Build, make_sample: MakeSample):
    program = build(make_sample(body))
    with pytest.raises(ProgramError, match="the model wrote outside the arena") as caught:
        program.run([INPUT])
    assert isinstance(program, EmulatedProgram) or place in str(caught.value)


def test_output_and_context_are_guarded_on_the_host(tmp_path: Path, make_sample: MakeSample):
    program = build_host(make_sample("((int8_t *)(ctx + 1))[3] = 0;"), "sample", tmp_path)
    with pytest.raises(ProgramError, match="outside the context: 4 bytes behind its last byte"):
        program.run([INPUT])


def test_sanitizers_find_nothing_in_the_host_program_itself(tmp_path: Path, make_sample: MakeSample):
    flags = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    try:
        program = build_host(make_sample(), "sample", tmp_path, flags)
    except ToolchainError:
        pytest.skip("the host's compiler has no sanitizers")
    np.testing.assert_array_equal(program.run([INPUT])[0], EXPECTED)
    np.testing.assert_array_equal(program.run([INPUT], feed_rows=2)[0], EXPECTED)


def test_the_arena_is_not_aligned_to_more_than_it_must_be(build: Build, make_sample: MakeSample):
    build(make_sample("if ((uintptr_t)ctx->arena % 32 != 16) { return TINYTS_ERROR_ARENA_ALIGNMENT; }")).run([INPUT])


def test_initialised_variables_reach_the_ram(build: Build, make_sample: MakeSample):
    definitions = "static volatile int one = 1; static volatile int zero;"
    program = build(make_sample("if (one != 1 || zero != 0) { return 77; }", definitions))
    program.run([INPUT])
    if isinstance(program, EmulatedProgram):
        assert (program.sizes().data, program.sizes().bss) == (4, 4)


def test_a_bad_status(build: Build, make_sample: MakeSample):
    with pytest.raises(ProgramError, match="returned status 4"):
        build(make_sample("return TINYTS_ERROR_TOO_MANY_ROWS;")).run([INPUT])


def test_a_crash_and_a_hang_on_the_host(tmp_path: Path, make_sample: MakeSample):
    program = build_host(make_sample("abort();", "#include <stdlib.h>"), "sample", tmp_path / "crash")
    with pytest.raises(ProgramError, match="killed by SIGABRT"):
        program.run([INPUT])
    program = build_host(make_sample("for (volatile int i = 0; i == 0;) {}"), "sample", tmp_path / "hang")
    with pytest.raises(ProgramError, match=r"not finished after 0\.2 seconds"):
        HostProgram(program.interface, program.executable, "", timeout_seconds=0.2).run([INPUT])


def test_measurements_repeat(build_m7: Build, make_sample: MakeSample):
    program = build_m7(make_sample())
    first = program.measure([INPUT])
    program.run([~INPUT])
    second = program.measure([INPUT])
    assert (first.instructions, first.stack_bytes) == (second.instructions, second.stack_bytes)
    assert first.instructions > 24
    np.testing.assert_array_equal(first.outputs[0], EXPECTED)
    assert program.measure([INPUT], feed_rows=1).instructions > 24


def test_sizes_are_those_of_the_model_alone(build_m7: Build, make_sample: MakeSample):
    plain = build_m7(make_sample()).sizes()
    assert plain.rodata == plain.data == plain.bss == 0  # sample_table is not used, so it is not there
    assert 0 < plain.text < 1000
    table = build_m7(make_sample("ctx->arena[0] = sample_table[(uint8_t)ctx->arena[0]];")).sizes()
    assert table.rodata == 1000
    assert plain.text < table.text < plain.text + 100


def test_context_bytes(build_m7: Build, make_sample: MakeSample):
    assert build_m7(make_sample()).context_bytes == 20


def test_wrong_inputs(build: Build, make_sample: MakeSample):
    program = build(make_sample())
    with pytest.raises(ToolchainError, match="sample, input 0: expected 24 bytes, got 23"):
        program.run([INPUT[1:]])
    with pytest.raises(ToolchainError, match="sample, input 0: expected int8, got uint8"):
        program.run([INPUT.view(np.uint8)])
    with pytest.raises(ToolchainError, match="sample has 1 inputs, got 2"):
        program.run([INPUT, INPUT])
    with pytest.raises(ToolchainError, match="expected at least 1, got 0"):
        program.run([INPUT], 0)


def test_wrong_projects(tmp_path: Path, make_sample: MakeSample):
    with pytest.raises(ToolchainError, match=r"the project of other has no other\.h"):
        build_host(make_sample(), "other", tmp_path)
    with pytest.raises(ToolchainError, match=r"sample\.h does not define SAMPLE_INPUT_COUNT as a decimal number"):
        build_host({**make_sample(), "sample.h": "#define SAMPLE_INPUT_COUNT(x) x"}, "sample", tmp_path)
    with pytest.raises(ToolchainError, match=r"must lie inside it, got \.\./evil"):
        build_host({**make_sample(), "../evil": ""}, "sample", tmp_path)
    assert not (tmp_path / "evil").exists()
