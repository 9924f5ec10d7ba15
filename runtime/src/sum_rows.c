/* Adds up the pixels of rows as they come: a global average pool before the division.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "tinyts/kernels.h"

static void add_row(const tinyts_sum_rows_parameters *p, const int8_t *pixel, int32_t *sums) {
  for (uint32_t x = 0; x < p->width; ++x, pixel += p->channels) {
    for (size_t channel = 0; channel < p->channels; ++channel) sums[channel] += pixel[channel];
  }
}

void tinyts_sum_rows(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                     int32_t row_count, int8_t *scratch) {
  const tinyts_sum_rows_parameters *const p = parameters;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    int32_t *const sums = (int32_t *)(void *)output_rows[r];
    for (size_t y = 0; y < p->window_rows; ++y) {
      const int8_t *const row = input_rows[(size_t)r * p->window_rows + y];
      if (row != NULL) add_row(p, row, sums);
    }
  }
}
