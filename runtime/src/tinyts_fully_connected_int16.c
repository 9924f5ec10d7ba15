/* FULLY_CONNECTED of int16: a dot product of the input with every output channel's weights, times a double, in integers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts/tinyts_kernels_int16.h"
#include "tinyts_wide.h"

/* A number of 128 bits. */
typedef struct {
  uint64_t high, low;
} tinyts_wide_product;

static tinyts_wide_product tinyts_wide_plus_bit(tinyts_wide_product product, uint32_t bit) {
  if (bit >= 64) {
    product.high += (uint64_t)1 << (bit - 64);
  } else {
    product.low += (uint64_t)1 << bit;
    if (product.low < (uint64_t)1 << bit) ++product.high;
  }
  return product;
}

static uint32_t tinyts_wide_bits(tinyts_wide_product product) {
  uint64_t rest = product.high != 0 ? product.high : product.low;
  uint32_t bits = product.high != 0 ? 65 : 1;
  for (uint32_t step = 32; step != 0; step /= 2) {
    if (rest >> step == 0) continue;
    rest >>= step;
    bits += step;
  }
  return bits;
}

/* Sum times double as if in double precision, then rounded, ties away from zero. The product has up to 111 bits, of which a
 * double keeps 53: half of the last of them is added, which takes what lies just below a half to it, and then a half. */
static int32_t tinyts_wide_times_double(int64_t sum, int32_t multiplier, uint32_t low, int32_t shift) {
  const uint64_t magnitude = sum < 0 ? 0u - (uint64_t)sum : (uint64_t)sum;
  const uint32_t high = multiplier < 0 ? 0u - (uint32_t)multiplier : (uint32_t)multiplier;
  const uint64_t sum_low = (uint32_t)magnitude, sum_high = magnitude >> 32;
  const uint64_t bottom = sum_low * low;
  const uint64_t middle = sum_low * high + sum_high * low + (bottom >> 32);
  tinyts_wide_product product = {sum_high * high + (middle >> 32), middle << 32 | (uint32_t)bottom};
  const uint32_t bits = tinyts_wide_bits(product), right = (uint32_t)(63 - shift);
  if (bits > 53) product = tinyts_wide_plus_bit(product, bits - 54);
  product = tinyts_wide_plus_bit(product, right - 1);
  const uint64_t whole = right >= 64 ? product.high >> (right - 64) : product.high << (64 - right) | product.low >> right;
  const int32_t rounded = (int32_t)whole;
  return (sum < 0) != (multiplier < 0) ? -rounded : rounded;
}

static void tinyts_wide_connect(const tinyts_fully_connected_int16_parameters *p, const int16_t *input,
                                int16_t *output) {
  const size_t length = p->input_channels;
  uint32_t count;
  for (uint32_t channel = 0; channel < p->output_channels; channel += count) {
    int64_t sums[TINYTS_WIDE_CHANNELS] = {0};
    count = p->output_channels - channel < TINYTS_WIDE_CHANNELS ? p->output_channels - channel : TINYTS_WIDE_CHANNELS;
    for (uint32_t i = 0; i < count; ++i) sums[i] = tinyts_wide_bias(p->bias, p->bias_high, channel + i);
    tinyts_wide_dot_products(input, p->weights + channel * length, length, length, sums, count);
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t scale = p->per_channel ? channel + i : 0;
      const int64_t sum = p->wraps ? (int32_t)(uint32_t)(uint64_t)sums[i] : sums[i];
      const int32_t scaled = tinyts_wide_times_double(sum, p->multipliers[scale], (uint32_t)p->low_multipliers[scale],
                                                      p->shifts[scale]);
      output[channel + i] = tinyts_wide_clamp(scaled, p->output_minimum, p->output_maximum);
    }
  }
}

void tinyts_fully_connected_int16(const void *parameters, const int8_t *const *input_rows,
                                  int8_t *const *output_rows, int32_t row_count, int8_t *scratch) {
  const tinyts_fully_connected_int16_parameters *const p = (const tinyts_fully_connected_int16_parameters *)parameters;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    for (size_t batch = 0; batch < p->batches; ++batch) {
      tinyts_wide_connect(p, tinyts_wide_elements(input_rows[r]) + batch * p->input_channels,
                          tinyts_wide_outputs(output_rows[r]) + batch * p->output_channels);
    }
  }
}
