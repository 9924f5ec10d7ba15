/* Sigmoid and hyperbolic tangent in gemmlowp's fixed point of 16 bits, bit for bit, for LSTM.
 *
 * A fixed-point number of n integer bits is an int16_t that stands for value / 2^(15 - n); here it travels as int32_t.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_FIXED_POINT_16_H
#define TINYTS_FIXED_POINT_16_H

#include <stdint.h>

#include "tinyts/tinyts_compiler.h"

enum { TINYTS_GATE_INTEGER_BITS = 3 };

static inline int32_t tinyts_saturate_16(int32_t value) {
#if defined(TINYTS_DSP)
  int32_t saturated;
  __asm__("ssat %0, #16, %1" : "=r"(saturated) : "r"(value));
  return saturated;
#else
  if (value > INT16_MAX) return INT16_MAX;
  return value < INT16_MIN ? INT16_MIN : value;
#endif
}

/* a * b / 2^15, rounded to nearest, ties upwards. Never of twice -2^15, which would not fit. */
static inline int32_t tinyts_multiply_16(int32_t a, int32_t b) {
  return ((int32_t)(int16_t)a * (int16_t)b + 0x4000) >> 15;
}

/* value / 2^exponent, ties away from zero. */
static inline int32_t tinyts_divide_16(int32_t value, int32_t exponent) {
  return (value + (1 << (exponent - 1)) - (value < 0)) >> exponent;
}

/* exp(-magnitude) for a magnitude of 0 to 2^15, of so many integer bits: a series of four terms below a quarter, and a
 * factor exp(-2^k) for each bit that is set above it. */
static inline int32_t tinyts_exponential_16(int32_t magnitude, int32_t integer_bits) {
  const int32_t exp_minus_one_eighth = 28918, one_third = 10923;
  const int32_t quarter_bits = 13 - integer_bits;
  const int32_t quarter = 1 << quarter_bits;
  if (magnitude == 0) return INT16_MAX;
  if (integer_bits > 5 && magnitude > (quarter << 7)) return 0; /* above 32 */
  const int32_t below = (int32_t)((uint32_t)-magnitude & (uint32_t)(quarter - 1)) - quarter;
  const int32_t x = below * (1 << integer_bits) + (1 << 12);
  const int32_t x2 = tinyts_multiply_16(x, x), x3 = tinyts_multiply_16(x2, x), x4 = tinyts_multiply_16(x2, x2);
  const int32_t terms = tinyts_multiply_16(tinyts_divide_16(x4, 2) + x3, one_third) + x2;
  int32_t result = tinyts_saturate_16(exp_minus_one_eighth +
                                      tinyts_multiply_16(exp_minus_one_eighth, x + tinyts_divide_16(terms, 1)));
  const uint32_t quarters = (uint32_t)(below + magnitude) >> quarter_bits; /* below 2^(integer_bits + 2) */
  if (quarters & 1u) result = tinyts_multiply_16(result, 25520);  /* exp(-1/4) */
  if (quarters & 2u) result = tinyts_multiply_16(result, 19875);
  if (quarters & 4u) result = tinyts_multiply_16(result, 12055);
  if (quarters & 8u) result = tinyts_multiply_16(result, 4435);
  if (quarters & 16u) result = tinyts_multiply_16(result, 600);
  if (quarters & 32u) result = tinyts_multiply_16(result, 11);
  return quarters & 64u ? 0 : result; /* exp(-16) */
}

/* 1 / (1 + a) for 0 <= a < 1, of 1 integer bit when read with 2 of them: three Newton-Raphson steps for the reciprocal
 * of (1 + a) / 2. */
static inline int32_t tinyts_reciprocal_of_one_plus_16(int32_t a) {
  const int32_t forty_eight_over_17_2 = 23130, minus_thirty_two_over_17_2 = -15420, one_2 = 1 << 13;
  const int32_t half_denominator = (a + INT16_MAX + 1) >> 1;
  int32_t x2 = forty_eight_over_17_2 + tinyts_multiply_16(half_denominator, minus_thirty_two_over_17_2);
  for (int32_t step = 0; step < 3; ++step) {
    const int32_t error2 = one_2 - tinyts_multiply_16(half_denominator, x2);
    x2 += tinyts_multiply_16(x2, error2) * 4; /* small enough not to saturate, for all a */
  }
  return x2;
}

/* Of a value of TINYTS_GATE_INTEGER_BITS. */
static inline int32_t tinyts_sigmoid_16(int32_t value) {
  const int32_t magnitude = value < 0 ? -value : value;
  const int32_t exponential = tinyts_exponential_16(magnitude, TINYTS_GATE_INTEGER_BITS);
  const int32_t positive = tinyts_saturate_16(tinyts_reciprocal_of_one_plus_16(exponential) * 2);
  if (value == 0) return 1 << 14;
  return value > 0 ? positive : INT16_MAX - positive;
}

static inline int32_t tinyts_tangent_16(int32_t value, int32_t integer_bits) {
  const int32_t magnitude = value < 0 ? -value : value;
  const int32_t exponential = tinyts_exponential_16(magnitude, integer_bits + 1);
  const int32_t tangent = tinyts_saturate_16((tinyts_reciprocal_of_one_plus_16(exponential) - (1 << 13)) * 4);
  if (value == 0) return 0;
  return value < 0 ? -tangent : tangent;
}

#endif
