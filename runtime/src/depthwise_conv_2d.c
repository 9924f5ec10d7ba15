/* DEPTHWISE_CONV_2D: each output channel for itself.
 *
 * Without scratch, pixel by pixel, with DSP instructions four channels side by side. With scratch, four channels and a
 * tile of columns at a time: the window's rows are laid out there channel by channel, as int16, so that two neighbours
 * are one word and a dual multiply-accumulate takes two filter columns.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>
#include <string.h>

#include "channels.h"
#include "tinyts/kernels.h"
#include "window.h"

#if defined(__ARM_FEATURE_DSP)
#include "dsp.h"
#endif

/* --- Without scratch -------------------------------------------------------------------------------------------- */

/* The window of one output pixel, the same for all its channels. In every input row, `before` filter columns read
 * padding, `inside` columns read the row, and `after` columns read padding again. */
typedef struct {
  const int8_t *const *rows;
  ptrdiff_t row_step;                 /* dilation */
  ptrdiff_t offset;                   /* in a row, of channel 0 of the first column inside */
  ptrdiff_t input_step, weight_step;  /* from one filter column to the next */
  int32_t height, before, inside, after;
  int8_t padding[4];                  /* the input zero point, for four channels */
} pixel_window;

/* `count` filter columns of one channel. Padding is read like input, with a step of 0. */
static inline uint32_t accumulate(uint32_t sum, const int8_t *input, ptrdiff_t input_step, const int8_t *weights,
                                  ptrdiff_t weight_step, int32_t count) {
  for (; count > 0; --count, input += input_step, weights += weight_step) sum += (uint32_t)(*input * *weights);
  return sum;
}

static uint32_t convolve_channel(const pixel_window *w, ptrdiff_t input_channel, const int8_t *weights, int32_t bias) {
  const ptrdiff_t weight_step = w->weight_step;
  const int8_t *const *row = w->rows;
  uint32_t sum = (uint32_t)bias;
  for (int32_t left = w->height; left > 0; --left, row += w->row_step) {
    const int32_t inside = *row != NULL ? w->inside : 0;
    const int32_t before = w->before + (w->inside - inside);
    sum = accumulate(sum, w->padding, 0, weights, weight_step, before);
    weights += before * weight_step;
    if (inside > 0) {
      sum = accumulate(sum, *row + (w->offset + input_channel), w->input_step, weights, weight_step, inside);
      weights += inside * weight_step;
    }
    sum = accumulate(sum, w->padding, 0, weights, weight_step, w->after);
    weights += w->after * weight_step;
  }
  return sum;
}

#if defined(__ARM_FEATURE_DSP)
typedef struct {
  int32_t sum0, sum1, sum2, sum3;
} four_sums;

static inline four_sums accumulate_4(four_sums s, const int8_t *input, ptrdiff_t input_step, const int8_t *weights,
                                     ptrdiff_t weight_step, int32_t count) {
  for (; count > 0; --count, input += input_step, weights += weight_step) {
    const uint32_t pixel = tinyts_load_4(input), filter = tinyts_load_4(weights);
    const int32_t even = tinyts_even(pixel), filter_even = tinyts_even(filter);
    const int32_t odd = tinyts_odd(pixel), filter_odd = tinyts_odd(filter);
    s.sum0 = __smlabb(even, filter_even, s.sum0);
    s.sum1 = __smlabb(odd, filter_odd, s.sum1);
    s.sum2 = __smlatt(even, filter_even, s.sum2);
    s.sum3 = __smlatt(odd, filter_odd, s.sum3);
  }
  return s;
}

static inline void store_4(four_sums s, uint32_t sums[4]) {
  sums[0] = (uint32_t)s.sum0;
  sums[1] = (uint32_t)s.sum1;
  sums[2] = (uint32_t)s.sum2;
  sums[3] = (uint32_t)s.sum3;
}

/* convolve_channel for four channels whose inputs lie side by side. These are not inlined: the caller's variables would
 * push the loops' onto the stack. */
