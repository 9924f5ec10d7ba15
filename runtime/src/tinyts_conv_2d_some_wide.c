/* CONV_2D but for some output channels whose weights do not fit int8, or whose scaling would slow down all others: all
 * channels are made, and then those few, of which the weights are zeros, once more with int16 weights, in plain C.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "tinyts_arithmetic.h"
#include "tinyts/tinyts_kernels.h"
#include "tinyts_window.h"

enum { TINYTS_WIDE_CONSTANTS = 4 };

static uint32_t tinyts_some_wide_dot_product(const int8_t *elements, const int16_t *weights, size_t length, uint32_t sum) {
  for (size_t i = 0; i < length; ++i) sum += (uint32_t)(elements[i] * weights[i]);
  return sum;
}

/* The patch of the pixel whose filter column 0 is over input column `origin`, times weights. */
static uint32_t tinyts_wide_patch(const tinyts_conv_2d_some_wide_parameters *p, const int8_t *const *rows,
                                  int32_t origin, size_t channel, const int16_t *weights, uint32_t sum) {
  const tinyts_filter_columns inside =
      tinyts_columns_inside(origin, p->input_width, p->filter_width, p->column_dilation);
  const size_t filter_row = (size_t)p->filter_width * p->filter_channels;
  const int is_whole = inside.end - inside.first == p->filter_width && p->column_dilation == 1u &&
                       p->filter_channels == p->input_channels;
  for (int32_t y = 0; y < p->filter_height; ++y) {
    const int8_t *const row = rows[y * p->row_dilation];
    if (row == NULL) {
      sum = tinyts_some_wide_dot_product(p->padding, weights, filter_row, sum);
      weights += filter_row;
      continue;
    }
    if (is_whole) {
      sum = tinyts_some_wide_dot_product(row + origin * (ptrdiff_t)p->input_channels, weights, filter_row, sum);
      weights += filter_row;
      continue;
    }
    for (int32_t x = 0; x < p->filter_width; ++x, weights += p->filter_channels) {
      const int8_t *elements = p->padding;
      if (x >= inside.first && x < inside.end) {
        elements = row + (origin + x * p->column_dilation) * (ptrdiff_t)p->input_channels + channel;
      }
      sum = tinyts_some_wide_dot_product(elements, weights, p->filter_channels, sum);
    }
  }
  return sum;
}

/* All channels, with the weights that fit. Not inlined, as what follows: frames would lie below that of CONV_2D. */
TINYTS_NOINLINE static void tinyts_all_channels(const tinyts_conv_2d_some_wide_parameters *p,
                                                const int8_t *const *input_rows, int8_t *const *output_rows,
                                                int32_t row_count, int8_t *scratch) {
  const tinyts_conv_2d_parameters all = {
      .weights = p->weights,
      .channel_pairs = p->channel_pairs,
      .padding = p->padding,
      .input_width = p->input_width,
      .input_channels = p->input_channels,
      .output_width = p->output_width,
      .output_channels = p->output_channels,
      .filter_height = p->filter_height,
      .filter_width = p->filter_width,
      .filter_channels = p->filter_channels,
      .row_stride = p->row_stride,
      .column_stride = p->column_stride,
      .row_dilation = p->row_dilation,
      .column_dilation = p->column_dilation,
      .padding_left = p->padding_left,
      .output_zero_point = p->output_zero_point,
      .output_minimum = p->output_minimum,
      .output_maximum = p->output_maximum,
      .narrow = p->narrow,
      .wide = p->wide,
      .scratch_pixels = p->scratch_pixels,
  };
  tinyts_conv_2d(&all, input_rows, output_rows, row_count, scratch);
}

TINYTS_NOINLINE static void tinyts_wide_channels(const tinyts_conv_2d_some_wide_parameters *p,
                                                 const int8_t *const *input_rows, int8_t *const *output_rows,
                                                 int32_t row_count) {
  const size_t patch = (size_t)p->filter_height * p->filter_width * p->filter_channels;
  const uint32_t in_group = (uint32_t)p->output_channels * p->filter_channels / p->input_channels;
  for (int32_t r = 0; r < row_count; ++r) {
    for (size_t wide = 0; wide < p->wide_channel_count; ++wide) {
      const int32_t *const constants = p->wide_constants + wide * TINYTS_WIDE_CONSTANTS;
      const uint32_t output_channel = (uint32_t)constants[0];
      const size_t channel = (size_t)(output_channel / in_group) * p->filter_channels;
      int8_t *output = output_rows[r] + output_channel;
      int32_t origin = -(int32_t)p->padding_left;
      for (int32_t x = 0; x < p->output_width; ++x, origin += p->column_stride, output += p->output_channels) {
        const uint32_t sum = tinyts_wide_patch(p, input_rows + r * p->row_stride, origin, channel,
                                               p->wide_weights + wide * patch, (uint32_t)constants[1]);
        const int32_t scaled = tinyts_requantize((int32_t)sum, constants[2], constants[3]);
        *output = tinyts_clamp(tinyts_wrapping_add(scaled, p->output_zero_point), p->output_minimum, p->output_maximum);
      }
    }
  }
}

void tinyts_conv_2d_some_wide(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                              int32_t row_count, int8_t *scratch) {
  const tinyts_conv_2d_some_wide_parameters *const p = (const tinyts_conv_2d_some_wide_parameters *)parameters;
  tinyts_all_channels(p, input_rows, output_rows, row_count, scratch);
  tinyts_wide_channels(p, input_rows, output_rows, row_count);
}
