/* CONV_2D: a dot product of the pixel's patch with every output channel's weights.
 *
 * Without scratch, pixel by pixel: the dot products of the runs of bytes in which the patch lies in the input rows, and
 * of padding. With scratch, two pixels at a time: their patches are gathered there as int16, so that each word of
 * weights is loaded and spread once for both. A last odd pixel goes without scratch.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "channels.h"
#include "dot_product.h"
#include "tinyts/kernels.h"
#include "window.h"

/* An output pixel, and where its patch lies. */
typedef struct {
  const int8_t *const *rows; /* of the window; a dilated filter skips some */
  int32_t origin;            /* the input column of filter column 0 */
  tinyts_filter_columns inside;
  int8_t *output;
} conv_pixel;

typedef struct {
  int32_t row, column; /* of the output */
} conv_position;

static conv_pixel conv_next_pixel(const tinyts_conv_2d_parameters *p, const int8_t *const *input_rows,
                                  int8_t *const *output_rows, conv_position *position) {
  const int32_t origin = position->column * p->column_stride - p->padding_left;
  const conv_pixel pixel = {
      input_rows + position->row * p->row_stride,
      origin,
      tinyts_columns_inside(origin, p->input_width, p->filter_width, p->column_dilation),
      output_rows[position->row] + position->column * (ptrdiff_t)p->output_channels,
  };
  if (++position->column == p->output_width) {
    position->column = 0;
    ++position->row;
  }
  return pixel;
}

/* Are neighbours in a row of the filter neighbours in the input row? */
static inline int conv_in_runs(const tinyts_conv_2d_parameters *p) {
  return p->filter_width == 1 ? p->filter_channels == p->input_channels
                              : p->filter_channels == p->input_channels && p->column_dilation == 1;
}

/* --- Without scratch ------------------------------------------------------------------------------------------ */

/* Rows of weights, one for each output channel of a block, and their sums so far. */
typedef struct {
  const int8_t *weights; /* the block's first channel, at the element that comes next */
  size_t row_bytes;
  const int32_t *start;  /* the sums so far: the bias, then `sums` */
  uint32_t *sums;
  uint32_t count;
} conv_block;

static void conv_add_run(conv_block *b, const int8_t *run, size_t length) {
  tinyts_dot_products_of_rows(run, b->weights, length, b->row_bytes, b->start, b->sums, b->count);
  b->start = (const int32_t *)b->sums;
  b->weights += length;
}

__attribute__((noinline)) static void conv_add_padding(conv_block *b, int32_t value, size_t length) {
  if (value != 0 && length != 0) {
    for (uint32_t channel = 0; channel < b->count; ++channel) {
      const int8_t *const weights = b->weights + channel * b->row_bytes;
      int32_t sum = 0;
      size_t i = 0;
#if defined(__ARM_FEATURE_DSP)
      for (; i + 4 <= length; i += 4) {
        const uint32_t word = tinyts_load_4(weights + i);
        sum = __smlad(tinyts_even(word), 0x10001, sum);
        sum = __smlad(tinyts_odd(word), 0x10001, sum);
      }
#endif
      for (; i < length; ++i) sum += weights[i];
      b->sums[channel] = (uint32_t)b->start[channel] + (uint32_t)(value * sum);
    }
    b->start = (const int32_t *)b->sums;
  }
  b->weights += length;
}

/* Adds the block's channels, which read the input channels from `channel` on. */
static void conv_add_patch(const tinyts_conv_2d_parameters *p, const conv_pixel *pixel, size_t channel,
                           conv_block *block) {
  const size_t channels = p->filter_channels, pixel_bytes = p->input_channels;
  const int in_runs = conv_in_runs(p);
  const int32_t zero = p->input_zero_point, first = pixel->inside.first, end = pixel->inside.end;
  for (int32_t y = 0; y < p->filter_height; ++y) {
    const int8_t *row = pixel->rows[y * p->row_dilation];
    if (row == NULL || first == end) {
      conv_add_padding(block, zero, p->filter_width * channels);
      continue;
    }
    row += (pixel->origin + first * p->column_dilation) * (ptrdiff_t)pixel_bytes + (ptrdiff_t)channel;
    conv_add_padding(block, zero, (size_t)first * channels);
    if (in_runs) {
      conv_add_run(block, row, (size_t)(end - first) * channels);
    } else {
      for (int32_t x = first; x < end; ++x, row += p->column_dilation * pixel_bytes) conv_add_run(block, row, channels);
    }
    conv_add_padding(block, zero, (size_t)(p->filter_width - end) * channels);
  }
}

