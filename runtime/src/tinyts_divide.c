/* DIV, broadcast: a numerator times the reciprocal of the denominator, in fixed point.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts_arithmetic.h"
#include "tinyts_binary.h"
#include "tinyts_fixed_point.h"
#include "tinyts/tinyts_kernels.h"

/* value / 2^exponent, rounded to nearest; 0 <= exponent <= 63. The reference shifts an int32_t even by 32 and more, which C
 * leaves undefined: x86-64 shifts by the exponent modulo 32, and all bits of the value count as a remainder. */
static int32_t tinyts_divide_by_power_of_two_as_x86(int32_t value, int32_t exponent) {
  if (exponent == 0) return value;
  if (exponent < 32) return tinyts_rounding_divide_by_power_of_two(value, exponent);
  return tinyts_wrapping_add(value >> (exponent - 32), value >= 0);
}

static int8_t tinyts_divide_element(const tinyts_binary_parameters *p, int32_t x, int32_t y) {
  int32_t numerator = x - p->input_zero_points[0], denominator = y - p->input_zero_points[1];
  if (denominator < 0) {
    numerator = -numerator;
    denominator = -denominator;
  }
  if (denominator == 0) denominator = 1; /* the reference ends with an error */
  const int32_t zeros = tinyts_leading_zeros((uint32_t)denominator);
  const uint32_t above_one = ((uint32_t)denominator << zeros) - ((uint32_t)1 << 31);
  const int32_t reciprocal = tinyts_reciprocal_of_one_plus((int32_t)above_one);
  const uint32_t magnitude = (uint32_t)(numerator < 0 ? ~numerator : numerator);
  const int32_t headroom = magnitude == 0 ? 31 : tinyts_leading_zeros(magnitude) - 1;
  const int32_t quotient = tinyts_high_multiply(tinyts_wrapping_shift_left(numerator, headroom), reciprocal);
  const int32_t scaled = tinyts_divide_by_power_of_two_as_x86(tinyts_high_multiply(quotient, p->output_multiplier),
                                                              headroom + 31 - zeros - p->output_shift);
  return tinyts_clamp(tinyts_wrapping_add(scaled, p->output_zero_point), p->output_minimum, p->output_maximum);
}

void tinyts_divide(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                   int32_t row_count, int8_t *scratch) {
  (void)scratch;
  tinyts_binary_rows(parameters, tinyts_divide_element, NULL, input_rows, output_rows, row_count);
}
