/* What an SVDF layer makes of its memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>
#include <string.h>

#include "tinyts_arithmetic.h"
#include "tinyts/tinyts_kernels.h"

/* A sum that wraps: the products of a filter's memory with its weights, from the oldest step on. */
static uint32_t tinyts_filter_sum(const tinyts_svdf_sums_parameters *p, const int8_t *memory, uint32_t filter,
                                  uint32_t sum) {
  const uint32_t filters = (uint32_t)p->units * p->rank;
  const int16_t *weight = p->weights + filter;
  const int8_t *kept = memory + (size_t)filter * sizeof(int16_t);
  for (uint32_t step = 0; step < p->steps; ++step) {
    int16_t value;
    memcpy(&value, kept, sizeof value);
    sum += (uint32_t)(value * *weight);
    kept += (size_t)filters * sizeof(int16_t);
    weight += filters;
  }
  return sum;
}

void tinyts_svdf_sums(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                      int32_t row_count, int8_t *scratch) {
  const tinyts_svdf_sums_parameters *const p = (const tinyts_svdf_sums_parameters *)parameters;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    for (uint32_t unit = 0; unit < p->units; ++unit) {
      uint32_t sum = (uint32_t)p->bias[unit];
      for (uint32_t i = 0; i < p->rank; ++i) sum = tinyts_filter_sum(p, input_rows[r], unit * p->rank + i, sum);
      const int32_t scaled = tinyts_requantize((int32_t)sum, p->multiplier, p->shift);
      output_rows[r][unit] = tinyts_clamp(tinyts_wrapping_add(scaled, p->output_zero_point), INT8_MIN, INT8_MAX);
    }
  }
}
