/* FUSED_BLOCK: a convolution, a depthwise one and a pointwise one, a few columns of the result at a time.
 *
 * The three kernels do the work, on maps that are a few columns wide. The scratch holds so many columns of each row of
 * the expansion that the window reaches into, and behind them, where a projection follows, what the depthwise
 * convolution makes of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>
#include <string.h>

#include "tinyts/tinyts_kernels.h"

enum { TINYTS_FUSED_ROWS_AT_ONCE = 8 }; /* of a convolution, made from up to TINYTS_FUSED_BLOCK_MOST_ROWS */

/* A tile: some columns of the result, and where in the scratch everything is.
 *
 * The functions that a tile goes through are not inlined, so that their frames are not all there at once. */
typedef struct {
  const tinyts_fused_block_parameters *parameters;
  const int8_t *const *input_rows;
  int8_t *const *output_rows;
  int8_t *expanded, *filtered, *gathered;
  int32_t row_count;         /* of the result */
  int32_t inside, behind;    /* of the rows of its window, those from inside to before behind are rows of the expansion */
  int32_t column, width;     /* of the result */
  int32_t origin;            /* the column of the expansion at which the window of the first one begins */
  int32_t start, made;       /* the scratch has the expansion's columns from start to before made */
  int32_t window;            /* rows of the expansion and of padding that the result's rows are made from */
  int8_t *kept;              /* the first of them, kept_rows whole ones: a ring that begins with row `oldest` */
  int32_t kept_rows, oldest;
} tinyts_fused_tile;

static inline int32_t tinyts_fused_first(const tinyts_fused_tile *tile) { return tile->origin > 0 ? tile->origin : 0; }

/* What the parameters say of a layer's result, and of a convolution: in fields whose names begin with its own. */
#define TINYTS_FUSED_RESULT(target, p, layer)                     \
  do {                                                            \
    (target)->output_zero_point = (p)->layer##_output_zero_point; \
    (target)->output_minimum = (p)->layer##_output_minimum;       \
    (target)->output_maximum = (p)->layer##_output_maximum;       \
    (target)->narrow = (p)->layer##_narrow;                       \
  } while (0)
#define TINYTS_FUSED_CONVOLUTION(conv, p, layer)             \
  do {                                                     \
    (conv)->weights = (p)->layer##_weights;                \
    (conv)->channel_pairs = (p)->layer##_channel_pairs;    \
    (conv)->wide = (p)->layer##_wide;                      \
    TINYTS_FUSED_RESULT(conv, p, layer);                   \
  } while (0)

/* Columns of several rows of the expansion, from the first column that is missing on. */
TINYTS_NOINLINE static void tinyts_fused_run_expand(const tinyts_fused_tile *tile, const int8_t *const *from,
                                                    int8_t *const *to, int32_t rows, int32_t width) {
  const tinyts_fused_block_parameters *const p = tile->parameters;
  const int32_t origin = tile->made * p->expand_column_stride - p->expand_padding_left;
  tinyts_conv_2d_parameters conv;
  TINYTS_FUSED_CONVOLUTION(&conv, p, expand);
  conv.padding = p->expand_padding;
  conv.input_width = (uint16_t)(p->input_width - (origin > 0 ? origin : 0));
  conv.output_width = (uint16_t)width;
  conv.input_channels = conv.filter_channels = p->input_channels;
  conv.output_channels = p->expanded_channels;
  conv.filter_height = p->expand_filter_height;
  conv.filter_width = p->expand_filter_width;
  conv.row_stride = p->expand_row_stride;
  conv.column_stride = p->expand_column_stride;
  conv.row_dilation = conv.column_dilation = 1;
  conv.padding_left = (uint16_t)(origin > 0 ? 0 : -origin);
  conv.scratch_pixels = 4;
  tinyts_conv_2d(&conv, from, to, rows, tile->gathered);
}

