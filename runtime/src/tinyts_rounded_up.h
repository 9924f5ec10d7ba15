/* Means with ties rounded up.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_ROUNDED_UP_H
#define TINYTS_ROUNDED_UP_H

#include <stdint.h>

/* The mean of `count` bytes with this sum, each -128 to 127; `count` is less than 2^24. Unsigned division rounds down,
 * so the sum is that of bytes of 128 more. */
static inline int32_t tinyts_mean_ties_up(int32_t sum, uint32_t count) {
  const uint32_t shifted = (uint32_t)sum + 128u * count;
  return (int32_t)((shifted + count / 2u) / count) - 128;
}

#endif
