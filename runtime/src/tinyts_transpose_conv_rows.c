/* Rows of a TRANSPOSE_CONV: for each output pixel the dot products of those input pixels that a filter tap lies over.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "tinyts_arithmetic.h"
#include "tinyts_dot_product.h"
#include "tinyts/tinyts_kernels.h"

/* Sums are collected for so many output channels. A multiple of 4. */
enum { TINYTS_TRANSPOSED_CHANNELS = 16 };

/* The columns of the filter and of the input that meet in an output pixel: filter columns first, first + stride, ...
 * and the input columns from `column` on to the left; `count` of them lie inside the input. */
typedef struct {
  int32_t first, column, count;
} tinyts_transposed_columns;

static tinyts_transposed_columns tinyts_transposed_columns_at(const tinyts_transpose_conv_rows_parameters *p, int32_t x) {
  const int32_t stride = p->column_stride, position = x + p->padding_left;
  tinyts_transposed_columns found = {position % stride, position / stride, 0};
  const int32_t beyond = found.column - (p->input_width - 1);
  if (beyond > 0) {
    found.first += beyond * stride;
    found.column -= beyond;
  }
  if (found.first < p->filter_width) {
    found.count = (p->filter_width - 1 - found.first) / stride + 1;
    if (found.count > found.column + 1) found.count = found.column + 1;
  }
  return found;
}

static void tinyts_transposed_pixel(const tinyts_transpose_conv_rows_parameters *p, const int8_t *const *rows,
                             tinyts_transposed_columns columns, int8_t *output) {
  const size_t channels = p->output_channels, length = p->input_channels;
  uint32_t sums[TINYTS_TRANSPOSED_CHANNELS], count;
  for (uint32_t channel = 0; channel < channels; channel += count) {
    count = p->output_channels - channel < TINYTS_TRANSPOSED_CHANNELS ? p->output_channels - channel : TINYTS_TRANSPOSED_CHANNELS;
    for (uint32_t i = 0; i < count; ++i) sums[i] = (uint32_t)p->bias[channel + i];
    for (uint32_t y = 0; y < p->filter_height; ++y) {
      if (rows[y] == NULL) continue;
      size_t tap = (size_t)y * p->filter_width + (size_t)columns.first;
      const int8_t *pixel = rows[y] + (size_t)columns.column * length;
      for (int32_t left = columns.count; left > 0; --left) {
        const size_t place = tap * channels + channel;
        const int32_t *const offsets = p->tap_offsets + place;
        for (uint32_t i = 0; i < count; ++i) sums[i] += (uint32_t)offsets[i];
        tinyts_dot_products(pixel, p->weights + place * length, length, (const int32_t *)sums, sums, count);
        tap += p->column_stride;
        if (left > 1) pixel -= length;
      }
    }
    for (uint32_t i = 0; i < count; ++i) {
      const int32_t scaled =
          tinyts_requantize((int32_t)sums[i], p->multipliers[channel + i], p->shifts[channel + i]);
      output[channel + i] =
          tinyts_clamp(tinyts_wrapping_add(scaled, p->output_zero_point), p->output_minimum, p->output_maximum);
    }
  }
}

void tinyts_transpose_conv_rows(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                                int32_t row_count, int8_t *scratch) {
  const tinyts_transpose_conv_rows_parameters *const p = parameters;
  (void)scratch;
  for (int32_t x = 0; x < p->output_width; ++x) {
    const tinyts_transposed_columns columns = tinyts_transposed_columns_at(p, x);
    for (int32_t r = 0; r < row_count; ++r) {
      tinyts_transposed_pixel(p, input_rows + r, columns, output_rows[r] + (size_t)x * p->output_channels);
    }
  }
}
