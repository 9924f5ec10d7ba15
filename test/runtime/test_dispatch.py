"""The dispatch loop, on models written by hand with toy kernels.

`feeding` receives 5 rows in bands of 2, makes 3 rows of weighted sums of 3 rows each (stride 2, padding 1), and then
two outputs in one step. `summing` adds two inputs; one arrives row by row, the other in one band. `reading` and
`mixing` are the same with an external input: `feeding`'s only one and `summing`'s second. `sparing` forks row by row,
with scratch at every step but the second.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from kernel_machine import RUNTIME, compile_library

Rows = npt.NDArray[np.int8]

OK, NULL_POINTER, ARENA_SIZE, ARENA_ALIGNMENT, TOO_MANY_ROWS = range(5)
ROWS, ROW_BYTES, ARENA_BYTES = 5, 4, 96

SOURCE = """
#include "tinyts/tinyts_runtime.h"

static int8_t byte(int32_t value) { return (int8_t)(uint8_t)value; }

/* Row y: the sum of (k + 1) * (row k of its window), where rows of padding hold 9. Goes by way of the scratch. */
static void weighted_sum(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                         int32_t row_count, int8_t *scratch) {
  const int32_t stride = *(const int32_t *)parameters;
  for (int32_t y = 0; y < row_count; ++y) {
    for (int32_t x = 0; x < 4; ++x) {
      int32_t sum = 0;
      for (int32_t k = 0; k < 3; ++k) {
        const int8_t *row = input_rows[y * stride + k];
        sum += (k + 1) * (row != NULL ? row[x] : 9);
      }
      scratch[x] = byte(sum);
    }
    for (int32_t x = 0; x < 4; ++x) output_rows[y][x] = scratch[x];
  }
}

/* The input and its complement, one byte longer: 1 where there is no scratch. */
static void fork(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                 int32_t row_count, int8_t *scratch) {
  for (int32_t y = 0; y < row_count; ++y) {
    for (int32_t x = 0; x < 4; ++x) {
      output_rows[y][x] = input_rows[y][x];
      output_rows[row_count + y][x] = byte(~input_rows[y][x]);
    }
    output_rows[row_count + y][4] = scratch == NULL && parameters == NULL ? 1 : 0;
  }
}

static void sum(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                int32_t row_count, int8_t *scratch) {
  (void)parameters;
  (void)scratch;
  for (int32_t y = 0; y < row_count; ++y) {
    for (int32_t x = 0; x < 3; ++x) output_rows[y][x] = byte(input_rows[y][x] + input_rows[row_count + y][x]);
  }
}

typedef struct {
  tinyts_state state;
  uint16_t bands[3];
  const int8_t *input_rows[8];
  int8_t *output_rows[6];
} context;

static tinyts_workspace workspace(context *ctx) {
  return (tinyts_workspace){&ctx->state, ctx->bands, ctx->input_rows, ctx->output_rows};
}

#define MODEL(name)                                                                                                 \\
  size_t name##_context_bytes(void);                                                                                \\
  tinyts_status name##_init(context *, void *, size_t);                                                             \\
  tinyts_status name##_invoke(context *, const int8_t *const *, int8_t *const *);                                   \\
  tinyts_status name##_feed(context *, const int8_t *, size_t);                                                     \\
  const int8_t *name##_output(context *, size_t);                                                                   \\
  size_t name##_context_bytes(void) { return sizeof(context); }                                                     \\
  tinyts_status name##_init(context *ctx, void *arena, size_t bytes) {                                              \\
    return tinyts_init(&name, ctx ? workspace(ctx) : (tinyts_workspace){0}, arena, bytes);                          \\
  }                                                                                                                 \\
  tinyts_status name##_invoke(context *ctx, const int8_t *const *inputs, int8_t *const *outputs) {                  \\
    return tinyts_invoke(&name, ctx ? workspace(ctx) : (tinyts_workspace){0}, inputs, outputs);                     \\
  }                                                                                                                 \\
  tinyts_status name##_feed(context *ctx, const int8_t *rows, size_t count) {                                       \\
    return tinyts_feed(&name, ctx ? workspace(ctx) : (tinyts_workspace){0}, rows, count);                           \\
  }                                                                                                                 \\
  const int8_t *name##_output(context *ctx, size_t number) {                                                        \\
    return tinyts_output(&name, ctx ? &ctx->state : NULL, number);                                                  \\
  }

