/* CONV_2D of int16: the dot product of what a pixel reads with the weights of each output channel. What lies in the
 * padding adds nothing, and is not read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts/tinyts_kernels_int16.h"
#include "tinyts_wide.h"
#include "tinyts_window.h"

/* A pixel's window: columns first ... end - 1 of the filter lie inside, the first of them over input column `column`. */
typedef struct {
  int32_t first, count, column;
} tinyts_wide_window;

/* Runs of the filter's columns that lie side by side in the input, too, are one dot product. */
static void tinyts_wide_add_row(const tinyts_conv_2d_int16_parameters *p, const int16_t *row, tinyts_wide_window window,
                                const int8_t *weights, int64_t *sums, uint32_t count) {
  const size_t channels = p->filter_channels, step = (size_t)p->filter_height * p->filter_width * channels;
  const int16_t *elements = row + (size_t)window.column * p->input_channels;
  const int8_t *taps = weights + (size_t)window.first * channels;
  if (channels == p->input_channels && p->column_dilation == 1) {
    tinyts_wide_dot_products(elements, taps, step, (size_t)window.count * channels, sums, count);
    return;
  }
  for (int32_t left = window.count; left > 0; --left, taps += channels) {
    tinyts_wide_dot_products(elements, taps, step, channels, sums, count);
    if (left > 1) elements += (size_t)p->column_dilation * p->input_channels;
  }
}

static void tinyts_wide_pixel(const tinyts_conv_2d_int16_parameters *p, const int8_t *const *rows,
                              tinyts_wide_window window, int16_t *output) {
  const size_t row_weights = (size_t)p->filter_width * p->filter_channels, filter = row_weights * p->filter_height;
  const uint32_t groups = (uint32_t)p->input_channels / p->filter_channels, in_group = p->output_channels / groups;
  uint32_t count;
  for (uint32_t channel = 0; channel < p->output_channels; channel += count) {
    const uint32_t group = channel / in_group, left = (group + 1) * in_group - channel;
    int64_t sums[TINYTS_WIDE_CHANNELS] = {0};
    count = left < TINYTS_WIDE_CHANNELS ? left : TINYTS_WIDE_CHANNELS;
    for (uint32_t i = 0; i < count; ++i) sums[i] = tinyts_wide_bias(p->bias, p->bias_high, channel + i);
    for (uint32_t y = 0; y < p->filter_height && window.count > 0; ++y) {
      const int8_t *const row = rows[(size_t)y * p->row_dilation];
      if (row == NULL) continue;
      tinyts_wide_add_row(p, tinyts_wide_elements(row) + (size_t)group * p->filter_channels, window,
                          p->weights + channel * filter + y * row_weights, sums, count);
    }
    for (uint32_t i = 0; i < count; ++i) {
      const int32_t scaled =
          tinyts_wide_scale(sums[i], p->multipliers[channel + i], p->shifts[channel + i], p->wraps);
      output[channel + i] = tinyts_wide_clamp(scaled, p->output_minimum, p->output_maximum);
    }
  }
}

void tinyts_conv_2d_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                          int32_t row_count, int8_t *scratch) {
  const tinyts_conv_2d_int16_parameters *const p = (const tinyts_conv_2d_int16_parameters *)parameters;
  (void)scratch;
  for (int32_t x = 0; x < p->output_width; ++x) {
    const int32_t origin = x * p->column_stride - p->padding_left;
    const tinyts_filter_columns inside =
        tinyts_columns_inside(origin, p->input_width, p->filter_width, p->column_dilation);
    const tinyts_wide_window window = {inside.first, inside.end - inside.first,
                                       origin + inside.first * p->column_dilation};
    for (int32_t r = 0; r < row_count; ++r) {
      tinyts_wide_pixel(p, input_rows + (size_t)r * p->row_stride, window,
                        tinyts_wide_outputs(output_rows[r]) + (size_t)x * p->output_channels);
    }
  }
}
