/* REDUCE_MIN: the minimum over windows.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts_extreme_pool.h"
#include "tinyts/tinyts_kernels.h"

void tinyts_min_pool_2d(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                        int32_t row_count, int8_t *scratch) {
  (void)scratch;
  tinyts_extreme_pool_2d(parameters, input_rows, output_rows, row_count, -1);
}
