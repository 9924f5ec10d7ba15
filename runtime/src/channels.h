/* From accumulators to bytes, for a block of output channels with multipliers and shifts of their own. Kernels collect
 * a block of accumulators first, so that neither loop takes registers from the other.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_CHANNELS_H
#define TINYTS_CHANNELS_H

#include <stdint.h>

#include "arithmetic.h"

#if defined(__ARM_FEATURE_DSP)
#include "dsp.h"
#endif

/* Output channels in a block: more cost stack, fewer cost calls. A multiple of 4. */
enum { TINYTS_CHANNEL_BLOCK = 16 };

static inline uint32_t tinyts_channels_in_block(uint32_t channels_left) {
  return channels_left < TINYTS_CHANNEL_BLOCK ? channels_left : TINYTS_CHANNEL_BLOCK;
}

/* What is done to every channel alike once it is scaled. */
typedef struct {
  int32_t zero_point, minimum, maximum;
} tinyts_output_range;

#if defined(__ARM_FEATURE_DSP)
/* For a narrow scaling (kernels.h): tinyts_requantize, with the zero point added and the result saturated to int8, in
 * six instructions. Between its two roundings the reference looks at the sign of the product: here it is the sum's, or
 * the product is 0 and the sign makes no difference. SMMLAR is the first rounding and adds -1 for negative sums; what
 * is left of the second is to add 1 before the last halving, and the zero point's double goes along with it.
 * `right` is 1 less than the shift to the right; `offset` is 2 * zero_point + 1. */
static inline int32_t tinyts_scale_narrow(uint32_t sum, int32_t multiplier, int32_t right, int32_t offset) {
  int32_t result;
  __asm__("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(sum << 1), "r"(multiplier), "r"((int32_t)sum >> 31));
  result = (result >> right) + offset;
  __asm__("ssat %0, #8, %0, asr #1" : "+r"(result));
  return result;
}
#endif

/* `narrow`: the scaling is (kernels.h). */
static inline void tinyts_requantize_channels(const uint32_t *sums, const int32_t *multipliers, const int8_t *shifts,
                                              int narrow, tinyts_output_range range, int8_t *output, uint32_t count) {
#if defined(__ARM_FEATURE_DSP)
  if (narrow && range.minimum == INT8_MIN && range.maximum == INT8_MAX) {
    const int32_t offset = 2 * range.zero_point + 1;
    for (uint32_t i = 0; i < count; ++i) {
      output[i] = (int8_t)tinyts_scale_narrow(sums[i], multipliers[i], ~shifts[i], offset);
    }
    return;
  }
#else
  (void)narrow;
#endif
  for (uint32_t i = 0; i < count; ++i) {
    const int32_t scaled = tinyts_requantize((int32_t)sums[i], multipliers[i], shifts[i]);
    output[i] = tinyts_clamp(tinyts_wrapping_add(scaled, range.zero_point), range.minimum, range.maximum);
  }
}

#endif
