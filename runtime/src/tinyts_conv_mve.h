/* CONV_2D with Helium: int8 weights as they are packed for pairs of channels, half words of both, three pixels at a time.
 *
 * VLD20 and VLD21 load sixteen half words, and narrowing takes the two channels apart, so that a vector has sixteen
 * elements of one channel, and VMLADAVA adds sixteen products in one instruction. Patches of 1x1 are read where they lie;
 * others are put into one piece first, as int8.
 *
 * Only to be included where TINYTS_MVE is defined.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_CONV_MVE_H
#define TINYTS_CONV_MVE_H

#include <stddef.h>

#include "tinyts_arithmetic.h"
#include "tinyts_mve.h"
#include "tinyts/tinyts_kernels.h"
#include "tinyts_window.h"

enum {
  TINYTS_CONV_MVE_PIXELS = 3, /* as many sums of two channels as there are registers for them */
  TINYTS_CONV_MVE_PAIR_WORDS = 5,
  TINYTS_CONV_MVE_QUAD = 4 /* channels whose sums are scaled together */
};

/* A patch: whole vectors, and what is behind them. */
typedef struct {
  uint32x4_t rest_offsets; /* bytes from the rest's first word of weights to each; absent words read the first again */
  int32x4_t rest_shifts;   /* bits to the left that bring weights of the rest below their elements */
  uint32_t blocks;         /* of sixteen elements */
  uint32_t rest_words;     /* of each channel's weights */
  uint32_t rest_bytes;     /* of the patch */
} tinyts_conv_mve_patch;

typedef struct {
  const int8_t *sources[TINYTS_CONV_MVE_PIXELS];
  int8_t *outputs[TINYTS_CONV_MVE_PIXELS];
} tinyts_conv_mve_pixels;

static tinyts_conv_mve_patch tinyts_conv_mve_find_patch(const tinyts_conv_2d_parameters *p, int in_place) {
  const uint32_t words = TINYTS_CONV_2D_PATCH_WORDS(p);
  const uint32_t elements = in_place || TINYTS_CONV_2D_OVERLAPS(p) ? p->filter_channels : 4u * words;
  tinyts_conv_mve_patch patch;
  patch.blocks = words / 4;
  patch.rest_words = words % 4;
  patch.rest_shifts = vdupq_n_s32(0);
  /* Where the last word is the last four elements, those that are in the word before as well go: what is left moves down,
   * to where it lies in the patch. */
  if (TINYTS_CONV_2D_OVERLAPS(p)) {
    const uint32_t last = (words - 1) % 4;
    int32_t shifts[4] = {0, 0, 0, 0};
    shifts[last] = -8 * (int32_t)(4 * words - elements);
    patch.rest_shifts = vld1q_s32(shifts);
    if (patch.rest_words == 0) { /* then the last vector is a rest */
      --patch.blocks;
      patch.rest_words = 4;
    }
  }
  patch.rest_bytes = elements - 16 * patch.blocks;
  patch.rest_offsets = vpselq_u32(vidupq_n_u32(0, 8), vdupq_n_u32(0), vctp32q(patch.rest_words));
  return patch;
}

/* Sums of two channels for up to three pixels. */
typedef struct {
  int32_t even[TINYTS_CONV_MVE_PIXELS], odd[TINYTS_CONV_MVE_PIXELS];
} tinyts_conv_mve_sums;

/* The weights of two channels. */
typedef struct {
  int8x16_t even, odd;
} tinyts_conv_mve_weights;

/* Of the half words of elements 0 and 2, and 1 and 3, of each four: 256 times the even weight, plus the odd one. */
TINYTS_MVE_INLINE tinyts_conv_mve_weights tinyts_conv_mve_apart(int16x8_t first, int16x8_t second) {
  tinyts_conv_mve_weights apart;
  /* Rounding rounds the odd one away. In assembly for want of an intrinsic that leaves nothing to be copied. */
  __asm__("vrshrnb.i16 %q0, %q1, #8\n\t"
          "vrshrnt.i16 %q0, %q2, #8\n\t"
          "vmovnt.i16 %q1, %q2"
          : "=&w"(apart.even), "+w"(first)
          : "w"(second));
  apart.odd = vreinterpretq_s8_s16(first);
  return apart;
}

