/* Dot products of one vector of int8 with four rows of packed weights: the inner loop of LSTM. Sums are uint32_t because
 * they wrap.
 *
 * For each four elements of the vector there are four of each row, so that loads are of two words and in order. Where
 * elements do not fill the last word, it is the last four, with zero weights for those that are done.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_DOT_QUAD_H
#define TINYTS_DOT_QUAD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__ARM_FEATURE_DSP)
#include "dsp.h"
#endif

enum { TINYTS_QUAD_ROWS = 4 };

/* Words of the weights of four rows. */
static inline size_t tinyts_quad_size(size_t length) { return (length + 3) / 4 * TINYTS_QUAD_ROWS; }

/* Without optimization gcc keeps too few registers free for the assembly. */
#if defined(__ARM_FEATURE_DSP) && defined(__OPTIMIZE__)
#define TINYTS_QUAD_PRODUCTS(sum, weights)                \
  "sxtb16 %[c], %[" weights "]\n\t"                       \
  "sxtb16 %[" weights "], %[" weights "], ror #8\n\t"     \
  "smlad  %[" sum "], %[even], %[c], %[" sum "]\n\t"      \
  "smlad  %[" sum "], %[odd], %[" weights "], %[" sum "]\n\t"
#define TINYTS_QUAD_WORD                                        \
  "ldr    %[odd], [%[vector]], #4\n\t"                          \
  "ldrd   %[a], %[b], [%[weights]], #16\n\t"                    \
  "sxtb16 %[even], %[odd]\n\t"                                  \
  "sxtb16 %[odd], %[odd], ror #8\n\t"                           \
  TINYTS_QUAD_PRODUCTS("sum0", "a") TINYTS_QUAD_PRODUCTS("sum1", "b") \
  "ldrd   %[a], %[b], [%[weights], #-8]\n\t"                    \
  TINYTS_QUAD_PRODUCTS("sum2", "a") TINYTS_QUAD_PRODUCTS("sum3", "b")

/* Whole words, at least one: 42 instructions for 32 products, in pairs of words. Not to be inlined: it needs 12
 * registers. LDRD wants words that are aligned, as weights are. */
__attribute__((noinline)) static const uint32_t *tinyts_dot_quad_of_words(const int8_t *vector, size_t words,
                                                                        const uint32_t *weights, uint32_t sums[4]) {
  const int8_t *const end = vector + 4 * words;
  uint32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3];
  uint32_t even, odd, a, b, c;
  __asm__ volatile(
      "tst    %[words], #1\n\t"
      "bne    2f\n"
      "1:\n\t" TINYTS_QUAD_WORD
      "2:\n\t" TINYTS_QUAD_WORD
      "cmp    %[vector], %[end]\n\t"
      "bne    1b"
      : [vector] "+r"(vector), [weights] "+r"(weights), [sum0] "+r"(sum0), [sum1] "+r"(sum1), [sum2] "+r"(sum2),
        [sum3] "+r"(sum3), [even] "=&r"(even), [odd] "=&r"(odd), [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c)
      : [words] "r"(words), [end] "r"(end)
      : "cc", "memory");
  sums[0] = sum0;
  sums[1] = sum1;
  sums[2] = sum2;
  sums[3] = sum3;
  return weights;
}
#undef TINYTS_QUAD_WORD
#undef TINYTS_QUAD_PRODUCTS
#else
static const uint32_t *tinyts_dot_quad_of_words(const int8_t *vector, size_t words, const uint32_t *weights,
                                              uint32_t sums[4]) {
  for (; words != 0; --words, vector += 4) {
    for (uint32_t row = 0; row < TINYTS_QUAD_ROWS; ++row, ++weights) {
      for (uint32_t i = 0; i < 4; ++i) sums[row] += (uint32_t)(vector[i] * (int8_t)(uint8_t)(*weights >> 8 * i));
    }
  }
  return weights;
}
#endif

/* Adds the dot products of a vector with four rows to their sums; there are weights of whole words. */
static inline void tinyts_add_dot_quad(const int8_t *vector, size_t length, const uint32_t *weights, uint32_t sums[4]) {
  if (length >= 4) weights = tinyts_dot_quad_of_words(vector, length / 4, weights, sums);
  if (length % 4 != 0) {
    int8_t last[4] = {0, 0, 0, 0};
    if (length >= 4) {
      memcpy(last, vector + length - 4, 4);
    } else {
      memcpy(last + 4 - length, vector, length);
    }
    (void)tinyts_dot_quad_of_words(last, 1, weights, sums);
  }
}

#endif
