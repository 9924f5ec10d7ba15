/* The inner loops of CONV_2D where there are no DSP instructions: two pixels times two output channels, so that each byte
 * that is loaded goes into two products. Half words and their lower bytes are read as they lie, which takes an
 * instruction each where taking words apart takes two or three. With half words `even` is 256 times the even channel's
 * sum, plus the odd one's, until a pair is stored.
 *
 * Four elements of a patch are a block of weights, of elements 0 and 2 and then 1 and 3: four half words, which hold both
 * channels', or eight of int16, for each channel (tinyts_kernels.h).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_CONV_PORTABLE_H
#define TINYTS_CONV_PORTABLE_H

#include <stddef.h>
#include <stdint.h>

#include "tinyts_arithmetic.h"
#include "tinyts_conv_portable_types.h"
#include "tinyts_narrow_scaling.h"
#include "tinyts/tinyts_compiler.h"

#if defined(TINYTS_ARMV6M)
#include "tinyts_conv_armv6m.h"
#endif

enum { TINYTS_PORTABLE_PAIR_WORDS = 5 };

static inline uint32_t tinyts_conv_product(int32_t element, int32_t weight) { return (uint32_t)(element * weight); }

/* Whether words may be read by their parts; compilers know the answer. */
static inline int tinyts_conv_is_little_endian(void) {
  const uint32_t one = 1;
  return *(const uint8_t *)&one == 1;
}

static inline int32_t tinyts_conv_lower(uint32_t word) { return (int16_t)(word & 0xffffu); }

static inline int32_t tinyts_conv_upper(uint32_t word) { return (int16_t)(word >> 16); }

/* The odd channel's weight in a half word: its lower byte. */
static inline int32_t tinyts_conv_odd(const int16_t *half_word) { return *(const int8_t *)half_word; }

/* Adds the products of one pixel's run; returns the half words behind it. */
static inline const int16_t *tinyts_conv_add_one(tinyts_conv_sums *sums, const int8_t *pixel, uint32_t bytes,
                                                 const int16_t *weights) {
  uint32_t even = sums->even, odd = sums->odd;
  for (const int8_t *const end = pixel + bytes; pixel != end; pixel += 4, weights += 4) {
    for (int i = 0; i < 4; ++i) {
      const int32_t x = pixel[i / 2 + i % 2 * 2];
      even += tinyts_conv_product(x, weights[i]);
      odd += tinyts_conv_product(x, tinyts_conv_odd(weights + i));
    }
  }
  sums->even = even;
  sums->odd = odd;
  return weights;
}

/* Likewise of two pixels. */
#if defined(TINYTS_ARMV6M)
static inline const int16_t *tinyts_conv_add_two(tinyts_conv_sums *sums, const tinyts_portable_run *run,
                                                 const int16_t *weights) {
  return tinyts_conv_add_two_armv6m(sums, run, weights);
}
#else
static inline const int16_t *tinyts_conv_add_two(tinyts_conv_sums *sums, const tinyts_portable_run *run,
                                                 const int16_t *weights) {
  const int8_t *first = run->pixels[0], *second = run->pixels[1];
  uint32_t even0 = sums[0].even, odd0 = sums[0].odd, even1 = sums[1].even, odd1 = sums[1].odd;
  for (const int8_t *const end = first + run->bytes; first != end; first += 4, second += 4, weights += 4) {
    for (int i = 0; i < 4; ++i) {
      const int element = i / 2 + i % 2 * 2;
      const int32_t x = first[element], y = second[element], both = weights[i], odd = tinyts_conv_odd(weights + i);
      even0 += tinyts_conv_product(x, both);
      odd0 += tinyts_conv_product(x, odd);
      even1 += tinyts_conv_product(y, both);
      odd1 += tinyts_conv_product(y, odd);
    }
  }
  sums[0].even = even0;
  sums[0].odd = odd0;
  sums[1].even = even1;
  sums[1].odd = odd1;
  return weights;
}
#endif

