/* From int16 to the floats that a model gives.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts/tinyts_kernels_int16.h"
#include "tinyts_wide.h"

void tinyts_dequantize_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                             int32_t row_count, int8_t *scratch) {
  const tinyts_dequantize_int16_parameters *const p = (const tinyts_dequantize_int16_parameters *)parameters;
  float scale;
  (void)scratch;
  memcpy(&scale, &p->scale_bits, sizeof scale);
  for (int32_t r = 0; r < row_count; ++r) {
    const int16_t *const input = tinyts_wide_elements(input_rows[r]);
    int8_t *output = output_rows[r];
    for (uint32_t i = 0; i < p->row_elements; ++i, output += sizeof(float)) {
      const float value = scale * (float)(input[i] - p->zero_point);
      memcpy(output, &value, sizeof value);
    }
  }
}
