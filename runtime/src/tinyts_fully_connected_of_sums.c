/* From sums to bytes: the end of a streamed fully connected layer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "tinyts_arithmetic.h"
#include "tinyts/tinyts_kernels.h"

void tinyts_fully_connected_of_sums(const void *parameters, const int8_t *const *input_rows,
                                    int8_t *const *output_rows, int32_t row_count, int8_t *scratch) {
  const tinyts_fully_connected_of_sums_parameters *const p = parameters;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    const int32_t *const sums = (const int32_t *)(const void *)input_rows[r];
    for (size_t channel = 0; channel < p->output_channels; ++channel) {
      const size_t scale = p->per_channel ? channel : 0;
      const int32_t sum = tinyts_wrapping_add(sums[channel], p->bias[channel]);
      const int32_t scaled = p->low_multipliers == NULL
                                 ? tinyts_requantize_once(sum, p->multipliers[scale], p->shifts[scale])
                                 : tinyts_requantize_by_double(sum, p->multipliers[scale],
                                                               (uint32_t)p->low_multipliers[scale], p->shifts[scale]);
      output_rows[r][channel] =
          tinyts_clamp(tinyts_wrapping_add(scaled, p->output_zero_point), p->output_minimum, p->output_maximum);
    }
  }
}
