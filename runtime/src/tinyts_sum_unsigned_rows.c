/* Adds up the pixels of rows as they come, bytes taken for numbers of 0 to 255: SUM before it is requantized.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "tinyts/tinyts_kernels.h"

static void tinyts_add_unsigned_row(const tinyts_sum_rows_parameters *p, const int8_t *row, int32_t *sums) {
  for (size_t channel = 0; channel < p->channels; ++channel) {
    const int8_t *pixel = row + channel;
    int32_t sum = 0;
    for (uint32_t left = p->width; left > 0; --left, pixel += p->channels) sum += (uint8_t)*pixel;
    sums[channel] += sum;
  }
}

void tinyts_sum_unsigned_rows(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                              int32_t row_count, int8_t *scratch) {
  const tinyts_sum_rows_parameters *const p = parameters;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    int32_t *const sums = (int32_t *)(void *)output_rows[r];
    for (size_t y = 0; y < p->window_rows; ++y) {
      const int8_t *const row = input_rows[(size_t)r * p->window_rows + y];
      if (row != NULL) tinyts_add_unsigned_row(p, row, sums);
    }
  }
}
