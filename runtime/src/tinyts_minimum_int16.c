/* MINIMUM of int16, whatever the quantizations.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts_binary_int16.h"

static int16_t tinyts_minimum_int16_element(const tinyts_binary_int16_parameters *p, int32_t x, int32_t y) {
  (void)p;
  return (int16_t)(x < y ? x : y);
}

void tinyts_minimum_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                          int32_t row_count, int8_t *scratch) {
  (void)scratch;
  tinyts_binary_int16_rows((const tinyts_binary_int16_parameters *)parameters, tinyts_minimum_int16_element, input_rows, output_rows, row_count);
}
