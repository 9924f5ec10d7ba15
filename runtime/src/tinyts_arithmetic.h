/* The integer arithmetic of the reference kernels, bit for bit.
 *
 * Signed overflow is undefined in C, so everything that may wrap goes through uint32_t. Right shifts of negative
 * numbers are arithmetic and conversions to a narrower signed type wrap, as every compiler that we know defines them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_ARITHMETIC_H
#define TINYTS_ARITHMETIC_H

#include <stdint.h>

#include "tinyts/tinyts_compiler.h"

static inline int32_t tinyts_wrapping_add(int32_t a, int32_t b) { return (int32_t)((uint32_t)a + (uint32_t)b); }

/* The even channel's sum, of what half words (tinyts_kernels.h) sum: 256 times it, plus the odd one's. */
static inline int32_t tinyts_even_sum(uint32_t both, uint32_t odd) { return (int32_t)(both - odd) >> 8; }

static inline int32_t tinyts_wrapping_shift_left(int32_t value, int32_t shift) {
  return (int32_t)((uint32_t)value << shift);
}

static inline int8_t tinyts_clamp(int32_t value, int32_t minimum, int32_t maximum) {
  if (value < minimum) value = minimum;
  if (value > maximum) value = maximum;
  return (int8_t)value;
}

/* a * b / 2^31, rounded to nearest. The reference rounds the product's magnitude and truncates towards zero, which
 * is the same as rounding a tie upwards. */
static inline int32_t tinyts_saturating_rounding_doubling_high_multiply(int32_t a, int32_t b) {
  if (a == b && a == INT32_MIN) return INT32_MAX;
  return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/* value / 2^exponent, rounded to nearest, ties away from zero; 1 <= exponent <= 31. The value must not be INT32_MIN,
 * which no product above is. */
static inline int32_t tinyts_rounding_divide_by_power_of_two(int32_t value, int32_t exponent) {
  const int32_t doubled = (value - (value < 0)) >> (exponent - 1);
  return (doubled >> 1) + (doubled & 1); /* (doubled + 1) >> 1, which could overflow */
}

/* value * multiplier / 2^31 * 2^shift with the two roundings of the reference's MultiplyByQuantizedMultiplier;
 * -31 <= shift <= 31. */
static inline int32_t tinyts_requantize(int32_t value, int32_t multiplier, int32_t shift) {
  if (shift >= 0) {
    return tinyts_saturating_rounding_doubling_high_multiply(tinyts_wrapping_shift_left(value, shift), multiplier);
  }
  return tinyts_rounding_divide_by_power_of_two(
      tinyts_saturating_rounding_doubling_high_multiply(value, multiplier), -shift);
}

/* The same product rounded once, ties away from zero: fully connected; -31 <= shift <= 30. */
static inline int32_t tinyts_requantize_once(int32_t value, int32_t multiplier, int32_t shift) {
  const int64_t product = (int64_t)value * multiplier;
  const int32_t right = 31 - shift;
  return (int32_t)((product + ((int64_t)1 << (right - 1)) - (product < 0)) >> right);
}

/* Times a double, (multiplier +- low / 2^32) / 2^(31 - shift), as if in double precision, then rounded, ties away from zero.
 * The product has 95 bits, of which a double would keep 53: one that is half of the last bit or less below a half is rounded
 * to it. So half of the last bit is added, and what is left of the product is rounded as it is. */
static inline int32_t tinyts_requantize_by_double(int32_t value, int32_t multiplier, uint32_t low, int32_t shift) {
  const uint32_t magnitude = value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
  const uint32_t high = multiplier < 0 ? 0u - (uint32_t)multiplier : (uint32_t)multiplier;
  const uint64_t top = (uint64_t)magnitude * high, bottom = (uint64_t)magnitude * low;
  const int32_t right = 31 - shift;
  uint64_t half_bit = (uint64_t)1 << 9;
  for (uint64_t rest = (top + (bottom >> 32)) >> 31; rest != 0; rest >>= 1) half_bit <<= 1;
  const uint64_t product = top + ((bottom + half_bit) >> 32);
  const int32_t rounded = (int32_t)((product + ((uint64_t)1 << (right - 1))) >> right);
  return (value < 0) != (multiplier < 0) ? -rounded : rounded;
}

#endif