/* All of the tile's columns. */
TINYTS_NOINLINE static void tinyts_fused_run_project(const tinyts_fused_tile *tile, const int8_t *const *from,
                                                     int8_t *const *to) {
  const tinyts_fused_block_parameters *const p = tile->parameters;
  tinyts_conv_2d_parameters conv;
  TINYTS_FUSED_CONVOLUTION(&conv, p, project);
  conv.padding = NULL;
  conv.input_width = conv.output_width = (uint16_t)tile->width;
  conv.input_channels = conv.filter_channels = p->expanded_channels;
  conv.output_channels = p->output_channels;
  conv.filter_height = conv.filter_width = 1;
  conv.row_stride = conv.column_stride = 1;
  conv.row_dilation = conv.column_dilation = 1;
  conv.padding_left = 0;
  conv.scratch_pixels = 4;
  tinyts_conv_2d(&conv, from, to, tile->row_count, NULL);
}

static void tinyts_fused_move(int8_t *target, const int8_t *source, const int8_t *end) {
  while (source != end) *target++ = *source++; /* down: from the first byte on */
}

/* A column of a row of the window that is kept, or is to be kept in place of one. */
static int8_t *tinyts_fused_kept(const tinyts_fused_tile *tile, int32_t row, int32_t column) {
  const tinyts_fused_block_parameters *const p = tile->parameters;
  const int32_t place = (tile->oldest + row) % tile->kept_rows;
  return tile->kept + (place * (ptrdiff_t)p->expanded_width + column) * p->expanded_channels;
}

/* A column of any row of the window. */
TINYTS_NOINLINE static int8_t *tinyts_fused_expanded(const tinyts_fused_tile *tile, int32_t row, int32_t column) {
  const tinyts_fused_block_parameters *const p = tile->parameters;
  if (row < tile->kept_rows) return tinyts_fused_kept(tile, row, column);
  return tile->expanded + (row - tile->kept_rows) * (ptrdiff_t)TINYTS_FUSED_BLOCK_EXPANDED_BYTES(p) +
         (column - tile->start) * (ptrdiff_t)p->expanded_channels;
}

/* Makes the missing columns before `end` of rows of the expansion, from `row` of the window on and before `behind`; returns
 * how many rows. */
TINYTS_NOINLINE static int32_t tinyts_fused_expand_rows(const tinyts_fused_tile *tile, int32_t row, int32_t behind,
                                                        int32_t end) {
  const tinyts_fused_block_parameters *const p = tile->parameters;
  const int32_t fitting = (TINYTS_FUSED_BLOCK_MOST_ROWS - p->expand_filter_height) / p->expand_row_stride + 1;
  const int32_t most = fitting < TINYTS_FUSED_ROWS_AT_ONCE ? fitting : TINYTS_FUSED_ROWS_AT_ONCE;
  const int32_t rows = behind - row < most ? behind - row : most;
  const int32_t origin = tile->made * p->expand_column_stride - p->expand_padding_left;
  const ptrdiff_t shift = (ptrdiff_t)(origin > 0 ? origin : 0) * p->input_channels;
  const int8_t *from[TINYTS_FUSED_BLOCK_MOST_ROWS];
  int8_t *to[TINYTS_FUSED_ROWS_AT_ONCE];
  const int8_t *const *const window = tile->input_rows + row * p->expand_row_stride;
  for (int32_t i = 0; i < (rows - 1) * p->expand_row_stride + p->expand_filter_height; ++i) {
    from[i] = window[i] == NULL ? NULL : window[i] + shift;
  }
  for (int32_t i = 0; i < rows; ++i) {
    to[i] = tinyts_fused_expanded(tile, row + i, tile->made);
  }
  tinyts_fused_run_expand(tile, from, to, rows, end - tile->made);
  return rows;
}

/* Keeps the tile's columns before `end` of the last rows of the window for the next one. They take the place of columns
 * that no window of these rows needs any more. */
TINYTS_NOINLINE static void tinyts_fused_keep(const tinyts_fused_tile *tile, int32_t end) {
  const size_t bytes = (size_t)(end - tile->start) * tile->parameters->expanded_channels;
  int32_t row = tile->window - tile->kept_rows;
  if (row < tile->kept_rows) row = tile->kept_rows; /* those before are there */
  if (row < tile->inside) row = tile->inside;
  for (; row < tile->behind; ++row) {
    memcpy(tinyts_fused_kept(tile, row, tile->start), tinyts_fused_expanded(tile, row, tile->start), bytes);
  }
}

