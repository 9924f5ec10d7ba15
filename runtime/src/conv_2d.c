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

/* The pixel at the position, which moves on. */
static void conv_next_pixel(const tinyts_conv_2d_parameters *p, const int8_t *const *input_rows,
                            int8_t *const *output_rows, conv_position *position, conv_pixel *pixel) {
  const int32_t row = position->row, column = position->column;
  pixel->rows = input_rows + row * p->row_stride;
  pixel->origin = column * p->column_stride - p->padding_left;
  pixel->inside = tinyts_columns_inside(pixel->origin, p->input_width, p->filter_width, p->column_dilation);
  pixel->output = output_rows[row] + column * (ptrdiff_t)p->output_channels;
  if (++position->column == p->output_width) {
    position->column = 0;
    ++position->row;
  }
}

/* The patch of a pixel, for one group of channels, is so many runs of bytes that lie together in an input row, or are
 * padding. */
typedef struct {
  const tinyts_conv_2d_parameters *parameters;
  const conv_pixel *pixel;
  size_t channel; /* the group's first */
  int32_t y, x;   /* the filter's row and column that come next */
} conv_runs;

typedef struct {
  const int8_t *source; /* NULL: padding */
  size_t length;
} conv_run;

static inline int conv_has_runs(const conv_runs *r) { return r->y < r->parameters->filter_height; }

__attribute__((noinline)) static conv_run conv_next_run(conv_runs *r) {
  const tinyts_conv_2d_parameters *const p = r->parameters;
  const conv_pixel *const pixel = r->pixel;
  const int8_t *const row = pixel->rows[r->y * p->row_dilation];
  const int32_t x = r->x;
  int32_t end = p->filter_width;
  conv_run run = {NULL, 0};
  if (row != NULL && x < pixel->inside.end) {
    if (x < pixel->inside.first) {
      end = pixel->inside.first;
    } else {
      /* Columns are neighbours in the row as well, unless dilation or other groups' channels lie between them. */
      end = p->filter_channels == p->input_channels && p->column_dilation == 1 ? pixel->inside.end : x + 1;
      run.source = row + (pixel->origin + x * p->column_dilation) * (ptrdiff_t)p->input_channels + r->channel;
    }
  }
  run.length = (size_t)(end - x) * p->filter_channels;
  r->x = end;
  if (end == p->filter_width) {
    r->x = 0;
    ++r->y;
  }
  return run;
}

/* Not inlined, as others here that more than one caller has, or whose variables would be on the stack for nothing. */
__attribute__((noinline)) static void conv_scale(const tinyts_conv_2d_parameters *p, const uint32_t *sums,
                                                 uint32_t channel, uint32_t count, int8_t *output) {
  const tinyts_output_range range = {p->output_zero_point, p->output_minimum, p->output_maximum};
  tinyts_requantize_channels(sums, p->multipliers + channel, p->shifts + channel, p->narrow, range, output + channel,
                             count);
}

/* --- Without scratch ------------------------------------------------------------------------------------------ */

/* Patches up to this size that are not one run are gathered on the stack: their runs are short. */
enum { CONV_SMALL_PATCH = 64 };

/* Adds the sum of the elements, times `value`, to a sum. */
static uint32_t conv_add_padding(uint32_t sum, int32_t value, const int8_t *weights, size_t length) {
  int32_t total = 0;
  size_t i = 0;
#if defined(__ARM_FEATURE_DSP)
  for (; i + 4 <= length; i += 4) {
    const uint32_t word = tinyts_load_4(weights + i);
    total = __smlad(tinyts_odd(word), 0x10001, __smlad(tinyts_even(word), 0x10001, total));
  }
#endif
  for (; i < length; ++i) total += weights[i];
  return sum + (uint32_t)(value * total);
}

__attribute__((noinline)) static void conv_products(const int8_t *vector, const int8_t *weights, size_t length,
                                                    size_t row_bytes, const int32_t *bias, uint32_t *sums,
                                                    uint32_t count) {
  tinyts_dot_products_of_rows(vector, weights, length, row_bytes, bias, sums, count);
}

