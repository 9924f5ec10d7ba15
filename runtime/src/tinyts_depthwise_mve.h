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
  int32_t taps;                  /* columns inside the input */
  int32_t bytes_before, bytes_between; /* of weights: in front of them, and between those of two rows */
  int32_t filter_height, row_bytes;
  int32_t minus_zero_point;
  uint32x4_t weights_apart, constants_apart; /* bytes from the first block to each */
  int8x16_t minimum, maximum;
} tinyts_depthwise_mve_pixel;

/* Four sums of a group of blocks; `weights` are the addresses of a tap's, two words in front of the one that comes next. */
typedef struct {
  int32x4_t sums[4];
  uint32x4_t weights;
} tinyts_depthwise_mve_sums;

/* The taps of a row in assembly: they need all eight registers, of which compilers spill one. Loads that would leave the
 * row are predicated. */
#define TINYTS_DEPTHWISE_MVE_HALF(load, spread, words, lower, upper) \
  load                                                              \
  "vldrw.u32   %q[w], [%q[weights], " words "\n\t"                  \
  spread "     %q[x], %q[x]\n\t"                                    \
  "vadd.i16    %q[x], %q[x], %[zero]\n\t"                           \
  "vmullb.s16  %q[t], %q[w], %q[x]\n\t"                             \
  "vadd.i32    %q[" lower "], %q[" lower "], %q[t]\n\t"             \
  "vmullt.s16  %q[t], %q[w], %q[x]\n\t"                             \
  "vadd.i32    %q[" upper "], %q[" upper "], %q[t]\n\t"
#define TINYTS_DEPTHWISE_MVE_TAPS(load)                                                                         \
  __asm__ volatile(                                                                                             \
      "vmsr        p0, %[lanes]\n\t"                                                                            \
      "dls         lr, %[taps]\n\t"                                                                             \
      "1:\n\t"                                                                                                  \
      TINYTS_DEPTHWISE_MVE_HALF(load, "vmovlb.s8", "#8]!", "sum0", "sum2")                                      \
      TINYTS_DEPTHWISE_MVE_HALF(load, "vmovlt.s8", "#4]", "sum1", "sum3")                                       \
      "add         %[input], %[input], %[step]\n\t"                                                             \
      "le          lr, 1b"                                                                                      \
      : [sum0] "+w"(sum0), [sum1] "+w"(sum1), [sum2] "+w"(sum2), [sum3] "+w"(sum3), [weights] "+w"(weights),    \
        [input] "+r"(input), [x] "=&w"(x), [w] "=&w"(w), [t] "=&w"(t)                                           \
      : [zero] "r"(p->minus_zero_point), [step] "r"(p->step), [taps] "r"(p->taps), [lanes] "r"((uint32_t)lanes) \
      : "lr", "memory")

TINYTS_MVE_INLINE void tinyts_depthwise_mve_add(const tinyts_depthwise_mve_pixel *p, ptrdiff_t channel, int whole,
                                                mve_pred16_t lanes, tinyts_depthwise_mve_sums *s) {
  const int8_t *const *rows = p->rows;
  int32x4_t sum0 = s->sums[0], sum1 = s->sums[1], sum2 = s->sums[2], sum3 = s->sums[3], x, w, t;
  uint32x4_t weights = vaddq_n_u32(s->weights, (uint32_t)p->bytes_before);
  for (int32_t y = p->filter_height; y > 0; --y, rows += p->row_step) {
    const int8_t *input = *rows;
    if (input == NULL || p->taps <= 0) {
      weights = vaddq_n_u32(weights, (uint32_t)p->row_bytes);
      continue;
    }
    input += p->offset + channel;
    if (whole) {
      TINYTS_DEPTHWISE_MVE_TAPS("vldrb.8     %q[x], [%[input]]\n\t");
    } else {
      TINYTS_DEPTHWISE_MVE_TAPS("vpst\n\tvldrbt.8    %q[x], [%[input]]\n\t");
    }
    weights = vaddq_n_u32(weights, (uint32_t)p->bytes_between);
  }
  s->sums[0] = sum0;
  s->sums[1] = sum1;
  s->sums[2] = sum2;
  s->sums[3] = sum3;
}

#undef TINYTS_DEPTHWISE_MVE_TAPS
#undef TINYTS_DEPTHWISE_MVE_HALF

/* A sum scaled, with the output's zero point in it (kernels.h). Where that is -128, all that is negative becomes -128, and
 * nothing need be subtracted for its sign. */
TINYTS_MVE_INLINE int32x4_t tinyts_depthwise_mve_scale(int32x4_t sums, const int32_t *scale, uint32x4_t apart,
                                                       int from_minimum) {
  const int32x4_t minus_shifts = vnegq_s32(vldrwq_gather_offset_s32(scale + 1, apart));
  const int32x4_t products = vrmulhq_s32(sums, vldrwq_gather_offset_s32(scale, apart));
  const int32x4_t values = vaddq_s32(products, vldrwq_gather_offset_s32(scale + 2, apart));
  return vshlq_s32(from_minimum ? values : vaddq_s32(values, vshrq_n_s32(sums, 31)), minus_shifts);
}

/* Blocks that are not there read the weights and constants of the first. */
TINYTS_MVE_INLINE uint32x4_t tinyts_depthwise_mve_apart(uint32x4_t offsets, int whole, mve_pred16_t lanes) {
  return whole ? offsets : vpselq_u32(offsets, vdupq_n_u32(0), lanes);
}

