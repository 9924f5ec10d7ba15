/* SPLIT of rows into equal blocks, dealt to the outputs in turn.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>
#include <string.h>

#include "tinyts/tinyts_kernels.h"

void tinyts_split(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                  int32_t row_count, int8_t *scratch) {
  const tinyts_split_parameters *const p = parameters;
  const size_t bytes = p->block_bytes;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    const int8_t *input = input_rows[r];
    for (size_t outer = 0; outer < p->outer; ++outer) {
      for (int32_t output = 0; output < p->output_count; ++output) {
        memcpy(output_rows[output * row_count + r] + outer * bytes, input, bytes);
        input += bytes;
      }
    }
  }
}
