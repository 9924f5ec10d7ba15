/* From the floats that a model takes to bytes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <float.h>
#include <string.h>

#include "tinyts/tinyts_kernels.h"

/* Where floats are computed with more bits than they have, GNU dialects of C round them only where they are stored. */
#if FLT_EVAL_METHOD == 0
#define TINYTS_STORED
#else
#define TINYTS_STORED volatile
#endif

/* Beyond this magnitude a quotient saturates whatever the zero point is. */
#define TINYTS_QUOTIENT_LIMIT 1024.0f

/* Rounds half away from 0; what is not a number becomes the least. */
static int32_t tinyts_rounded(float quotient) {
  if (!(quotient > -TINYTS_QUOTIENT_LIMIT)) return -(int32_t)TINYTS_QUOTIENT_LIMIT;
  if (quotient > TINYTS_QUOTIENT_LIMIT) return (int32_t)TINYTS_QUOTIENT_LIMIT;
  const int32_t whole = (int32_t)quotient;
  const float rest = quotient - (float)whole;
  return whole + (rest >= 0.5f) - (rest <= -0.5f);
}

void tinyts_quantize(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                     int32_t row_count, int8_t *scratch) {
  const tinyts_quantize_parameters *const p = parameters;
  const int32_t minimum = p->is_unsigned ? 0 : INT8_MIN, maximum = p->is_unsigned ? UINT8_MAX : INT8_MAX;
  float scale;
  (void)scratch;
  memcpy(&scale, &p->scale_bits, sizeof scale);
  for (int32_t r = 0; r < row_count; ++r) {
    const int8_t *input = input_rows[r];
    int8_t *const output = output_rows[r];
    for (uint32_t i = 0; i < p->row_elements; ++i, input += sizeof(float)) {
      float value;
      memcpy(&value, input, sizeof value);
      const TINYTS_STORED float quotient = value / scale;
      int32_t byte = tinyts_rounded(quotient) + p->zero_point;
      byte = byte < minimum ? minimum : byte > maximum ? maximum : byte;
      output[i] = (int8_t)(byte > INT8_MAX ? byte - 256 : byte);
    }
  }
}
