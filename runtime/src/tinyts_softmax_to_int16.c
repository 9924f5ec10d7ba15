/* SOFTMAX of int8 to int16: in the fixed point of SOFTMAX to int8 (tinyts_fixed_point.h), with more bits of what is made.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts_fixed_point.h"
#include "tinyts/tinyts_kernels_int16.h"
#include "tinyts_wide.h"

static int32_t tinyts_wide_exponential_of_byte(const tinyts_softmax_to_int16_parameters *p, int32_t difference) {
  return tinyts_exponential(tinyts_scaled_difference(difference, p->input_multiplier, p->input_left_shift));
}

static void tinyts_wide_softmax_of_bytes(const tinyts_softmax_to_int16_parameters *p, const int8_t *input,
                                         int16_t *output) {
  int32_t maximum = INT8_MIN, sum12 = 0;
  for (uint32_t i = 0; i < p->depth; ++i) {
    if (input[i] > maximum) maximum = input[i];
  }
  for (uint32_t i = 0; i < p->depth; ++i) {
    const int32_t difference = input[i] - maximum;
    if (difference < p->difference_minimum) continue;
    sum12 = tinyts_wrapping_add(
        sum12, tinyts_rounding_divide_by_power_of_two(tinyts_wide_exponential_of_byte(p, difference),
                                                      TINYTS_SUM_INTEGER_BITS));
  }
  /* sum = 2^bits_over_one * (1 + fraction) */
  const int32_t headroom = tinyts_leading_zeros((uint32_t)sum12);
  const int32_t fraction = (int32_t)(((uint32_t)sum12 << headroom) - 0x80000000u);
  const int32_t scale = tinyts_reciprocal_of_one_plus(fraction);
  const int32_t right_shift = TINYTS_SUM_INTEGER_BITS - headroom + 31 - 16;
  for (uint32_t i = 0; i < p->depth; ++i) {
    const int32_t difference = input[i] - maximum;
    if (difference < p->difference_minimum) {
      output[i] = INT16_MIN;
      continue;
    }
    const int32_t probability = tinyts_rounding_divide_by_power_of_two(
        tinyts_high_multiply(scale, tinyts_wide_exponential_of_byte(p, difference)), right_shift);
    output[i] = tinyts_wide_clamp(probability + INT16_MIN, INT16_MIN, INT16_MAX);
  }
}

void tinyts_softmax_to_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                             int32_t row_count, int8_t *scratch) {
  const tinyts_softmax_to_int16_parameters *const p = (const tinyts_softmax_to_int16_parameters *)parameters;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    int16_t *const output = tinyts_wide_outputs(output_rows[r]);
    for (size_t vector = 0; vector < p->vectors; ++vector) {
      tinyts_wide_softmax_of_bytes(p, input_rows[r] + vector * p->depth, output + vector * p->depth);
    }
  }
}
