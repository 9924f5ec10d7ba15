/* MAXIMUM.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "binary.h"
#include "tinyts/kernels.h"

static int8_t tinyts_maximum_element(const tinyts_binary_parameters *p, int32_t x, int32_t y) {
  (void)p;
  return (int8_t)(x > y ? x : y);
}

void tinyts_maximum(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                    int32_t row_count, int8_t *scratch) {
  (void)scratch;
  tinyts_binary_rows(parameters, tinyts_maximum_element, input_rows, output_rows, row_count);
}
