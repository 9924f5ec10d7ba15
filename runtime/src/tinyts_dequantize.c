/* From bytes to the floats that a model gives.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "tinyts/tinyts_kernels.h"

void tinyts_dequantize(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                       int32_t row_count, int8_t *scratch) {
  const tinyts_dequantize_parameters *const p = parameters;
  const int32_t mask = p->is_unsigned ? UINT8_MAX : -1;
  float scale;
  (void)scratch;
  memcpy(&scale, &p->scale_bits, sizeof scale);
  for (int32_t r = 0; r < row_count; ++r) {
    const int8_t *const input = input_rows[r];
    int8_t *output = output_rows[r];
    for (uint32_t i = 0; i < p->row_elements; ++i, output += sizeof(float)) {
      const float value = scale * (float)((input[i] & mask) - p->zero_point);
      memcpy(output, &value, sizeof value);
    }
  }
}
