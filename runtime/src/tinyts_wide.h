/* What the kernels of int16 feature maps share: dot products with int8 weights in int64, and how sums become int16.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_WIDE_H
#define TINYTS_WIDE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tinyts_arithmetic.h"

#if defined(TINYTS_DSP)
#include "tinyts_dsp.h"
#endif

/* So many products of an int16 and an int8 stay below 2^31 together. */
enum { TINYTS_WIDE_PIECE = 256 };

/* Sums are collected for so many output channels at once. */
enum { TINYTS_WIDE_CHANNELS = 4 };

static inline const int16_t *tinyts_wide_elements(const int8_t *row) { return (const int16_t *)(const void *)row; }

static inline int16_t *tinyts_wide_outputs(int8_t *row) { return (int16_t *)(void *)row; }

static inline int16_t tinyts_wide_clamp(int32_t value, int32_t minimum, int32_t maximum) {
  if (value < minimum) value = minimum;
  if (value > maximum) value = maximum;
  return (int16_t)value;
}

/* What sums begin with. */
static inline int64_t tinyts_wide_bias(const int32_t *low, const int32_t *high, size_t channel) {
  if (high == NULL) return low[channel];
  return (int64_t)((uint64_t)(uint32_t)high[channel] << 32 | (uint32_t)low[channel]);
}

static inline int32_t tinyts_wide_dot_product(const int16_t *vector, const int8_t *weights, size_t length) {
  int32_t sum = 0;
  size_t i = 0;
#if defined(TINYTS_DSP)
  for (; i + 4 <= length; i += 4) {
    /* Weights are spread to elements 0 and 2, and 1 and 3, and so the vector's elements are put in pairs alike. */
    const uint32_t word = tinyts_load_4(weights + i);
    uint32_t first, second;
    int32_t even, odd;
    __builtin_memcpy(&first, vector + i, sizeof first);
    __builtin_memcpy(&second, vector + i + 2, sizeof second);
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(even) : "r"(first), "r"(second));
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(odd) : "r"(second), "r"(first));
    sum = __smlad(odd, tinyts_odd(word), __smlad(even, tinyts_even(word), sum));
  }
#endif
  for (; i < length; ++i) sum += vector[i] * weights[i];
  return sum;
}

/* Without optimization gcc keeps too few registers free for the assembly. */
#if defined(TINYTS_DSP) && defined(__OPTIMIZE__)
#define TINYTS_WIDE_FOUR_ROWS_AT_ONCE 1

/* Adds the dot products of whole words of weights with four rows of them, `step` apart: 26 instructions for 16 products.
 * Assembly, because compilers spill in this loop; it needs 13 registers, and so must not be inlined. The length is at
 * least 4. */
TINYTS_NOINLINE static void tinyts_wide_dot_products_of_words(const int16_t *vector, const int8_t *weights,
                                                                        size_t step, size_t length, int64_t *sums) {
  const int16_t *const end = vector + length / 4 * 4;
  int32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
  uint32_t even, odd, a, b;
  __asm__ volatile(
      "1:\n\t"
      "ldr    %[a], [%[vector]], #4\n\t"
      "ldr    %[b], [%[vector]], #4\n\t"
      "pkhbt  %[even], %[a], %[b], lsl #16\n\t"
      "pkhtb  %[odd], %[b], %[a], asr #16\n\t"
      "ldr    %[a], [%[weights], %[row]]\n\t"
      TINYTS_FOUR_ROWS_OF_A_WORD
      "bne    1b"
      : [vector] "+r"(vector), [weights] "+r"(weights), [sum0] "+r"(sum0), [sum1] "+r"(sum1), [sum2] "+r"(sum2),
        [sum3] "+r"(sum3), [even] "=&r"(even), [odd] "=&r"(odd), [a] "=&r"(a), [b] "=&r"(b)
      : [row] "r"(step), [row3] "r"(3 * step), [end] "r"(end)
      : "cc", "memory");
  sums[0] += sum0;
  sums[1] += sum1;
  sums[2] += sum2;
  sums[3] += sum3;
}
#endif

/* The dot products of a piece with four rows of weights that lie `step` apart. */
static inline void tinyts_wide_four_dot_products(const int16_t *vector, const int8_t *weights, size_t step,
                                                 size_t length, int64_t *sums) {
  size_t first = 0;
#if defined(TINYTS_WIDE_FOUR_ROWS_AT_ONCE)
  first = length / 4 * 4;
  if (first != 0) tinyts_wide_dot_products_of_words(vector, weights, step, length, sums);
  if (first == length) return;
#endif
  for (uint32_t row = 0; row < TINYTS_WIDE_CHANNELS; ++row, weights += step) {
    sums[row] += tinyts_wide_dot_product(vector + first, weights + first, length - first);
  }
}

/* Adds to each of `rows` sums the dot product with a row of weights; rows of weights lie `step` apart. */
static inline void tinyts_wide_dot_products(const int16_t *vector, const int8_t *weights, size_t step, size_t length,
                                            int64_t *sums, uint32_t rows) {
  for (size_t left = length; left != 0;) {
    const size_t piece = left < TINYTS_WIDE_PIECE ? left : (size_t)TINYTS_WIDE_PIECE;
    if (rows == TINYTS_WIDE_CHANNELS) {
      tinyts_wide_four_dot_products(vector, weights, step, piece, sums);
    } else {
      for (uint32_t row = 0; row < rows; ++row) {
        sums[row] += tinyts_wide_dot_product(vector, weights + row * step, piece);
      }
    }
    vector += piece;
    weights += piece;
    left -= piece;
  }
}

/* A sum of a convolution times its multiplier. */
static inline int32_t tinyts_wide_scale(int64_t sum, int32_t multiplier, int32_t shift, uint32_t wraps) {
  if (wraps) return tinyts_requantize((int32_t)(uint32_t)(uint64_t)sum, multiplier, shift);
  return (int32_t)(uint32_t)(uint64_t)((sum * multiplier + ((int64_t)1 << (shift - 1))) >> shift);
}

#endif
