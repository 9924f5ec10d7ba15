/* Adds up the int16 pixels of rows as they come: a global average pool before the division.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts/tinyts_kernels_int16.h"
#include "tinyts_wide.h"

void tinyts_sum_rows_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                           int32_t row_count, int8_t *scratch) {
  const tinyts_sum_rows_int16_parameters *const p = (const tinyts_sum_rows_int16_parameters *)parameters;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    int32_t *const sums = (int32_t *)(void *)output_rows[r];
    for (size_t y = 0; y < p->window_rows; ++y) {
      const int8_t *const row = input_rows[(size_t)r * p->window_rows + y];
      if (row == NULL) continue;
      for (size_t channel = 0; channel < p->channels; ++channel) {
        const int16_t *pixel = tinyts_wide_elements(row) + channel;
        int32_t sum = 0;
        for (uint32_t left = p->width; left > 0; --left, pixel += p->channels) sum += *pixel;
        sums[channel] += sum;
      }
    }
  }
}
