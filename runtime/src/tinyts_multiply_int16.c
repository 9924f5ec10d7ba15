/* MUL of int16.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts_binary_int16.h"

static int16_t tinyts_multiply_int16_element(const tinyts_binary_int16_parameters *p, int32_t x, int32_t y) {
  const int32_t scaled = tinyts_requantize(x * y, p->output_multiplier, p->output_shift);
  return tinyts_wide_clamp(scaled, p->output_minimum, p->output_maximum);
}

void tinyts_multiply_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                           int32_t row_count, int8_t *scratch) {
  (void)scratch;
  tinyts_binary_int16_rows((const tinyts_binary_int16_parameters *)parameters, tinyts_multiply_int16_element, input_rows, output_rows, row_count);
}
