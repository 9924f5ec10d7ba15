/* DEPTHWISE_CONV_2D with Helium: one output pixel after the other, up to four blocks of four channels at a time.
 *
 * A tap's words of weights, two a block, have channels 0 and 2, and 1 and 3, in their halves. VMOVLB and VMOVLT spread
 * sixteen channels of a pixel just so, and VMULLB and VMULLT multiply the lower and the upper halves: sums[j] is of channel
 * j of each block. VQMOVN brings them back together in their order.
 *
 * Only to be included where TINYTS_MVE is defined.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_DEPTHWISE_MVE_H
#define TINYTS_DEPTHWISE_MVE_H

#include <stddef.h>

#include "tinyts_mve.h"
#include "tinyts/tinyts_kernels.h"
#include "tinyts_window.h"

enum { TINYTS_DEPTHWISE_MVE_BLOCK = 4, TINYTS_DEPTHWISE_MVE_BLOCKS = 4, TINYTS_DEPTHWISE_MVE_CONSTANTS = 16 };

/* What is alike for all channels of a pixel. */
typedef struct {
  const int8_t *const *rows;     /* of the window; NULL is padding */
  ptrdiff_t row_step;            /* from one to the next */
  ptrdiff_t offset, step;        /* bytes to the first tap's pixel, and from tap to tap */
  int32_t taps, skipped_before, skipped_words; /* columns inside; words of weights in front of them; not read of a row */
  int32_t filter_height, block_words;
  int16_t zero_point, output_zero_point;
  int8x16_t minimum, maximum;
} tinyts_depthwise_mve_pixel;

/* Of up to four blocks: a word from each. `lanes` are those that are there; `whole`: all are. */
TINYTS_MVE_INLINE int32x4_t tinyts_depthwise_mve_words(const int32_t *words, uint32x4_t offsets, int whole,
                                                       mve_pred16_t lanes) {
  return whole ? vldrwq_gather_offset_s32(words, offsets) : vldrwq_gather_offset_z_s32(words, offsets, lanes);
}

/* A doubled sum scaled; the shift is to the right. Where the output's zero point is -128 all that is negative becomes -128,
 * however ties are rounded. */
TINYTS_MVE_INLINE int32x4_t tinyts_depthwise_mve_scale(int32x4_t sums, const int32_t *scale, int whole,
                                                       mve_pred16_t lanes, int from_minimum) {
  const uint32x4_t apart = vshlq_n_u32(vidupq_n_u32(0, 8), 3); /* the constants of a block take 64 bytes */
  const int32x4_t minus_shifts = vnegq_s32(tinyts_depthwise_mve_words(scale + 1, apart, whole, lanes));
  const int32x4_t products = vrmulhq_s32(sums, tinyts_depthwise_mve_words(scale, apart, whole, lanes));
  return from_minimum ? vrshlq_s32(products, minus_shifts) : tinyts_mve_divide(products, minus_shifts);
}

TINYTS_MVE_INLINE void tinyts_depthwise_mve_blocks(const tinyts_depthwise_mve_pixel *p, const int32_t *weights,
                                                   const int32_t *constants, ptrdiff_t channel, int8_t *output,
                                                   int whole, uint32_t blocks, int from_minimum) {
  const mve_pred16_t lanes = vctp32q(blocks); /* a lane of words is four of bytes: the same predicate */
  const uint32x4_t offsets = vmulq_n_u32(vidupq_n_u32(0, 4), (uint32_t)p->block_words);
  const uint32x4_t apart = vshlq_n_u32(vidupq_n_u32(0, 8), 3);
  int32x4_t sum0 = tinyts_depthwise_mve_words(constants, apart, whole, lanes);
  int32x4_t sum1 = tinyts_depthwise_mve_words(constants + 1, apart, whole, lanes);
  int32x4_t sum2 = tinyts_depthwise_mve_words(constants + 2, apart, whole, lanes);
  int32x4_t sum3 = tinyts_depthwise_mve_words(constants + 3, apart, whole, lanes);
  const int8_t *const *rows = p->rows;
  weights += p->skipped_before;
  for (int32_t y = p->filter_height; y > 0; --y, rows += p->row_step) {
    const int8_t *input = *rows;
    if (input == NULL) {
      weights += p->skipped_words + 2 * p->taps;
      continue;
    }
    input += p->offset + channel;
    for (int32_t left = p->taps; left > 0; --left) {
      const int8x16_t inputs = whole ? vldrbq_s8(input) : vldrbq_z_s8(input, lanes);
      const int16x8_t even = vaddq_n_s16(vmovlbq_s8(inputs), p->zero_point);
      const int16x8_t odd = vaddq_n_s16(vmovltq_s8(inputs), p->zero_point);
      const int16x8_t even_weights = vreinterpretq_s16_s32(tinyts_depthwise_mve_words(weights, offsets, whole, lanes));
      sum0 = vaddq_s32(sum0, vmullbq_int_s16(even_weights, even));
      sum2 = vaddq_s32(sum2, vmulltq_int_s16(even_weights, even));
      const int16x8_t odd_weights =
          vreinterpretq_s16_s32(tinyts_depthwise_mve_words(weights + 1, offsets, whole, lanes));
      sum1 = vaddq_s32(sum1, vmullbq_int_s16(odd_weights, odd));
      sum3 = vaddq_s32(sum3, vmulltq_int_s16(odd_weights, odd));
      input += p->step;
      weights += 2;
    }
    weights += p->skipped_words;
  }
  const int32_t *const scale = constants + TINYTS_DEPTHWISE_MVE_BLOCK;
  int16x8_t even = vdupq_n_s16(0), odd = even;
  even = vqmovnbq_s32(even, tinyts_depthwise_mve_scale(sum0, scale, whole, lanes, from_minimum));
  odd = vqmovnbq_s32(odd, tinyts_depthwise_mve_scale(sum1, scale + 3, whole, lanes, from_minimum));
  even = vqmovntq_s32(even, tinyts_depthwise_mve_scale(sum2, scale + 6, whole, lanes, from_minimum));
  odd = vqmovntq_s32(odd, tinyts_depthwise_mve_scale(sum3, scale + 9, whole, lanes, from_minimum));
  int8x16_t bytes = vreinterpretq_s8_s16(even);
  bytes = vqmovnbq_s16(bytes, vqaddq_n_s16(even, p->output_zero_point));
  bytes = vqmovntq_s16(bytes, vqaddq_n_s16(odd, p->output_zero_point));
  bytes = vminq_s8(vmaxq_s8(bytes, p->minimum), p->maximum);
  if (whole) {
    vstrbq_s8(output, bytes);
  } else {
    vstrbq_p_s8(output, bytes, lanes);
  }
}