/* The sums of `count` output channels from `channel` on. */
__attribute__((noinline)) static void conv_add_runs(conv_runs runs, uint32_t channel, uint32_t *sums, uint32_t count) {
  const tinyts_conv_2d_parameters *const p = runs.parameters;
  const size_t row_bytes = TINYTS_CONV_2D_PATCH_BYTES(p);
  const int8_t *weights = p->weights + channel * row_bytes;
  for (uint32_t i = 0; i < count; ++i) sums[i] = (uint32_t)p->bias[channel + i];
  while (conv_has_runs(&runs)) {
    const conv_run run = conv_next_run(&runs);
    if (run.source != NULL) {
      conv_products(run.source, weights, run.length, row_bytes, (const int32_t *)sums, sums, count);
    } else if (p->input_zero_point != 0) {
      for (uint32_t i = 0; i < count; ++i) {
        sums[i] = conv_add_padding(sums[i], p->input_zero_point, weights + i * row_bytes, run.length);
      }
    }
    weights += run.length;
  }
}

__attribute__((noinline)) static void conv_gather_small_patch(conv_runs runs, int8_t *patch) {
  while (conv_has_runs(&runs)) {
    const conv_run run = conv_next_run(&runs);
    if (run.source != NULL) {
      for (size_t i = 0; i < run.length; ++i) patch[i] = run.source[i];
    } else {
      for (size_t i = 0; i < run.length; ++i) patch[i] = runs.parameters->input_zero_point;
    }
    patch += run.length;
  }
}

/* A group's outputs from a patch that lies in one piece. */
__attribute__((noinline)) static void conv_one_run(const tinyts_conv_2d_parameters *p, const int8_t *patch,
                                                   uint32_t channel, uint32_t end, int8_t *output) {
  const size_t length = TINYTS_CONV_2D_PATCH_BYTES(p);
  uint32_t sums[TINYTS_CHANNEL_BLOCK], count;
  for (; channel < end; channel += count) {
    count = tinyts_channels_in_block(end - channel);
    conv_products(patch, p->weights + channel * length, length, length, p->bias + channel, sums, count);
    conv_scale(p, sums, channel, count, output);
  }
}

__attribute__((noinline)) static void conv_small_patch(const conv_runs *runs, uint32_t channel, uint32_t end) {
  int8_t patch[CONV_SMALL_PATCH];
  conv_gather_small_patch(*runs, patch);
  conv_one_run(runs->parameters, patch, channel, end, runs->pixel->output);
}

/* And from one that is in several. */
__attribute__((noinline)) static void conv_many_runs(const conv_runs *runs, uint32_t channel, uint32_t end) {
  uint32_t sums[TINYTS_CHANNEL_BLOCK], count;
  for (; channel < end; channel += count) {
    count = tinyts_channels_in_block(end - channel);
    conv_add_runs(*runs, channel, sums, count);
    conv_scale(runs->parameters, sums, channel, count, runs->pixel->output);
  }
}

static void conv_pixel_in_place(const tinyts_conv_2d_parameters *p, const conv_pixel *pixel) {
  const uint32_t group_outputs = (uint32_t)p->output_channels * p->filter_channels / p->input_channels;
  const size_t length = TINYTS_CONV_2D_PATCH_BYTES(p);
  conv_runs runs = {p, pixel, 0, 0, 0};
  for (uint32_t channel = 0; channel < p->output_channels; channel += group_outputs) {
    const conv_run first = conv_next_run(&runs);
    runs.y = runs.x = 0;
    if (first.length == length && first.source != NULL) {
      conv_one_run(p, first.source, channel, channel + group_outputs, pixel->output);
    } else if (length <= CONV_SMALL_PATCH) {
      conv_small_patch(&runs, channel, channel + group_outputs);
    } else {
      conv_many_runs(&runs, channel, channel + group_outputs);
    }
    runs.channel += p->filter_channels;
  }
}

/* --- With scratch ---------------------------------------------------------------------------------------------- */

#if defined(TINYTS_FOUR_ROWS_AT_ONCE)
#define TINYTS_CONV_2D_PAIRS 1

