/* The ARMv7E-M DSP instructions that the kernels use: four int8 are loaded as one word and spread into two words of
 * two int16 each, elements 0 and 2 (`even`) and elements 1 and 3 (`odd`), for the dual multiply-accumulates.
 * Only to be included where __ARM_FEATURE_DSP is defined.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_DSP_H
#define TINYTS_DSP_H

#include <arm_acle.h>
#include <stdint.h>

/* Rows have no alignment; the builtin is one LDR even where the target is freestanding and memcpy is a call. */
static inline uint32_t tinyts_load_4(const int8_t *bytes) {
  uint32_t word;
  __builtin_memcpy(&word, bytes, sizeof word);
  return word;
}

static inline int32_t tinyts_even(uint32_t word) { return __sxtb16((int32_t)word); }

/* gcc does not fold a rotation into SXTB16, hence the assembly. */
static inline int32_t tinyts_odd(uint32_t word) {
  int32_t pair;
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(word));
  return pair;
}

/* Elements 0 and 1 of both words, first those of `a`; elements 2 and 3. */
static inline uint32_t tinyts_low_halves(uint32_t a, uint32_t b) {
  uint32_t word;
  __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(word) : "r"(a), "r"(b));
  return word;
}

static inline uint32_t tinyts_high_halves(uint32_t a, uint32_t b) {
  uint32_t word;
  __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(word) : "r"(b), "r"(a));
  return word;
}

#endif
