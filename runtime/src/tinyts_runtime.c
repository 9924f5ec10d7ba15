/* The dispatch loop: follows a model's schedule, hands each kernel its rows.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts/tinyts_runtime.h"

#include <string.h>

/* Where the model's inputs come from: whole inputs, or the rows that are left of one call to tinyts_feed. */
typedef struct {
  const int8_t *const *inputs;  /* NULL when feeding */
  const int8_t *rows;
  size_t row_count;
} tinyts_row_source;

static int32_t tinyts_smaller(int32_t a, int32_t b) { return a < b ? a : b; }

static int8_t *tinyts_band_address(const tinyts_model *model, int8_t *arena, const tinyts_tensor *tensor,
                                   int32_t band) {
  return arena + (size_t)tensor->offsets[band] * model->offset_unit;
}

/* Rows of band `band`: all have band_rows but perhaps the last. */
static int32_t tinyts_rows_in_band(const tinyts_tensor *tensor, int32_t band) {
  return tinyts_smaller(tensor->band_rows, tensor->rows - band * tensor->band_rows);
}

/* Writes the addresses of `count` rows from `first` on, NULL for those outside the tensor; returns the next pointer.
 * Rows of an external tensor are in `model_inputs`, all others in the arena. */
static const int8_t **tinyts_locate_rows(const tinyts_model *model, int8_t *arena, const int8_t *const *model_inputs,
                                  const tinyts_tensor *tensor, int32_t first, int32_t count,
                                  const int8_t **pointers) {
  const int8_t *row = NULL;
  int32_t left_in_band = 0;
  for (int32_t y = first; y < first + count; ++y) {
    if (y < 0 || y >= tensor->rows) {
      *pointers++ = NULL;
      continue;
    }
    if (left_in_band == 0 && tensor->band_rows == TINYTS_EXTERNAL) {
      row = model_inputs[tensor->offsets[0]] + (size_t)y * tensor->row_bytes;
      left_in_band = tensor->rows - y;
    } else if (left_in_band == 0) {
      const int32_t band = y / tensor->band_rows, within = y % tensor->band_rows;
      row = tinyts_band_address(model, arena, tensor, band) + (size_t)within * tensor->row_bytes;
      left_in_band = tensor->band_rows - within;
    }
    *pointers++ = row;
    row += tensor->row_bytes;
    --left_in_band;
  }
  return pointers;
}

/* Locates the rows that a step reads and makes, and its scratch; returns how many rows it makes. Not inlined, so that what
 * it needs is not on the stack while the kernel runs. */
__attribute__((noinline)) static int32_t tinyts_locate_step(const tinyts_model *model,
                                                            const tinyts_workspace *workspace,
                                                            const int8_t *const *model_inputs,
                                                            const tinyts_layer *layer, int32_t band, int8_t **scratch) {
  const uint16_t *const inputs = model->operands + layer->first_operand;
  const uint16_t *const outputs = inputs + layer->input_count;
  const int32_t first = band * model->tensors[outputs[0]].band_rows;
  const int32_t count = tinyts_rows_in_band(&model->tensors[outputs[0]], band);
  int8_t *const arena = workspace->state->arena;

  const int8_t **input_row = workspace->input_rows;
  for (int32_t i = 0; i < layer->input_count; ++i) {
    input_row = tinyts_locate_rows(model, arena, model_inputs, &model->tensors[inputs[i]],
                            first * layer->row_stride - layer->padding_top,
                            (count - 1) * layer->row_stride + layer->window_rows, input_row);
  }

  int8_t **output_row = workspace->output_rows;
  for (int32_t i = 0; i < layer->output_count; ++i) {
    const tinyts_tensor *const tensor = &model->tensors[outputs[i]];
    int8_t *row = tinyts_band_address(model, arena, tensor, band);
    for (int32_t y = 0; y < count; ++y, row += tensor->row_bytes) *output_row++ = row;
  }

  *scratch = NULL;
  if (layer->scratch != TINYTS_NO_SCRATCH) {
    const tinyts_tensor *const tensor = &model->tensors[layer->scratch];
    if (tensor->offsets[band] != TINYTS_NO_PLACE) *scratch = tinyts_band_address(model, arena, tensor, band);
  }
  return count;
}

/* Stores what the source has of the band; returns whether the band is complete. */
__attribute__((noinline)) static int tinyts_receive_band(const tinyts_model *model, tinyts_state *state,
                                                         const tinyts_layer *layer, int32_t band,
                                                         tinyts_row_source *source) {
  const int32_t number = layer->input_count;
  const tinyts_tensor *const tensor = &model->tensors[model->inputs[number]];
  const size_t row_bytes = tensor->row_bytes;
  const size_t missing = (size_t)tinyts_rows_in_band(tensor, band) - state->received_rows;
  int8_t *const target = tinyts_band_address(model, state->arena, tensor, band) + state->received_rows * row_bytes;

  if (source->inputs != NULL) {
    memcpy(target, source->inputs[number] + (size_t)band * tensor->band_rows * row_bytes, missing * row_bytes);
    return 1;
  }
  const size_t taken = source->row_count < missing ? source->row_count : missing;
  memcpy(target, source->rows, taken * row_bytes);
  source->rows += taken * row_bytes;
  source->row_count -= taken;
  state->received_rows = taken < missing ? state->received_rows + (uint32_t)taken : 0;
  return taken == missing;
}

