/* From sums to means: the end of a streamed global average pool.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "tinyts_arithmetic.h"
#include "tinyts/tinyts_kernels.h"

void tinyts_mean_of_sums(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                         int32_t row_count, int8_t *scratch) {
  const tinyts_mean_of_sums_parameters *const p = parameters;
  const int32_t count = (int32_t)p->count;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    const int32_t *const sums = (const int32_t *)(const void *)input_rows[r];
    for (size_t channel = 0; channel < p->channels; ++channel) {
      const int32_t sum = sums[channel];
      const int32_t mean = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
      output_rows[r][channel] = tinyts_clamp(mean, p->output_minimum, p->output_maximum);
    }
  }
}
