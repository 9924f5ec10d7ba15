/* Rows of a TRANSPOSE_CONV of int16: for each output pixel the dot products of those input pixels that a filter tap lies
 * over.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts/tinyts_kernels_int16.h"
#include "tinyts_transposed_columns.h"
#include "tinyts_wide.h"

static void tinyts_wide_transposed_pixel(const tinyts_transpose_conv_rows_int16_parameters *p,
                                         const int8_t *const *rows, tinyts_transposed_columns columns,
                                         int16_t *output) {
  const size_t channels = p->output_channels, length = p->input_channels;
  uint32_t count;
  for (uint32_t channel = 0; channel < channels; channel += count) {
    int64_t sums[TINYTS_WIDE_CHANNELS] = {0};
    count = p->output_channels - channel < TINYTS_WIDE_CHANNELS ? p->output_channels - channel : TINYTS_WIDE_CHANNELS;
    for (uint32_t i = 0; i < count; ++i) sums[i] = tinyts_wide_bias(p->bias, p->bias_high, channel + i);
    for (uint32_t y = 0; y < p->filter_height; ++y) {
      if (rows[y] == NULL) continue;
      size_t tap = (size_t)y * p->filter_width + (size_t)columns.first;
      const int16_t *pixel = tinyts_wide_elements(rows[y]) + (size_t)columns.column * length;
      for (int32_t left = columns.count; left > 0; --left) {
        tinyts_wide_dot_products(pixel, p->weights + (tap * channels + channel) * length, length, length, sums, count);
        tap += p->column_stride;
        if (left > 1) pixel -= length;
      }
    }
    for (uint32_t i = 0; i < count; ++i) {
      const int32_t scaled =
          tinyts_wide_scale(sums[i], p->multipliers[channel + i], p->shifts[channel + i], p->wraps);
      output[channel + i] = tinyts_wide_clamp(scaled, p->output_minimum, p->output_maximum);
    }
  }
}

void tinyts_transpose_conv_rows_int16(const void *parameters, const int8_t *const *input_rows,
                                      int8_t *const *output_rows, int32_t row_count, int8_t *scratch) {
  const tinyts_transpose_conv_rows_int16_parameters *const p = (const tinyts_transpose_conv_rows_int16_parameters *)parameters;
  (void)scratch;
  for (int32_t x = 0; x < p->output_width; ++x) {
    const tinyts_transposed_columns columns =
        tinyts_transposed_columns_at(x + p->padding_left, p->column_stride, p->input_width, p->filter_width);
    for (int32_t r = 0; r < row_count; ++r) {
      tinyts_wide_transposed_pixel(p, input_rows + r, columns,
                                   tinyts_wide_outputs(output_rows[r]) + (size_t)x * p->output_channels);
    }
  }
}
