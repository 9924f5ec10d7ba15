/* ADD: both inputs are brought to a common, finer scale, added, and brought to the output's scale.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts_arithmetic.h"
#include "tinyts/tinyts_kernels.h"

void tinyts_add(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                int32_t row_count, int8_t *scratch) {
  const tinyts_add_parameters *const p = parameters;
  const int32_t left_shift = p->left_shift;
  (void)scratch;

  for (int32_t r = 0; r < row_count; ++r) {
    const int8_t *const input0 = input_rows[r];
    const int8_t *const input1 = input_rows[row_count + r];
    int8_t *const output = output_rows[r];
    for (uint32_t i = 0; i < p->row_elements; ++i) {
      const int32_t shifted0 = tinyts_wrapping_shift_left(input0[i] - p->input_zero_points[0], left_shift);
      const int32_t shifted1 = tinyts_wrapping_shift_left(input1[i] - p->input_zero_points[1], left_shift);
      const int32_t scaled0 = tinyts_requantize(shifted0, p->multipliers[0], p->shifts[0]);
      const int32_t scaled1 = tinyts_requantize(shifted1, p->multipliers[1], p->shifts[1]);
      const int32_t sum =
          tinyts_requantize(tinyts_wrapping_add(scaled0, scaled1), p->output_multiplier, p->output_shift);
      output[i] =
          tinyts_clamp(tinyts_wrapping_add(sum, p->output_zero_point), p->output_minimum, p->output_maximum);
    }
  }
}
