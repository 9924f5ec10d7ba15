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

static inline void tinyts_store_4(int8_t *bytes, uint32_t word) { __builtin_memcpy(bytes, &word, sizeof word); }

static inline int32_t tinyts_even(uint32_t word) { return __sxtb16((int32_t)word); }

/* gcc does not fold a rotation into SXTB16, hence the assembly. */
static inline int32_t tinyts_odd(uint32_t word) {
  int32_t pair;
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(word));
  return pair;
}

#endif