/* feeding: the third band of the input lies where the first was; the scratch moves about. Bytes of the arena:
 * 0 input bands 0 and 2; 12 input band 1; 20, 36, 28 rows of sums; 40 ... 51 scratch; 56 and 68 outputs; 83 the last */
enum { INPUT, SUMS, SCRATCH, PLAIN, COMPLEMENT };
static const uint16_t input_offsets[] = {0, 3, 0}, sums_offsets[] = {5, 9, 7}, scratch_offsets[] = {12, 10, 11};
static const uint16_t plain_offsets[] = {14}, complement_offsets[] = {17};
static const tinyts_tensor feeding_tensors[] = {
    [INPUT] = {input_offsets, 4, 5, 2},
    [SUMS] = {sums_offsets, 4, 3, 1},
    [SCRATCH] = {scratch_offsets, 4, 3, 1},
    [PLAIN] = {plain_offsets, 4, 3, 3},
    [COMPLEMENT] = {complement_offsets, 5, 3, 3},
};
static const int32_t weighted_sum_stride = 2;
static const uint16_t feeding_operands[] = {INPUT, INPUT, SUMS, SUMS, PLAIN, COMPLEMENT};
static const tinyts_layer feeding_layers[] = {
    {NULL, NULL, 0, 0, 1, TINYTS_NO_SCRATCH, 0, 0, 0},
    {weighted_sum, &weighted_sum_stride, 1, 1, 1, SCRATCH, 2, 3, 1},
    {fork, NULL, 3, 1, 2, TINYTS_NO_SCRATCH, 1, 1, 0},
};
static const uint8_t feeding_steps[] = {0, 1, 0, 1, 0, 1, 2};
static const uint16_t feeding_inputs[] = {INPUT}, feeding_outputs[] = {COMPLEMENT, PLAIN};
static const tinyts_model feeding = {
    .tensors = feeding_tensors, .layers = feeding_layers, .operands = feeding_operands, .steps8 = feeding_steps,
    .inputs = feeding_inputs, .outputs = feeding_outputs, .step_count = 7, .arena_bytes = 84, .offset_unit = 4,
    .layer_count = 3, .input_count = 1, .output_count = 2,
};
MODEL(feeding)

/* summing: 4 rows of 3 bytes; odd offsets, a schedule of 16 bits */
static const uint16_t first_offsets[] = {1, 8, 14, 5}, second_offsets[] = {17}, total_offsets[] = {30};
static const tinyts_tensor summing_tensors[] = {
    {first_offsets, 3, 4, 1}, {second_offsets, 3, 4, 4}, {total_offsets, 3, 4, 4}};
static const uint16_t summing_operands[] = {0, 1, 0, 1, 2};
static const tinyts_layer summing_layers[] = {
    {NULL, NULL, 0, 0, 1, TINYTS_NO_SCRATCH, 0, 0, 0},
    {NULL, NULL, 1, 1, 1, TINYTS_NO_SCRATCH, 0, 0, 0},
    {sum, NULL, 2, 2, 1, TINYTS_NO_SCRATCH, 1, 1, 0},
};
static const uint16_t summing_steps[] = {0, 0, 1, 0, 0, 2}, summing_inputs[] = {0, 1}, summing_outputs[] = {2};
static const tinyts_model summing = {
    .tensors = summing_tensors, .layers = summing_layers, .operands = summing_operands, .steps16 = summing_steps,
    .inputs = summing_inputs, .outputs = summing_outputs, .step_count = 6, .arena_bytes = 42, .offset_unit = 1,
    .layer_count = 3, .input_count = 2, .output_count = 1,
};
MODEL(summing)

