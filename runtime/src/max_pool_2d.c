/* MAX_POOL_2D: pixel after pixel of the window, all channels at once, with the output as the accumulator.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>
#include <string.h>

#include "arithmetic.h"
#include "tinyts/kernels.h"
#include "window.h"

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
      memset(output, INT8_MIN, (size_t)channels);
      for (int32_t y = 0; y < p->filter_height; ++y) {
        if (window[y] == NULL) continue;
        for (int32_t column = inside.first; column < inside.end; ++column) {
          const int8_t *const pixel = window[y] + (origin + column) * channels;
          for (ptrdiff_t channel = 0; channel < channels; ++channel) {
            if (pixel[channel] > output[channel]) output[channel] = pixel[channel];
          }
        }
      }
      if (p->output_minimum == INT8_MIN && p->output_maximum == INT8_MAX) continue;
      for (ptrdiff_t channel = 0; channel < channels; ++channel) {
        output[channel] = tinyts_clamp(output[channel], p->output_minimum, p->output_maximum);
      }
    }
  }
}
