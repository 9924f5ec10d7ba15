/* The rows of several maps in turns.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>
#include <string.h>

#include "tinyts/tinyts_kernels.h"

void tinyts_interleave_rows(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                            int32_t row_count, int8_t *scratch) {
  const tinyts_interleave_rows_parameters *const p = parameters;
  (void)row_count;
  (void)scratch;
  for (uint32_t row = 0; row < p->output_rows; ++row) {
    const int8_t *const map = input_rows[row % p->input_count];
    memcpy(output_rows[0] + (size_t)row * p->row_bytes, map + (size_t)(row / p->input_count) * p->row_bytes,
           p->row_bytes);
  }
}
