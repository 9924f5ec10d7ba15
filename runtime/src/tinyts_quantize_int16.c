/* From the floats that a model takes to int16.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <float.h>

#include "tinyts/tinyts_kernels_int16.h"
#include "tinyts_wide.h"

/* Where floats are computed with more bits than they have, GNU dialects of C round them only where they are stored. */
#if FLT_EVAL_METHOD == 0
#define TINYTS_WIDE_STORED
#else
#define TINYTS_WIDE_STORED volatile
#endif

/* Beyond this magnitude a quotient saturates whatever the zero point is. */
#define TINYTS_WIDE_QUOTIENT_LIMIT 131072.0f

/* Rounds half away from 0; what is not a number becomes the least. */
static int32_t tinyts_wide_rounded(float quotient) {
  if (!(quotient > -TINYTS_WIDE_QUOTIENT_LIMIT)) return -(int32_t)TINYTS_WIDE_QUOTIENT_LIMIT;
  if (quotient > TINYTS_WIDE_QUOTIENT_LIMIT) return (int32_t)TINYTS_WIDE_QUOTIENT_LIMIT;
  const int32_t whole = (int32_t)quotient;
  const float rest = quotient - (float)whole;
  return whole + (rest >= 0.5f) - (rest <= -0.5f);
}

void tinyts_quantize_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                           int32_t row_count, int8_t *scratch) {
  const tinyts_quantize_int16_parameters *const p = (const tinyts_quantize_int16_parameters *)parameters;
  float scale;
  (void)scratch;
  memcpy(&scale, &p->scale_bits, sizeof scale);
  for (int32_t r = 0; r < row_count; ++r) {
    const int8_t *input = input_rows[r];
    int8_t *output = output_rows[r];
    for (uint32_t i = 0; i < p->row_elements; ++i, input += sizeof(float), output += sizeof(int16_t)) {
      float value;
      memcpy(&value, input, sizeof value);
      const TINYTS_WIDE_STORED float quotient = value / scale;
      const int16_t made = tinyts_wide_clamp(tinyts_wide_rounded(quotient) + p->zero_point, INT16_MIN, INT16_MAX);
      memcpy(output, &made, sizeof made);
    }
  }
}