/* Sixteen elements more, of `count` pixels, a constant. */
TINYTS_MVE_INLINE tinyts_conv_mve_sums tinyts_conv_mve_add(tinyts_conv_mve_sums s, int count,
                                                           tinyts_conv_mve_weights weights, const int8_t *source0,
                                                           const int8_t *source1, const int8_t *source2) {
  const int8x16_t even = weights.even, odd = weights.odd;
  int8x16_t inputs = vldrbq_s8(source0);
  s.even[0] = vmladavaq_s8(s.even[0], even, inputs);
  s.odd[0] = vmladavaq_s8(s.odd[0], odd, inputs);
  if (count > 1) {
    inputs = vldrbq_s8(source1);
    s.even[1] = vmladavaq_s8(s.even[1], even, inputs);
    s.odd[1] = vmladavaq_s8(s.odd[1], odd, inputs);
  }
  if (count > 2) {
    inputs = vldrbq_s8(source2);
    s.even[2] = vmladavaq_s8(s.even[2], even, inputs);
    s.odd[2] = vmladavaq_s8(s.odd[2], odd, inputs);
  }
  return s;
}

/* The sums of a pair of channels: sums[pixel][channel of four]. `rests` has the pixels' rests, filled with zeros to whole
 * vectors. Returns where the next pair's weights are. */
TINYTS_MVE_INLINE const int32_t *tinyts_conv_mve_pair(const tinyts_conv_mve_pixels *pixels, int count,
                                                      const tinyts_conv_mve_patch *patch, const int8_t *rests,
                                                      const int32_t *weights, const int32_t *bias, int32_t *sums) {
  const int8_t *source0 = pixels->sources[0], *source1 = pixels->sources[1], *source2 = pixels->sources[2];
  const int32_t even_bias = tinyts_even_sum((uint32_t)bias[0], (uint32_t)bias[1]);
  tinyts_conv_mve_sums s = {{even_bias, even_bias, even_bias}, {bias[1], bias[1], bias[1]}};
  for (uint32_t left = patch->blocks; left != 0; --left) {
    const int32x4x2_t pair = vld2q_s32(weights);
    s = tinyts_conv_mve_add(
        s, count, tinyts_conv_mve_apart(vreinterpretq_s16_s32(pair.val[0]), vreinterpretq_s16_s32(pair.val[1])), source0,
        source1, source2);
    weights += 8;
    source0 += 16;
    source1 += 16;
    source2 += 16;
  }
  if (patch->rest_words != 0) {
    const uint32x4_t first = vldrwq_gather_offset_u32((const uint32_t *)weights, patch->rest_offsets);
    const uint32x4_t second = vldrwq_gather_offset_u32((const uint32_t *)weights + 1, patch->rest_offsets);
    tinyts_conv_mve_weights apart =
        tinyts_conv_mve_apart(vreinterpretq_s16_u32(first), vreinterpretq_s16_u32(second));
    apart.even = vreinterpretq_s8_u32(vshlq_u32(vreinterpretq_u32_s8(apart.even), patch->rest_shifts));
    apart.odd = vreinterpretq_s8_u32(vshlq_u32(vreinterpretq_u32_s8(apart.odd), patch->rest_shifts));
    s = tinyts_conv_mve_add(s, count, apart, rests, rests + 16, rests + 32);
    weights += 2 * patch->rest_words;
  }
  for (int i = 0; i < count; ++i) {
    sums[i * TINYTS_CONV_MVE_QUAD] = s.even[i];
    sums[i * TINYTS_CONV_MVE_QUAD + 1] = s.odd[i];
  }
  return weights;
}

/* All channels of so many pixels. Where the output's zero point is -128, all that is negative becomes -128 however ties are
 * rounded. */