/* Makes the columns of the expansion that are missing before `end`, behind those that the tile before left. */
TINYTS_NOINLINE static void tinyts_fused_expand(tinyts_fused_tile *tile, int32_t end) {
  const ptrdiff_t channels = tile->parameters->expanded_channels;
  const int32_t first = tinyts_fused_first(tile);
  const int32_t inside = tile->inside > tile->kept_rows ? tile->inside : tile->kept_rows;
  if (first != tile->start) {
    if (tile->kept_rows != 0) tinyts_fused_keep(tile, first);
    for (int32_t row = inside; row < tile->behind; ++row) {
      int8_t *const expanded = tinyts_fused_expanded(tile, row, tile->start);
      const int8_t *const staying = expanded + (first - tile->start) * channels;
      tinyts_fused_move(expanded, staying, staying + (tile->made - first) * channels);
    }
    tile->start = first;
  }
  if (end > tile->made) {
    for (int32_t row = inside; row < tile->behind;) row += tinyts_fused_expand_rows(tile, row, tile->behind, end);
  }
  tile->made = end;
}

TINYTS_NOINLINE static void tinyts_fused_run_filter(const tinyts_fused_tile *tile, const int8_t *const *rows,
                                                    int8_t *const *outputs) {
  const tinyts_fused_block_parameters *const p = tile->parameters;
  tinyts_depthwise_conv_2d_parameters filter;
  filter.weights = p->depthwise_weights;
  filter.constants = p->depthwise_constants;
  filter.input_width = (uint16_t)(tile->made - tile->start);
  filter.output_width = (uint16_t)tile->width;
  filter.input_channels = filter.output_channels = p->expanded_channels;
  filter.filter_height = p->filter_height;
  filter.filter_width = p->filter_width;
  filter.depth_multiplier = 1;
  filter.row_stride = p->row_stride;
  filter.column_stride = p->column_stride;
  filter.row_dilation = filter.column_dilation = 1;
  filter.padding_left = (uint16_t)(tile->start - tile->origin);
  filter.input_zero_point = p->expand_output_zero_point;
  TINYTS_FUSED_RESULT(&filter, p, depthwise);
  tinyts_depthwise_conv_2d(&filter, rows, outputs, tile->row_count, NULL);
}

static inline int8_t *tinyts_fused_output(const tinyts_fused_tile *tile, int32_t row) {
  return tile->output_rows[row] + tile->column * (ptrdiff_t)tile->parameters->output_channels;
}

static inline int8_t *tinyts_fused_filtered(const tinyts_fused_tile *tile, int32_t row) {
  const tinyts_fused_block_parameters *const p = tile->parameters;
  return tile->filtered + row * (p->tile_columns * (ptrdiff_t)p->expanded_channels);
}

TINYTS_NOINLINE static void tinyts_fused_filter(const tinyts_fused_tile *tile) {
  const tinyts_fused_block_parameters *const p = tile->parameters;
  const int8_t *rows[TINYTS_FUSED_BLOCK_MOST_ROWS];
  int8_t *outputs[TINYTS_FUSED_ROWS_AT_ONCE];
  for (int32_t row = 0; row < tile->window; ++row) {
    rows[row] = row < tile->inside || row >= tile->behind ? NULL : tinyts_fused_expanded(tile, row, tile->start);
  }
  for (int32_t row = 0; row < tile->row_count; ++row) {
    outputs[row] = p->project_weights == NULL ? tinyts_fused_output(tile, row) : tinyts_fused_filtered(tile, row);
  }
  tinyts_fused_run_filter(tile, rows, outputs);
}

TINYTS_NOINLINE static void tinyts_fused_project(const tinyts_fused_tile *tile) {
  const int8_t *from[TINYTS_FUSED_ROWS_AT_ONCE];
  int8_t *to[TINYTS_FUSED_ROWS_AT_ONCE];
  for (int32_t row = 0; row < tile->row_count; ++row) {
    from[row] = tinyts_fused_filtered(tile, row);
    to[row] = tinyts_fused_output(tile, row);
  }
  tinyts_fused_run_project(tile, from, to);
}