/* reading: as feeding, but its input stays where the caller has it. Bytes of the arena from 20 on, as there. */
static const uint16_t number_0[] = {0}, number_1[] = {1};
static const tinyts_tensor reading_tensors[] = {
    [INPUT] = {number_0, 4, 5, TINYTS_EXTERNAL},
    [SUMS] = {sums_offsets, 4, 3, 1},
    [SCRATCH] = {scratch_offsets, 4, 3, 1},
    [PLAIN] = {plain_offsets, 4, 3, 3},
    [COMPLEMENT] = {complement_offsets, 5, 3, 3},
};
static const tinyts_layer reading_layers[] = {
    {weighted_sum, &weighted_sum_stride, 1, 1, 1, SCRATCH, 2, 3, 1},
    {fork, NULL, 3, 1, 2, TINYTS_NO_SCRATCH, 1, 1, 0},
};
static const uint8_t reading_steps[] = {0, 0, 0, 1};
static const tinyts_model reading = {
    .tensors = reading_tensors, .layers = reading_layers, .operands = feeding_operands, .steps8 = reading_steps,
    .inputs = feeding_inputs, .outputs = feeding_outputs, .step_count = 4, .arena_bytes = 84, .offset_unit = 4,
    .layer_count = 2, .input_count = 1, .output_count = 2, .external_inputs = 1,
};
MODEL(reading)

/* mixing: as summing, but the second input is external */
static const tinyts_tensor mixing_tensors[] = {
    {first_offsets, 3, 4, 1}, {number_1, 3, 4, TINYTS_EXTERNAL}, {total_offsets, 3, 4, 4}};
static const tinyts_layer mixing_layers[] = {
    {NULL, NULL, 0, 0, 1, TINYTS_NO_SCRATCH, 0, 0, 0},
    {sum, NULL, 2, 2, 1, TINYTS_NO_SCRATCH, 1, 1, 0},
};
static const uint8_t mixing_steps[] = {0, 0, 0, 0, 1};
static const tinyts_model mixing = {
    .tensors = mixing_tensors, .layers = mixing_layers, .operands = summing_operands, .steps8 = mixing_steps,
    .inputs = summing_inputs, .outputs = summing_outputs, .step_count = 5, .arena_bytes = 42, .offset_unit = 1,
    .layer_count = 2, .input_count = 2, .output_count = 1, .external_inputs = 1,
};
MODEL(mixing)

/* sparing: 3 rows of 4 bytes in one band, forked in bands of one row; outputs from byte 12 and 24 on, scratch at 40 */
static const uint16_t whole_offsets[] = {0}, plain_rows[] = {12, 16, 20}, complement_rows[] = {24, 29, 34};
static const uint16_t sparing_scratch[] = {40, TINYTS_NO_PLACE, 44};
static const tinyts_tensor sparing_tensors[] = {
    {whole_offsets, 4, 3, 3}, {plain_rows, 4, 3, 1}, {complement_rows, 5, 3, 1}, {sparing_scratch, 4, 3, 1}};
