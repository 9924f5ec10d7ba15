/* CONV_2D's pixels, where their patches lie in the input rows, and its channels.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_CONV_PATCHES_H
#define TINYTS_CONV_PATCHES_H

#include <stddef.h>
#include <stdint.h>

#include "tinyts_arithmetic.h"
#include "tinyts/tinyts_kernels.h"
#include "tinyts_window.h"

enum { TINYTS_PAIR_WORDS = 5, TINYTS_MOST_PIXELS = 4 };

/* An output pixel, and where its patch lies. */
typedef struct {
  const int8_t *const *rows; /* of the window; a dilated filter skips some */
  int32_t origin;            /* the input column of filter column 0 */
  uint16_t first, end;       /* filter columns first ... end - 1 are inside the input */
  int8_t *output;
} tinyts_conv_pixel;

typedef struct {
  int32_t row, column; /* of the output */
} tinyts_conv_position;

/* The pixel at the position, which moves on. */
static void tinyts_conv_next_pixel(const tinyts_conv_2d_parameters *p, const int8_t *const *input_rows,
                            int8_t *const *output_rows, tinyts_conv_position *position, tinyts_conv_pixel *pixel) {
  const int32_t row = position->row, column = position->column;
  pixel->rows = input_rows + row * p->row_stride;
  pixel->origin = column * p->column_stride - p->padding_left;
  if (p->padding == NULL) {
    pixel->first = 0;
    pixel->end = p->filter_width;
  } else {
    const tinyts_filter_columns inside =
        tinyts_columns_inside(pixel->origin, p->input_width, p->filter_width, p->column_dilation);
    pixel->first = (uint16_t)inside.first;
    pixel->end = (uint16_t)inside.end;
  }
  pixel->output = output_rows[row] + column * (ptrdiff_t)p->output_channels;
  if (++position->column == p->output_width) {
    position->column = 0;
    ++position->row;
  }
}

/* The patches of some pixels, for one group of channels, are so many runs of bytes that lie together in an input row, or
 * are padding: the runs have the same lengths for all of the pixels. A run that is not whole words, but may be read as if
 * it were, has a last word that overlaps the one before (kernels.h). */
typedef struct {
  const tinyts_conv_2d_parameters *parameters;
  const tinyts_conv_pixel *pixels;
  uint32_t count;  /* of pixels */
  uint32_t channel; /* the group's first */
  int32_t columns; /* of the filter in a run: all of them; 1; or 0, so many as lie together */
  int32_t y, x;    /* the filter's row and column that come next */
} tinyts_conv_runs;

static tinyts_conv_runs tinyts_conv_first_run(const tinyts_conv_2d_parameters *p, const tinyts_conv_pixel *pixels,
                                              uint32_t count, uint32_t channel) {
  /* Columns are neighbours in the row as well, unless dilation or other groups' channels lie between them. */
  const int neighbours = p->filter_channels == p->input_channels && p->column_dilation == 1;
  int whole = neighbours;
  for (uint32_t i = 0; i < count; ++i) {
    whole &= pixels[i].end - pixels[i].first == p->filter_width;
  }
  const tinyts_conv_runs runs = {p, pixels, count, channel, whole ? p->filter_width : !neighbours, 0, 0};
  return runs;
}

static inline int tinyts_conv_has_runs(const tinyts_conv_runs *r) { return r->y < r->parameters->filter_height; }

/* Columns of the filter from the next one on that are all inside the input, or all in the padding, of every pixel. */
static int32_t tinyts_conv_columns_together(const tinyts_conv_runs *r) {
  int32_t end = r->parameters->filter_width;
  for (uint32_t i = 0; i < r->count; ++i) {
    const int32_t first = r->pixels[i].first, behind = r->pixels[i].end;
    if (r->x < first && first < end) end = first;
    if (r->x >= first && r->x < behind && behind < end) end = behind;
  }
  return end - r->x;
}

/* The next run of every pixel, as many `sources` as there are pixels; returns its bytes. */
static size_t tinyts_conv_next_run(tinyts_conv_runs *r, const int8_t **sources) {
  const tinyts_conv_2d_parameters *const p = r->parameters;
  const int32_t row = r->y * p->row_dilation, x = r->x, column = x * p->column_dilation;
  const int32_t columns = r->columns != 0 ? r->columns : tinyts_conv_columns_together(r);
  for (uint32_t i = 0; i < r->count; ++i) {
    const tinyts_conv_pixel *const pixel = &r->pixels[i];
    const int8_t *source = pixel->rows[row];
    if (source == NULL || x < pixel->first || x >= pixel->end) {
      source = p->padding;
    } else {
      source += (pixel->origin + column) * (ptrdiff_t)p->input_channels + (ptrdiff_t)r->channel;
    }
    sources[i] = source;
  }
  r->x += columns;
  if (r->x == p->filter_width) {
    r->x = 0;
    ++r->y;
  }
  return (size_t)columns * p->filter_channels;
}

/* A group's channels in pairs. */
typedef struct {
  const uint32_t *weights;   /* of the first pair */
  const int32_t *constants;
  uint32_t words;            /* of weights in a pair */
  uint32_t channels;
  uint32_t first_output, first_input; /* channels */
} tinyts_conv_group;

static tinyts_conv_group tinyts_conv_find_group(const tinyts_conv_2d_parameters *p, uint32_t number) {
  const uint32_t channels = (uint32_t)p->output_channels * p->filter_channels / p->input_channels;
  const uint32_t words = TINYTS_CONV_2D_PATCH_WORDS(p) * (p->wide ? 4u : 2u), first = number * ((channels + 1) / 2);
  const tinyts_conv_group group = {p->weights + (size_t)first * words,
                                   p->channel_pairs + (size_t)first * TINYTS_PAIR_WORDS,
                                   words,
                                   channels,
                                   number * channels,
                                   number * p->filter_channels};
  return group;
}

/* One sum, of the even (0) or odd (1) channel of a pair, as a byte. */
static int8_t tinyts_conv_scale(const tinyts_conv_2d_parameters *p, const int32_t *constants, uint32_t odd,
                                uint32_t sum) {
  const int8_t right = (int8_t)((uint32_t)constants[4] >> 8 * odd);
  const int32_t scaled = tinyts_requantize((int32_t)sum, constants[2 + odd], ~right);
  return tinyts_clamp(tinyts_wrapping_add(scaled, p->output_zero_point), p->output_minimum, p->output_maximum);
}

#endif
