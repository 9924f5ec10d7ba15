/* CONCATENATION of blocks inside rows.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>
#include <string.h>

#include "tinyts/tinyts_kernels.h"

void tinyts_concatenation(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                          int32_t row_count, int8_t *scratch) {
  const tinyts_concatenation_parameters *const p = parameters;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    int8_t *output = output_rows[r];
    for (size_t outer = 0; outer < p->outer; ++outer) {
      for (int32_t input = 0; input < p->input_count; ++input) {
        const size_t bytes = p->block_bytes[input];
        memcpy(output, input_rows[input * row_count + r] + outer * bytes, bytes);
        output += bytes;
      }
    }
  }
}