/* Rows of the result, from left to right: no more than fit into the arrays above. */
TINYTS_NOINLINE static void tinyts_fused_rows(tinyts_fused_tile *tile) {
  const tinyts_fused_block_parameters *const p = tile->parameters;
  tile->start = tile->made = 0;
  for (tile->column = 0; tile->column < p->output_width; tile->column += p->tile_columns) {
    const int32_t left = p->output_width - tile->column;
    tile->width = left < p->tile_columns ? left : p->tile_columns;
    tile->origin = tile->column * p->column_stride - p->padding_left;
    const int32_t reach = tile->origin + (tile->width - 1) * p->column_stride + p->filter_width;
    tinyts_fused_expand(tile, reach < p->expanded_width ? reach : p->expanded_width);
    tinyts_fused_filter(tile);
    if (p->project_weights != NULL) tinyts_fused_project(tile);
  }
  if (tile->kept_rows != 0) tinyts_fused_keep(tile, tile->made);
}

/* Which rows of the window are rows of the expansion: the others are the depthwise one's padding.
 *
 * Padding of both layers lies above the input together, and its rows are NULL; as do those below. */
static void tinyts_fused_find_inside(tinyts_fused_tile *tile) {
  const tinyts_fused_block_parameters *const p = tile->parameters;
  const int32_t stride = p->expand_row_stride, rows = (tile->window - 1) * stride + p->expand_filter_height;
  int32_t above = 0, below = 0;
  while (above < rows && tile->input_rows[above] == NULL) ++above;
  while (below < rows && tile->input_rows[rows - 1 - below] == NULL) ++below;
  tile->inside = above > p->expand_padding_top ? (above - p->expand_padding_top + stride - 1) / stride : 0;
  tile->behind = tile->window;
  while (tile->behind > tile->inside && (tile->behind - 1) * stride - rows + below >= p->expand_rows_behind) {
    --tile->behind;
  }
}

/* Makes the rows of the first window that are kept already in later ones, all of their columns. */
static void tinyts_fused_begin(tinyts_fused_tile *tile) {
  const int32_t behind = tile->behind < tile->kept_rows ? tile->behind : tile->kept_rows;
  tile->start = tile->made = 0;
  for (int32_t row = tile->inside; row < behind;) {
    row += tinyts_fused_expand_rows(tile, row, behind, tile->parameters->expanded_width);
  }
}

void tinyts_fused_block(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                        int32_t row_count, int8_t *scratch) {
  const tinyts_fused_block_parameters *const p = (const tinyts_fused_block_parameters *)parameters;
  /* All results are as many rows. The state: 0 before the first rows, then 1 and the oldest row's place. */
  int32_t *const state = p->keeps_rows ? (int32_t *)(void *)output_rows[row_count] : NULL;
  const int32_t fitting = (TINYTS_FUSED_BLOCK_MOST_ROWS - p->filter_height) / p->row_stride + 1;
  const int32_t most = fitting < TINYTS_FUSED_ROWS_AT_ONCE ? fitting : TINYTS_FUSED_ROWS_AT_ONCE;
  const ptrdiff_t row_bytes = (ptrdiff_t)TINYTS_FUSED_BLOCK_EXPANDED_BYTES(p);
  tinyts_fused_tile tile;
  tile.parameters = p;
  tile.gathered = p->gathered_bytes == 0 ? NULL : scratch;
  tile.expanded = scratch + p->gathered_bytes;
  tile.kept_rows = state == NULL ? 0 : p->filter_height - p->row_stride;
  tile.kept = (int8_t *)(state == NULL ? NULL : state + 1);
  tile.oldest = state == NULL || *state == 0 ? 0 : *state - 1;
  for (int32_t row = 0; row < row_count; row += most) {
    const int32_t left = row_count - row;
    tile.row_count = left < most ? left : most;
    tile.window = (tile.row_count - 1) * p->row_stride + p->filter_height;
    tile.filtered = tile.expanded + (tile.window - tile.kept_rows) * row_bytes;
    tile.input_rows = input_rows + row * p->row_stride * p->expand_row_stride;
    tile.output_rows = output_rows + row;
    tinyts_fused_find_inside(&tile);
    if (state != NULL && *state == 0) tinyts_fused_begin(&tile);
    tinyts_fused_rows(&tile);
    if (state != NULL) {
      tile.oldest = (tile.oldest + tile.row_count * p->row_stride) % tile.kept_rows;
      *state = tile.oldest + 1;
    }
  }
}
