/* DEPTHWISE_CONV_2D where there are no DSP instructions and scalings are narrow: the lanes of a block together, whose input
 * channels are neighbours. Weights are halves of words and are read as such.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_DEPTHWISE_PORTABLE_H
#define TINYTS_DEPTHWISE_PORTABLE_H

#include <stddef.h>
#include <stdint.h>

#include "tinyts/tinyts_compiler.h"
#include "tinyts/tinyts_kernels.h"
#include "tinyts_arithmetic.h"
#include "tinyts_narrow_scaling.h"
#include "tinyts_window.h"

enum { TINYTS_PORTABLE_BLOCK = 4, TINYTS_PORTABLE_CONSTANTS = 16 };

/* A half of a word. */
typedef int16_t TINYTS_MAY_ALIAS tinyts_depthwise_weight;

/* What a pixel of a row reads. */
typedef struct {
  const tinyts_depthwise_conv_2d_parameters *parameters;
  const int8_t *const *rows;  /* of the window that are inside the input, as many as `row_count` */
  int32_t row_count, columns; /* of the filter inside the input */
  ptrdiff_t offset;           /* of the pixel's first tap in its rows */
  ptrdiff_t step;             /* bytes of input from one tap to the next */
  ptrdiff_t first_weight;     /* bytes of weights in front of the first tap inside the input */
  ptrdiff_t skip;             /* bytes of weights from the end of a row's taps to the next row's */
  ptrdiff_t block_bytes;      /* of weights */
} tinyts_depthwise_pixel;

/* The taps of a block at one pixel; the lanes' halves of words lie as 0, 2, 1, 3. */
static inline void tinyts_depthwise_add_taps(const tinyts_depthwise_pixel *pixel, ptrdiff_t offset,
                                             const tinyts_depthwise_weight *weights,
                                             uint32_t sums[TINYTS_PORTABLE_BLOCK]) {
  const int32_t zero_point = pixel->parameters->input_zero_point;
  const ptrdiff_t step = pixel->step, row_step = pixel->parameters->row_dilation;
  const int8_t *const *rows = pixel->rows;
  uint32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3];
  for (int32_t left = pixel->row_count; left > 0; --left, rows += row_step) {
    const int8_t *input = *rows + offset;
    for (int32_t column = pixel->columns; column > 0; --column, input += step, weights += TINYTS_PORTABLE_BLOCK) {
      sum0 += (uint32_t)((input[0] - zero_point) * weights[0]);
      sum2 += (uint32_t)((input[2] - zero_point) * weights[1]);
      sum1 += (uint32_t)((input[1] - zero_point) * weights[2]);
      sum3 += (uint32_t)((input[3] - zero_point) * weights[3]);
    }
    weights = (const tinyts_depthwise_weight *)(const void *)((const int8_t *)weights + pixel->skip);
  }
  sums[0] = sum0;
  sums[1] = sum1;
  sums[2] = sum2;
  sums[3] = sum3;
}

/* The blocks of one pixel. */
static inline void tinyts_depthwise_portable_pixel(const tinyts_depthwise_pixel *pixel, int8_t *output) {
  const tinyts_depthwise_conv_2d_parameters *const p = pixel->parameters;
  const int32_t channels = p->output_channels, last = channels - TINYTS_PORTABLE_BLOCK;
  const int8_t *weights = (const int8_t *)p->weights + pixel->first_weight;
  const int32_t *constants = p->constants;
  for (int32_t block = 0; block < channels; block += TINYTS_PORTABLE_BLOCK, weights += pixel->block_bytes) {
    const int32_t first = block < last ? block : last;
    const int32_t *scale = constants + TINYTS_PORTABLE_BLOCK;
    uint32_t sums[TINYTS_PORTABLE_BLOCK] = {(uint32_t)constants[0], (uint32_t)constants[1], (uint32_t)constants[2],
                                            (uint32_t)constants[3]};
    tinyts_depthwise_add_taps(pixel, pixel->offset + first, (const tinyts_depthwise_weight *)(const void *)weights,
                              sums);
    for (int32_t lane = 0; lane < TINYTS_PORTABLE_BLOCK; ++lane, scale += 3) {
      const int32_t doubled = (int32_t)sums[lane];
      const int32_t rounded = tinyts_rounded_upper_word(doubled, scale[0]) - (int32_t)(sums[lane] >> 31);
      output[first + lane] =
          tinyts_clamp(tinyts_wrapping_add(rounded, scale[2]) >> scale[1], p->output_minimum, p->output_maximum);
    }
    constants += TINYTS_PORTABLE_CONSTANTS;
  }
}

static void tinyts_depthwise_portable_row(const tinyts_depthwise_conv_2d_parameters *p, const int8_t *const *rows,
                                          int8_t *output) {
  enum { TINYTS_TAP_BYTES = 2 * TINYTS_PORTABLE_BLOCK };
  const ptrdiff_t filter_row = p->filter_width * TINYTS_TAP_BYTES;
  tinyts_depthwise_pixel pixel = {p, rows, 0, 0, 0, 0, 0, 0, 0};
  int32_t first_row = 0;
  pixel.step = (ptrdiff_t)p->column_dilation * p->input_channels;
  pixel.block_bytes = p->filter_height * filter_row;
  /* Rows of padding are above the others or below them. */
  for (; first_row < p->filter_height && *pixel.rows == NULL; ++first_row) pixel.rows += p->row_dilation;
  while (first_row + pixel.row_count < p->filter_height && pixel.rows[pixel.row_count * p->row_dilation] != NULL) {
    ++pixel.row_count;
  }
  for (int32_t x = 0; x < p->output_width; ++x, output += p->output_channels) {
    const int32_t origin = x * p->column_stride - p->padding_left;
    const tinyts_filter_columns inside =
        tinyts_columns_inside(origin, p->input_width, p->filter_width, p->column_dilation);
    pixel.columns = inside.end - inside.first;
    pixel.offset = (ptrdiff_t)origin * p->input_channels + inside.first * pixel.step;
    pixel.first_weight = first_row * filter_row + inside.first * TINYTS_TAP_BYTES;
    pixel.skip = filter_row - pixel.columns * TINYTS_TAP_BYTES;
    tinyts_depthwise_portable_pixel(&pixel, output);
  }
}

#endif