__attribute__((noinline)) static void convolve_4_channels(const pixel_window *w, ptrdiff_t input_channel,
                                                          const int8_t *weights, const int32_t bias[4],
                                                          uint32_t sums[4]) {
  four_sums s = {bias[0], bias[1], bias[2], bias[3]};
  const int8_t *const *row = w->rows;
  for (int32_t left = w->height; left > 0; --left, row += w->row_step) {
    const int32_t inside = *row != NULL ? w->inside : 0;
    const int32_t before = w->before + (w->inside - inside);
    s = accumulate_4(s, w->padding, 0, weights, w->weight_step, before);
    weights += before * w->weight_step;
    if (inside > 0) {
      s = accumulate_4(s, *row + (w->offset + input_channel), w->input_step, weights, w->weight_step, inside);
      weights += inside * w->weight_step;
    }
    s = accumulate_4(s, w->padding, 0, weights, w->weight_step, w->after);
    weights += w->after * w->weight_step;
  }
  store_4(s, sums);
}

/* The same without any padding. */
__attribute__((noinline)) static void convolve_4_channels_inside(const pixel_window *w, ptrdiff_t input_channel,
                                                                 const int8_t *weights, const int32_t bias[4],
                                                                 uint32_t sums[4]) {
  const ptrdiff_t input_step = w->input_step, weight_step = w->weight_step;
  const int8_t *const *row = w->rows;
  const int8_t *const *const end = row + w->height * w->row_step;
  four_sums s = {bias[0], bias[1], bias[2], bias[3]};
  input_channel += w->offset;
  if (w->inside == 3) {
    /* The most common width: the compiler unrolls it. */
    for (; row != end; row += w->row_step, weights += 3 * weight_step) {
      s = accumulate_4(s, *row + input_channel, input_step, weights, weight_step, 3);
    }
  } else {
    for (; row != end; row += w->row_step, weights += w->inside * weight_step) {
      s = accumulate_4(s, *row + input_channel, input_step, weights, weight_step, w->inside);
    }
  }
  store_4(s, sums);
}
#endif

static void convolve_window(const tinyts_depthwise_conv_2d_parameters *p, const pixel_window *w, int8_t *output) {
  const tinyts_output_range range = {p->output_zero_point, p->output_minimum, p->output_maximum};
  uint32_t sums[TINYTS_CHANNEL_BLOCK], count;
#if defined(__ARM_FEATURE_DSP)
  int padded = w->inside != p->filter_width;
  for (int32_t y = 0; y < w->height; ++y) padded |= w->rows[y * w->row_step] == NULL;
#endif
  for (uint32_t channel = 0; channel < p->output_channels; channel += count) {
    const int8_t *const weights = p->weights + channel;
    const int32_t *const bias = p->bias + channel;
    uint32_t i = 0;
    count = tinyts_channels_in_block(p->output_channels - channel);
#if defined(__ARM_FEATURE_DSP)
    if (p->depth_multiplier == 1) {
      for (; i + 4 <= count; i += 4) {
        if (padded) {
          convolve_4_channels(w, (ptrdiff_t)(channel + i), weights + i, bias + i, sums + i);
        } else {
          convolve_4_channels_inside(w, (ptrdiff_t)(channel + i), weights + i, bias + i, sums + i);
        }
      }
    }
#endif
    for (; i < count; ++i) {
      sums[i] = convolve_channel(w, (ptrdiff_t)((channel + i) / p->depth_multiplier), weights + i, bias[i]);
    }
    tinyts_requantize_channels(sums, p->multipliers + channel, p->shifts + channel, range, output + channel, count);
  }
}

__attribute__((noinline)) static void convolve_in_place(const tinyts_depthwise_conv_2d_parameters *p, const int8_t *const *input_rows,
                              int8_t *const *output_rows, int32_t row_count) {
  pixel_window w;
  w.row_step = p->row_dilation;
  w.input_step = (ptrdiff_t)p->column_dilation * p->input_channels;
  w.weight_step = p->output_channels;
  w.height = p->filter_height;
  memset(w.padding, p->input_zero_point, sizeof w.padding);

  for (int32_t r = 0; r < row_count; ++r) {
    int8_t *output = output_rows[r];
    w.rows = input_rows + r * p->row_stride;
    for (int32_t x = 0; x < p->output_width; ++x, output += p->output_channels) {
      const int32_t origin = x * p->column_stride - p->padding_left;
      const tinyts_filter_columns columns =
          tinyts_columns_inside(origin, p->input_width, p->filter_width, p->column_dilation);
      w.offset = (ptrdiff_t)origin * p->input_channels + columns.first * w.input_step;
      w.before = columns.first;
      w.inside = columns.end - columns.first;
      w.after = p->filter_width - columns.end;
      convolve_window(p, &w, output);
    }
  }
}

