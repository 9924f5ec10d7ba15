/* Sums of two bytes in one step, with constants that the compiler has checked for every pair of bytes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_AFFINE_H
#define TINYTS_AFFINE_H

#include "tinyts_arithmetic.h"

#if defined(__ARM_FEATURE_DSP)
#include "tinyts_dsp.h"
#endif

typedef struct {
  int32_t factors[2], offset;
} tinyts_affine_constants;

static inline int32_t tinyts_affine_sum(const tinyts_affine_constants *c, int32_t right_shift, int32_t x, int32_t y) {
  const uint32_t products = (uint32_t)c->factors[0] * (uint32_t)x + (uint32_t)c->factors[1] * (uint32_t)y;
  return (int32_t)(products + (uint32_t)c->offset) >> right_shift;
}

#if defined(__ARM_FEATURE_DSP)
enum { TINYTS_SHIFT_OF_SSAT = 22 };

static inline int32_t tinyts_saturate(int32_t sum) {
  __asm__("ssat %0, #8, %0, asr %1" : "+r"(sum) : "i"(TINYTS_SHIFT_OF_SSAT));
  return sum;
}

/* SMLAW multiplies by a halfword and drops 16 bits: a byte in the upper half of a halfword counts 256 times, and so do
 * the factors here, so nothing is lost. To get bytes there takes one instruction for two, fewer than to extend them. The
 * saturation shifts as well, by a constant. */
static inline void tinyts_affine_sums_4(int32_t a, int32_t b, int32_t offset, uint32_t upper, const int8_t **first,
                                        const int8_t **second, int8_t *output) {
  const uint32_t x = tinyts_take_4(first), y = tinyts_take_4(second);
  const int32_t x_odd = (int32_t)(x & upper), x_even = (int32_t)(x << 8 & upper);
  const int32_t y_odd = (int32_t)(y & upper), y_even = (int32_t)(y << 8 & upper);
  output[0] = (int8_t)tinyts_saturate(__smlawb(b, y_even, __smlawb(a, x_even, offset)));
  output[1] = (int8_t)tinyts_saturate(__smlawb(b, y_odd, __smlawb(a, x_odd, offset)));
  output[2] = (int8_t)tinyts_saturate(__smlawt(b, y_even, __smlawt(a, x_even, offset)));
  output[3] = (int8_t)tinyts_saturate(__smlawt(b, y_odd, __smlawt(a, x_odd, offset)));
}

/* Whole words, with a right shift of TINYTS_SHIFT_OF_SSAT and no clamp within int8; returns how many elements. */
static __attribute__((noinline)) uint32_t tinyts_affine_sums_by_fours(const tinyts_affine_constants *c,
                                                                      const int8_t *first, const int8_t *second,
                                                                      int8_t *output, uint32_t count) {
  const uint32_t whole = count & ~3u;
  const int32_t a = c->factors[0] * 256, b = c->factors[1] * 256, offset = c->offset;
  const int8_t *const end = first + whole;
  uint32_t upper = 0xff00ff00u;
  __asm__("" : "+r"(upper)); /* an immediate could not be combined with a shift */
  if ((whole & 4u) != 0) {
    tinyts_affine_sums_4(a, b, offset, upper, &first, &second, output);
    output += 4;
  }
  for (; first != end; output += 8) {
    tinyts_affine_sums_4(a, b, offset, upper, &first, &second, output);
    tinyts_affine_sums_4(a, b, offset, upper, &first, &second, output + 4);
  }
  return whole;
}
#endif

#endif