/* Runs steps until the schedule ends or a step lacks rows. */
static void tinyts_run_steps(const tinyts_model *model, const tinyts_workspace *workspace, tinyts_row_source *source) {
  tinyts_state *const state = workspace->state;
  for (; state->step < model->step_count; ++state->step) {
    const uint32_t number = model->steps8 != NULL ? model->steps8[state->step] : model->steps16[state->step];
    const tinyts_layer *const layer = &model->layers[number];
    const int32_t band = workspace->bands[number];
    if (layer->kernel != NULL) {
      int8_t *scratch;
      const int32_t count = tinyts_locate_step(model, workspace, source->inputs, layer, band, &scratch);
      layer->kernel(layer->parameters, workspace->input_rows, workspace->output_rows, count, scratch);
    } else if (!tinyts_receive_band(model, state, layer, band, source)) {
      return;
    }
    ++workspace->bands[number];
  }
}

static void tinyts_restart_schedule(const tinyts_model *model, tinyts_workspace workspace) {
  workspace.state->step = 0;
  workspace.state->received_rows = 0;
  memset(workspace.bands, 0, model->layer_count * sizeof workspace.bands[0]);
}

/* Rows of the model's input that the inference under way has not taken yet. */
static size_t tinyts_rows_to_come(const tinyts_model *model, tinyts_workspace workspace) {
  if (model->external_inputs != 0) return 0;
  for (uint32_t number = 0; number < model->layer_count; ++number) {
    if (model->layers[number].kernel != NULL) continue;
    const tinyts_tensor *const tensor = &model->tensors[model->inputs[model->layers[number].input_count]];
    if (workspace.state->step == model->step_count) return tensor->rows;
    const size_t taken = (size_t)workspace.bands[number] * tensor->band_rows + workspace.state->received_rows;
    return taken < tensor->rows ? tensor->rows - taken : 0;
  }
  return 0;
}

tinyts_status tinyts_init(const tinyts_model *model, tinyts_workspace workspace, void *arena, size_t arena_bytes) {
  if (model == NULL || workspace.state == NULL || arena == NULL) return TINYTS_ERROR_NULL_POINTER;
  if ((uintptr_t)arena % TINYTS_ARENA_ALIGNMENT != 0) return TINYTS_ERROR_ARENA_ALIGNMENT;
  if (arena_bytes < model->arena_bytes) return TINYTS_ERROR_ARENA_SIZE;
  workspace.state->arena = arena;
  tinyts_restart_schedule(model, workspace);
  return TINYTS_OK;
}

tinyts_status tinyts_invoke(const tinyts_model *model, tinyts_workspace workspace, const int8_t *const *inputs,
                            int8_t *const *outputs) {
  if (model == NULL || workspace.state == NULL || workspace.state->arena == NULL || inputs == NULL ||
      outputs == NULL) {
    return TINYTS_ERROR_NULL_POINTER;
  }
  for (int32_t i = 0; i < model->input_count; ++i) {
    if (inputs[i] == NULL) return TINYTS_ERROR_NULL_POINTER;
  }
  for (int32_t i = 0; i < model->output_count; ++i) {
    if (outputs[i] == NULL) return TINYTS_ERROR_NULL_POINTER;
  }

  tinyts_restart_schedule(model, workspace);
  tinyts_row_source source = {inputs, NULL, 0};
  tinyts_run_steps(model, &workspace, &source);
  for (int32_t i = 0; i < model->output_count; ++i) {
    const tinyts_tensor *const tensor = &model->tensors[model->outputs[i]];
    memcpy(outputs[i], tinyts_band_address(model, workspace.state->arena, tensor, 0),
           (size_t)tensor->rows * tensor->row_bytes);
  }
  return TINYTS_OK;
}

tinyts_status tinyts_feed(const tinyts_model *model, tinyts_workspace workspace, const int8_t *rows, size_t row_count) {
  if (model == NULL || workspace.state == NULL || workspace.state->arena == NULL || rows == NULL) {
    return TINYTS_ERROR_NULL_POINTER;
  }
  if (row_count == 0) return TINYTS_OK;
  if (row_count > tinyts_rows_to_come(model, workspace)) return TINYTS_ERROR_TOO_MANY_ROWS;
  if (workspace.state->step == model->step_count) tinyts_restart_schedule(model, workspace);
  tinyts_row_source source = {NULL, rows, row_count};
  tinyts_run_steps(model, &workspace, &source);
  return TINYTS_OK;
}

const int8_t *tinyts_output(const tinyts_model *model, const tinyts_state *state, size_t number) {
  if (model == NULL || state == NULL || state->arena == NULL) return NULL;
  if (state->step != model->step_count || number >= model->output_count) return NULL;
  return tinyts_band_address(model, state->arena, &model->tensors[model->outputs[number]], 0);
}
