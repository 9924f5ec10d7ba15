/* AVERAGE_POOL_2D: the mean of the pixels inside the input, rounded half away from zero.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "arithmetic.h"
#include "tinyts/kernels.h"
#include "window.h"

void tinyts_average_pool_2d(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                            int32_t row_count, int8_t *scratch) {
  const tinyts_pool_2d_parameters *const p = parameters;
  const ptrdiff_t channels = p->channels;
  (void)scratch;

  for (int32_t r = 0; r < row_count; ++r) {
    const int8_t *const *const window = input_rows + r * p->row_stride;
    int8_t *output = output_rows[r];
    int32_t rows_inside = 0;
    for (int32_t y = 0; y < p->filter_height; ++y) rows_inside += window[y] != NULL;

    for (int32_t x = 0; x < p->output_width; ++x, output += channels) {
      const int32_t origin = x * p->column_stride - p->padding_left;
      const tinyts_filter_columns inside = tinyts_columns_inside(origin, p->input_width, p->filter_width, 1);
      const int32_t columns = inside.end - inside.first;
      const int32_t count = columns * rows_inside;
      for (ptrdiff_t channel = 0; channel < channels; ++channel) {
        int32_t sum = 0;
        for (int32_t y = 0; y < p->filter_height; ++y) {
          if (window[y] == NULL) continue;
          const int8_t *pixel = window[y] + ((origin + inside.first) * channels + channel);
          for (int32_t left = columns; left > 0; --left, pixel += channels) sum += *pixel;
        }
        /* A window that holds nothing but padding has no mean; the reference refuses such models. */
        const int32_t mean = count == 0 ? 0 : (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
        output[channel] = tinyts_clamp(mean, p->output_minimum, p->output_maximum);
      }
    }
  }
}
