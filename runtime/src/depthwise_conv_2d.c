/* DEPTHWISE_CONV_2D: each output channel for itself; with DSP instructions four channels side by side.
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

void tinyts_depthwise_conv_2d(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                              int32_t row_count, int8_t *scratch) {
  const tinyts_depthwise_conv_2d_parameters *const p = parameters;
  pixel_window w;
  (void)scratch;
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
