/* From sums to bytes where scalings are narrow (tinyts_kernels.h) and there are no DSP instructions: exactly what those
 * compute, and so what the reference does, in few instructions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_NARROW_SCALING_H
#define TINYTS_NARROW_SCALING_H

#include <stdint.h>

#include "tinyts/tinyts_compiler.h"

/* doubled * multiplier / 2^32, rounded to nearest, ties upwards; the multiplier is not negative. */
static inline int32_t tinyts_rounded_upper_word(int32_t doubled, int32_t multiplier) {
#if defined(TINYTS_NO_LONG_MULTIPLICATION)
  /* Four products of halves, none of which leaves 32 bits: a call of the compiler's library takes twice as long. Bits
   * below the 16th do not reach the result but by the carry, which `middle` has. */
  const int32_t upper = doubled >> 16, multiplier_upper = multiplier >> 16;
  const uint32_t lower = (uint32_t)doubled & 0xffffu, multiplier_lower = (uint32_t)multiplier & 0xffffu;
  const int32_t middle = upper * (int32_t)multiplier_lower + (int32_t)(lower * multiplier_lower >> 16);
  const uint32_t rest = lower * (uint32_t)multiplier_upper + ((uint32_t)middle & 0xffffu) + 0x8000u;
  return upper * multiplier_upper + (middle >> 16) + (int32_t)(rest >> 16);
#else
  const int64_t product = (int64_t)doubled * multiplier;
  return (int32_t)((uint32_t)((uint64_t)product >> 32) + ((uint32_t)product >> 31));
#endif
}

#endif
