/* What an SVDF layer adds to its memory at a step.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "tinyts_arithmetic.h"
#include "tinyts_dot_product.h"
#include "tinyts_fixed_point_16.h"
#include "tinyts/tinyts_kernels.h"

/* How many filters go together. A multiple of 4. */
enum { TINYTS_SVDF_FILTERS = 16 };

void tinyts_svdf_features(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                          int32_t row_count, int8_t *scratch) {
  const tinyts_svdf_features_parameters *const p = (const tinyts_svdf_features_parameters *)parameters;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    int8_t *output = output_rows[r];
    uint32_t count;
    for (uint32_t filter = 0; filter < p->filters; filter += count) {
      uint32_t sums[TINYTS_SVDF_FILTERS] = {0};
      count = p->filters - filter < TINYTS_SVDF_FILTERS ? p->filters - filter : TINYTS_SVDF_FILTERS;
      tinyts_dot_products(input_rows[r], p->weights + (size_t)filter * p->inputs, p->inputs, p->bias + filter, sums,
                          count);
      for (uint32_t i = 0; i < count; ++i, output += sizeof(int16_t)) {
        const int32_t scaled = tinyts_requantize((int32_t)sums[i], p->multiplier, p->shift);
        const int16_t feature = (int16_t)tinyts_saturate_16(scaled);
        memcpy(output, &feature, sizeof feature);
      }
    }
  }
}
