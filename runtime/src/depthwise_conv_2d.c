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
    tinyts_requantize_channels(sums, p->multipliers + channel, p->shifts + channel, p->narrow, range, output + channel,
                               count);
  }
}

__attribute__((noinline)) static void convolve_in_place(const tinyts_depthwise_conv_2d_parameters *p,
                                                        const int8_t *const *input_rows, int8_t *const *output_rows,
                                                        int32_t row_count) {
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

/* --- With scratch ------------------------------------------------------------------------------------------------ */

/* Without optimization gcc keeps too few registers free for the assembly. */
#if defined(__ARM_FEATURE_DSP) && defined(__OPTIMIZE__)
#define TINYTS_DEPTHWISE_IN_SCRATCH 1

enum { CHANNELS_AT_ONCE = 4 };

/* What a channel's outputs in one row of a tile are made of. Its weights are, for each row of the filter, the
 * overlapping pairs of columns (w[0], w[1]), (w[1], w[2]) ... The assembly knows this struct by heart. */
typedef struct {
  int32_t bias, multiplier;
  int32_t right, offset; /* as tinyts_scale_narrow takes them */
  int8_t *output;
  ptrdiff_t step;        /* from one output to the next */
  const int32_t *weights;
  size_t back;           /* bytes from behind the window's last row back to the first row of the next four outputs */
  const int32_t *stop;   /* the first row of the four outputs behind the last */
  const int32_t *end;    /* of the weights */
} channel_row;

/* What all window rows of a tile have in common. */
typedef struct {
  int32_t first;           /* the input column that the tile's first column reads; may be in the padding */
  int32_t width;           /* of the input */
  int32_t pixel_bytes;
  int32_t pairs;           /* of columns */
  int32_t inside, outside; /* the first pair inside the input, the first behind it */
  uint32_t padding;        /* the input zero point four times */
} tile_columns;

/* Stores one pair of columns of four channels; a channel's words are `step` bytes from the next channel's. Returns
 * where the next pair goes. Assembly, because clang spends many more instructions on addresses. */
static inline int32_t *store_pairs(int32_t *words, size_t step, uint32_t left, uint32_t right) {
  uint32_t pair, odd;
  __asm__ volatile(
      "pkhbt  %[odd], %[left], %[right], lsl #16\n\t"
      "pkhtb  %[right], %[right], %[left], asr #16\n\t"
      "add    %[left], %[words], %[step], lsl #1\n\t"
      "sxtb16 %[pair], %[odd]\n\t"
      "sxtb16 %[odd], %[odd], ror #8\n\t"
      "str    %[odd], [%[words], %[step]]\n\t"
      "str    %[pair], [%[words]], #4\n\t"
      "sxtb16 %[pair], %[right]\n\t"
      "sxtb16 %[right], %[right], ror #8\n\t"
      "str    %[pair], [%[left]]\n\t"
      "str    %[right], [%[left], %[step]]"
      : [words] "+&r"(words), [left] "+&r"(left), [right] "+&r"(right), [pair] "=&r"(pair), [odd] "=&r"(odd)
      : [step] "r"(step)
      : "memory");
  return words;
}

/* `count` pairs from `column` on, any of which may be in the padding; returns where the next pair goes. */
static inline int32_t *lay_out_edge(const tile_columns *t, const int8_t *row, int32_t column, int32_t count,
                                    int32_t *words) {
  const ptrdiff_t pixel_bytes = t->pixel_bytes;
  const uint32_t padding = t->padding, width = (uint32_t)t->width;
  const size_t step = (size_t)t->pairs * sizeof *words;
  ptrdiff_t offset = column * pixel_bytes;
  for (; count > 0; --count, column += 2, offset += 2 * pixel_bytes) {
    /* Columns before 0 become large numbers. */
    const uint32_t left = (uint32_t)column < width ? tinyts_load_4(row + offset) : padding;
    const uint32_t right = (uint32_t)column + 1 < width ? tinyts_load_4(row + (offset + pixel_bytes)) : padding;
    words = store_pairs(words, step, left, right);
  }
  return words;
}

/* The window's rows; the block's channels are those from `channel` on. */
__attribute__((noinline)) static void lay_out_rows(const tile_columns *t, const int8_t *const *rows, ptrdiff_t row_step,
                                                   int32_t height, int32_t channel, int32_t *words) {
  const ptrdiff_t pixel_bytes = t->pixel_bytes;
  const size_t step = (size_t)t->pairs * sizeof *words;
  for (; height > 0; --height, rows += row_step, words += (CHANNELS_AT_ONCE - 1) * t->pairs) {
    const int8_t *row = *rows;
    if (row == NULL) {
      for (int32_t left = t->pairs; left > 0; --left) words = store_pairs(words, step, t->padding, t->padding);
      continue;
    }
    row += channel;
    if (t->inside != 0) words = lay_out_edge(t, row, t->first, t->inside, words);
    if (t->outside != t->inside) {
      const int8_t *pixel = row + (t->first + 2 * t->inside) * pixel_bytes;
      const int32_t *const end = words + (t->outside - t->inside);
      for (; words != end; pixel += 2 * pixel_bytes) {
        words = store_pairs(words, step, tinyts_load_4(pixel), tinyts_load_4(pixel + pixel_bytes));
      }
    }
    if (t->outside != t->pairs) {
      words = lay_out_edge(t, row, t->first + 2 * t->outside, t->pairs - t->outside, words);
    }
  }
}

static void find_columns_inside(tile_columns *t) {
  t->inside = t->first < 0 ? (1 - t->first) / 2 : 0;
  t->outside = (t->width - t->first) >> 1;
  if (t->inside > t->pairs) t->inside = t->pairs;
  if (t->outside > t->pairs) t->outside = t->pairs;
  if (t->outside < t->inside) t->outside = t->inside;
}

/* The weights of a block of channels; a channel's are `step` bytes from the next channel's. */
__attribute__((noinline)) static void lay_out_weights(const tinyts_depthwise_conv_2d_parameters *p,
                                                      const int8_t *weights, int32_t *words, size_t step) {
  const ptrdiff_t column_bytes = p->output_channels, pairs = p->filter_width - 1;
  for (int32_t y = p->filter_height; y > 0; --y) {
    uint32_t left = tinyts_load_4(weights);
    weights += column_bytes;
    for (const int32_t *const end = words + pairs; words != end; weights += column_bytes) {
      const uint32_t right = tinyts_load_4(weights);
      words = store_pairs(words, step, left, right);
      left = right;
    }
  }
}

/* Four outputs side by side, and the next four, until `stop`. `row` is where the first of them begin in the window's
 * first row, the others are `row_bytes` apart; `end` is the end of the weights.
 * u and v are pairs of weights, p and q pairs of columns. With a stride of 1, outputs 1 and 3 start in the upper half
 * of a pair. Assembly, because compilers spill in these loops; 13 registers. The second half is tinyts_scale_narrow. */
typedef void (*four_outputs)(channel_row *c, const int32_t *row, size_t row_bytes, const int32_t *end);

#define BOTH(sum, pair, weight) "smlad  %[" #sum "], %[" #pair "], %[" #weight "], %[" #sum "]\n\t"
#define UPPER_BY_FIRST(sum, pair, weight) "smlatb %[" #sum "], %[" #pair "], %[" #weight "], %[" #sum "]\n\t"
#define LOWER_BY_SECOND(sum, pair, weight) "smlabt %[" #sum "], %[" #pair "], %[" #weight "], %[" #sum "]\n\t"
#define NEXT_WEIGHT(a, words) "ldr    %[" #a "], [%[weights]], #4 * " #words "\n\t"
#define NEXT_WEIGHTS(a, b) "ldrd   %[" #a "], %[" #b "], [%[weights]], #8\n\t"
#define PAIR(a, number) "ldr    %[" #a "], [%[row], #4 * " #number "]\n\t"
#define PAIRS(a, b, number) "ldrd   %[" #a "], %[" #b "], [%[row], #4 * " #number "]\n\t"
#define SCALE(sum)                               \
  "asr    %[p], %[" #sum "], #31\n\t"            \
  "lsl    %[" #sum "], %[" #sum "], #1\n\t"      \
  "smmlar %[" #sum "], %[" #sum "], %[u], %[p]\n\t" \
  "asr    %[" #sum "], %[" #sum "], %[v]\n\t"    \
  "add    %[" #sum "], %[" #sum "], %[q]\n\t"    \
  "ssat   %[" #sum "], #8, %[" #sum "], asr #1\n\t"

#define FOUR_OUTPUTS(name, filter_row)                                                                                \
  __attribute__((noinline)) static void name(channel_row *c, const int32_t *row, size_t row_bytes,              \
                                             const int32_t *end) {                                                    \
    int32_t s0, s1, s2, s3, u, v, p, q;                                                                               \
    const int32_t *weights;                                                                                           \
    __asm__ volatile(                                                                                                 \
        "0:\n\t"                                                                                                      \
        "ldr    %[weights], [%[c], #24]\n\t"                                                                          \
        "ldr    %[s0], [%[c]]\n\t"                                                                                    \
        "mov    %[s1], %[s0]\n\t"                                                                                     \
        "mov    %[s2], %[s0]\n\t"                                                                                     \
        "mov    %[s3], %[s0]\n\t"                                                                                     \
        "1:\n\t" filter_row                                                                                           \
        "add    %[row], %[row], %[row_bytes]\n\t"                                                                     \
        "cmp    %[weights], %[end]\n\t"                                                                               \
        "bne    1b\n\t"                                                                                               \
        "ldrd   %[u], %[v], [%[c], #4]\n\t"                                                                           \
        "ldr    %[q], [%[c], #12]\n\t"                                                                                \
        SCALE(s0) SCALE(s1) SCALE(s2) SCALE(s3)                                                                       \
        "ldrd   %[p], %[q], [%[c], #16]\n\t"                                                                          \
        "ldrd   %[u], %[v], [%[c], #28]\n\t"                                                                          \
        "strb   %[s0], [%[p]]\n\t"                                                                                    \
        "strb   %[s1], [%[p], %[q]]\n\t"                                                                              \
        "add    %[p], %[p], %[q], lsl #1\n\t"                                                                         \
        "strb   %[s2], [%[p]]\n\t"                                                                                    \
        "strb   %[s3], [%[p], %[q]]\n\t"                                                                              \
        "add    %[p], %[p], %[q], lsl #1\n\t"                                                                         \
        "str    %[p], [%[c], #16]\n\t"                                                                                \
        "sub    %[row], %[row], %[u]\n\t"                                                                             \
        "cmp    %[row], %[v]\n\t"                                                                                     \
        "bne    0b"                                                                                                   \
        : [row] "+&r"(row), [weights] "=&r"(weights), [s0] "=&r"(s0), [s1] "=&r"(s1), [s2] "=&r"(s2), [s3] "=&r"(s3), \
          [u] "=&r"(u), [v] "=&r"(v), [p] "=&r"(p), [q] "=&r"(q)                                                      \
        : [c] "r"(c), [row_bytes] "r"(row_bytes), [end] "r"(end)                                                      \
        : "cc", "memory");                                                                                            \
  }

FOUR_OUTPUTS(four_outputs_3_columns,
             NEXT_WEIGHTS(u, v) PAIRS(p, q, 0)
             BOTH(s0, p, u) UPPER_BY_FIRST(s1, p, u) PAIR(p, 2)
             BOTH(s2, q, u) UPPER_BY_FIRST(s3, q, u)
             LOWER_BY_SECOND(s0, q, v) BOTH(s1, q, v) LOWER_BY_SECOND(s2, p, v) BOTH(s3, p, v))

FOUR_OUTPUTS(four_outputs_5_columns,
             NEXT_WEIGHTS(u, v) PAIRS(p, q, 0)
             BOTH(s0, p, u) UPPER_BY_FIRST(s1, p, u) PAIR(p, 2)
             BOTH(s2, q, u) UPPER_BY_FIRST(s3, q, u) BOTH(s1, q, v) BOTH(s3, p, v)
             NEXT_WEIGHTS(u, v)
             BOTH(s0, q, u) PAIR(q, 3) BOTH(s2, p, u)
             LOWER_BY_SECOND(s0, p, v) BOTH(s1, p, v) LOWER_BY_SECOND(s2, q, v) BOTH(s3, q, v))

FOUR_OUTPUTS(four_outputs_7_columns,
             NEXT_WEIGHTS(u, v) PAIRS(p, q, 0)
             BOTH(s0, p, u) UPPER_BY_FIRST(s1, p, u) PAIR(p, 2)
             BOTH(s2, q, u) UPPER_BY_FIRST(s3, q, u) BOTH(s1, q, v) BOTH(s3, p, v)
             NEXT_WEIGHTS(u, v)
             BOTH(s0, q, u) PAIR(q, 3) BOTH(s2, p, u) BOTH(s1, p, v) BOTH(s3, q, v)
             NEXT_WEIGHTS(u, v)
             BOTH(s0, p, u) PAIR(p, 4) BOTH(s2, q, u)
             LOWER_BY_SECOND(s0, q, v) BOTH(s1, q, v) LOWER_BY_SECOND(s2, p, v) BOTH(s3, p, v))

FOUR_OUTPUTS(four_outputs_3_columns_stride_2,
             NEXT_WEIGHTS(u, v) PAIRS(p, q, 0)
             BOTH(s0, p, u) BOTH(s1, q, u) LOWER_BY_SECOND(s0, q, v) PAIRS(p, q, 2)
             BOTH(s2, p, u) LOWER_BY_SECOND(s1, p, v) PAIR(p, 4)
             BOTH(s3, q, u) LOWER_BY_SECOND(s2, q, v) LOWER_BY_SECOND(s3, p, v))

FOUR_OUTPUTS(four_outputs_5_columns_stride_2,
             NEXT_WEIGHT(u, 2) NEXT_WEIGHT(v, 1) PAIRS(p, q, 0)
             BOTH(s0, p, u) BOTH(s1, q, u) BOTH(s0, q, v) PAIRS(p, q, 2)
             BOTH(s2, p, u) BOTH(s1, p, v) BOTH(s3, q, u) BOTH(s2, q, v)
             NEXT_WEIGHT(u, 1)
             LOWER_BY_SECOND(s0, p, u) PAIRS(p, q, 3)
             LOWER_BY_SECOND(s1, p, u) BOTH(s3, q, v) LOWER_BY_SECOND(s2, q, u) PAIR(p, 5)
             LOWER_BY_SECOND(s3, p, u))

FOUR_OUTPUTS(four_outputs_7_columns_stride_2,
             NEXT_WEIGHT(u, 2) NEXT_WEIGHT(v, 2) PAIRS(p, q, 0)
             BOTH(s0, p, u) BOTH(s1, q, u) BOTH(s0, q, v) PAIRS(p, q, 2)
             BOTH(s2, p, u) BOTH(s1, p, v) BOTH(s3, q, u) BOTH(s2, q, v) PAIR(q, 4)
             BOTH(s3, q, v)
             NEXT_WEIGHTS(u, v)
             BOTH(s0, p, u) BOTH(s2, q, u) PAIR(p, 3) LOWER_BY_SECOND(s1, q, v)
             LOWER_BY_SECOND(s0, p, v) BOTH(s1, p, u) PAIRS(p, q, 5)
             BOTH(s3, p, u) LOWER_BY_SECOND(s2, p, v) LOWER_BY_SECOND(s3, q, v))

#undef BOTH
#undef UPPER_BY_FIRST
#undef LOWER_BY_SECOND
#undef NEXT_WEIGHT
#undef NEXT_WEIGHTS
#undef PAIR
#undef PAIRS
#undef SCALE
#undef FOUR_OUTPUTS

static four_outputs four_outputs_for(int32_t filter_width, int32_t stride) {
  if (stride == 1) {
    return filter_width == 3   ? four_outputs_3_columns
           : filter_width == 5 ? four_outputs_5_columns
                               : four_outputs_7_columns;
  }
  return filter_width == 3   ? four_outputs_3_columns_stride_2
         : filter_width == 5 ? four_outputs_5_columns_stride_2
                             : four_outputs_7_columns_stride_2;
}

/* `count` outputs of each channel of a block. */
__attribute__((noinline)) static void convolve_row(const tinyts_depthwise_conv_2d_parameters *p, channel_row *c,
                                                   const int32_t *rows, size_t row_bytes, int8_t *output,
                                                   int32_t count) {
  const four_outputs convolve = four_outputs_for(p->filter_width, p->column_stride);
  const int32_t row_words = (int32_t)(row_bytes / sizeof *rows) / CHANNELS_AT_ONCE;
  const int32_t whole = count / 4 * 4;
  const ptrdiff_t pixel_bytes = p->output_channels, whole_words = whole / 2 * p->column_stride;
  int8_t rest[4 * CHANNELS_AT_ONCE];
  for (int32_t i = 0; i < CHANNELS_AT_ONCE; ++i, ++c, rows += row_words) {
    c->output = output + i;
    c->step = pixel_bytes;
    c->stop = rows + whole_words;
    if (whole != 0) convolve(c, rows, row_bytes, c->end);
    if (whole != count) {
      /* Four outputs aside: not all of them have a place in the row. */
      c->output = rest + i;
      c->step = CHANNELS_AT_ONCE;
      c->stop += 2 * p->column_stride;
      convolve(c, rows + whole_words, row_bytes, c->end);
    }
  }
  output += whole * pixel_bytes;
  const int8_t *pixel = rest;
  for (int32_t left = count % 4; left > 0; --left, output += pixel_bytes, pixel += CHANNELS_AT_ONCE) {
    __builtin_memcpy(output, pixel, CHANNELS_AT_ONCE);
  }
}

__attribute__((noinline)) static void convolve_in_scratch(const tinyts_depthwise_conv_2d_parameters *p,
                                                          const int8_t *const *input_rows, int8_t *const *output_rows,
                                                          int32_t row_count, int32_t *scratch) {
  const int32_t channels = p->output_channels;
  const int32_t row_words = (int32_t)TINYTS_DEPTHWISE_ROW_WORDS(p);
  const int32_t weight_words = p->filter_height * (p->filter_width - 1);
  int32_t *const rows = scratch + CHANNELS_AT_ONCE * weight_words;
  const size_t row_bytes = (size_t)(CHANNELS_AT_ONCE * row_words) * sizeof *rows;
  tile_columns t = {0, p->input_width, p->input_channels, row_words, 0, 0,
                    (uint32_t)(uint8_t)p->input_zero_point * 0x01010101u};
  channel_row c[CHANNELS_AT_ONCE];
  for (int32_t i = 0; i < CHANNELS_AT_ONCE; ++i) {
    c[i].offset = 2 * p->output_zero_point + 1;
    c[i].weights = scratch + i * weight_words;
    c[i].end = c[i].weights + weight_words;
    c[i].back = p->filter_height * row_bytes - 2u * p->column_stride * sizeof *rows;
  }

  for (int32_t block = 0; block < channels; block += CHANNELS_AT_ONCE) {
    /* The last block takes in channels that are done already, if there are too few others. */
    const int32_t first = block + CHANNELS_AT_ONCE <= channels ? block : channels - CHANNELS_AT_ONCE;
    lay_out_weights(p, p->weights + first, scratch, (size_t)weight_words * sizeof *scratch);
    for (int32_t i = 0; i < CHANNELS_AT_ONCE; ++i) {
      c[i].bias = p->bias[first + i];
      c[i].multiplier = p->multipliers[first + i];
      c[i].right = ~p->shifts[first + i];
    }
    for (int32_t x = 0; x < p->output_width; x += (int32_t)TINYTS_DEPTHWISE_TILE) {
      const int32_t left = p->output_width - x;
      const int32_t columns = left < (int32_t)TINYTS_DEPTHWISE_TILE ? left : (int32_t)TINYTS_DEPTHWISE_TILE;
      t.first = x * p->column_stride - p->padding_left;
      find_columns_inside(&t);
      for (int32_t r = 0; r < row_count; ++r) {
        lay_out_rows(&t, input_rows + r * p->row_stride, p->row_dilation, p->filter_height, first, rows);
        convolve_row(p, c, rows, row_bytes, output_rows[r] + x * channels + first, columns);
      }
    }
  }
}
#endif

void tinyts_depthwise_conv_2d(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                              int32_t row_count, int8_t *scratch) {
  const tinyts_depthwise_conv_2d_parameters *const p = parameters;
#if defined(TINYTS_DEPTHWISE_IN_SCRATCH)
  if (scratch != NULL && p->narrow && p->output_minimum == INT8_MIN && p->output_maximum == INT8_MAX) {
    convolve_in_scratch(p, input_rows, output_rows, row_count, (int32_t *)(void *)scratch);
    return;
  }
#else
  (void)scratch;
#endif
  convolve_in_place(p, input_rows, output_rows, row_count);
}