static const uint16_t sparing_operands[] = {0, 0, 1, 2};
static const tinyts_layer sparing_layers[] = {
    {NULL, NULL, 0, 0, 1, TINYTS_NO_SCRATCH, 0, 0, 0},
    {fork, NULL, 1, 1, 2, 3, 1, 1, 0},
};
static const uint8_t sparing_steps[] = {0, 1, 1, 1};
static const uint16_t sparing_inputs[] = {0}, sparing_outputs[] = {1, 2};
static const tinyts_model sparing = {
    .tensors = sparing_tensors, .layers = sparing_layers, .operands = sparing_operands, .steps8 = sparing_steps,
    .inputs = sparing_inputs, .outputs = sparing_outputs, .step_count = 4, .arena_bytes = 48, .offset_unit = 1,
    .layer_count = 2, .input_count = 1, .output_count = 2,
};
MODEL(sparing)
"""


class Model:
    """One of the models, with a context and an arena of its own."""

    def __init__(self, library: ctypes.CDLL, name: str) -> None:
        self.library, self.name = library, name
        pointer, size = ctypes.c_void_p, ctypes.c_size_t
        self.function("context_bytes").restype = size
        self.context = ctypes.create_string_buffer(self.function("context_bytes")())
        self.storage = ctypes.create_string_buffer(b"\x55" * (ARENA_BYTES + 16), ARENA_BYTES + 16)
        self.arena = -(-ctypes.addressof(self.storage) // 16) * 16
        self.function("init").argtypes = [pointer, pointer, size]
        self.function("invoke").argtypes = [pointer, pointer, pointer]
        self.function("feed").argtypes = [pointer, pointer, size]
        self.function("output").argtypes = [pointer, size]
        self.function("output").restype = pointer

    def function(self, name: str):
        return getattr(self.library, f"{self.name}_{name}")

    def init(self, arena: int | None = None, size: int = ARENA_BYTES) -> int:
        return self.function("init")(self.context, arena or self.arena, size)

    def invoke(self, inputs: list[bytes | None], output_bytes: list[int]) -> tuple[int, list[bytes]]:
        outputs = [ctypes.create_string_buffer(size) for size in output_bytes]
        input_pointers = (ctypes.c_char_p * len(inputs))(*inputs)
        output_pointers = (ctypes.c_void_p * len(outputs))(*map(ctypes.addressof, outputs))
        status = self.function("invoke")(self.context, input_pointers, output_pointers)
        return status, [output.raw for output in outputs]

    def feed(self, rows: Rows) -> int:
        return self.function("feed")(self.context, rows.tobytes(), len(rows))

    def output(self, number: int, size: int) -> bytes | None:
        address = self.function("output")(self.context, number)
        if address is None:
            return None
        assert self.arena <= address <= self.arena + ARENA_BYTES - size
        return ctypes.string_at(address, size)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    directory: Path = tmp_path_factory.mktemp("dispatch")
    source = directory / "models.c"
    source.write_text(SOURCE)
    return compile_library([source, RUNTIME / "src" / "runtime.c"], directory / "libmodels.so")


@pytest.fixture
def feeding(library: ctypes.CDLL) -> Model:
    model = Model(library, "feeding")
    assert model.init() == OK
    return model


def image(seed: int) -> Rows:
    return np.random.default_rng(seed).integers(-128, 128, (ROWS, ROW_BYTES), np.int8)


def expected(rows: Rows) -> list[bytes]:
    padded = np.pad(rows.astype(np.int64), ((1, 1), (0, 0)), constant_values=9)
    sums = np.stack([padded[y] + 2 * padded[y + 1] + 3 * padded[y + 2] for y in (0, 2, 4)]).astype(np.int8)
    complement = np.concatenate([~sums, np.ones((3, 1), np.int8)], axis=1)
    return [complement.tobytes(), sums.tobytes()]


OUTPUT_BYTES = [15, 12]


def outputs(model: Model) -> list[bytes | None]:
    return [model.output(number, size) for number, size in enumerate(OUTPUT_BYTES)]


def chunkings() -> Iterator[list[int]]:
    """Every way to write the rows' number as a sum."""
    for cuts in product([False, True], repeat=ROWS - 1):
        ends = [0, *(y for y in range(1, ROWS) if cuts[y - 1]), ROWS]
        yield [end - start for start, end in pairwise(ends)]


def test_invoke(feeding: Model) -> None:
    for seed in range(3):
        assert feeding.invoke([image(seed).tobytes()], OUTPUT_BYTES) == (OK, expected(image(seed)))
        assert outputs(feeding) == expected(image(seed))


@pytest.mark.parametrize("chunks", list(chunkings()), ids=str)
def test_feed(feeding: Model, chunks: list[int]) -> None:
    for seed in range(3):  # each feed after the last row starts an inference
        rows, position = image(seed), 0
        for chunk in chunks:
            assert feeding.feed(rows[position : position + chunk]) == OK
            position += chunk
            assert outputs(feeding) == (expected(rows) if position == ROWS else [None, None])


@pytest.mark.parametrize("fed", range(ROWS))
def test_more_rows_than_needed_are_refused_and_none_is_taken(feeding: Model, fed: int) -> None:
    rows = image(1)
    if fed:
        assert feeding.feed(rows[:fed]) == OK
    too_many = np.zeros((ROWS - fed + 1, ROW_BYTES), np.int8)
    assert feeding.feed(too_many) == TOO_MANY_ROWS
    assert outputs(feeding) == [None, None]
    assert feeding.feed(rows[fed:]) == OK
    assert outputs(feeding) == expected(rows)
    # Complete: too many for the next inference leave the outputs of this one.
    assert feeding.feed(np.zeros((ROWS + 1, ROW_BYTES), np.int8)) == TOO_MANY_ROWS
    assert outputs(feeding) == expected(rows)