TINYTS_MVE_INLINE void tinyts_conv_mve_channels(const tinyts_conv_2d_parameters *p,
                                                const tinyts_conv_mve_pixels *pixels, int count,
                                                const tinyts_conv_mve_patch *patch) {
  /* Where the constants of four channels stand behind those of the first: two pairs, and shifts are bytes. */
  static const uint32_t word_offsets[4] = {0, 4, 20, 24}, byte_offsets[4] = {0, 1, 20, 21};
  const int32_t *weights = (const int32_t *)p->weights, *constants = p->channel_pairs;
  const int32_t *const end = constants + (p->output_channels + 1) / 2 * TINYTS_CONV_MVE_PAIR_WORDS;
  const int32x4_t minimum = vdupq_n_s32(p->output_minimum), maximum = vdupq_n_s32(p->output_maximum);
  const int32_t zero_point = p->output_zero_point;
  const int from_minimum = zero_point == INT8_MIN;
  int8_t *output0 = pixels->outputs[0], *output1 = pixels->outputs[1], *output2 = pixels->outputs[2];
  int32_t sums[TINYTS_CONV_MVE_PIXELS * TINYTS_CONV_MVE_QUAD];
  int8_t rests[TINYTS_CONV_MVE_PIXELS * 16];
  int32_t left = p->output_channels;
  for (int i = 0; i < count; ++i) {
    const int8_t *const rest = pixels->sources[i] + 16 * patch->blocks;
    vstrbq_s8(rests + 16 * i, vldrbq_z_s8(rest, vctp8q(patch->rest_bytes)));
  }
  while (constants != end) {
    const mve_pred16_t lanes = vctp32q((uint32_t)left);
    weights = tinyts_conv_mve_pair(pixels, count, patch, rests, weights, constants, sums);
    const int32x4_t multipliers = vldrwq_gather_offset_z_s32(constants + 2, vld1q_u32(word_offsets), lanes);
    const int32x4_t minus_shifts =
        vmvnq_s32(vldrbq_gather_offset_z_s32((const int8_t *)(constants + 4), vld1q_u32(byte_offsets), lanes));
    constants += TINYTS_CONV_MVE_PAIR_WORDS;
    if (constants != end) {
      weights = tinyts_conv_mve_pair(pixels, count, patch, rests, weights, constants, sums + 2);
      constants += TINYTS_CONV_MVE_PAIR_WORDS;
    }
    left -= TINYTS_CONV_MVE_QUAD;
    for (int i = 0; i < count; ++i) {
      const int32x4_t products = vqrdmulhq_s32(vldrwq_s32(sums + i * TINYTS_CONV_MVE_QUAD), multipliers);
      const int32x4_t scaled =
          from_minimum ? vrshlq_s32(products, minus_shifts) : tinyts_mve_divide(products, minus_shifts);
      const int32x4_t value = vminq_s32(vmaxq_s32(vaddq_n_s32(scaled, zero_point), minimum), maximum);
      vstrbq_p_s32(i == 0 ? output0 : i == 1 ? output1 : output2, value, lanes);
    }
    output0 += TINYTS_CONV_MVE_QUAD;
    output1 += TINYTS_CONV_MVE_QUAD;
    output2 += TINYTS_CONV_MVE_QUAD;
  }
}

TINYTS_NOINLINE static void tinyts_conv_mve_three(const tinyts_conv_2d_parameters *p, const tinyts_conv_mve_pixels *pixels,
                                                  const tinyts_conv_mve_patch *patch) {
  tinyts_conv_mve_channels(p, pixels, 3, patch);
}

TINYTS_NOINLINE static void tinyts_conv_mve_two(const tinyts_conv_2d_parameters *p, const tinyts_conv_mve_pixels *pixels,
                                                const tinyts_conv_mve_patch *patch) {
  tinyts_conv_mve_channels(p, pixels, 2, patch);
}

TINYTS_NOINLINE static void tinyts_conv_mve_one(const tinyts_conv_2d_parameters *p, const tinyts_conv_mve_pixels *pixels,
                                                const tinyts_conv_mve_patch *patch) {
  tinyts_conv_mve_channels(p, pixels, 1, patch);
}

