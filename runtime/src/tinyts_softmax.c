/* SOFTMAX in fixed point, as the reference computes it with gemmlowp (tinyts_fixed_point.h).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "tinyts_arithmetic.h"
#include "tinyts_fixed_point.h"
#include "tinyts/tinyts_kernels.h"

static inline int32_t tinyts_exponential_of_difference(const tinyts_softmax_parameters *p, int32_t difference) {
  return tinyts_exponential(tinyts_scaled_difference(difference, p->input_multiplier, p->input_left_shift));
}

static void tinyts_softmax_of_vector(const tinyts_softmax_parameters *p, const int8_t *input, int8_t *output) {
  int32_t maximum = INT8_MIN;
  for (uint32_t i = 0; i < p->depth; ++i) {
    if (input[i] > maximum) maximum = input[i];
  }

  int32_t sum12 = 0;
  for (uint32_t i = 0; i < p->depth; ++i) {
    const int32_t difference = input[i] - maximum;
    if (difference < p->difference_minimum) continue;
    sum12 = tinyts_wrapping_add(sum12, tinyts_rounding_divide_by_power_of_two(
                                           tinyts_exponential_of_difference(p, difference), TINYTS_SUM_INTEGER_BITS));
  }

  /* sum = 2^bits_over_one * (1 + fraction) */
  const int32_t headroom = tinyts_leading_zeros((uint32_t)sum12);
  const int32_t bits_over_one = TINYTS_SUM_INTEGER_BITS - headroom;
  const int32_t fraction = (int32_t)(((uint32_t)sum12 << headroom) - 0x80000000u);
  const int32_t scale = tinyts_reciprocal_of_one_plus(fraction);
  const int32_t right_shift = bits_over_one + 31 - 8;

  for (uint32_t i = 0; i < p->depth; ++i) {
    const int32_t difference = input[i] - maximum;
    if (difference < p->difference_minimum) {
      output[i] = INT8_MIN;
      continue;
    }
    /* From 512 equal elements on nothing is left of a probability; LiteRT's reference aborts there. */
    const int32_t probability =
        right_shift > 31
            ? 0
            : tinyts_rounding_divide_by_power_of_two(
                  tinyts_high_multiply(scale, tinyts_exponential_of_difference(p, difference)), right_shift);
    output[i] = tinyts_clamp(probability + INT8_MIN, INT8_MIN, INT8_MAX);
  }
}

void tinyts_softmax(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                    int32_t row_count, int8_t *scratch) {
  const tinyts_softmax_parameters *const p = parameters;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    for (size_t vector = 0; vector < p->vectors; ++vector) {
      tinyts_softmax_of_vector(p, input_rows[r] + vector * p->depth, output_rows[r] + vector * p->depth);
    }
  }
}