__attribute__((noinline)) static void conv_pixel_in_place(const tinyts_conv_2d_parameters *p, const conv_pixel *pixel) {
  const tinyts_output_range range = {p->output_zero_point, p->output_minimum, p->output_maximum};
  const size_t length = (size_t)p->filter_height * p->filter_width * p->filter_channels;
  const uint32_t group_outputs = (uint32_t)p->output_channels * p->filter_channels / p->input_channels;
  uint32_t sums[TINYTS_CHANNEL_BLOCK];
  size_t input_channel = 0;
  for (uint32_t channel = 0; channel < p->output_channels; input_channel += p->filter_channels) {
    const uint32_t end = channel + group_outputs;
    while (channel < end) {
      conv_block block = {p->weights + channel * length, length, p->bias + channel, sums,
                          tinyts_channels_in_block(end - channel)};
      conv_add_patch(p, pixel, input_channel, &block);
      tinyts_requantize_channels((const uint32_t *)block.start, p->multipliers + channel, p->shifts + channel, range,
                                 pixel->output + channel, block.count);
      channel += block.count;
    }
  }
}

/* --- With scratch ---------------------------------------------------------------------------------------------- */

#if defined(TINYTS_FOUR_ROWS_AT_ONCE)
#define TINYTS_CONV_2D_PAIRS 1

/* Writes the patch of one pixel: for each four elements the even ones and, two words on, the odd ones; the words between
 * are the other pixel's. */
typedef struct {
  int32_t *words;
  uint32_t pending; /* elements that do not fill a word yet */
  uint32_t bits;    /* of them */
} conv_patch_writer;

static inline void conv_put(conv_patch_writer *w, uint32_t word) {
  w->words[0] = tinyts_even(word);
  w->words[2] = tinyts_odd(word);
  w->words += 4;
}

/* `step` is 4; or 0 to repeat four bytes. */
__attribute__((noinline)) static void conv_append(conv_patch_writer *writer, const int8_t *source, size_t step, size_t length) {
  conv_patch_writer w = *writer;
  if (w.bits == 0) {
    for (; length >= 4; length -= 4, source += step) conv_put(&w, tinyts_load_4(source));
  } else {
    for (; length >= 4; length -= 4, source += step) {
      const uint32_t word = tinyts_load_4(source);
      conv_put(&w, w.pending | word << w.bits);
      w.pending = word >> (32 - w.bits);
    }
  }
  for (size_t i = 0; i < length; ++i) {
    w.pending |= (uint32_t)(uint8_t)source[i] << w.bits;
    w.bits += 8;
    if (w.bits == 32) {
      conv_put(&w, w.pending);
      w.pending = w.bits = 0;
    }
  }
  *writer = w;
}

/* The last elements, when they do not fill a word, are at the end of one: its weights are the row's last four. */
__attribute__((noinline)) static void conv_gather(const tinyts_conv_2d_parameters *p, const conv_pixel *pixel, size_t channel, int32_t *words) {
  const int8_t zero = p->input_zero_point, padding[4] = {zero, zero, zero, zero};
  const size_t channels = p->filter_channels, pixel_bytes = p->input_channels;
  const int in_runs = conv_in_runs(p);
  const int32_t first = pixel->inside.first, end = pixel->inside.end;
  conv_patch_writer w = {words, 0, 0};
  for (int32_t y = 0; y < p->filter_height; ++y) {
    const int8_t *row = pixel->rows[y * p->row_dilation];
    if (row == NULL || first == end) {
      conv_append(&w, padding, 0, p->filter_width * channels);
      continue;
    }
    row += (pixel->origin + first * p->column_dilation) * (ptrdiff_t)pixel_bytes + (ptrdiff_t)channel;
    if (first != 0) conv_append(&w, padding, 0, (size_t)first * channels);
    if (in_runs) {
      conv_append(&w, row, 4, (size_t)(end - first) * channels);
    } else {
      for (int32_t x = first; x < end; ++x, row += p->column_dilation * pixel_bytes) conv_append(&w, row, 4, channels);
    }
    if (end != p->filter_width) conv_append(&w, padding, 0, (size_t)(p->filter_width - end) * channels);
  }
  if (w.bits != 0) conv_put(&w, w.pending << (32 - w.bits));
}

