/* PRELU: what is below 0 is multiplied with the second operand.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts_arithmetic.h"
#include "tinyts_binary.h"
#include "tinyts/tinyts_kernels.h"

static int8_t tinyts_prelu_element(const tinyts_binary_parameters *p, int32_t x, int32_t y) {
  const int32_t value = x - p->input_zero_points[0];
  const int32_t scaled =
      value >= 0 ? tinyts_requantize(value, p->multipliers[0], p->shifts[0])
                 : tinyts_requantize(value * (y - p->input_zero_points[1]), p->output_multiplier, p->output_shift);
  return tinyts_clamp(tinyts_wrapping_add(scaled, p->output_zero_point), p->output_minimum, p->output_maximum);
}

void tinyts_prelu(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                  int32_t row_count, int8_t *scratch) {
  (void)scratch;
  tinyts_binary_rows(parameters, tinyts_prelu_element, NULL, input_rows, output_rows, row_count);
}
