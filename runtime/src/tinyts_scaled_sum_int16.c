/* ADD and SUB of int16: both operands are brought to a common, finer scale.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts_binary_int16.h"

static int16_t tinyts_scaled_sum_int16_element(const tinyts_binary_int16_parameters *p, int32_t x, int32_t y) {
  const int32_t shifted0 = tinyts_wrapping_shift_left(x, p->left_shift);
  const int32_t shifted1 = tinyts_wrapping_shift_left(y, p->left_shift);
  const int32_t scaled0 = tinyts_requantize(shifted0, p->multipliers[0], p->shifts[0]);
  const int32_t scaled1 = tinyts_requantize(shifted1, p->multipliers[1], p->shifts[1]);
  const int32_t sum = tinyts_wrapping_add(scaled0, scaled1);
  const int32_t scaled = tinyts_requantize(sum, p->output_multiplier, p->output_shift);
  return tinyts_wide_clamp(scaled, p->output_minimum, p->output_maximum);
}

void tinyts_scaled_sum_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                             int32_t row_count, int8_t *scratch) {
  (void)scratch;
  tinyts_binary_int16_rows((const tinyts_binary_int16_parameters *)parameters, tinyts_scaled_sum_int16_element, input_rows, output_rows, row_count);
}