/* Sums of two output channels: of the first pixel, of the second. */
typedef struct {
  int32_t sum00, sum01, sum10, sum11;
} conv_sums;

/* Two rows of weights times two patches, whole words: 33 instructions for 32 products. Assembly, because both gcc and
 * clang spill in this loop. */
static inline __attribute__((always_inline)) conv_sums conv_multiply(conv_sums s, const int32_t *patches,
                                                                     const int32_t *patches_end, const int8_t *weights,
                                                                     size_t row_bytes) {
  int32_t a, b, even, x, y;
#define TINYTS_CONV_STEP                         \
  "ldr    %[b], [%[weights], %[row]]\n\t"        \
  "ldr    %[a], [%[weights]], #4\n\t"            \
  "ldrd   %[x], %[y], [%[patches]], #16\n\t"     \
  "sxtb16 %[even], %[a]\n\t"                     \
  "smlad  %[sum00], %[even], %[x], %[sum00]\n\t" \
  "smlad  %[sum01], %[even], %[y], %[sum01]\n\t" \
  "sxtb16 %[even], %[b]\n\t"                     \
  "smlad  %[sum10], %[even], %[x], %[sum10]\n\t" \
  "smlad  %[sum11], %[even], %[y], %[sum11]\n\t" \
  "ldrd   %[x], %[y], [%[patches], #-8]\n\t"     \
  "sxtb16 %[a], %[a], ror #8\n\t"                \
  "sxtb16 %[b], %[b], ror #8\n\t"                \
  "smlad  %[sum00], %[a], %[x], %[sum00]\n\t"    \
  "smlad  %[sum01], %[a], %[y], %[sum01]\n\t"    \
  "smlad  %[sum10], %[b], %[x], %[sum10]\n\t"    \
  "smlad  %[sum11], %[b], %[y], %[sum11]\n\t"
  __asm__ volatile(
      "sub    %[a], %[end], %[patches]\n\t"
      "tst    %[a], #16\n\t"
      "bne    2f\n\t"
      "1:\n\t" TINYTS_CONV_STEP "2:\n\t" TINYTS_CONV_STEP
      "cmp    %[patches], %[end]\n\t"
      "bne    1b"
      : [patches] "+&r"(patches), [weights] "+&r"(weights), [sum00] "+&r"(s.sum00), [sum01] "+&r"(s.sum01),
        [sum10] "+&r"(s.sum10), [sum11] "+&r"(s.sum11), [a] "=&r"(a), [b] "=&r"(b), [even] "=&r"(even), [x] "=&r"(x),
        [y] "=&r"(y)
      : [row] "r"(row_bytes), [end] "r"(patches_end)
      : "cc", "memory");
#undef TINYTS_CONV_STEP
  return s;
}

/* The last elements of a row that is not whole words: patches have 0 for those of them that are done. */
static conv_sums conv_multiply_last(conv_sums s, const int32_t *patches, const int8_t *weights, size_t row_bytes) {
  const uint32_t a = tinyts_load_4(weights), b = tinyts_load_4(weights + row_bytes);
  s.sum00 = __smlad(tinyts_odd(a), patches[2], __smlad(tinyts_even(a), patches[0], s.sum00));
  s.sum01 = __smlad(tinyts_odd(a), patches[3], __smlad(tinyts_even(a), patches[1], s.sum01));
  s.sum10 = __smlad(tinyts_odd(b), patches[2], __smlad(tinyts_even(b), patches[0], s.sum10));
  s.sum11 = __smlad(tinyts_odd(b), patches[3], __smlad(tinyts_even(b), patches[1], s.sum11));
  return s;
}

