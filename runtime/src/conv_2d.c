/* CONV_2D: a dot product of the pixel's patch with every output channel's weights. A patch that lies in one piece in
 * its input row is read in place, any other is gathered into the scratch first.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>
#include <string.h>

#include "channels.h"
#include "dot_product.h"
#include "tinyts/kernels.h"
#include "window.h"

/* Patch: [groups][filter_height][filter_width][filter_channels], as the weights of one output channel of each group. */
static void gather_patch(const tinyts_conv_2d_parameters *p, const int8_t *const *window, int32_t origin,
                         tinyts_filter_columns inside, int8_t *patch) {
  const size_t channels = p->filter_channels, pixel_bytes = p->input_channels;
  const size_t filter_row_bytes = p->filter_width * channels, group_bytes = p->filter_height * filter_row_bytes;
  const int in_one_piece = channels == pixel_bytes && p->column_dilation == 1;

  for (int32_t y = 0; y < p->filter_height; ++y, patch += filter_row_bytes) {
    const int8_t *const row = window[y * p->row_dilation];
    if (in_one_piece && row != NULL) {
      const size_t first = (size_t)inside.first * channels, end = (size_t)inside.end * channels;
      if (first != 0) memset(patch, p->input_zero_point, first);
      if (first != end) memcpy(patch + first, row + (origin + inside.first) * (ptrdiff_t)pixel_bytes, end - first);
      if (end != filter_row_bytes) memset(patch + end, p->input_zero_point, filter_row_bytes - end);
      continue;
    }
    for (int32_t x = 0; x < p->filter_width; ++x) {
      int8_t *target = patch + (size_t)x * channels;
      if (row == NULL || x < inside.first || x >= inside.end) {
        for (size_t done = 0; done < pixel_bytes; done += channels, target += group_bytes) {
          memset(target, p->input_zero_point, channels);
        }
      } else {
        const int8_t *const pixel = row + (origin + x * p->column_dilation) * (ptrdiff_t)pixel_bytes;
        for (size_t done = 0; done < pixel_bytes; done += channels, target += group_bytes) {
          memcpy(target, pixel + done, channels);
        }
      }
    }
  }
}

/* Output channels first ... end - 1 of one pixel: those of one group, whose patch this is. */
static void convolve(const tinyts_conv_2d_parameters *p, const int8_t *patch, size_t length, uint32_t first,
                     uint32_t end, int8_t *output) {
  const tinyts_output_range range = {p->output_zero_point, p->output_minimum, p->output_maximum};
  uint32_t sums[TINYTS_CHANNEL_BLOCK], count;
  for (uint32_t channel = first; channel < end; channel += count) {
    count = tinyts_channels_in_block(end - channel);
    tinyts_dot_products(patch, p->weights + channel * length, length, p->bias + channel, sums, count);
    tinyts_requantize_channels(sums, p->multipliers + channel, p->shifts + channel, range, output + channel, count);
  }
}

void tinyts_conv_2d(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                    int32_t row_count, int8_t *scratch) {
  const tinyts_conv_2d_parameters *const p = parameters;
  const size_t length = (size_t)p->filter_height * p->filter_width * p->filter_channels;
  const uint32_t groups = (uint32_t)p->input_channels / p->filter_channels;
  const uint32_t group_outputs = p->output_channels / groups;
  /* Without padding, is a patch one piece of an input row? */
  const int in_place =
      p->filter_height == 1 && (p->filter_width == 1 || (groups == 1 && p->column_dilation == 1));

  for (int32_t r = 0; r < row_count; ++r) {
    const int8_t *const *const window = input_rows + r * p->row_stride;
    int8_t *output = output_rows[r];
    for (int32_t x = 0; x < p->output_width; ++x, output += p->output_channels) {
      const int32_t origin = x * p->column_stride - p->padding_left;
      const tinyts_filter_columns inside =
          tinyts_columns_inside(origin, p->input_width, p->filter_width, p->column_dilation);
      const int8_t *patch = scratch;
      if (in_place && window[0] != NULL && inside.first == 0 && inside.end == p->filter_width) {
        patch = window[0] + origin * (ptrdiff_t)p->input_channels;
      } else {
        gather_patch(p, window, origin, inside, scratch);
      }
      for (uint32_t first = 0; first < p->output_channels; first += group_outputs, patch += length) {
        convolve(p, patch, length, first, first + group_outputs, output);
      }
    }
  }
}