TINYTS_MVE_INLINE int8_t *tinyts_conv_mve_copy(int8_t *target, const int8_t *source, int32_t length) {
  for (int32_t done = 0; done < length; done += 16) {
    const mve_pred16_t bytes = vctp8q((uint32_t)(length - done));
    vstrbq_p_s8(target + done, vldrbq_z_s8(source + done, bytes), bytes);
  }
  return target + length;
}

/* Puts the patch of the pixel at `origin`, the input column of filter column 0, into one piece. */
TINYTS_NOINLINE static void tinyts_conv_mve_gather(const tinyts_conv_2d_parameters *p, const int8_t *const *rows,
                                                   int32_t origin, int8_t *patch) {
  const int32_t channels = p->filter_channels;
  tinyts_filter_columns inside = {0, p->filter_width};
  if (p->padding != NULL) {
    inside = tinyts_columns_inside(origin, p->input_width, p->filter_width, p->column_dilation);
  }
  for (int32_t y = 0; y < p->filter_height; ++y, rows += p->row_dilation) {
    const int8_t *const row = *rows;
    const int32_t first = row == NULL ? p->filter_width : inside.first, end = row == NULL ? first : inside.end;
    patch = tinyts_conv_mve_copy(patch, p->padding, first * channels);
    if (p->column_dilation == 1) {
      if (end > first) patch = tinyts_conv_mve_copy(patch, row + (origin + first) * channels, (end - first) * channels);
    } else {
      for (int32_t x = first; x < end; ++x) {
        patch = tinyts_conv_mve_copy(patch, row + (origin + x * p->column_dilation) * channels, channels);
      }
    }
    patch = tinyts_conv_mve_copy(patch, p->padding, (p->filter_width - end) * channels);
  }
}

/* Makes the rows if there is a form for them; returns whether it did. */
TINYTS_NOINLINE static int tinyts_conv_mve_rows(const tinyts_conv_2d_parameters *p, const int8_t *const *input_rows,
                                                int8_t *const *output_rows, int32_t row_count, int8_t *scratch) {
  const int in_place = p->filter_height == 1 && p->filter_width == 1 && p->padding == NULL;
  const uint32_t patch_bytes = 4u * TINYTS_CONV_2D_PATCH_WORDS(p);
  int8_t on_stack[TINYTS_CONV_2D_STACK_BYTES];
  int8_t *const gathered = scratch != NULL ? scratch : on_stack;
  int32_t at_once = TINYTS_CONV_MVE_PIXELS;
  tinyts_conv_mve_pixels pixels;
  int32_t count = 0;
  if (!p->narrow || p->wide || p->filter_channels != p->input_channels) return 0;
  if (!in_place && scratch == NULL && patch_bytes * TINYTS_CONV_MVE_PIXELS > sizeof on_stack) {
    at_once = (int32_t)(sizeof on_stack / patch_bytes);
    if (at_once == 0) return 0;
  }
  const tinyts_conv_mve_patch patch = tinyts_conv_mve_find_patch(p, in_place);
  for (int32_t row = 0; row < row_count; ++row) {
    const int8_t *const *const rows = input_rows + row * p->row_stride;
    for (int32_t column = 0; column < p->output_width; ++column) {
      const int32_t origin = column * p->column_stride - p->padding_left;
      if (in_place) {
        pixels.sources[count] = rows[0] + origin * p->input_channels;
      } else {
        int8_t *const piece = gathered + (size_t)count * patch_bytes;
        tinyts_conv_mve_gather(p, rows, origin, piece);
        pixels.sources[count] = piece;
      }
      if (count == 0) { /* what is not there is never read */
        pixels.sources[1] = pixels.sources[2] = pixels.sources[0];
        pixels.outputs[1] = pixels.outputs[2] = output_rows[row];
      }
      pixels.outputs[count] = output_rows[row] + column * p->output_channels;
      if (++count == at_once || (row == row_count - 1 && column == p->output_width - 1)) {
        if (count == 3) {
          tinyts_conv_mve_three(p, &pixels, &patch);
        } else if (count == 2) {
          tinyts_conv_mve_two(p, &pixels, &patch);
        } else {
          tinyts_conv_mve_one(p, &pixels, &patch);
        }
        count = 0;
      }
    }
  }
  return 1;
}

#endif