/* Output channels first ... end - 1, at least two, of both pixels. */
__attribute__((noinline)) static void conv_two_pixels(const tinyts_conv_2d_parameters *p, const int32_t *patches, uint32_t first, uint32_t end,
                            int8_t *output0, int8_t *output1) {
  const tinyts_output_range range = {p->output_zero_point, p->output_minimum, p->output_maximum};
  const int32_t offset = 2 * range.zero_point + 1;
  const size_t length = TINYTS_CONV_2D_PATCH_BYTES(p);
  const int32_t *const words_end = patches + length / 4 * 4;
  const int clamped = range.minimum != INT8_MIN || range.maximum != INT8_MAX;
  for (uint32_t channel = first; channel < end; channel += 2) {
    if (channel + 2 > end) --channel; /* the last of an odd number: its neighbour once more */
    const int8_t *const weights = p->weights + channel * length;
    const int32_t bias0 = p->bias[channel], bias1 = p->bias[channel + 1];
    conv_sums s = conv_multiply((conv_sums){bias0, bias0, bias1, bias1}, patches, words_end, weights, length);
    if (length % 4 != 0) s = conv_multiply_last(s, words_end, weights + length - 4, length);
    const int32_t *const multipliers = p->multipliers + channel;
    const int8_t *const shifts = p->shifts + channel;
    if (p->narrow) {
      int32_t multiplier = multipliers[0], right = ~shifts[0];
      s.sum00 = tinyts_scale_narrow((uint32_t)s.sum00, multiplier, right, offset);
      s.sum01 = tinyts_scale_narrow((uint32_t)s.sum01, multiplier, right, offset);
      multiplier = multipliers[1];
      right = ~shifts[1];
      s.sum10 = tinyts_scale_narrow((uint32_t)s.sum10, multiplier, right, offset);
      s.sum11 = tinyts_scale_narrow((uint32_t)s.sum11, multiplier, right, offset);
      if (clamped) {
        s.sum00 = tinyts_clamp(s.sum00, range.minimum, range.maximum);
        s.sum01 = tinyts_clamp(s.sum01, range.minimum, range.maximum);
        s.sum10 = tinyts_clamp(s.sum10, range.minimum, range.maximum);
        s.sum11 = tinyts_clamp(s.sum11, range.minimum, range.maximum);
      }
      output0[channel] = (int8_t)s.sum00;
      output0[channel + 1] = (int8_t)s.sum10;
      output1[channel] = (int8_t)s.sum01;
      output1[channel + 1] = (int8_t)s.sum11;
    } else {
      const uint32_t sums0[2] = {(uint32_t)s.sum00, (uint32_t)s.sum10}, sums1[2] = {(uint32_t)s.sum01, (uint32_t)s.sum11};
      tinyts_requantize_channels(sums0, multipliers, shifts, range, output0 + channel, 2);
      tinyts_requantize_channels(sums1, multipliers, shifts, range, output1 + channel, 2);
    }
  }
}

static void conv_pixels_in_scratch(const tinyts_conv_2d_parameters *p, const conv_pixel *pixel0,
                                   const conv_pixel *pixel1, int32_t *patches) {
  const uint32_t group_outputs = (uint32_t)p->output_channels * p->filter_channels / p->input_channels;
  size_t input_channel = 0;
  for (uint32_t first = 0; first < p->output_channels; first += group_outputs, input_channel += p->filter_channels) {
    conv_gather(p, pixel0, input_channel, patches);
    conv_gather(p, pixel1, input_channel, patches + 1);
    conv_two_pixels(p, patches, first, first + group_outputs, pixel0->output, pixel1->output);
  }
}
#endif

void tinyts_conv_2d(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                    int32_t row_count, int8_t *scratch) {
  const tinyts_conv_2d_parameters *const p = parameters;
  conv_position position = {0, 0};
  int32_t left = row_count * p->output_width;
#if defined(TINYTS_CONV_2D_PAIRS)
  if (scratch != NULL) {
    for (; left >= 2; left -= 2) {
      const conv_pixel pixel0 = conv_next_pixel(p, input_rows, output_rows, &position);
      const conv_pixel pixel1 = conv_next_pixel(p, input_rows, output_rows, &position);
      conv_pixels_in_scratch(p, &pixel0, &pixel1, (int32_t *)(void *)scratch);
    }
  }
#else
  (void)scratch;
#endif
  for (; left > 0; --left) {
    const conv_pixel pixel = conv_next_pixel(p, input_rows, output_rows, &position);
    conv_pixel_in_place(p, &pixel);
  }
}