/* The outputs of one row. Pixels come in their order, and a pixel's blocks as well, loads before stores: a row may lie on
 * an input row as kernels.h says. */
TINYTS_MVE_INLINE void tinyts_depthwise_mve_row(const tinyts_depthwise_conv_2d_parameters *p,
                                                const int8_t *const *rows, int8_t *output, int from_minimum) {
  enum { TINYTS_TAP_WORDS = 2 };
  const int32_t channels = p->output_channels, blocks = channels / TINYTS_DEPTHWISE_MVE_BLOCK;
  tinyts_depthwise_mve_pixel pixel;
  pixel.rows = rows;
  pixel.row_step = p->row_dilation;
  pixel.step = (ptrdiff_t)p->column_dilation * channels;
  pixel.filter_height = p->filter_height;
  pixel.block_words = p->filter_height * p->filter_width * TINYTS_TAP_WORDS;
  pixel.zero_point = (int16_t)-p->input_zero_point;
  pixel.output_zero_point = p->output_zero_point;
  pixel.minimum = vdupq_n_s8(p->output_minimum);
  pixel.maximum = vdupq_n_s8(p->output_maximum);
  for (int32_t x = 0; x < p->output_width; ++x, output += channels) {
    const int32_t origin = x * p->column_stride - p->padding_left;
    const tinyts_filter_columns inside =
        tinyts_columns_inside(origin, p->input_width, p->filter_width, p->column_dilation);
    pixel.taps = inside.end - inside.first;
    pixel.skipped_before = inside.first * TINYTS_TAP_WORDS;
    pixel.skipped_words = (p->filter_width - pixel.taps) * TINYTS_TAP_WORDS;
    pixel.offset = (ptrdiff_t)origin * channels + inside.first * pixel.step;
    const int32_t *weights = p->weights, *constants = p->constants;
    int32_t block = 0;
    for (; block + TINYTS_DEPTHWISE_MVE_BLOCKS <= blocks; block += TINYTS_DEPTHWISE_MVE_BLOCKS) {
      const ptrdiff_t channel = block * TINYTS_DEPTHWISE_MVE_BLOCK;
      tinyts_depthwise_mve_blocks(&pixel, weights, constants, channel, output + channel, 1, TINYTS_DEPTHWISE_MVE_BLOCKS,
                                  from_minimum);
      weights += TINYTS_DEPTHWISE_MVE_BLOCKS * pixel.block_words;
      constants += TINYTS_DEPTHWISE_MVE_BLOCKS * TINYTS_DEPTHWISE_MVE_CONSTANTS;
    }
    if (block != blocks) {
      const ptrdiff_t channel = block * TINYTS_DEPTHWISE_MVE_BLOCK;
      tinyts_depthwise_mve_blocks(&pixel, weights, constants, channel, output + channel, 0, (uint32_t)(blocks - block),
                                  from_minimum);
      weights += (blocks - block) * pixel.block_words;
      constants += (blocks - block) * TINYTS_DEPTHWISE_MVE_CONSTANTS;
    }
    if (channels % TINYTS_DEPTHWISE_MVE_BLOCK != 0) {
      const ptrdiff_t channel = channels - TINYTS_DEPTHWISE_MVE_BLOCK;
      tinyts_depthwise_mve_blocks(&pixel, weights, constants, channel, output + channel, 0, 1, from_minimum);
    }
  }
}

TINYTS_NOINLINE static void tinyts_depthwise_mve_row_from_minimum(const tinyts_depthwise_conv_2d_parameters *p,
                                                                  const int8_t *const *rows, int8_t *output) {
  tinyts_depthwise_mve_row(p, rows, output, 1);
}

TINYTS_NOINLINE static void tinyts_depthwise_mve_any_row(const tinyts_depthwise_conv_2d_parameters *p,
                                                         const int8_t *const *rows, int8_t *output) {
  tinyts_depthwise_mve_row(p, rows, output, 0);
}

/* Makes the rows if there is a form for them; returns whether it did. */
static int tinyts_depthwise_mve_rows(const tinyts_depthwise_conv_2d_parameters *p, const int8_t *const *input_rows,
                                     int8_t *const *output_rows, int32_t row_count) {
  if (!p->narrow || p->depth_multiplier != 1 || p->output_channels < TINYTS_DEPTHWISE_MVE_BLOCK) return 0;
  for (int32_t r = 0; r < row_count; ++r) {
    const int8_t *const *const rows = input_rows + r * p->row_stride;
    if (p->output_zero_point == INT8_MIN) {
      tinyts_depthwise_mve_row_from_minimum(p, rows, output_rows[r]);
    } else {
      tinyts_depthwise_mve_any_row(p, rows, output_rows[r]);
    }
  }
  return 1;
}

#endif
