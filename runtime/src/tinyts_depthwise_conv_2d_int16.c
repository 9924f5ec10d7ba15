/* DEPTHWISE_CONV_2D of int16, four output channels at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts/tinyts_kernels_int16.h"
#include "tinyts_wide.h"
#include "tinyts_window.h"

/* Adds a row of the filter: columns from `first` on, `count` of them, the first over input column `column`. */
static void tinyts_wide_depthwise_row(const tinyts_depthwise_conv_2d_int16_parameters *p, const int16_t *row,
                                      const int8_t *weights, int32_t column, int32_t count, uint32_t channel,
                                      int64_t *sums, uint32_t channels) {
  for (int32_t k = 0; k < count; ++k, weights += p->output_channels, column += p->column_dilation) {
    const int16_t *const pixel = row + (size_t)column * p->input_channels;
    for (uint32_t i = 0; i < channels; ++i) {
      sums[i] += (int32_t)pixel[(channel + i) / p->depth_multiplier] * weights[channel + i];
    }
  }
}

static void tinyts_wide_depthwise_pixel(const tinyts_depthwise_conv_2d_int16_parameters *p, const int8_t *const *rows,
                                        tinyts_filter_columns inside, int32_t origin, int16_t *output) {
  const int32_t column = origin + inside.first * p->column_dilation, taps = inside.end - inside.first;
  uint32_t count;
  for (uint32_t channel = 0; channel < p->output_channels; channel += count) {
    int64_t sums[TINYTS_WIDE_CHANNELS] = {0};
    count = p->output_channels - channel < TINYTS_WIDE_CHANNELS ? p->output_channels - channel : TINYTS_WIDE_CHANNELS;
    for (uint32_t i = 0; i < count; ++i) sums[i] = tinyts_wide_bias(p->bias, p->bias_high, channel + i);
    for (uint32_t y = 0; y < p->filter_height; ++y) {
      const int8_t *const row = rows[(size_t)y * p->row_dilation];
      const size_t first = ((size_t)y * p->filter_width + (size_t)inside.first) * p->output_channels;
      if (row == NULL || taps <= 0) continue;
      tinyts_wide_depthwise_row(p, tinyts_wide_elements(row), p->weights + first, column, taps, channel, sums, count);
    }
    for (uint32_t i = 0; i < count; ++i) {
      const int32_t scaled =
          tinyts_wide_scale(sums[i], p->multipliers[channel + i], p->shifts[channel + i], p->wraps);
      output[channel + i] = tinyts_wide_clamp(scaled, p->output_minimum, p->output_maximum);
    }
  }
}

void tinyts_depthwise_conv_2d_int16(const void *parameters, const int8_t *const *input_rows,
                                    int8_t *const *output_rows, int32_t row_count, int8_t *scratch) {
  const tinyts_depthwise_conv_2d_int16_parameters *const p = (const tinyts_depthwise_conv_2d_int16_parameters *)parameters;
  (void)scratch;
  for (int32_t x = 0; x < p->output_width; ++x) {
    const int32_t origin = x * p->column_stride - p->padding_left;
    const tinyts_filter_columns inside =
        tinyts_columns_inside(origin, p->input_width, p->filter_width, p->column_dilation);
    for (int32_t r = 0; r < row_count; ++r) {
      tinyts_wide_depthwise_pixel(p, input_rows + (size_t)r * p->row_stride, inside, origin,
                                  tinyts_wide_outputs(output_rows[r]) + (size_t)x * p->output_channels);
    }
  }
}
