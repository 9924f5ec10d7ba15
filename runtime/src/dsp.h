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

/* Sums of bytes in two words of two int16 each, of elements 0 and 2, and 1 and 3: exact up to so many bytes. */
enum { TINYTS_MOST_BYTES_IN_INT16 = 256 };
typedef struct {
  uint32_t even, odd;
} tinyts_byte_sums;

static inline tinyts_byte_sums tinyts_add_bytes(tinyts_byte_sums sums, uint32_t word) {
  __asm__("sxtab16 %0, %0, %1" : "+r"(sums.even) : "r"(word));
  __asm__("sxtab16 %0, %0, %1, ror #8" : "+r"(sums.odd) : "r"(word));
  return sums;
}

/* The bytes of `count` pixels, four channels of each. */
static inline tinyts_byte_sums tinyts_add_pixels(tinyts_byte_sums sums, const int8_t *pixel, int32_t step,
                                                 int32_t count) {
  for (; count > 1; count -= 2, pixel += 2 * step) {
    sums = tinyts_add_bytes(tinyts_add_bytes(sums, tinyts_load_4(pixel)), tinyts_load_4(pixel + step));
  }
  return count != 0 ? tinyts_add_bytes(sums, tinyts_load_4(pixel)) : sums;
}

/* Byte by byte. Both instructions in one piece of assembly: nothing may come between them that sets the same flags. */
static inline uint32_t tinyts_maximum_4(uint32_t a, uint32_t b) {
  uint32_t result;
  __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(result) : "r"(a), "r"(b));
  return result;
}

static inline uint32_t tinyts_minimum_4(uint32_t a, uint32_t b) {
  uint32_t result;
  __asm__("ssub8 %0, %1, %2\n\tsel %0, %2, %1" : "=&r"(result) : "r"(a), "r"(b));
  return result;
}

static inline uint32_t tinyts_repeat_4(int32_t byte) { return (uint32_t)(uint8_t)byte * 0x01010101u; }

static inline void tinyts_store_4(int8_t *bytes, uint32_t word) { __builtin_memcpy(bytes, &word, sizeof word); }

#endif
