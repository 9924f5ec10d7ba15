/* AVERAGE_POOL_2D of int16: the mean of the pixels inside the input, rounded half away from zero.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts_pool_int16.h"

static int32_t tinyts_pool_int16_sum(int32_t known, int32_t element) { return known + element; }

static int32_t tinyts_pool_int16_mean(int32_t known, int32_t count) {
  return (known > 0 ? known + count / 2 : known - count / 2) / count;
}

void tinyts_average_pool_2d_int16(const void *parameters, const int8_t *const *input_rows,
                                  int8_t *const *output_rows, int32_t row_count, int8_t *scratch) {
  (void)scratch;
  tinyts_pool_int16((const tinyts_pool_2d_int16_parameters *)parameters, tinyts_pool_int16_sum, tinyts_pool_int16_mean, 0, input_rows, output_rows, row_count);
}
