/* DEPTHWISE_CONV_2D: each output channel for itself.
 *
 * With DSP instructions narrow scalings take the forms in tinyts_depthwise_window.h and tinyts_depthwise_few_channels.h, everything
 * else the plain form here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "tinyts_arithmetic.h"
#include "tinyts/tinyts_kernels.h"
#include "tinyts_window.h"

#if defined(TINYTS_DSP)
#include "tinyts_depthwise_few_channels.h"
#include "tinyts_depthwise_window.h"
#include "tinyts_dsp.h"
#else
#include "tinyts_depthwise_portable.h"
#endif

#if defined(TINYTS_MVE)
#include "tinyts_depthwise_mve.h"
#endif

enum { TINYTS_DEPTHWISE_BLOCK = 4, TINYTS_DEPTHWISE_CONSTANTS = 16, TINYTS_DEPTHWISE_TAP_WORDS = 2 };

/* Channel `lane` of a block, at one output pixel: filter columns `columns` of the window's rows. Not inlined, because the
 * caller's variables would push the loop's onto the stack. */
TINYTS_NOINLINE static uint32_t tinyts_depthwise_sum(const tinyts_depthwise_conv_2d_parameters *p,
                                                        const int8_t *const *rows, ptrdiff_t offset,
                                                        tinyts_filter_columns columns, const int32_t *weights,
                                                        uint32_t lane) {
  const ptrdiff_t step = (ptrdiff_t)p->column_dilation * p->input_channels;
  const ptrdiff_t filter_row = p->filter_width * TINYTS_DEPTHWISE_TAP_WORDS;
  const uint32_t half = 8u * (lane & 2u);
  const int32_t zero_point = p->input_zero_point;
  uint32_t sum = 0;
  weights += (int32_t)(lane & 1u) + columns.first * TINYTS_DEPTHWISE_TAP_WORDS;
  offset += columns.first * step;
  for (int32_t left = p->filter_height; left > 0; --left, weights += filter_row, rows += p->row_dilation) {
    if (*rows == NULL) continue;
    const int8_t *input = *rows + offset;
    const int32_t *tap = weights;
    for (int32_t column = columns.first; column < columns.end;
         ++column, input += step, tap += TINYTS_DEPTHWISE_TAP_WORDS) {
      const int32_t weight = (int16_t)(uint16_t)((uint32_t)*tap >> half);
      sum += (uint32_t)(weight * (*input - zero_point));
    }
  }
  return sum;
}

/* A sum, by the multiplier, the shift and the offset of its channel (kernels.h). */
static inline int32_t tinyts_depthwise_scale(const tinyts_depthwise_conv_2d_parameters *p, const int32_t *scale,
                                             int32_t sum) {
  if (p->narrow) {
    const int32_t high = (int32_t)(((int64_t)sum * scale[0] + ((int64_t)1 << 31)) >> 32);
    return (high + scale[2] - (sum < 0)) >> scale[1];
  }
  return tinyts_wrapping_add(tinyts_requantize(sum, scale[0], -scale[1]), p->output_zero_point);
}

