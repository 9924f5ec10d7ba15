/* LOG_SOFTMAX in fixed point, as the reference computes it with gemmlowp (tinyts_fixed_point.h).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "tinyts_arithmetic.h"
#include "tinyts_fixed_point.h"
#include "tinyts/tinyts_kernels.h"

/* The logarithm of a number of 12 integer bits, at least 1, with 5 of them: the number is 2^k * r with an r near the
 * fourth root of 1/2, of which a Pade approximant has the logarithm. */
static int32_t tinyts_logarithm(int32_t number12) {
  const int32_t log_2 = 1488522236, root_half = 1518500250, fourth_root_half = 1805811301;
  const int32_t quarter6 = (int32_t)1 << 23;
  /* Two ways to scale the number; the smaller r is the one that is near. */
  const int32_t zeros = tinyts_leading_zeros((uint32_t)number12);
  const int32_t headroom =
      tinyts_leading_zeros((uint32_t)tinyts_high_multiply(number12, root_half)) - 1;
  const int32_t first = tinyts_saturating_shift_left(
      tinyts_high_multiply(tinyts_wrapping_shift_left(number12, zeros - 1), root_half), 1);
  const int32_t second = tinyts_saturating_shift_left(number12, headroom);
  const int32_t first_power6 = (TINYTS_SUM_INTEGER_BITS - zeros) * ((int32_t)1 << 25) + quarter6;
  const int32_t second_power6 = (TINYTS_SUM_INTEGER_BITS - headroom) * ((int32_t)1 << 25) - quarter6;
  const int32_t r = first < second ? first : second;
  const int32_t power6 = first_power6 > second_power6 ? first_power6 : second_power6;

  const int32_t half_sum = (int32_t)(((int64_t)r + fourth_root_half + 1) / 2);
  const int32_t q = 2 * (r - fourth_root_half);
  const int32_t square = tinyts_high_multiply(q, q);
  const int32_t numerator =
      tinyts_high_multiply(q, r) + tinyts_high_multiply(tinyts_high_multiply(q, square), 117049297);
  const int32_t denominator_less_one =
      tinyts_high_multiply(half_sum, 1057819769 + q + tinyts_high_multiply(127690142, square)) +
      tinyts_high_multiply(638450708, q);
  const int32_t near6 = tinyts_high_multiply(tinyts_rounding_divide_by_power_of_two(numerator, 6),
                                             tinyts_reciprocal_of_one_plus(denominator_less_one));
  return tinyts_saturating_shift_left(tinyts_high_multiply(power6, log_2) + near6, 1);
}

static void tinyts_log_softmax_of_vector(const tinyts_log_softmax_parameters *p, const int8_t *input, int8_t *output) {
  int32_t maximum = INT8_MIN;
  for (uint32_t i = 0; i < p->depth; ++i) {
    if (input[i] > maximum) maximum = input[i];
  }

  int32_t sum12 = 0;
  for (uint32_t i = 0; i < p->depth; ++i) {
    const int32_t difference = input[i] - maximum;
    if (difference < p->difference_minimum) continue;
    const int32_t scaled5 = tinyts_scaled_difference(difference, p->input_multiplier, p->input_left_shift);
    sum12 += tinyts_rounding_divide_by_power_of_two(tinyts_exponential(scaled5), TINYTS_SUM_INTEGER_BITS);
  }
  const int32_t log_sum5 = tinyts_logarithm(sum12);

  /* From here on down the difference less the logarithm would leave 5 integer bits. */
  int32_t lowest = tinyts_requantize(log_sum5 + INT32_MIN, p->reverse_multiplier, p->reverse_shift);
  if (lowest < p->difference_minimum - 1) lowest = p->difference_minimum - 1;
  for (uint32_t i = 0; i < p->depth; ++i) {
    const int32_t difference = input[i] - maximum;
    if (difference <= lowest) {
      output[i] = INT8_MIN;
      continue;
    }
    const int32_t scaled5 = tinyts_scaled_difference(difference, p->input_multiplier, p->input_left_shift);
    output[i] = tinyts_clamp(tinyts_rounding_divide_by_power_of_two(scaled5 - log_sum5, 22) + INT8_MAX, INT8_MIN,
                             INT8_MAX);
  }
}

void tinyts_log_softmax(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                        int32_t row_count, int8_t *scratch) {
  const tinyts_log_softmax_parameters *const p = parameters;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    for (size_t vector = 0; vector < p->vectors; ++vector) {
      tinyts_log_softmax_of_vector(p, input_rows[r] + vector * p->depth, output_rows[r] + vector * p->depth);
    }
  }
}
