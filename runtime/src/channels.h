/* From accumulators to bytes, for a block of output channels with multipliers and shifts of their own. Kernels collect
 * a block of accumulators first, so that neither loop takes registers from the other.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_CHANNELS_H
#define TINYTS_CHANNELS_H

#include <stdint.h>

#include "arithmetic.h"

/* Output channels in a block: more cost stack, fewer cost calls. A multiple of 4. */
enum { TINYTS_CHANNEL_BLOCK = 16 };

static inline uint32_t tinyts_channels_in_block(uint32_t channels_left) {
  return channels_left < TINYTS_CHANNEL_BLOCK ? channels_left : TINYTS_CHANNEL_BLOCK;
}

/* What is done to every channel alike once it is scaled. */
typedef struct {
  int32_t zero_point, minimum, maximum;
} tinyts_output_range;

static inline void tinyts_requantize_channels(const uint32_t *sums, const int32_t *multipliers, const int8_t *shifts,
                                              tinyts_output_range range, int8_t *output, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    const int32_t scaled = tinyts_requantize((int32_t)sums[i], multipliers[i], shifts[i]);
    output[i] = tinyts_clamp(tinyts_wrapping_add(scaled, range.zero_point), range.minimum, range.maximum);
  }
}

#endif
