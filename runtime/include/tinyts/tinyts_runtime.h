/* tinyts runtime: tables in, one dispatch loop.
 *
 * A compiled model is a `tinyts_model`: constant tables that the compiler prints. A step of its schedule runs
 * one layer once; a layer makes the bands (groups of consecutive rows) of its outputs in order, so a step is
 * just a layer's number, and the runtime counts how many bands each layer has made.
 *
 * Everything here is re-entrant: what changes lives in the caller's context and arena.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_RUNTIME_H
#define TINYTS_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  TINYTS_OK = 0,
  TINYTS_ERROR_NULL_POINTER = 1,   /* a required pointer is NULL */
  TINYTS_ERROR_ARENA_SIZE = 2,     /* the arena has fewer than NAME_ARENA_BYTES bytes */
  TINYTS_ERROR_ARENA_ALIGNMENT = 3, /* the arena does not start on a multiple of TINYTS_ARENA_ALIGNMENT */
  TINYTS_ERROR_TOO_MANY_ROWS = 4   /* NAME_feed got more rows than the inference still needs; none was taken */
} tinyts_status;

#define TINYTS_ARENA_ALIGNMENT 16u

/* In front of a declaration: aligns an arena. Empty where the language has no word for it. */
#if defined(__GNUC__)
#define TINYTS_ARENA_ALIGNED __attribute__((aligned(16)))
#elif defined(__cplusplus)
#define TINYTS_ARENA_ALIGNED alignas(16)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define TINYTS_ARENA_ALIGNED _Alignas(16)
#else
#define TINYTS_ARENA_ALIGNED
#endif

/* A kernel makes `row_count` consecutive rows of every output of its layer.
 *
 * parameters   the kernel's own constant struct (kernels.h)
 * input_rows   one pointer for each input row of the window: first all rows of the layer's first input, then all
 *              rows of its second, ...  Each input has `(row_count - 1) * row_stride + window_rows` rows here.
 *              NULL stands for a row of padding above or below the tensor.
 * output_rows  one pointer for each row to make: first `row_count` rows of the first output, then of the second, ...
 * row_count    rows to make of each output, at least 1
 * scratch      as many bytes as the compiler planned for this kernel; NULL where it planned none
 *
 * Rows may lie anywhere in memory, in any order, and have no alignment beyond what the plan gave them. An output
 * row never overlaps an input row or the scratch. */
typedef void (*tinyts_kernel)(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                              int32_t row_count, int8_t *scratch);

/* A feature map (or a scratch buffer) and where its bands lie. Band b holds the rows
 * b * band_rows ... min(rows, (b + 1) * band_rows) - 1, one after the other, from byte
 * offsets[b] * offset_unit of the arena.
 *
 * A scratch buffer has one row a band, and a band that is not there, offsets[b] == TINYTS_NO_PLACE, where the step
 * makes do without scratch.
 *
 * An external tensor is a model input that is read in place, in the caller's memory: its band_rows is
 * TINYTS_EXTERNAL, and offsets[0] is the number of the model input, whose rows lie there one after the other. */
#define TINYTS_EXTERNAL 0u
#define TINYTS_NO_PLACE 0xFFFFu

typedef struct {
  const uint16_t *offsets;
  uint32_t row_bytes;
  uint16_t rows;
  uint16_t band_rows;
} tinyts_tensor;

#define TINYTS_NO_SCRATCH 0xFFFFu

typedef struct {
  tinyts_kernel kernel;    /* NULL: the layer receives rows of a model input */
  const void *parameters;  /* for a receiving layer NULL */
  uint16_t first_operand;  /* into model->operands: the inputs' tensors, then the outputs' */
  uint8_t input_count;     /* for a receiving layer: the number of the model input */
  uint8_t output_count;    /* all outputs of a layer have the same rows and band_rows */
  uint16_t scratch;        /* tensor number of the scratch (one band a step), or TINYTS_NO_SCRATCH: no step has any */
  /* To make output rows r ... r + n - 1 the kernel reads the input rows from r * row_stride - padding_top on,
   * (n - 1) * row_stride + window_rows of them, from every input. */
  uint16_t row_stride;
  uint16_t window_rows;
  int16_t padding_top;
} tinyts_layer;

typedef struct {
  const tinyts_tensor *tensors;
  const tinyts_layer *layers;
  const uint16_t *operands;
  const uint8_t *steps8;    /* the schedule: a layer number a step; NULL when there are more than 256 layers */
  const uint16_t *steps16;  /* then this one */
  const uint16_t *inputs;   /* per model input: the tensor its rows are received into, or that it is (external) */
  const uint16_t *outputs;  /* per model output: its tensor, one band that holds every row */
  uint32_t step_count;
  uint32_t arena_bytes;
  uint32_t offset_unit;     /* bytes */
  uint16_t layer_count;
  uint8_t input_count;
  uint8_t output_count;
  uint8_t external_inputs;  /* how many model inputs are read in place; unless 0, tinyts_feed has nothing to take */
} tinyts_model;

/* What changes during an inference. The compiler prints NAME_context with this struct as its first member and the three
 * arrays behind it, sized for the model; `tinyts_workspace` hands them over. No pointer into the context is kept in
 * it, so contexts may be moved. */
typedef struct {
  int8_t *arena;
  uint32_t step;           /* the next step */
  uint32_t received_rows;  /* rows already stored of the band that is being received */
} tinyts_state;

typedef struct {
  tinyts_state *state;
  uint16_t *bands;            /* [layer_count]: bands made so far */
  const int8_t **input_rows;  /* [the most rows that any step reads] */
  int8_t **output_rows;       /* [the most rows that any step makes] */
} tinyts_workspace;

/* Checks the arena and brings the context to the start of an inference. */
tinyts_status tinyts_init(const tinyts_model *model, tinyts_workspace workspace, void *arena, size_t arena_bytes);

/* One whole inference from the start: reads every input from its pointer, writes every output to its pointer. External
 * inputs are read until the last step has run, so nothing may write to them before this returns; nothing reads them
 * afterwards. Outputs are written last, and may lie where an input does. */
tinyts_status tinyts_invoke(const tinyts_model *model, tinyts_workspace workspace, const int8_t *const *inputs,
                            int8_t *const *outputs);

/* For models with one input, which is received: takes the next `row_count` rows and runs the schedule as far as they
 * allow. After the last row of an image the inference is complete and tinyts_output() is valid; the next call starts a
 * new inference. A model with an external input needs no rows: any are too many. */
tinyts_status tinyts_feed(const tinyts_model *model, tinyts_workspace workspace, const int8_t *rows, size_t row_count);

/* Where a model output lies in the arena once an inference is complete; NULL before. */
const int8_t *tinyts_output(const tinyts_model *model, const tinyts_state *state, size_t number);

#ifdef __cplusplus
}
#endif

#endif
