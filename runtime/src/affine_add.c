/* ADD in one step, with constants that the compiler has checked for every pair of bytes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "arithmetic.h"
#include "tinyts/kernels.h"

#if defined(__ARM_FEATURE_DSP)
#include "dsp.h"
#endif

static inline int32_t tinyts_affine_sum(const tinyts_affine_add_parameters *p, int32_t x, int32_t y) {
  const uint32_t products = (uint32_t)p->factors[0] * (uint32_t)x + (uint32_t)p->factors[1] * (uint32_t)y;
  return (int32_t)(products + (uint32_t)p->offset) >> p->right_shift;
}

#if defined(__ARM_FEATURE_DSP)
enum { TINYTS_SHIFT_OF_SSAT = 22 };

/* Multiples of four elements; returns how many. SMLAW multiplies by a halfword and drops 16 bits: a byte in the upper
 * half of a halfword counts 256 times, and so does its factor, so nothing is lost. To get bytes there takes one
 * instruction for two, fewer than to extend them. The saturation shifts as well, by a constant. */
static uint32_t tinyts_affine_sums_by_fours(const tinyts_affine_add_parameters *p, const int8_t *first,
                                            const int8_t *second, int8_t *output) {
  const uint32_t whole = p->row_elements / 4 * 4;
  const int32_t a = p->factors[0] * 256, b = p->factors[1] * 256, offset = p->offset;
  const uint32_t upper = 0xff00ff00u;
  for (const int8_t *const end = first + whole; first != end; first += 4, second += 4, output += 4) {
    const uint32_t x = tinyts_load_4(first), y = tinyts_load_4(second);
    const int32_t x_odd = (int32_t)(x & upper), x_even = (int32_t)(x << 8 & upper);
    const int32_t y_odd = (int32_t)(y & upper), y_even = (int32_t)(y << 8 & upper);
    int32_t sum0 = __smlawb(b, y_even, __smlawb(a, x_even, offset));
    int32_t sum1 = __smlawb(b, y_odd, __smlawb(a, x_odd, offset));
    int32_t sum2 = __smlawt(b, y_even, __smlawt(a, x_even, offset));
    int32_t sum3 = __smlawt(b, y_odd, __smlawt(a, x_odd, offset));
    __asm__("ssat %0, #8, %0, asr %1" : "+r"(sum0) : "i"(TINYTS_SHIFT_OF_SSAT));
    __asm__("ssat %0, #8, %0, asr %1" : "+r"(sum1) : "i"(TINYTS_SHIFT_OF_SSAT));
    __asm__("ssat %0, #8, %0, asr %1" : "+r"(sum2) : "i"(TINYTS_SHIFT_OF_SSAT));
    __asm__("ssat %0, #8, %0, asr %1" : "+r"(sum3) : "i"(TINYTS_SHIFT_OF_SSAT));
    output[0] = (int8_t)sum0;
    output[1] = (int8_t)sum1;
    output[2] = (int8_t)sum2;
    output[3] = (int8_t)sum3;
  }
  return whole;
}
#endif

void tinyts_affine_add(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                       int32_t row_count, int8_t *scratch) {
  const tinyts_affine_add_parameters *const p = parameters;
  (void)scratch;

  for (int32_t r = 0; r < row_count; ++r) {
    const int8_t *const first = input_rows[r], *const second = input_rows[row_count + r];
    int8_t *const output = output_rows[r];
    uint32_t i = 0;
#if defined(__ARM_FEATURE_DSP)
    if (p->right_shift == TINYTS_SHIFT_OF_SSAT && p->output_minimum == INT8_MIN && p->output_maximum == INT8_MAX) {
      i = tinyts_affine_sums_by_fours(p, first, second, output);
    }
#endif
    for (; i < p->row_elements; ++i) {
      output[i] = tinyts_clamp(tinyts_affine_sum(p, first[i], second[i]), p->output_minimum, p->output_maximum);
    }
  }
}
