/* Functions in gemmlowp's fixed point, bit for bit, for SOFTMAX and LOG_SOFTMAX.
 *
 * A fixed-point number of n integer bits is an int32_t that stands for value / 2^(31 - n); names end in the number of
 * integer bits where it is not 0. The product of numbers of m and n integer bits has m + n of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_FIXED_POINT_H
#define TINYTS_FIXED_POINT_H

#include <stdint.h>

#include "tinyts_arithmetic.h"

enum { TINYTS_DIFFERENCE_INTEGER_BITS = 5, TINYTS_SUM_INTEGER_BITS = 12 };

static inline int32_t tinyts_high_multiply(int32_t a, int32_t b) {
  return tinyts_saturating_rounding_doubling_high_multiply(a, b);
}

static inline int32_t tinyts_saturating_shift_left(int32_t value, int32_t shift) {
  const int32_t limit = (int32_t)(((uint32_t)1 << (31 - shift)) - 1);
  if (value > limit) return INT32_MAX;
  if (value < -limit) return INT32_MIN;
  return tinyts_wrapping_shift_left(value, shift);
}

/* exp(a) for -1/4 <= a < 0: four terms of the Taylor series around -1/8. */
static inline int32_t tinyts_exponential_near_zero(int32_t a) {
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
static inline int32_t tinyts_exponential(int32_t a5) {
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
static inline int32_t tinyts_reciprocal_of_one_plus(int32_t a) {
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
static inline int32_t tinyts_leading_zeros(uint32_t value) {
  int32_t count = 0;
  while (count < 31 && (value & 0x80000000u) == 0) {
    value <<= 1;
    ++count;
  }
  return count;
}

/* A difference to a maximum, at most 0, as a number of 5 integer bits. */
static inline int32_t tinyts_scaled_difference(int32_t difference, int32_t multiplier, int32_t left_shift) {
  return tinyts_high_multiply(tinyts_wrapping_shift_left(difference, left_shift), multiplier);
}

#endif