/* --- With scratch -------------------------------------------------------------------------------------------------- */

#if defined(__ARM_FEATURE_DSP)

enum { CHANNELS_AT_ONCE = 4 };

/* How the sums of a channel become outputs, `step` bytes from one to the next. For a narrow scaling `right` and `offset`
 * are what tinyts_scale_narrow takes. */
typedef struct {
  int32_t bias, multiplier, right, offset;
  ptrdiff_t step;
  int32_t minimum, maximum;
  uint8_t narrow, clamped;
} channel_scaling;

/* A channel's part of the scratch. Weights: for each filter row and each pair of columns j one word (w[2j], w[2j + 1]),
 * for windows that start in an even column of the tile, and one word (w[2j - 1], w[2j]), for odd ones. */
typedef struct {
  const int32_t *rows; /* of the window */
  ptrdiff_t row_words; /* from one of them to the next */
  const int32_t *weights;
  int32_t filter_height, filter_words;
} channel_window;

/* What all window rows of a tile have in common. */
typedef struct {
  int32_t first;           /* the input column that the tile's first column reads; may be in the padding */
  int32_t width;           /* of the input */
  int32_t pixel_bytes;
  int32_t pairs;           /* of columns */
  int32_t inside, outside; /* the first pair inside the input, the first behind it */
  uint32_t channels;       /* of the block, at most four */
  uint32_t padding;        /* the input zero point four times */
} tile_columns;

/* Fewer than four channels, without reading past them. */
__attribute__((noinline)) static uint32_t load_few_channels(const int8_t *pixel, uint32_t channels) {
  uint32_t word = 0;
  for (uint32_t i = 0; i < channels; ++i) word |= (uint32_t)(uint8_t)pixel[i] << 8 * i;
  return word;
}

static inline uint32_t load_channels(const int8_t *pixel, uint32_t channels) {
  return channels == CHANNELS_AT_ONCE ? tinyts_load_4(pixel) : load_few_channels(pixel, channels);
}

/* One pair of columns of four channels; a channel's words are `step` words from the next channel's. */
static inline void store_pairs(int32_t *words, ptrdiff_t step, uint32_t left, uint32_t right) {
  const uint32_t low = tinyts_low_halves(left, right), high = tinyts_high_halves(left, right);
  int32_t *const words2 = words + 2 * step;
  words[0] = tinyts_even(low);
  words[step] = tinyts_odd(low);
  words2[0] = tinyts_even(high);
  words2[step] = tinyts_odd(high);
}

static inline uint32_t load_column(const tile_columns *t, const int8_t *row, int32_t column) {
  if (column < 0 || column >= t->width) return t->padding;
  return load_channels(row + column * t->pixel_bytes, t->channels);
}

/* Pairs begin ... end - 1, any of which may be in the padding. */
__attribute__((noinline)) static void lay_out_edge(const tile_columns *t, const int8_t *row, int32_t *words,
                                                   int32_t begin, int32_t end) {
  const ptrdiff_t step = t->pairs;
  for (; begin < end; ++begin) {
    const int32_t column = t->first + 2 * begin;
    const uint32_t left = load_column(t, row, column);
    store_pairs(words + begin, step, left, load_column(t, row, column + 1));
  }
}

/* `row` is that of the block's first channel, or NULL. */
__attribute__((noinline)) static void lay_out_row(const tile_columns *t, const int8_t *row, int32_t *words) {
  const ptrdiff_t step = t->pairs;
  if (row == NULL) {
    for (int32_t pair = 0; pair < t->pairs; ++pair) store_pairs(words + pair, step, t->padding, t->padding);
    return;
  }
  if (t->inside > 0) lay_out_edge(t, row, words, 0, t->inside);
  const ptrdiff_t pixel_bytes = t->pixel_bytes;
  const int8_t *pixel = row + (t->first + 2 * t->inside) * pixel_bytes;
  int32_t *target = words + t->inside;
  int32_t *const end = words + t->outside;
  for (; target != end; ++target, pixel += 2 * pixel_bytes) {
    store_pairs(target, step, tinyts_load_4(pixel), tinyts_load_4(pixel + pixel_bytes));
  }
  if (t->outside < t->pairs) lay_out_edge(t, row, words, t->outside, t->pairs);
}

