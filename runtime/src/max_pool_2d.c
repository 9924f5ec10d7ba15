/* MAX_POOL_2D: with DSP instructions four channels at once. Otherwise pixel after pixel of the window, all channels at
 * once, with the output as the accumulator.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>
#include <string.h>

#include "arithmetic.h"
#include "tinyts/kernels.h"
#include "window.h"

#if defined(__ARM_FEATURE_DSP)
#include "dsp.h"
#endif

/* `offset` is that of the window's first pixel inside the input in its row, `columns` how many are. */
static void tinyts_maximum_by_pixels(const tinyts_pool_2d_parameters *p, const int8_t *const *window, ptrdiff_t offset,
                              int32_t columns, int8_t *output) {
  const ptrdiff_t channels = p->channels;
  memset(output, INT8_MIN, (size_t)channels);
  for (int32_t y = 0; y < p->filter_height; ++y) {
    if (window[y] == NULL) continue;
    const int8_t *pixel = window[y] + offset;
    for (int32_t left = columns; left > 0; --left, pixel += channels) {
      for (ptrdiff_t channel = 0; channel < channels; ++channel) {
        if (pixel[channel] > output[channel]) output[channel] = pixel[channel];
      }
    }
  }
  if (p->output_minimum == INT8_MIN && p->output_maximum == INT8_MAX) return;
  for (ptrdiff_t channel = 0; channel < channels; ++channel) {
    output[channel] = tinyts_clamp(output[channel], p->output_minimum, p->output_maximum);
  }
}

#if defined(__ARM_FEATURE_DSP)
/* At least four channels: the last four may be in part the same as the four before. */
static void tinyts_maximum_by_fours(const tinyts_pool_2d_parameters *p, const int8_t *const *window, ptrdiff_t offset,
                             int32_t columns, int8_t *output) {
  const ptrdiff_t channels = p->channels;
  const uint32_t minimum = tinyts_repeat_4(p->output_minimum), maximum = tinyts_repeat_4(p->output_maximum);
  const int8_t *const *const end = window + p->filter_height;
  for (ptrdiff_t channel = 0; channel < channels; channel += 4) {
    if (channel > channels - 4) channel = channels - 4;
    uint32_t greatest = minimum;
    for (const int8_t *const *row = window; row != end; ++row) {
      if (*row == NULL) continue;
      const int8_t *pixel = *row + (offset + channel);
      int32_t left = columns;
      for (; left > 1; left -= 2, pixel += 2 * channels) {
        greatest = tinyts_maximum_4(greatest, tinyts_load_4(pixel));
        greatest = tinyts_maximum_4(greatest, tinyts_load_4(pixel + channels));
      }
      if (left != 0) greatest = tinyts_maximum_4(greatest, tinyts_load_4(pixel));
    }
    tinyts_store_4(output + channel, tinyts_minimum_4(greatest, maximum));
  }
}
#endif

void tinyts_max_pool_2d(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                        int32_t row_count, int8_t *scratch) {
  const tinyts_pool_2d_parameters *const p = parameters;
  const ptrdiff_t channels = p->channels;
  (void)scratch;

  for (int32_t r = 0; r < row_count; ++r) {
    const int8_t *const *const window = input_rows + r * p->row_stride;
    int8_t *output = output_rows[r];
    for (int32_t x = 0; x < p->output_width; ++x, output += channels) {
      const int32_t origin = x * p->column_stride - p->padding_left;
      const tinyts_filter_columns inside = tinyts_columns_inside(origin, p->input_width, p->filter_width, 1);
      const ptrdiff_t offset = (origin + inside.first) * channels;
#if defined(__ARM_FEATURE_DSP)
      if (channels >= 4) {
        tinyts_maximum_by_fours(p, window, offset, inside.end - inside.first, output);
        continue;
      }
#endif
      tinyts_maximum_by_pixels(p, window, offset, inside.end - inside.first, output);
    }
  }
}
