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

/* Four bytes in two words of two int16 each, and `base` added to each: elements 0 and 2, and 1 and 3. */
typedef struct {
  int32_t even, odd;
} tinyts_pairs;

static inline tinyts_pairs tinyts_spread_from(uint32_t word, uint32_t base) {
  tinyts_pairs pairs;
  __asm__("sxtab16 %0, %1, %2" : "=r"(pairs.even) : "r"(base), "r"(word));
  __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(pairs.odd) : "r"(base), "r"(word));
  return pairs;
}

static inline uint32_t tinyts_repeat_2(int32_t value) { return ((uint32_t)value & 0xffffu) * 0x00010001u; }

/* Products of the lower int16 of two words, and of the upper. */
static inline int32_t tinyts_multiply_bottoms(int32_t a, int32_t b) {
  int32_t product;
  __asm__("smulbb %0, %1, %2" : "=r"(product) : "r"(a), "r"(b));
  return product;
}

static inline int32_t tinyts_multiply_tops(int32_t a, int32_t b) {
  int32_t product;
  __asm__("smultt %0, %1, %2" : "=r"(product) : "r"(a), "r"(b));
  return product;
}

/* a * b / 2^32, rounded to nearest, plus a sum. */
static inline int32_t tinyts_multiply_high(int32_t a, int32_t b, int32_t sum) {
  int32_t result;
  __asm__("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}

/* Four values of less than 2^15 in magnitude, saturated: bytes of the values less 128. They saturate two at a time, and
 * from 0 on, so that nothing of a negative one lies over its neighbour. */
static inline uint32_t tinyts_bytes_of(int32_t value0, int32_t value1, int32_t value2, int32_t value3) {
  uint32_t even, odd;
  __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(even) : "r"(value0), "r"(value2));
  __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(odd) : "r"(value1), "r"(value3));
  __asm__("usat16 %0, #8, %0" : "+r"(even));
  __asm__("usat16 %0, #8, %0" : "+r"(odd));
  return (even | odd << 8) ^ 0x80808080u;
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

/* The same, moving on: compilers that are left to it count every pointer apart. */
static inline uint32_t tinyts_take_4(const int8_t **bytes) {
  uint32_t word;
  __asm__ volatile("ldr %0, [%1], #4" : "=r"(word), "+r"(*bytes) : : "memory");
  return word;
}

static inline void tinyts_put_4(int8_t **bytes, uint32_t word) {
  __asm__ volatile("str %1, [%0], #4" : "+r"(*bytes) : "r"(word) : "memory");
}

/* Clamps what a kernel has stored, whole words, where its range is narrower than int8. */
static inline void tinyts_clamp_words(int8_t *bytes, uint32_t count, int8_t minimum, int8_t maximum) {
  const uint32_t least = tinyts_repeat_4(minimum), greatest = tinyts_repeat_4(maximum);
  if (minimum == INT8_MIN && maximum == INT8_MAX) return;
  for (int8_t *const end = bytes + count; bytes != end;) {
    tinyts_put_4(&bytes, tinyts_minimum_4(tinyts_maximum_4(tinyts_load_4(bytes), least), greatest));
  }
}

#endif
