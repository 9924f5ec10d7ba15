/* The inner loop of CONV_2D where there are no DSP instructions: half words and their lower bytes are read as they lie,
 * which takes an instruction each where taking words apart takes two or three; of 16 bits, words are taken apart.
 *
 * Four elements of a patch are a block of eight weights, of elements 0 and 2 and then 1 and 3: as half words, which hold
 * both channels', or as int16, for each channel (tinyts_kernels.h).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_CONV_PORTABLE_H
#define TINYTS_CONV_PORTABLE_H

#include <stddef.h>
#include <stdint.h>

/* The sums of a pair of channels. With half words `even` is 256 times the even channel's, plus the odd one's. */
typedef struct {
  uint32_t even, odd;
} tinyts_conv_sums;

static inline tinyts_conv_sums tinyts_conv_add(tinyts_conv_sums sums, int32_t element, int32_t even, int32_t odd) {
  sums.even += (uint32_t)(element * even);
  sums.odd += (uint32_t)(element * odd);
  return sums;
}

/* Whether words may be read by their parts; compilers know the answer. */
static inline int tinyts_conv_is_little_endian(void) {
  const uint32_t one = 1;
  return *(const uint8_t *)&one == 1;
}

/* One element's products with a half word. */
static inline tinyts_conv_sums tinyts_conv_add_half_word(tinyts_conv_sums sums, int32_t source, const int16_t *half) {
  return tinyts_conv_add(sums, source, *half, *(const int8_t *)half);
}

/* Where the half word of an element is. */
static inline size_t tinyts_conv_half_word(size_t element) {
  return element / 4 * 4 + element % 2 * 2 + element % 4 / 2;
}

/* Adds the products of a run that begins with element `element` of the patch. What is behind its last whole block has
 * its weights `shift` elements further on. */
static inline tinyts_conv_sums tinyts_conv_add_half_words(tinyts_conv_sums sums, const int8_t *source, size_t length,
                                                          const uint32_t *words, size_t element, size_t shift) {
  const int16_t *const weights = (const int16_t *)(const void *)words;
  const int8_t *const end = source + length;
  const int16_t *block;
  const int8_t *whole;
  for (; element % 4 != 0 && source != end; ++element) {
    sums = tinyts_conv_add_half_word(sums, *source++, weights + tinyts_conv_half_word(element));
  }
  block = weights + element / 4 * 4;
  whole = source + (size_t)(end - source) / 4 * 4;
  element += (size_t)(whole - source);
  for (; source != whole; source += 4, block += 4) {
    sums = tinyts_conv_add_half_word(sums, source[0], block);
    sums = tinyts_conv_add_half_word(sums, source[1], block + 2);
    sums = tinyts_conv_add_half_word(sums, source[2], block + 1);
    sums = tinyts_conv_add_half_word(sums, source[3], block + 3);
  }
  for (element += shift; source != end; ++element) {
    sums = tinyts_conv_add_half_word(sums, *source++, weights + tinyts_conv_half_word(element));
  }
  return sums;
}

static inline int32_t tinyts_conv_lower(uint32_t word) { return (int16_t)(word & 0xffffu); }

static inline int32_t tinyts_conv_upper(uint32_t word) { return (int16_t)(word >> 16); }

/* One element's products with weights of 16 bits. */
static inline tinyts_conv_sums tinyts_conv_add_wide(tinyts_conv_sums sums, int32_t source, const uint32_t *words,
                                                    size_t element) {
  const uint32_t *const w = words + element / 4 * 4 + element % 2 * 2;
  const uint32_t shift = (uint32_t)(element % 4 / 2 * 16);
  return tinyts_conv_add(sums, source, tinyts_conv_lower(w[0] >> shift), tinyts_conv_lower(w[1] >> shift));
}

/* A run's products with weights of 16 bits. */
static inline tinyts_conv_sums tinyts_conv_add_words(tinyts_conv_sums sums, const int8_t *source, size_t length,
                                                      const uint32_t *words, size_t element, size_t shift) {
  const int8_t *const end = source + length;
  const uint32_t *block;
  const int8_t *whole;
  for (; element % 4 != 0 && source != end; ++element) sums = tinyts_conv_add_wide(sums, *source++, words, element);
  block = words + element / 4 * 4;
  whole = source + (size_t)(end - source) / 4 * 4;
  element += (size_t)(whole - source);
  for (; source != whole; source += 4, block += 4) {
    sums = tinyts_conv_add(sums, source[0], tinyts_conv_lower(block[0]), tinyts_conv_lower(block[1]));
    sums = tinyts_conv_add(sums, source[2], tinyts_conv_upper(block[0]), tinyts_conv_upper(block[1]));
    sums = tinyts_conv_add(sums, source[1], tinyts_conv_lower(block[2]), tinyts_conv_lower(block[3]));
    sums = tinyts_conv_add(sums, source[3], tinyts_conv_upper(block[2]), tinyts_conv_upper(block[3]));
  }
  for (element += shift; source != end; ++element) sums = tinyts_conv_add_wide(sums, *source++, words, element);
  return sums;
}

#endif