TINYTS_MVE_INLINE void tinyts_depthwise_mve_blocks(const tinyts_depthwise_mve_pixel *p, const int32_t *weights,
                                                   const int32_t *constants, ptrdiff_t channel, int8_t *output,
                                                   int whole, uint32_t blocks, int from_minimum) {
  const mve_pred16_t lanes = vctp32q(blocks); /* a lane of words is four of bytes: the same predicate */
  const uint32x4_t apart = tinyts_depthwise_mve_apart(p->constants_apart, whole, lanes);
  const int32_t *const scale = constants + TINYTS_DEPTHWISE_MVE_BLOCK;
  tinyts_depthwise_mve_sums s;
  for (int i = 0; i < 4; ++i) s.sums[i] = vldrwq_gather_offset_s32(constants + i, apart);
  s.weights = vaddq_n_u32(tinyts_depthwise_mve_apart(p->weights_apart, whole, lanes), (uint32_t)(uintptr_t)weights);
  tinyts_depthwise_mve_add(p, channel, whole, lanes, &s);
  int16x8_t even = vdupq_n_s16(0), odd = even;
  even = vqmovnbq_s32(even, tinyts_depthwise_mve_scale(s.sums[0], scale, apart, from_minimum));
  odd = vqmovnbq_s32(odd, tinyts_depthwise_mve_scale(s.sums[1], scale + 3, apart, from_minimum));
  even = vqmovntq_s32(even, tinyts_depthwise_mve_scale(s.sums[2], scale + 6, apart, from_minimum));
  odd = vqmovntq_s32(odd, tinyts_depthwise_mve_scale(s.sums[3], scale + 9, apart, from_minimum));
  int8x16_t bytes = vreinterpretq_s8_s16(even);
  bytes = vqmovnbq_s16(bytes, even);
  bytes = vqmovntq_s16(bytes, odd);
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
  enum { TINYTS_TAP_WORDS = 2, TINYTS_TAP_BYTES = 8 };
  const int32_t block_words = p->filter_height * p->filter_width * TINYTS_TAP_WORDS;
  const int32_t channels = p->output_channels, blocks = channels / TINYTS_DEPTHWISE_MVE_BLOCK;
  tinyts_depthwise_mve_pixel pixel;
  pixel.rows = rows;
  pixel.row_step = p->row_dilation;
  pixel.step = (ptrdiff_t)p->column_dilation * channels;
  pixel.filter_height = p->filter_height;
  pixel.row_bytes = p->filter_width * TINYTS_TAP_BYTES;
  pixel.minus_zero_point = -p->input_zero_point;
  pixel.weights_apart = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)(pixel.filter_height * pixel.row_bytes));
  pixel.constants_apart = vshlq_n_u32(vidupq_n_u32(0, 8), 3); /* 64 bytes a block */
  pixel.minimum = vdupq_n_s8(p->output_minimum);
  pixel.maximum = vdupq_n_s8(p->output_maximum);
  for (int32_t x = 0; x < p->output_width; ++x, output += channels) {
    const int32_t origin = x * p->column_stride - p->padding_left;
    const tinyts_filter_columns inside =
        tinyts_columns_inside(origin, p->input_width, p->filter_width, p->column_dilation);
    pixel.taps = inside.end - inside.first;
    pixel.bytes_before = inside.first * TINYTS_TAP_BYTES - TINYTS_TAP_BYTES;
    pixel.bytes_between = (p->filter_width - pixel.taps) * TINYTS_TAP_BYTES;
    pixel.offset = (ptrdiff_t)origin * channels + inside.first * pixel.step;
    const int32_t *weights = p->weights, *constants = p->constants;
    int32_t block = 0;
    for (; block + TINYTS_DEPTHWISE_MVE_BLOCKS <= blocks; block += TINYTS_DEPTHWISE_MVE_BLOCKS) {
      const ptrdiff_t channel = block * TINYTS_DEPTHWISE_MVE_BLOCK;
      tinyts_depthwise_mve_blocks(&pixel, weights, constants, channel, output + channel, 1, TINYTS_DEPTHWISE_MVE_BLOCKS,
                                  from_minimum);
      weights += TINYTS_DEPTHWISE_MVE_BLOCKS * block_words;
      constants += TINYTS_DEPTHWISE_MVE_BLOCKS * TINYTS_DEPTHWISE_MVE_CONSTANTS;
    }
    if (block != blocks) {
      const ptrdiff_t channel = block * TINYTS_DEPTHWISE_MVE_BLOCK;
      tinyts_depthwise_mve_blocks(&pixel, weights, constants, channel, output + channel, 0, (uint32_t)(blocks - block),
                                  from_minimum);
      weights += (blocks - block) * block_words;
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

/* A group of blocks takes what three blocks take with DSP instructions, however few of them it has. */
static int tinyts_depthwise_mve_is_faster(const tinyts_depthwise_conv_2d_parameters *p) {
  const int32_t blocks = p->output_channels / TINYTS_DEPTHWISE_MVE_BLOCK;
  const int32_t last = p->output_channels % TINYTS_DEPTHWISE_MVE_BLOCK != 0;
  const int32_t groups = (blocks + TINYTS_DEPTHWISE_MVE_BLOCKS - 1) / TINYTS_DEPTHWISE_MVE_BLOCKS + last;
  return blocks + last >= 3 * groups;
}

/* Makes the rows if there is a form for them; returns whether it did. */
static int tinyts_depthwise_mve_rows(const tinyts_depthwise_conv_2d_parameters *p, const int8_t *const *input_rows,
                                     int8_t *const *output_rows, int32_t row_count) {
  if (!p->narrow || p->depth_multiplier != 1 || p->output_channels < TINYTS_DEPTHWISE_MVE_BLOCK ||
      !tinyts_depthwise_mve_is_faster(p)) {
    return 0;
  }
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
