/* The inner loop of CONV_2D where there are no DSP instructions: weights of 8 bits are read as they lie,
 * which takes an instruction each where taking words apart takes two or three; of 16 bits, words are taken apart.
 *
 * Four elements of a patch are a block of eight weights: as int8 those of the even channel and then those of the odd
 * one, as int16 elements 0 and 2, for each channel, and then 1 and 3 (kernels.h).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_CONV_PORTABLE_H
#define TINYTS_CONV_PORTABLE_H

#include <stddef.h>
#include <stdint.h>

/* The sums of a pair of channels. */
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

/* Adds the products of a run that begins with element `element` of the patch. What is behind its last whole block has
 * its weights `shift` elements further on. */
static inline tinyts_conv_sums tinyts_conv_add_bytes(tinyts_conv_sums sums, const int8_t *source, size_t length,
                                                     const uint32_t *words, size_t element, size_t shift) {
  const int8_t *const weights = (const int8_t *)words;
  const int8_t *const end = source + length;
  const int8_t *block;
  const int8_t *whole;
  for (; element % 4 != 0 && source != end; ++element) {
    const int8_t *const w = weights + element / 4 * 8 + element % 4;
    sums = tinyts_conv_add(sums, *source++, w[0], w[4]);
  }
  block = weights + element / 4 * 8;
  whole = source + (size_t)(end - source) / 4 * 4;
  element += (size_t)(whole - source);
  for (; source != whole; source += 4, block += 8) {
    sums = tinyts_conv_add(sums, source[0], block[0], block[4]);
    sums = tinyts_conv_add(sums, source[1], block[1], block[5]);
    sums = tinyts_conv_add(sums, source[2], block[2], block[6]);
    sums = tinyts_conv_add(sums, source[3], block[3], block[7]);
  }
  for (element += shift; source != end; ++element) {
    const int8_t *const w = weights + element / 4 * 8 + element % 4;
    sums = tinyts_conv_add(sums, *source++, w[0], w[4]);
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
static inline tinyts_conv_sums tinyts_conv_add_halves(tinyts_conv_sums sums, const int8_t *source, size_t length,
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
