/* Copies rows.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "tinyts/tinyts_kernels.h"

void tinyts_copy(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                 int32_t row_count, int8_t *scratch) {
  const tinyts_copy_parameters *const p = parameters;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) memcpy(output_rows[r], input_rows[r], p->row_bytes);
}
