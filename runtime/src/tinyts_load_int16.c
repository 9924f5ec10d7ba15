/* Copies a constant of int16 from flash into the arena.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts/tinyts_kernels_int16.h"
#include "tinyts_wide.h"

void tinyts_load_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                       int32_t row_count, int8_t *scratch) {
  const tinyts_load_int16_parameters *const p = (const tinyts_load_int16_parameters *)parameters;
  (void)input_rows;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) memcpy(output_rows[r], p->data, p->row_elements * sizeof(int16_t));
}
