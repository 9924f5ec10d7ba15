/* Dot products of rows as they come: a fully connected layer over a feature map, before its requantization.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "tinyts_dot_product.h"
#include "tinyts/tinyts_kernels.h"

void tinyts_dot_rows(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                     int32_t row_count, int8_t *scratch) {
  const tinyts_dot_rows_parameters *const p = parameters;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    int32_t *const sums = (int32_t *)(void *)output_rows[r];
    int32_t *const rows_taken = sums + p->output_channels;
    for (size_t y = 0; y < p->window_rows; ++y) {
      const int8_t *const row = input_rows[(size_t)r * p->window_rows + y];
      if (row == NULL) continue;
      const int8_t *const weights = p->weights + (size_t)*rows_taken * p->output_channels * p->row_bytes;
      /* Each sum goes in as the bias of its dot product. */
      tinyts_dot_products(row, weights, p->row_bytes, sums, (uint32_t *)(void *)sums, p->output_channels);
      ++*rows_taken;
    }
  }
}