static void find_columns_inside(tile_columns *t) {
  t->inside = t->first < 0 ? (1 - t->first) / 2 : 0;
  t->outside = (t->width - t->first) >> 1;
  if (t->inside > t->pairs) t->inside = t->pairs;
  if (t->outside > t->pairs) t->outside = t->pairs;
  /* Four channels cannot be read of pixels that have fewer. */
  if (t->outside < t->inside || t->channels != CHANNELS_AT_ONCE) t->outside = t->inside;
}

/* The weights of a block of channels; a channel's are `height * filter_words * 2` words from the next channel's. */
__attribute__((noinline)) static void lay_out_weights(const tinyts_depthwise_conv_2d_parameters *p,
                                                      const int8_t *weights, uint32_t channels, int32_t *words) {
  const ptrdiff_t step = (ptrdiff_t)(p->filter_height * TINYTS_DEPTHWISE_FILTER_WORDS(p) * 2u);
  const ptrdiff_t column_bytes = p->output_channels;
  for (int32_t y = 0; y < p->filter_height; ++y) {
    uint32_t before = 0, even = 0;
    for (int32_t pair = p->filter_width / 2; pair > 0; --pair, words += 2) {
      even = load_channels(weights, channels);
      const uint32_t odd = load_channels(weights + column_bytes, channels);
      weights += 2 * column_bytes;
      store_pairs(words, step, even, odd);
      store_pairs(words + 1, step, before, even);
      before = odd;
    }
    even = 0;
    if (p->filter_width % 2 != 0) {
      even = load_channels(weights, channels);
      weights += column_bytes;
    }
    store_pairs(words, step, even, 0);
    store_pairs(words + 1, step, before, even);
    words += 2;
  }
}

/* The first `count` of four outputs, in the plain way or with a fused activation. */
__attribute__((noinline)) static void store_carefully(const channel_scaling *c, const int32_t *sums, int8_t *output,
                                                      int32_t count) {
  for (; count > 0; --count, ++sums, output += c->step) {
    const int32_t scaled =
        c->narrow ? tinyts_scale_narrow((uint32_t)*sums, c->multiplier, c->right, c->offset)
                  : tinyts_wrapping_add(tinyts_requantize(*sums, c->multiplier, ~c->right), (c->offset - 1) / 2);
    *output = tinyts_clamp(scaled, c->minimum, c->maximum);
  }
}

typedef struct {
  int32_t sum0, sum1, sum2, sum3;
} output_sums;

static inline __attribute__((always_inline)) void store_outputs(const channel_scaling *c, output_sums s, int8_t *output,
                                                                int32_t count) {
  if (c->narrow && !c->clamped) {
    const int32_t multiplier = c->multiplier, right = c->right, offset = c->offset;
    const ptrdiff_t step = c->step;
    output[0] = (int8_t)tinyts_scale_narrow((uint32_t)s.sum0, multiplier, right, offset);
    if (count > 1) output[step] = (int8_t)tinyts_scale_narrow((uint32_t)s.sum1, multiplier, right, offset);
    output += 2 * step;
    if (count > 2) output[0] = (int8_t)tinyts_scale_narrow((uint32_t)s.sum2, multiplier, right, offset);
    if (count > 3) output[step] = (int8_t)tinyts_scale_narrow((uint32_t)s.sum3, multiplier, right, offset);
  } else {
    const int32_t sums[4] = {s.sum0, s.sum1, s.sum2, s.sum3};
    store_carefully(c, sums, output, count);
  }
}

/* Four outputs of a stride of 1, or the first two of them. Height and words of the filter are constants where this is
 * inlined, at least one of them. */
static inline __attribute__((always_inline)) output_sums sum_stride_1(const channel_window *w, const int32_t *row,
                                                                      int32_t bias, int32_t height,
                                                                      int32_t filter_words, int four) {
  const int32_t *weights = w->weights;
  const ptrdiff_t row_words = w->row_words;
  output_sums s = {bias, bias, bias, bias};
  for (; height > 0; --height, row += row_words) {
    int32_t pair = row[0];
    for (int32_t j = 0; j < filter_words; ++j, weights += 2) {
      const int32_t even = weights[0], odd = weights[1];
      s.sum0 = __smlad(pair, even, s.sum0);
      s.sum1 = __smlad(pair, odd, s.sum1);
      if (four || j + 1 < filter_words) pair = row[j + 1];
      if (four) {
        s.sum2 = __smlad(pair, even, s.sum2);
        s.sum3 = __smlad(pair, odd, s.sum3);
      }
    }
  }
  return s;
}

