/* SQUARED_DIFFERENCE: both operands are brought to a common, finer scale.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts_arithmetic.h"
#include "tinyts_binary.h"
#include "tinyts/tinyts_kernels.h"

static int8_t tinyts_squared_difference_element(const tinyts_binary_parameters *p, int32_t x, int32_t y) {
  const int32_t shifted0 = tinyts_wrapping_shift_left(x - p->input_zero_points[0], p->left_shift);
  const int32_t shifted1 = tinyts_wrapping_shift_left(y - p->input_zero_points[1], p->left_shift);
  const int32_t scaled0 = tinyts_requantize(shifted0, p->multipliers[0], p->shifts[0]);
  const int32_t scaled1 = tinyts_requantize(shifted1, p->multipliers[1], p->shifts[1]);
  const uint32_t difference = (uint32_t)scaled0 - (uint32_t)scaled1;
  const int32_t scaled = tinyts_requantize((int32_t)(difference * difference), p->output_multiplier, p->output_shift);
  return tinyts_clamp(tinyts_wrapping_add(scaled, p->output_zero_point), p->output_minimum, p->output_maximum);
}

void tinyts_squared_difference(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                               int32_t row_count, int8_t *scratch) {
  (void)scratch;
  tinyts_binary_rows(parameters, tinyts_squared_difference_element, NULL, input_rows, output_rows, row_count);
}
