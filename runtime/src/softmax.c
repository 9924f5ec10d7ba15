/* SOFTMAX in fixed point, as the reference computes it with gemmlowp.
 *
 * A fixed-point number of n integer bits is an int32_t that stands for value / 2^(31 - n); names end in the number of
 * integer bits where it is not 0. The product of numbers of m and n integer bits has m + n of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>
#include <string.h>

#include "arithmetic.h"
#include "tinyts/kernels.h"

enum { TINYTS_DIFFERENCE_INTEGER_BITS = 5, TINYTS_SUM_INTEGER_BITS = 12 };

static inline int32_t tinyts_high_multiply(int32_t a, int32_t b) {
  return tinyts_saturating_rounding_doubling_high_multiply(a, b);
}

static int32_t tinyts_saturating_shift_left(int32_t value, int32_t shift) {
  const int32_t limit = (int32_t)(((uint32_t)1 << (31 - shift)) - 1);
  if (value > limit) return INT32_MAX;
  if (value < -limit) return INT32_MIN;
  return tinyts_wrapping_shift_left(value, shift);
}

/* exp(a) for -1/4 <= a < 0: four terms of the Taylor series around -1/8. */
static int32_t tinyts_exponential_near_zero(int32_t a) {
  const int32_t exp_minus_one_eighth = 1895147668, one_third = 715827883;
  const int32_t x = a + ((int32_t)1 << 28);
  const int32_t x2 = tinyts_high_multiply(x, x), x3 = tinyts_high_multiply(x2, x), x4 = tinyts_high_multiply(x2, x2);
  const int32_t x4_over_4 = tinyts_rounding_divide_by_power_of_two(x4, 2);
  const int32_t terms_2_to_4 =
      tinyts_rounding_divide_by_power_of_two(tinyts_high_multiply(x4_over_4 + x3, one_third) + x2, 1);
  return tinyts_wrapping_add(exp_minus_one_eighth, tinyts_high_multiply(exp_minus_one_eighth, x + terms_2_to_4));
}

/* exp(a) for a <= 0 of 5 integer bits: the part below a quarter by the series, then a factor exp(-2^k) for each bit
 * that is set above it. */
static int32_t tinyts_exponential(int32_t a5) {
  static const int32_t exp_minus_power_of_two[7] = {
      1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242,  /* exp(-1/4) ... exp(-16) */
  };
  if (a5 == 0) return INT32_MAX;
  const int32_t quarter5 = (int32_t)1 << (31 - TINYTS_DIFFERENCE_INTEGER_BITS - 2);
  const int32_t below_quarter5 = (int32_t)((uint32_t)a5 & (uint32_t)(quarter5 - 1)) - quarter5;
  const uint32_t rest5 = (uint32_t)below_quarter5 - (uint32_t)a5;
  int32_t result =
      tinyts_exponential_near_zero(tinyts_saturating_shift_left(below_quarter5, TINYTS_DIFFERENCE_INTEGER_BITS));
  for (uint32_t k = 0; k < 7; ++k) {
    if (rest5 & ((uint32_t)quarter5 << k)) result = tinyts_high_multiply(result, exp_minus_power_of_two[k]);
  }
  return result;
}

/* 1 / (1 + a) for 0 <= a < 1: three Newton-Raphson steps for the reciprocal of (1 + a) / 2. */
static int32_t tinyts_reciprocal_of_one_plus(int32_t a) {
  const int32_t forty_eight_over_17_2 = 1515870810, minus_thirty_two_over_17_2 = -1010580540;
  const int32_t one_2 = (int32_t)1 << 29;
  const int32_t half_denominator = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
  int32_t x2 = forty_eight_over_17_2 + tinyts_high_multiply(half_denominator, minus_thirty_two_over_17_2);
  for (int32_t step = 0; step < 3; ++step) {
    const int32_t error2 = one_2 - tinyts_high_multiply(half_denominator, x2);
    x2 = tinyts_wrapping_add(x2, tinyts_saturating_shift_left(tinyts_high_multiply(x2, error2), 2));
  }
  return tinyts_saturating_shift_left(x2, 1);  /* halved in value by reading it with 1 integer bit, then to 0 of them */
}

/* At most 31, so that one may shift by it. */
static int32_t tinyts_leading_zeros(uint32_t value) {
  int32_t count = 0;
  while (count < 31 && (value & 0x80000000u) == 0) {
    value <<= 1;
    ++count;
  }
  return count;
}

static inline int32_t tinyts_exponential_of_difference(const tinyts_softmax_parameters *p, int32_t difference) {
  return tinyts_exponential(
      tinyts_high_multiply(tinyts_wrapping_shift_left(difference, p->input_left_shift), p->input_multiplier));
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
