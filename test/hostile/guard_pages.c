/* Runs a model between pages that must not be touched:  program INPUTS OUTPUTS [ROWS]
 *
 * Files and arguments are those of the host's port. Arena, context, inputs and outputs have memory of their own, with a
 * guard page on either side. Each inference runs twice: with everything right behind its first guard page, and with
 * everything ending right before its last one; an arena, which begins on a multiple of 16, as near as that allows.
 * Inputs cannot be written.
 *
 * Exit status: 0, 1 (usage, files, memory), 2 (the model returned an error), 3 (the two differ, or a byte between arena
 * and guard page changed); a touched guard page is a signal.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/model.h"

#define NOISE 0x5A

typedef struct {
  unsigned char *pages; /* between the guard pages */
  size_t page_bytes, bytes, alignment;
  int8_t *start;
} block;

static void require(int status, int condition, const char *message) {
  if (!condition) {
    (void)fprintf(stderr, "%s\n", message);
    exit(status);
  }
}

static block allocate(size_t bytes, size_t alignment) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (bytes + page - 1u) / page * page;
  unsigned char *const memory = mmap(NULL, size + 2u * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  require(1, memory != MAP_FAILED, "out of memory");
  require(1, size == 0u || mprotect(memory + page, size, PROT_READ | PROT_WRITE) == 0, "mprotect failed");
  return (block){memory + page, size, bytes, alignment, NULL};
}

static void place(block *b, int at_end) {
  const size_t offset = at_end ? (b->page_bytes - b->bytes) / b->alignment * b->alignment : 0u;
  require(1, mprotect(b->pages, b->page_bytes, PROT_READ | PROT_WRITE) == 0, "mprotect failed");
  memset(b->pages, NOISE, b->page_bytes);
  b->start = (int8_t *)b->pages + offset;
}

static void require_ok(tinyts_status status) { require(2, status == TINYTS_OK, "the model returned an error"); }

static void feed(const port_model *model, void *context, const int8_t *input, block *rows, size_t chunk, int at_end) {
  for (size_t done = 0, count; done < model->input_bytes[0]; done += count) {
    count = model->input_bytes[0] - done < chunk ? model->input_bytes[0] - done : chunk;
    rows->bytes = count;
    place(rows, at_end);
    memcpy(rows->start, input + done, count);
    require(1, mprotect(rows->pages, rows->page_bytes, PROT_READ) == 0, "mprotect failed");
    require_ok(model->feed(context, rows->start, count / model->row_bytes));
  }
}

int main(int argc, char **argv) {
  enum { MOST = 8 };
  const port_model *const model = &port_the_model;
  require(1, argc == 3 || argc == 4, "usage: program INPUTS OUTPUTS [ROWS]");
  require(1, model->input_count <= MOST && model->output_count <= MOST, "too many inputs or outputs");
  const size_t chunk = argc == 4 ? strtoul(argv[3], NULL, 10) * model->row_bytes : 0u;
  FILE *const input_file = fopen(argv[1], "rb"), *const output_file = fopen(argv[2], "wb");
  require(1, input_file != NULL && output_file != NULL, "cannot open a file");

  block arena = allocate(model->arena_bytes, TINYTS_ARENA_ALIGNMENT), context = allocate(model->context_bytes, 1u);
  block inputs[MOST], outputs[MOST];
  int8_t *read[MOST], *first[MOST], *output_starts[MOST];
  const int8_t *input_starts[MOST];
  for (size_t i = 0; i < model->input_count; ++i) {
    inputs[i] = allocate(model->input_bytes[i], 1u);
    read[i] = malloc(model->input_bytes[i]);
    require(1, read[i] != NULL, "out of memory");
  }
  for (size_t i = 0; i < model->output_count; ++i) {
    outputs[i] = allocate(model->output_bytes[i], 1u);
    first[i] = malloc(model->output_bytes[i]);
    require(1, first[i] != NULL, "out of memory");
  }

  while (fread(read[0], 1u, model->input_bytes[0], input_file) == model->input_bytes[0]) {
    for (size_t i = 1; i < model->input_count; ++i) {
      require(1, fread(read[i], 1u, model->input_bytes[i], input_file) == model->input_bytes[i], "input ends early");
    }
    for (int at_end = 0; at_end < 2; ++at_end) {
      place(&arena, at_end);
      place(&context, at_end);
      for (size_t i = 0; i < model->output_count; ++i) {
        place(&outputs[i], at_end);
        output_starts[i] = outputs[i].start;
      }
      require_ok(model->init(context.start, arena.start, model->arena_bytes));
      if (chunk != 0u) {
        feed(model, context.start, read[0], &inputs[0], chunk, at_end);
        for (size_t i = 0; i < model->output_count; ++i) {
          const int8_t *const result = model->output(context.start, i);
          require(2, result != NULL, "no output after the last row");
          memcpy(outputs[i].start, result, outputs[i].bytes);
        }
      } else {
        for (size_t i = 0; i < model->input_count; ++i) {
          place(&inputs[i], at_end);
          memcpy(inputs[i].start, read[i], inputs[i].bytes);
          require(1, mprotect(inputs[i].pages, inputs[i].page_bytes, PROT_READ) == 0, "mprotect failed");
          input_starts[i] = inputs[i].start;
        }
        require_ok(model->invoke(context.start, input_starts, output_starts));
      }
      for (const unsigned char *byte = arena.pages; byte < arena.pages + arena.page_bytes; ++byte) {
        const int inside = (const int8_t *)byte >= arena.start && (const int8_t *)byte < arena.start + arena.bytes;
        require(3, inside || *byte == NOISE, "the model wrote outside of the arena");
      }
      for (size_t i = 0; i < model->output_count; ++i) {
        if (at_end == 0) memcpy(first[i], outputs[i].start, outputs[i].bytes);
        require(3, memcmp(first[i], outputs[i].start, outputs[i].bytes) == 0, "outputs depend on the place");
      }
    }
    for (size_t i = 0; i < model->output_count; ++i) {
      require(1, fwrite(first[i], 1u, outputs[i].bytes, output_file) == outputs[i].bytes, "cannot write");
    }
  }
  require(1, fclose(output_file) == 0, "cannot write");
  return 0;
}