/* The same for a stride of 2: all windows start in even columns. */
static inline __attribute__((always_inline)) output_sums sum_stride_2(const channel_window *w, const int32_t *row,
                                                                      int32_t bias, int32_t height,
                                                                      int32_t filter_words, int four) {
  const int32_t *weights = w->weights;
  const ptrdiff_t row_words = w->row_words;
  output_sums s = {bias, bias, bias, bias};
  for (; height > 0; --height, row += row_words) {
    int32_t pair0 = row[0], pair1 = row[1], pair2 = four ? row[2] : 0;
    for (int32_t j = 0; j < filter_words; ++j, weights += 2) {
      const int32_t even = weights[0];
      s.sum0 = __smlad(pair0, even, s.sum0);
      s.sum1 = __smlad(pair1, even, s.sum1);
      pair0 = pair1;
      if (four) {
        const int32_t pair3 = row[j + 3];
        s.sum2 = __smlad(pair2, even, s.sum2);
        s.sum3 = __smlad(pair3, even, s.sum3);
        pair1 = pair2;
        pair2 = pair3;
      } else if (j + 1 < filter_words) {
        pair1 = row[j + 2];
      }
    }
  }
  return s;
}

/* A row of outputs of one channel. */
static inline __attribute__((always_inline)) void convolve_row(const channel_window *w, const channel_scaling *c,
                                                               int8_t *output, int32_t count, int32_t stride,
                                                               int32_t height, int32_t filter_words) {
  const int32_t *row = w->rows;
  const int32_t bias = c->bias;
  const ptrdiff_t step = c->step;
  for (; count >= 4; count -= 4, row += 2 * stride, output += 4 * step) {
    store_outputs(c, stride == 1 ? sum_stride_1(w, row, bias, height, filter_words, 1)
                                 : sum_stride_2(w, row, bias, height, filter_words, 1),
                  output, 4);
  }
  if (count == 3) {
    store_outputs(c, stride == 1 ? sum_stride_1(w, row, bias, height, filter_words, 1)
                                 : sum_stride_2(w, row, bias, height, filter_words, 1),
                  output, 3);
  } else if (count > 0) {
    store_outputs(c, stride == 1 ? sum_stride_1(w, row, bias, height, filter_words, 0)
                                 : sum_stride_2(w, row, bias, height, filter_words, 0),
                  output, count);
  }
}

/* Any stride and filter, output by output. */
__attribute__((noinline)) static void convolve_row_any(const channel_window *w, const channel_scaling *c,
                                                       int8_t *output, int32_t count, int32_t stride) {
  for (int32_t x = 0; x < count; ++x, output += c->step) {
    const int32_t *row = w->rows + x * stride / 2, *weights = w->weights + (x * stride & 1);
    int32_t sum = c->bias;
    for (int32_t y = w->filter_height; y > 0; --y, row += w->row_words) {
      for (int32_t j = 0; j < w->filter_words; ++j, weights += 2) sum = __smlad(row[j], *weights, sum);
    }
    store_carefully(c, &sum, output, 1);
  }
}

/* One function for each stride and filter width that deserves loops of its own: their frames are small, and a filter of
 * 3x3 has no loop over its rows either. */
typedef void (*row_function)(const channel_window *w, const channel_scaling *c, int8_t *output, int32_t count,
                             int32_t stride);

#define TINYTS_ROW_FUNCTION(name, row_stride, height, filter_words)                                                  \
  static void name(const channel_window *w, const channel_scaling *c, int8_t *output, int32_t count, int32_t stride) { \
    (void)stride;                                                                                                    \
    convolve_row(w, c, output, count, row_stride, height, filter_words);                                             \
  }
TINYTS_ROW_FUNCTION(convolve_row_3x3_stride_1, 1, 3, 2)
TINYTS_ROW_FUNCTION(convolve_row_3x3_stride_2, 2, 3, 2)
TINYTS_ROW_FUNCTION(convolve_row_2_words_stride_1, 1, w->filter_height, 2)
TINYTS_ROW_FUNCTION(convolve_row_2_words_stride_2, 2, w->filter_height, 2)
TINYTS_ROW_FUNCTION(convolve_row_3_words_stride_1, 1, w->filter_height, 3)
TINYTS_ROW_FUNCTION(convolve_row_3_words_stride_2, 2, w->filter_height, 3)
TINYTS_ROW_FUNCTION(convolve_row_4_words_stride_1, 1, w->filter_height, 4)
TINYTS_ROW_FUNCTION(convolve_row_4_words_stride_2, 2, w->filter_height, 4)
#undef TINYTS_ROW_FUNCTION

