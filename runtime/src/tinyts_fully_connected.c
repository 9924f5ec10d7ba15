/* FULLY_CONNECTED: a dot product of the input with every output channel's weights.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "tinyts_arithmetic.h"
#include "tinyts_dot_product.h"
#include "tinyts/tinyts_kernels.h"

/* Sums are collected for so many output channels, so that neither loop takes registers from the other: more cost stack,
 * fewer cost calls. A multiple of 4. */
enum { TINYTS_CONNECTED_CHANNELS = 16 };

/* GCC's analyser does not see that a loop writes all the sums that the next one reads. */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wanalyzer-use-of-uninitialized-value"
#define TINYTS_FULLY_CONNECTED_IS_QUIET
#endif

static int8_t tinyts_connected(const tinyts_fully_connected_parameters *p, int32_t scaled) {
  return tinyts_clamp(tinyts_wrapping_add(scaled, p->output_zero_point), p->output_minimum, p->output_maximum);
}

/* Apart from the loop for 31 bits, which most models have alone and which is to keep its registers. */
TINYTS_NOINLINE static void tinyts_scale_by_doubles(const tinyts_fully_connected_parameters *p, const uint32_t *sums,
                                                    uint32_t channel, uint32_t count, int8_t *output) {
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t scale = p->per_channel ? channel + i : 0;
    output[i] = tinyts_connected(
        p, tinyts_requantize_by_double((int32_t)sums[i], p->multipliers[scale], (uint32_t)p->low_multipliers[scale],
                                       p->shifts[scale]));
  }
}

static void tinyts_connect(const tinyts_fully_connected_parameters *p, const int8_t *input, int8_t *output) {
  const size_t length = p->input_channels;
  uint32_t count;
  for (uint32_t channel = 0; channel < p->output_channels; channel += count) {
    count = p->output_channels - channel < TINYTS_CONNECTED_CHANNELS ? p->output_channels - channel
                                                                     : TINYTS_CONNECTED_CHANNELS;
    uint32_t sums[TINYTS_CONNECTED_CHANNELS];
    tinyts_dot_products(input, p->weights + channel * length, length, p->bias + channel, sums, count);
    if (p->low_multipliers != NULL) {
      tinyts_scale_by_doubles(p, sums, channel, count, output + channel);
      continue;
    }
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t scale = p->per_channel ? channel + i : 0;
      output[channel + i] =
          tinyts_connected(p, tinyts_requantize_once((int32_t)sums[i], p->multipliers[scale], p->shifts[scale]));
    }
  }
}

#if defined(TINYTS_FULLY_CONNECTED_IS_QUIET)
#pragma GCC diagnostic pop
#endif

void tinyts_fully_connected(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                            int32_t row_count, int8_t *scratch) {
  const tinyts_fully_connected_parameters *const p = parameters;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    for (size_t batch = 0; batch < p->batches; ++batch) {
      tinyts_connect(p, input_rows[r] + batch * p->input_channels, output_rows[r] + batch * p->output_channels);
    }
  }
}
