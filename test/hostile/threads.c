/* Runs a model in two contexts at once, each in a thread of its own:  program INPUTS OUTPUTS [ROWS]
 *
 * Files and arguments are those of the host's port. Each thread runs every inference, one forwards, the other backwards.
 *
 * Exit status: 0, 1 (usage, files, memory), 2 (the model returned an error), 3 (the threads' outputs differ).
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/model.h"

enum { MOST_PARTS = 8, MOST_INFERENCES = 64 };

static void require(int status, int condition, const char *message) {
  if (!condition) {
    (void)fprintf(stderr, "%s\n", message);
    exit(status);
  }
}

static void *allocate(size_t bytes) {
  const size_t whole = (bytes + 63u) / 64u * 64u;
  void *const memory = aligned_alloc(64u, whole == 0u ? 64u : whole);
  require(1, memory != NULL, "out of memory");
  return memory;
}

static size_t sum(const size_t *bytes, size_t count) {
  size_t total = 0;
  for (size_t i = 0; i < count; ++i) total += bytes[i];
  return total;
}

typedef struct {
  const int8_t *inputs; /* of all inferences, read by both threads */
  size_t count, chunk;
  int backwards;
  int8_t *outputs;
} job;

static void infer(const job *j, void *context, const int8_t *input, int8_t *output) {
  const port_model *const model = &port_the_model;
  const int8_t *inputs[MOST_PARTS];
  int8_t *outputs[MOST_PARTS];
  for (size_t i = 0; i < model->output_count; ++i) outputs[i] = output + sum(model->output_bytes, i);
  for (size_t i = 0; i < model->input_count; ++i) inputs[i] = input + sum(model->input_bytes, i);
  if (j->chunk == 0u) {
    require(2, model->invoke(context, inputs, outputs) == TINYTS_OK, "invoke failed");
    return;
  }
  for (size_t done = 0, count; done < model->input_bytes[0]; done += count) {
    count = model->input_bytes[0] - done < j->chunk ? model->input_bytes[0] - done : j->chunk;
    require(2, model->feed(context, input + done, count / model->row_bytes) == TINYTS_OK, "feed failed");
  }
  for (size_t i = 0; i < model->output_count; ++i) {
    memcpy(outputs[i], model->output(context, i), model->output_bytes[i]);
  }
}

static void *run(void *argument) {
  const job *const j = argument;
  const port_model *const model = &port_the_model;
  const size_t input_bytes = sum(model->input_bytes, model->input_count);
  const size_t output_bytes = sum(model->output_bytes, model->output_count);
  void *const context = allocate(model->context_bytes), *const arena = allocate(model->arena_bytes);
  require(2, model->init(context, arena, model->arena_bytes) == TINYTS_OK, "init failed");
  for (size_t i = 0; i < j->count; ++i) {
    const size_t number = j->backwards ? j->count - 1u - i : i;
    infer(j, context, j->inputs + number * input_bytes, j->outputs + number * output_bytes);
  }
  free(context);
  free(arena);
  return NULL;
}

int main(int argc, char **argv) {
  const port_model *const model = &port_the_model;
  require(1, argc == 3 || argc == 4, "usage: program INPUTS OUTPUTS [ROWS]");
  require(1, model->input_count <= MOST_PARTS && model->output_count <= MOST_PARTS, "too many inputs or outputs");
  const size_t input_bytes = sum(model->input_bytes, model->input_count);
  const size_t output_bytes = sum(model->output_bytes, model->output_count);
  FILE *const input_file = fopen(argv[1], "rb"), *const output_file = fopen(argv[2], "wb");
  require(1, input_file != NULL && output_file != NULL, "cannot open a file");
  int8_t *const inputs = allocate(MOST_INFERENCES * input_bytes);
  const size_t count = fread(inputs, input_bytes, MOST_INFERENCES, input_file);
  require(1, count != 0u && fgetc(input_file) == EOF, "no inferences, or too many");

  job jobs[2];
  pthread_t threads[2];
  for (int i = 0; i < 2; ++i) {
    const size_t chunk = argc == 4 ? strtoul(argv[3], NULL, 10) * model->row_bytes : 0u;
    jobs[i] = (job){inputs, count, chunk, i, allocate(count * output_bytes)};
  }
  for (int i = 0; i < 2; ++i) {
    require(1, pthread_create(&threads[i], NULL, run, &jobs[i]) == 0, "cannot start a thread");
  }
  for (int i = 0; i < 2; ++i) require(1, pthread_join(threads[i], NULL) == 0, "cannot join a thread");
  require(3, memcmp(jobs[0].outputs, jobs[1].outputs, count * output_bytes) == 0, "the threads' outputs differ");
  require(1, fwrite(jobs[0].outputs, output_bytes, count, output_file) == count, "cannot write");
  require(1, fclose(output_file) == 0, "cannot write");
  free(inputs);
  for (int i = 0; i < 2; ++i) free(jobs[i].outputs);
  return 0;
}
