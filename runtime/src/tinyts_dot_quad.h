/* Dot products of one vector of int8 with four rows of packed weights: the inner loop of LSTM. Sums are uint32_t
 * because they wrap.
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

#include "tinyts/tinyts_compiler.h"

#if defined(TINYTS_DSP)
#include "tinyts_dsp.h"
#endif

enum { TINYTS_QUAD_ROWS = 4 };

/* Words of the weights of four rows. */
static inline size_t tinyts_quad_size(size_t length) { return (length + 3) / 4 * TINYTS_QUAD_ROWS; }

/* Without optimization gcc keeps too few registers free for the assembly. */
#if defined(TINYTS_DSP) && defined(__OPTIMIZE__)
/* Names are short: there is a bound of what a C compiler has to take as one string. v: vector, w: weights, e and o:
 * even and odd elements, s0 to s3: sums. */
#define TINYTS_QUAD_PRODUCTS(sum, weights)    \
  "sxtb16 %[c],%[" weights "]\n\t"            \
  "sxtb16 %[" weights "],%[" weights "],ror #8\n\t" \
  "smlad %[" sum "],%[e],%[c],%[" sum "]\n\t" \
  "smlad %[" sum "],%[o],%[" weights "],%[" sum "]\n\t"
#define TINYTS_QUAD_WORD                                          \
  "ldr %[o],[%[v]],#4\n\t"                                        \
  "ldrd %[a],%[b],[%[w]],#16\n\t"                                 \
  "sxtb16 %[e],%[o]\n\t"                                          \
  "sxtb16 %[o],%[o],ror #8\n\t"                                   \
  TINYTS_QUAD_PRODUCTS("s0", "a") TINYTS_QUAD_PRODUCTS("s1", "b") \
  "ldrd %[a],%[b],[%[w],#-8]\n\t"                                 \
  TINYTS_QUAD_PRODUCTS("s2", "a") TINYTS_QUAD_PRODUCTS("s3", "b")

/* Whole words, at least one: 86 instructions for 64 products, four words at a time. Not to be inlined: it needs 12
 * registers. LDRD wants words that are aligned, as weights are. */
TINYTS_NOINLINE static const uint32_t *tinyts_dot_quad_of_words(const int8_t *vector, size_t words,
                                                                        const uint32_t *weights, uint32_t sums[4]) {
  const int8_t *const end = vector + 4 * words;
  uint32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3];
  uint32_t even, odd, a, b, c;
  __asm__ volatile(
      "tst %[n],#1\n\t"
      "beq 1f\n\t" TINYTS_QUAD_WORD
      "1:\n\t"
      "tst %[n],#2\n\t"
      "beq 2f\n\t" TINYTS_QUAD_WORD TINYTS_QUAD_WORD
      "2:\n\t"
      "cmp %[v],%[end]\n\t"
      "beq 4f\n"
      "3:\n\t" TINYTS_QUAD_WORD TINYTS_QUAD_WORD TINYTS_QUAD_WORD TINYTS_QUAD_WORD
      "cmp %[v],%[end]\n\t"
      "bne 3b\n"
      "4:"
      : [v] "+r"(vector), [w] "+r"(weights), [s0] "+r"(sum0), [s1] "+r"(sum1), [s2] "+r"(sum2), [s3] "+r"(sum3),
        [e] "=&r"(even), [o] "=&r"(odd), [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c)
      : [n] "r"(words), [end] "r"(end)
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
