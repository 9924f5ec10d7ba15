/* Runs a model on the desk:  program INPUTS OUTPUTS [ROWS]
 *
 * INPUTS holds any number of inferences, each the bytes of all inputs one after the other; OUTPUTS gets the bytes of
 * all outputs of each. With ROWS the input is fed ROWS rows at a time.
 *
 * The arena, the context and the outputs have guard bytes on both sides, checked after every inference. The arena
 * starts on a multiple of 16 that is none of 32, and full of noise: nothing may rely on more than the contract gives.
 *
 * Exit status: 0, 1 (usage, files, memory), 2 (the model returned an error), 3 (a guard byte changed).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARD_BYTES 48u
#define GUARD_VALUE 0xA5
#define NOISE_VALUE 0x5A

static void fail(int status, const char *message) {
  (void)fprintf(stderr, "%s\n", message);
  exit(status);
}

/* All memory stays reachable from here until the end, which is all that a leak checker asks for. */
static void *allocations[1024];
static size_t allocation_count;

static void *allocate(size_t bytes) {
  void *memory = malloc(bytes == 0u ? 1u : bytes);
  if (memory == NULL || allocation_count == sizeof allocations / sizeof allocations[0]) {
    fail(1, "out of memory");
  }
  allocations[allocation_count++] = memory;
  return memory;
}

typedef struct {
  const char *name;
  size_t bytes;
  unsigned char *start;
} guarded;

static guarded allocate_guarded(const char *name, size_t bytes) {
  unsigned char *memory = allocate(bytes + 2u * GUARD_BYTES + 32u);
  unsigned char *aligned = memory + (32u - (uintptr_t)memory % 32u) % 32u;
  guarded block = {name, bytes, aligned + GUARD_BYTES};
  memset(aligned, GUARD_VALUE, bytes + 2u * GUARD_BYTES);
  memset(block.start, NOISE_VALUE, bytes);
  return block;
}

static void check_guards(const guarded *block) {
  for (size_t distance = 1; distance <= GUARD_BYTES; ++distance) {
    if (*(block->start - distance) != GUARD_VALUE) {
      (void)fprintf(stderr, "the model wrote outside the %s: %zu bytes before its start\n", block->name, distance);
      exit(3);
    }
    if (block->start[block->bytes + distance - 1u] != GUARD_VALUE) {
      (void)fprintf(stderr, "the model wrote outside the %s: %zu bytes behind its last byte\n", block->name, distance);
      exit(3);
    }
  }
}

static void require_ok(const char *function, tinyts_status status) {
  if (status != TINYTS_OK) {
    (void)fprintf(stderr, "%s returned status %d\n", function, (int)status);
    exit(2);
  }
}

static void run_invoke(const port_model *model, void *context, int8_t *const *inputs, const guarded *outputs,
                       int8_t **output_pointers) {
  for (size_t i = 0; i < model->output_count; ++i) {
    output_pointers[i] = (int8_t *)outputs[i].start;
  }
  require_ok("invoke", model->invoke(context, (const int8_t *const *)inputs, output_pointers));
}

static void run_feed(const port_model *model, void *context, const int8_t *rows, size_t chunk, const guarded *outputs) {
  size_t row_count = model->input_bytes[0] / model->row_bytes;
  for (size_t row = 0; row < row_count; row += chunk) {
    size_t count = row_count - row < chunk ? row_count - row : chunk;
    require_ok("feed", model->feed(context, rows + row * model->row_bytes, count));
  }
  for (size_t i = 0; i < model->output_count; ++i) {
    const int8_t *result = model->output(context, i);
    if (result == NULL) {
      fail(2, "output is still NULL after the last row was fed");
    } else {
      memcpy(outputs[i].start, result, outputs[i].bytes);
    }
  }
}

/* Reads one inference; returns 0 at the end of the file. */
static int read_inputs(FILE *file, const port_model *model, int8_t *const *inputs) {
  for (size_t i = 0; i < model->input_count; ++i) {
    size_t count = fread(inputs[i], 1u, model->input_bytes[i], file);
    if (count == 0u && i == 0u) {
      return 0;
    }
    if (count != model->input_bytes[i]) {
      fail(1, "the input file ends in the middle of an inference");
    }
  }
  return 1;
}

int main(int argc, char **argv) {
  const port_model *model = &port_the_model;
  if (argc != 3 && argc != 4) {
    fail(1, "usage: program INPUTS OUTPUTS [ROWS]");
  }
  size_t chunk = argc == 4 ? (size_t)strtoul(argv[3], NULL, 10) : 0u;
  if (argc == 4 && (chunk == 0u || model->feed == NULL)) {
    fail(1, "ROWS must be at least 1, and the model must have exactly one input, not read in place");
  }
  FILE *input_file = fopen(argv[1], "rb");
  FILE *output_file = fopen(argv[2], "wb");
  if (input_file == NULL || output_file == NULL) {
    fail(1, "cannot open the input or the output file");
  }

  int8_t **inputs = allocate(model->input_count * sizeof *inputs);
  for (size_t i = 0; i < model->input_count; ++i) {
    inputs[i] = allocate(model->input_bytes[i]);
  }
  guarded *outputs = allocate(model->output_count * sizeof *outputs);
  int8_t **output_pointers = allocate(model->output_count * sizeof *output_pointers);
  for (size_t i = 0; i < model->output_count; ++i) {
    outputs[i] = allocate_guarded("output", model->output_bytes[i]);
  }
  guarded arena = allocate_guarded("arena", model->arena_bytes);
  guarded context = allocate_guarded("context", model->context_bytes);

  require_ok("init", model->init(context.start, arena.start, model->arena_bytes));
  while (read_inputs(input_file, model, inputs)) {
    if (chunk == 0u) {
      run_invoke(model, context.start, inputs, outputs, output_pointers);
    } else {
      run_feed(model, context.start, inputs[0], chunk, outputs);
    }
    check_guards(&arena);
    check_guards(&context);
    for (size_t i = 0; i < model->output_count; ++i) {
      check_guards(&outputs[i]);
      if (fwrite(outputs[i].start, 1u, outputs[i].bytes, output_file) != outputs[i].bytes) {
        fail(1, "cannot write the output file");
      }
    }
  }
  if (fclose(output_file) != 0) {
    fail(1, "cannot write the output file");
  }
  return 0;
}
