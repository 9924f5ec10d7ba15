/* From sums of int16 to means of another quantization: MEAN.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts/tinyts_kernels_int16.h"
#include "tinyts_wide.h"

void tinyts_requantized_mean_of_sums_int16(const void *parameters, const int8_t *const *input_rows,
                                           int8_t *const *output_rows, int32_t row_count, int8_t *scratch) {
  const tinyts_requantized_mean_of_sums_int16_parameters *const p = (const tinyts_requantized_mean_of_sums_int16_parameters *)parameters;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    const int32_t *const sums = (const int32_t *)(const void *)input_rows[r];
    int16_t *const output = tinyts_wide_outputs(output_rows[r]);
    for (size_t channel = 0; channel < p->channels; ++channel) {
      const int32_t mean = tinyts_requantize(sums[channel], p->multiplier, p->shift);
      output[channel] = tinyts_wide_clamp(mean, INT16_MIN, INT16_MAX);
    }
  }
}