/* Writes the patch of one pixel: for each four elements the even ones and, two words on, the odd ones; the words
 * between are the other pixel's. */
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
__attribute__((noinline)) static void conv_append(conv_patch_writer *writer, const int8_t *source, size_t step,
                                                  size_t length) {
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
__attribute__((noinline)) static void conv_gather(conv_runs runs, int32_t *words) {
  const int8_t zero = runs.parameters->input_zero_point, padding[4] = {zero, zero, zero, zero};
  conv_patch_writer w = {words, 0, 0};
  while (conv_has_runs(&runs)) {
    const conv_run run = conv_next_run(&runs);
    if (run.source != NULL) {
      conv_append(&w, run.source, 4, run.length);
    } else {
      conv_append(&w, padding, 0, run.length);
    }
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
__attribute__((noinline)) static void conv_two_pixels(const tinyts_conv_2d_parameters *p, const int32_t *patches,
                                                      uint32_t first, uint32_t end, int8_t *output0,
                                                      int8_t *output1) {
  const int32_t offset = 2 * p->output_zero_point + 1;
  const int short_scaling = p->narrow && p->output_minimum == INT8_MIN && p->output_maximum == INT8_MAX;
  const size_t length = TINYTS_CONV_2D_PATCH_BYTES(p);
  const int32_t *const words_end = patches + length / 4 * 4;
  for (uint32_t channel = first; channel < end; channel += 2) {
    if (channel + 2 > end) --channel; /* the last of an odd number: its neighbour once more */
    const int8_t *const weights = p->weights + channel * length;
    const int32_t bias0 = p->bias[channel], bias1 = p->bias[channel + 1];
    conv_sums s = conv_multiply((conv_sums){bias0, bias0, bias1, bias1}, patches, words_end, weights, length);
    if (length % 4 != 0) s = conv_multiply_last(s, words_end, weights + length - 4, length);
    const int32_t *const multipliers = p->multipliers + channel;
    const int8_t *const shifts = p->shifts + channel;
    if (short_scaling) {
      const int32_t multiplier0 = multipliers[0], right0 = ~shifts[0];
      output0[channel] = (int8_t)tinyts_scale_narrow((uint32_t)s.sum00, multiplier0, right0, offset);
      output1[channel] = (int8_t)tinyts_scale_narrow((uint32_t)s.sum01, multiplier0, right0, offset);
      const int32_t multiplier1 = multipliers[1], right1 = ~shifts[1];
      output0[channel + 1] = (int8_t)tinyts_scale_narrow((uint32_t)s.sum10, multiplier1, right1, offset);
      output1[channel + 1] = (int8_t)tinyts_scale_narrow((uint32_t)s.sum11, multiplier1, right1, offset);
    } else {
      const uint32_t sums0[2] = {(uint32_t)s.sum00, (uint32_t)s.sum10};
      const uint32_t sums1[2] = {(uint32_t)s.sum01, (uint32_t)s.sum11};
      conv_scale(p, sums0, channel, 2, output0);
      conv_scale(p, sums1, channel, 2, output1);
    }
  }
}

__attribute__((noinline)) static void conv_pixels_in_scratch(const tinyts_conv_2d_parameters *p,
                                                             const conv_pixel pixels[2], int32_t *patches) {
  const uint32_t group_outputs = (uint32_t)p->output_channels * p->filter_channels / p->input_channels;
  size_t channel = 0;
  for (uint32_t first = 0; first < p->output_channels; first += group_outputs, channel += p->filter_channels) {
    for (int32_t i = 0; i < 2; ++i) conv_gather((conv_runs){p, &pixels[i], channel, 0, 0}, patches + i);
    conv_two_pixels(p, patches, first, first + group_outputs, pixels[0].output, pixels[1].output);
  }
}
#endif

void tinyts_conv_2d(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                    int32_t row_count, int8_t *scratch) {
  const tinyts_conv_2d_parameters *const p = parameters;
  conv_position position = {0, 0};
  conv_pixel pixels[2];
  int32_t left = row_count * p->output_width;
#if defined(TINYTS_CONV_2D_PAIRS)
  for (; scratch != NULL && left >= 2; left -= 2) {
    for (int32_t i = 0; i < 2; ++i) conv_next_pixel(p, input_rows, output_rows, &position, &pixels[i]);
    conv_pixels_in_scratch(p, pixels, (int32_t *)(void *)scratch);
  }
#else
  (void)scratch;
#endif
  for (; left > 0; --left) {
    conv_next_pixel(p, input_rows, output_rows, &position, &pixels[0]);
    conv_pixel_in_place(p, &pixels[0]);
  }
}
