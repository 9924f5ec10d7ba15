/* Dot products of one vector of int8 with rows of weights: the inner loops of convolutions and fully connected
 * layers. Sums are uint32_t because they wrap.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_DOT_PRODUCT_H
#define TINYTS_DOT_PRODUCT_H

#include <stddef.h>
#include <stdint.h>

#if defined(__ARM_FEATURE_DSP)
#include "tinyts_dsp.h"
#endif

/* Without optimization gcc keeps too few registers free for the assembly. */
#if defined(__ARM_FEATURE_DSP) && defined(__OPTIMIZE__)
#define TINYTS_FOUR_ROWS_AT_ONCE 1

/* Four rows at once, `row_bytes` apart, their whole words: the vector's elements are loaded and unpacked once for four
 * products, 25 instructions for 16 of them. Assembly, because both gcc and clang spill in this loop. It needs 13
 * registers, which is what clang leaves when r7 is the frame pointer, and so must not be inlined. `a` and `b` take
 * turns in holding a row's word, so that a load stands ahead of its use. The length is at least 4. */
__attribute__((noinline)) static void tinyts_dot_products_of_words(const int8_t *vector, const int8_t *weights,
                                                                   size_t length, size_t row_bytes,
                                                                   const int32_t bias[4], uint32_t sums[4]) {
  const int8_t *const end = vector + length / 4 * 4;
  int32_t sum0 = bias[0], sum1 = bias[1], sum2 = bias[2], sum3 = bias[3];
  uint32_t even, odd, a, b;
  __asm__ volatile(
      "1:\n\t"
      "ldr    %[odd], [%[vector]], #4\n\t"
      "ldr    %[a], [%[weights], %[row]]\n\t"
      "sxtb16 %[even], %[odd]\n\t"
      "sxtb16 %[odd], %[odd], ror #8\n\t"
      "sxtb16 %[b], %[a]\n\t"
      "sxtb16 %[a], %[a], ror #8\n\t"
      "smlad  %[sum1], %[even], %[b], %[sum1]\n\t"
      "ldr    %[b], [%[weights], %[row], lsl #1]\n\t"
      "smlad  %[sum1], %[odd], %[a], %[sum1]\n\t"
      "sxtb16 %[a], %[b]\n\t"
      "sxtb16 %[b], %[b], ror #8\n\t"
      "smlad  %[sum2], %[even], %[a], %[sum2]\n\t"
      "ldr    %[a], [%[weights], %[row3]]\n\t"
      "smlad  %[sum2], %[odd], %[b], %[sum2]\n\t"
      "sxtb16 %[b], %[a]\n\t"
      "sxtb16 %[a], %[a], ror #8\n\t"
      "smlad  %[sum3], %[even], %[b], %[sum3]\n\t"
      "ldr    %[b], [%[weights]], #4\n\t"
      "smlad  %[sum3], %[odd], %[a], %[sum3]\n\t"
      "sxtb16 %[a], %[b]\n\t"
      "sxtb16 %[b], %[b], ror #8\n\t"
      "smlad  %[sum0], %[even], %[a], %[sum0]\n\t"
      "cmp    %[vector], %[end]\n\t"
      "smlad  %[sum0], %[odd], %[b], %[sum0]\n\t"
      "bne    1b"
      : [vector] "+r"(vector), [weights] "+r"(weights), [sum0] "+r"(sum0), [sum1] "+r"(sum1), [sum2] "+r"(sum2),
        [sum3] "+r"(sum3), [even] "=&r"(even), [odd] "=&r"(odd), [a] "=&r"(a), [b] "=&r"(b)
      : [row] "r"(row_bytes), [row3] "r"(3 * row_bytes), [end] "r"(end)
      : "cc", "memory");
  sums[0] = (uint32_t)sum0;
  sums[1] = (uint32_t)sum1;
  sums[2] = (uint32_t)sum2;
  sums[3] = (uint32_t)sum3;
}
#endif

static inline uint32_t tinyts_dot_product(const int8_t *vector, const int8_t *row, size_t length, uint32_t sum) {
  size_t i = 0;
#if defined(__ARM_FEATURE_DSP)
  for (; i + 4 <= length; i += 4) {
    const uint32_t elements = tinyts_load_4(vector + i), weights = tinyts_load_4(row + i);
    sum = (uint32_t)__smlad(tinyts_even(elements), tinyts_even(weights), (int32_t)sum);
    sum = (uint32_t)__smlad(tinyts_odd(elements), tinyts_odd(weights), (int32_t)sum);
  }
#endif
  for (; i < length; ++i) sum += (uint32_t)(vector[i] * row[i]);
  return sum;
}

/* sums[r] = bias[r] + the dot product of the vector and row r of the weights, for `rows` rows that lie side by side.
 * `bias` may be `sums`. */
static inline void tinyts_dot_products(const int8_t *vector, const int8_t *weights, size_t length, const int32_t *bias,
                                       uint32_t *sums, uint32_t rows) {
  uint32_t row = 0;
#if defined(TINYTS_FOUR_ROWS_AT_ONCE)
  const size_t words_end = length / 4 * 4;
  if (words_end != 0) {
    for (; row + 4 <= rows; row += 4) {
      tinyts_dot_products_of_words(vector, weights, length, length, bias + row, sums + row);
      for (size_t i = words_end; i < length; ++i) {
        for (uint32_t r = 0; r < 4; ++r) sums[row + r] += (uint32_t)(vector[i] * weights[r * length + i]);
      }
      weights += 4 * length;
    }
  }
#endif
  for (; row < rows; ++row, weights += length) {
    sums[row] = tinyts_dot_product(vector, weights, length, (uint32_t)bias[row]);
  }
}

#endif
