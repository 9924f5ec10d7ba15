/* From sums to means of another quantization: MEAN.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "tinyts_arithmetic.h"
#include "tinyts/tinyts_kernels.h"

void tinyts_requantized_mean_of_sums(const void *parameters, const int8_t *const *input_rows,
                                     int8_t *const *output_rows, int32_t row_count, int8_t *scratch) {
  const tinyts_requantized_mean_of_sums_parameters *const p = parameters;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    const int32_t *const sums = (const int32_t *)(const void *)input_rows[r];
    for (size_t channel = 0; channel < p->channels; ++channel) {
      const int32_t sum = tinyts_wrapping_add(sums[channel], p->offset);
      const int32_t mean = tinyts_requantize(sum, p->multiplier, p->shift);
      output_rows[r][channel] = tinyts_clamp(tinyts_wrapping_add(mean, p->output_zero_point), INT8_MIN, INT8_MAX);
    }
  }
}