def test_feeding_no_rows_does_nothing(feeding: Model) -> None:
    none = image(0)[:0]
    assert feeding.feed(none) == OK
    assert feeding.function("feed")(feeding.context, None, 0) == NULL_POINTER
    assert feeding.feed(image(1)) == OK
    assert feeding.feed(none) == OK
    assert outputs(feeding) == expected(image(1))


def test_invoke_and_init_abandon_an_inference_half_fed(feeding: Model) -> None:
    assert feeding.feed(image(1)[:3]) == OK
    assert feeding.invoke([image(2).tobytes()], OUTPUT_BYTES) == (OK, expected(image(2)))
    assert feeding.feed(image(3)[:1]) == OK
    assert feeding.init() == OK
    assert outputs(feeding) == [None, None]
    assert feeding.feed(image(4)) == OK
    assert outputs(feeding) == expected(image(4))


def test_a_step_without_a_place_for_scratch_has_none(library: ctypes.CDLL) -> None:
    model = Model(library, "sparing")
    assert model.init() == OK
    rows = image(0)[:3]
    complement = np.concatenate([~rows, np.array([[0], [1], [0]], np.int8)], axis=1)
    assert model.invoke([rows.tobytes()], [12, 15]) == (OK, [rows.tobytes(), complement.tobytes()])


def test_only_the_arena_is_written(feeding: Model) -> None:
    assert feeding.feed(image(1)) == OK
    used = 84
    unused = ctypes.string_at(feeding.arena + used, ARENA_BYTES - used)
    assert unused == b"\x55" * len(unused)


def test_contexts_are_independent(library: ctypes.CDLL) -> None:
    models = [Model(library, "feeding") for _ in range(2)]
    assert [model.init() for model in models] == [OK, OK]
    for y in range(ROWS):
        for seed, model in enumerate(models):
            assert model.feed(image(seed)[y : y + 1]) == OK
    assert [outputs(model) for model in models] == [expected(image(0)), expected(image(1))]


def test_a_context_may_be_moved(feeding: Model) -> None:
    rows = image(5)
    assert feeding.feed(rows[:3]) == OK
    moved = ctypes.create_string_buffer(feeding.context.raw, len(feeding.context))
    ctypes.memset(feeding.context, 0x55, len(feeding.context))
    feeding.context = moved
    assert feeding.feed(rows[3:]) == OK
    assert outputs(feeding) == expected(rows)


def test_init_errors(library: ctypes.CDLL) -> None:
    model = Model(library, "feeding")
    init = model.function("init")
    assert init(None, model.arena, ARENA_BYTES) == NULL_POINTER
    assert init(model.context, None, ARENA_BYTES) == NULL_POINTER
    assert model.init(size=83) == ARENA_SIZE
    assert model.init(model.arena + 8) == ARENA_ALIGNMENT
    assert model.init(size=84) == OK


def test_null_pointers(library: ctypes.CDLL) -> None:
    model = Model(library, "feeding")
    rows = image(1)
    assert model.feed(rows) == NULL_POINTER  # a context of zeros, before init
    assert model.invoke([rows.tobytes()], OUTPUT_BYTES)[0] == NULL_POINTER
    assert model.output(0, 15) is None
    assert model.init() == OK
    assert model.function("feed")(None, rows.tobytes(), 1) == NULL_POINTER
    assert model.function("feed")(model.context, None, 1) == NULL_POINTER
    assert model.function("invoke")(None, None, None) == NULL_POINTER
    assert model.function("invoke")(model.context, None, None) == NULL_POINTER
    assert model.invoke([None], OUTPUT_BYTES)[0] == NULL_POINTER
    no_outputs = (ctypes.c_void_p * 2)(None, None)
    input_pointers = (ctypes.c_char_p * 1)(rows.tobytes())
    assert model.function("invoke")(model.context, input_pointers, no_outputs) == NULL_POINTER
    assert model.function("output")(None, 0) is None
    assert model.feed(rows) == OK
    assert model.function("output")(model.context, 2) is None