/* One pixel's run with weights of 16 bits, which are there where half words do not do or int16 was asked for. */
static inline const uint32_t *tinyts_conv_add_wide(tinyts_conv_sums *sums, const int8_t *pixel, uint32_t bytes,
                                                   const uint32_t *weights) {
  uint32_t even = sums->even, odd = sums->odd;
  for (const int8_t *const end = pixel + bytes; pixel != end; pixel += 4, weights += 4) {
    even += tinyts_conv_product(pixel[0], tinyts_conv_lower(weights[0]));
    odd += tinyts_conv_product(pixel[0], tinyts_conv_lower(weights[1]));
    even += tinyts_conv_product(pixel[2], tinyts_conv_upper(weights[0]));
    odd += tinyts_conv_product(pixel[2], tinyts_conv_upper(weights[1]));
    even += tinyts_conv_product(pixel[1], tinyts_conv_lower(weights[2]));
    odd += tinyts_conv_product(pixel[1], tinyts_conv_lower(weights[3]));
    even += tinyts_conv_product(pixel[3], tinyts_conv_upper(weights[2]));
    odd += tinyts_conv_product(pixel[3], tinyts_conv_upper(weights[3]));
  }
  sums->even = even;
  sums->odd = odd;
  return weights;
}

/* A sum as a byte; `right` is -1 - shift. */
static inline int8_t tinyts_conv_portable_scale(const tinyts_portable_job *job, uint32_t sum, int32_t multiplier,
                                                int32_t right) {
  int32_t scaled;
  if (job->narrow) {
    const int32_t rounded = tinyts_rounded_upper_word((int32_t)(sum << 1), multiplier) - (int32_t)(sum >> 31);
    scaled = ((rounded >> right) + 2 * job->zero_point + 1) >> 1;
  } else {
    scaled = tinyts_wrapping_add(tinyts_requantize((int32_t)sum, multiplier, ~right), job->zero_point);
  }
  return tinyts_clamp(scaled, job->minimum, job->maximum);
}

/* The sums of one pixel, of a pair of channels: the last may be alone. */
static inline void tinyts_conv_store_pair(const tinyts_portable_job *job, const int32_t *constants,
                                          tinyts_conv_sums sums, int8_t *output, int has_odd) {
  const uint32_t rights = (uint32_t)constants[4];
  const uint32_t even = job->wide ? sums.even : (uint32_t)tinyts_even_sum(sums.even, sums.odd);
  output[0] = tinyts_conv_portable_scale(job, even, constants[2], (int8_t)rights);
  if (has_odd) output[1] = tinyts_conv_portable_scale(job, sums.odd, constants[3], (int8_t)(rights >> 8));
}

TINYTS_NOINLINE static void tinyts_conv_portable_two(const tinyts_portable_job *job) {
  const int16_t *weights = (const int16_t *)(const void *)job->weights;
  const int32_t *constants = job->constants;
  for (uint32_t channel = 0; channel < job->channels; channel += 2, constants += TINYTS_PORTABLE_PAIR_WORDS) {
    const tinyts_conv_sums bias = {(uint32_t)constants[0], (uint32_t)constants[1]};
    tinyts_conv_sums sums[2] = {bias, bias};
    for (const tinyts_portable_run *run = job->runs; run != job->runs_end; ++run) {
      weights = tinyts_conv_add_two(sums, run, weights);
    }
    tinyts_conv_store_pair(job, constants, sums[0], job->outputs[0] + channel, channel + 1 < job->channels);
    tinyts_conv_store_pair(job, constants, sums[1], job->outputs[1] + channel, channel + 1 < job->channels);
  }
}

/* Pixels one by one. */
TINYTS_NOINLINE static void tinyts_conv_portable_single(const tinyts_portable_job *job) {
  const int16_t *weights = (const int16_t *)(const void *)job->weights;
  const uint32_t *wide_weights = job->weights;
  const int32_t *constants = job->constants;
  const int pixels = job->outputs[1] != NULL ? 2 : 1;
  for (uint32_t channel = 0; channel < job->channels; channel += 2, constants += TINYTS_PORTABLE_PAIR_WORDS) {
    const int16_t *const pair = weights;
    const uint32_t *const wide_pair = wide_weights;
    for (int pixel = 0; pixel < pixels; ++pixel) {
      tinyts_conv_sums sums = {(uint32_t)constants[0], (uint32_t)constants[1]};
      weights = pair;
      wide_weights = wide_pair;
      for (const tinyts_portable_run *run = job->runs; run != job->runs_end; ++run) {
        if (job->wide) {
          wide_weights = tinyts_conv_add_wide(&sums, run->pixels[pixel], run->bytes, wide_weights);
        } else {
          weights = tinyts_conv_add_one(&sums, run->pixels[pixel], run->bytes, weights);
        }
      }
      tinyts_conv_store_pair(job, constants, sums, job->outputs[pixel] + channel, channel + 1 < job->channels);
    }
  }
}

static void tinyts_conv_portable(const tinyts_portable_job *job) {
  if (job->outputs[1] != NULL && !job->wide) {
    tinyts_conv_portable_two(job);
  } else {
    tinyts_conv_portable_single(job);
  }
}

#endif