static void tinyts_depthwise_row(const tinyts_depthwise_conv_2d_parameters *p, const int8_t *const *rows,
                                 int8_t *output) {
  const int32_t channels = p->output_channels,
                last = channels < TINYTS_DEPTHWISE_BLOCK ? 0 : channels - TINYTS_DEPTHWISE_BLOCK;
  for (int32_t x = 0; x < p->output_width; ++x, output += channels) {
    const int32_t origin = x * p->column_stride - p->padding_left;
    const tinyts_filter_columns columns =
        tinyts_columns_inside(origin, p->input_width, p->filter_width, p->column_dilation);
    const int32_t *weights = p->weights, *constants = p->constants;
    for (int32_t block = 0; block < channels;
         block += TINYTS_DEPTHWISE_BLOCK, constants += TINYTS_DEPTHWISE_CONSTANTS) {
      const int32_t first = block < last ? block : last;
      for (int32_t lane = 0; lane < TINYTS_DEPTHWISE_BLOCK && first + lane < channels; ++lane) {
        const int32_t input_channel = (first + lane) / p->depth_multiplier;
        const ptrdiff_t offset = (ptrdiff_t)origin * p->input_channels + input_channel;
        const uint32_t products = tinyts_depthwise_sum(p, rows, offset, columns, weights, (uint32_t)lane);
        const uint32_t sum = (uint32_t)constants[lane] + products;
        const int32_t scaled = tinyts_depthwise_scale(p, constants + TINYTS_DEPTHWISE_BLOCK + 3 * lane, (int32_t)sum);
        output[first + lane] = tinyts_clamp(scaled, p->output_minimum, p->output_maximum);
      }
      weights += p->filter_height * p->filter_width * TINYTS_DEPTHWISE_TAP_WORDS;
    }
  }
}

#if defined(TINYTS_DSP)
static int tinyts_has_depthwise_windows(const tinyts_depthwise_conv_2d_parameters *p) {
  return p->narrow && p->depth_multiplier == 1 && p->filter_width <= TINYTS_WINDOW_MOST_COLUMNS &&
         p->filter_height <= TINYTS_WINDOW_MOST_ROWS &&
         (p->output_channels >= TINYTS_DEPTHWISE_BLOCK || tinyts_has_few_channels(p));
}

static void tinyts_clamp_depthwise_row(const tinyts_depthwise_conv_2d_parameters *p, int8_t *output) {
  const uint32_t minimum = tinyts_repeat_4(p->output_minimum), maximum = tinyts_repeat_4(p->output_maximum);
  const int8_t *const end = output + (ptrdiff_t)p->output_width * p->output_channels;
  for (; end - output >= 4; output += 4) {
    tinyts_store_4(output, tinyts_minimum_4(tinyts_maximum_4(tinyts_load_4(output), minimum), maximum));
  }
  for (; output != end; ++output) *output = tinyts_clamp(*output, p->output_minimum, p->output_maximum);
}
#endif

void tinyts_depthwise_conv_2d(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                              int32_t row_count, int8_t *scratch) {
  const tinyts_depthwise_conv_2d_parameters *const p = (const tinyts_depthwise_conv_2d_parameters *)parameters;
  (void)scratch;
#if defined(TINYTS_MVE)
  if (tinyts_depthwise_mve_rows(p, input_rows, output_rows, row_count)) return;
#endif
#if defined(TINYTS_DSP)
  if (tinyts_has_depthwise_windows(p)) {
    for (int32_t r = 0; r < row_count; ++r) {
      const int8_t *const *const rows = input_rows + r * p->row_stride;
      if (p->output_channels < TINYTS_DEPTHWISE_BLOCK) {
        tinyts_convolve_few_channels(p, rows, output_rows[r]);
      } else {
        tinyts_convolve_windows(p, rows, output_rows[r]);
      }
    }
    /* What is saturated to int8 may be clamped to less afterwards. */
    if (p->output_minimum != INT8_MIN || p->output_maximum != INT8_MAX) {
      for (int32_t r = 0; r < row_count; ++r) tinyts_clamp_depthwise_row(p, output_rows[r]);
    }
    return;
  }
#else
  const uint16_t one = 1; /* halves of words are where little-endian machines have them */
  if (p->narrow && p->depth_multiplier == 1 && p->output_channels >= TINYTS_DEPTHWISE_BLOCK &&
      *(const uint8_t *)&one == 1) {
    for (int32_t r = 0; r < row_count; ++r) {
      tinyts_depthwise_portable_row(p, input_rows + r * p->row_stride, output_rows[r]);
    }
    return;
  }
#endif
  for (int32_t r = 0; r < row_count; ++r) tinyts_depthwise_row(p, input_rows + r * p->row_stride, output_rows[r]);
}
