/* MAX_POOL_2D of int16.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts_pool_int16.h"

static int32_t tinyts_pool_int16_greatest(int32_t known, int32_t element) { return element > known ? element : known; }

static int32_t tinyts_pool_int16_greatest_end(int32_t known, int32_t count) {
  (void)count;
  return known;
}

void tinyts_max_pool_2d_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                              int32_t row_count, int8_t *scratch) {
  (void)scratch;
  tinyts_pool_int16((const tinyts_pool_2d_int16_parameters *)parameters, tinyts_pool_int16_greatest, tinyts_pool_int16_greatest_end, INT16_MIN, input_rows, output_rows,
                    row_count);
}