def test_several_inputs_and_a_long_schedule(library: ctypes.CDLL) -> None:
    model = Model(library, "summing")
    assert model.init() == OK
    first, second = np.random.default_rng(1).integers(-64, 64, (2, 4, 3), np.int8)
    assert model.invoke([first.tobytes(), second.tobytes()], [12]) == (OK, [(first + second).tobytes()])
    assert model.output(0, 12) == (first + second).tobytes()
    assert model.invoke([first.tobytes(), None], [12])[0] == NULL_POINTER


@pytest.fixture
def reading(library: ctypes.CDLL) -> Model:
    model = Model(library, "reading")
    assert model.init() == OK
    return model


def test_an_external_input_is_read_in_place(reading: Model) -> None:
    for seed in range(3):
        rows = image(seed)
        assert reading.invoke([rows.tobytes()], OUTPUT_BYTES) == (OK, expected(rows))
        assert outputs(reading) == expected(rows)
    arena = ctypes.string_at(reading.arena, ARENA_BYTES)
    assert arena[:20] == b"\x55" * 20  # where feeding has its input
    assert all(row.tobytes() not in arena for row in image(2))
    assert reading.invoke([None], OUTPUT_BYTES)[0] == NULL_POINTER


def test_an_external_input_is_not_written_and_not_needed_afterwards(reading: Model) -> None:
    rows = image(1)
    memory = ctypes.create_string_buffer(rows.tobytes(), rows.size)
    results = [ctypes.create_string_buffer(size) for size in OUTPUT_BYTES]
    inputs = (ctypes.c_void_p * 1)(ctypes.addressof(memory))
    pointers = (ctypes.c_void_p * 2)(*map(ctypes.addressof, results))
    assert reading.function("invoke")(reading.context, inputs, pointers) == OK
    assert memory.raw == rows.tobytes()
    moved = ctypes.create_string_buffer(reading.context.raw, len(reading.context))
    ctypes.memset(reading.context, 0x55, len(reading.context))
    ctypes.memset(memory, 0x55, rows.size)
    reading.context = moved
    assert outputs(reading) == expected(rows)
    assert reading.invoke([image(2).tobytes()], OUTPUT_BYTES) == (OK, expected(image(2)))


def test_an_output_may_lie_where_an_external_input_does(reading: Model) -> None:
    rows = image(3)
    memory = ctypes.create_string_buffer(rows.tobytes(), rows.size)
    second = ctypes.create_string_buffer(OUTPUT_BYTES[1])
    inputs = (ctypes.c_void_p * 1)(ctypes.addressof(memory))
    pointers = (ctypes.c_void_p * 2)(ctypes.addressof(memory), ctypes.addressof(second))
    assert reading.function("invoke")(reading.context, inputs, pointers) == OK
    assert [memory.raw[: OUTPUT_BYTES[0]], second.raw] == expected(rows)


def test_a_model_with_an_external_input_cannot_be_fed(reading: Model) -> None:
    assert reading.feed(image(1)[:0]) == OK
    assert reading.feed(image(1)[:1]) == reading.feed(image(1)) == TOO_MANY_ROWS
    assert outputs(reading) == [None, None]
    assert reading.invoke([image(1).tobytes()], OUTPUT_BYTES) == (OK, expected(image(1)))
    assert reading.feed(image(2)) == TOO_MANY_ROWS
    assert outputs(reading) == expected(image(1))


def test_external_and_received_inputs(library: ctypes.CDLL) -> None:
    model = Model(library, "mixing")
    assert model.init() == OK
    for seed in range(2):
        first, second = np.random.default_rng(seed).integers(-64, 64, (2, 4, 3), np.int8)
        assert model.invoke([first.tobytes(), second.tobytes()], [12]) == (OK, [(first + second).tobytes()])
    assert model.invoke([first.tobytes(), None], [12])[0] == NULL_POINTER
