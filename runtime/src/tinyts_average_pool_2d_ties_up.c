/* AVERAGE_POOL_2D of uint8, whose bytes are 128 less here: the mean of the pixels inside the input, ties rounded up.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "tinyts_arithmetic.h"
#include "tinyts_rounded_up.h"
#include "tinyts/tinyts_kernels.h"
#include "tinyts_window.h"

void tinyts_average_pool_2d_ties_up(const void *parameters, const int8_t *const *input_rows,
                                    int8_t *const *output_rows, int32_t row_count, int8_t *scratch) {
  const tinyts_pool_2d_parameters *const p = (const tinyts_pool_2d_parameters *)parameters;
  const ptrdiff_t channels = p->channels;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    const int8_t *const *const rows = input_rows + r * p->row_stride;
    int8_t *output = output_rows[r];
    uint32_t rows_inside = 0;
    for (int32_t y = 0; y < p->filter_height; ++y) rows_inside += rows[y] != NULL;
    for (int32_t x = 0; x < p->output_width; ++x) {
      const int32_t origin = x * p->column_stride - p->padding_left;
      const tinyts_filter_columns inside = tinyts_columns_inside(origin, p->input_width, p->filter_width, 1);
      const ptrdiff_t first = (origin + inside.first) * channels;
      const int32_t columns = inside.end - inside.first;
      const uint32_t pixels = (uint32_t)columns * rows_inside;
      for (ptrdiff_t channel = 0; channel < channels; ++channel) {
        int32_t sum = 0;
        for (int32_t y = 0; y < p->filter_height; ++y) {
          if (rows[y] == NULL) continue;
          const int8_t *pixel = rows[y] + (first + channel);
          for (int32_t left = columns; left > 0; --left, pixel += channels) sum += *pixel;
        }
        /* A window that holds nothing but padding has no mean; the reference refuses such models. */
        const int32_t mean = tinyts_mean_ties_up(sum, pixels > 0u ? pixels : 1u);
        *output++ = tinyts_clamp(mean, p->output_minimum, p->output_maximum);
      }
    }
  }
}