static row_function row_function_for(int32_t height, int32_t filter_words, int32_t stride) {
  static const row_function functions[2][4] = {
      {convolve_row_3x3_stride_1, convolve_row_2_words_stride_1, convolve_row_3_words_stride_1,
       convolve_row_4_words_stride_1},
      {convolve_row_3x3_stride_2, convolve_row_2_words_stride_2, convolve_row_3_words_stride_2,
       convolve_row_4_words_stride_2},
  };
  if (stride > 2 || filter_words < 2 || filter_words > 4) return convolve_row_any;
  return functions[stride - 1][filter_words == 2 && height == 3 ? 0 : filter_words - 1];
}

__attribute__((noinline)) static void convolve_in_scratch(const tinyts_depthwise_conv_2d_parameters *p,
                                                          const int8_t *const *input_rows, int8_t *const *output_rows,
                                                          int32_t row_count, int32_t *scratch) {
  const int32_t total_channels = p->output_channels, stride = p->column_stride, height = p->filter_height;
  const int32_t channels = total_channels < CHANNELS_AT_ONCE ? total_channels : CHANNELS_AT_ONCE;
  const int32_t row_words = (int32_t)TINYTS_DEPTHWISE_ROW_WORDS(p);
  const int32_t filter_words = (int32_t)TINYTS_DEPTHWISE_FILTER_WORDS(p), weight_words = height * filter_words * 2;
  const row_function convolve = row_function_for(height, filter_words, stride);
  int32_t *const rows = scratch + CHANNELS_AT_ONCE * weight_words;
  tile_columns t = {0, p->input_width, p->input_channels, row_words, 0, 0, (uint32_t)channels,
                    (uint32_t)(uint8_t)p->input_zero_point * 0x01010101u};
  channel_window w = {rows, CHANNELS_AT_ONCE * row_words, scratch, height, filter_words};
  channel_scaling c = {0, 0, 0, 2 * p->output_zero_point + 1, total_channels, p->output_minimum, p->output_maximum,
                       p->narrow, p->output_minimum != INT8_MIN || p->output_maximum != INT8_MAX};

  for (int32_t block = 0; block < total_channels; block += CHANNELS_AT_ONCE) {
    /* The last block takes in channels that are done already, if there are any. */
    const int32_t first = block + CHANNELS_AT_ONCE <= total_channels ? block : total_channels - channels;
    lay_out_weights(p, p->weights + first, (uint32_t)channels, scratch);
    for (int32_t x = 0; x < p->output_width; x += (int32_t)TINYTS_DEPTHWISE_TILE) {
      const int32_t left = p->output_width - x;
      const int32_t count = left < (int32_t)TINYTS_DEPTHWISE_TILE ? left : (int32_t)TINYTS_DEPTHWISE_TILE;
      t.first = x * stride - p->padding_left;
      find_columns_inside(&t);
      for (int32_t r = 0; r < row_count; ++r) {
        const int8_t *const *row = input_rows + r * p->row_stride;
        int32_t *words = rows;
        for (int32_t y = height; y > 0; --y, row += p->row_dilation, words += w.row_words) {
          lay_out_row(&t, *row == NULL ? NULL : *row + first, words);
        }
        int8_t *output = output_rows[r] + x * total_channels + first;
        w.rows = rows;
        w.weights = scratch;
        for (int32_t channel = first; channel < first + channels; ++channel) {
          c.bias = p->bias[channel];
          c.multiplier = p->multipliers[channel];
          c.right = ~p->shifts[channel];
          convolve(&w, &c, output++, count, stride);
          w.rows += row_words;
          w.weights += weight_words;
        }
      }
    }
  }
}
#endif

void tinyts_depthwise_conv_2d(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                              int32_t row_count, int8_t *scratch) {
  const tinyts_depthwise_conv_2d_parameters *const p = parameters;
#if defined(__ARM_FEATURE_DSP)
  if (scratch != NULL) {
    convolve_in_scratch(p, input_rows, output_rows, row_count, (int32_t *)(void *)scratch);
    return;
  }
#else
  (void)scratch;
#endif
  convolve_in_place(p, input_rows, output_rows, row_count);
}
