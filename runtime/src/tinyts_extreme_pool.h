/* MAX_POOL_2D, and the minimum over windows: with DSP instructions four channels at once. Otherwise pixel after pixel of
 * the window, all channels at once, with the output as the accumulator.
 *
 * The minimum is the maximum of bytes with all bits flipped. `flip` is 0 or -1, a constant that is inlined.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_EXTREME_POOL_H
#define TINYTS_EXTREME_POOL_H

#include <stddef.h>
#include <string.h>

#include "tinyts_arithmetic.h"
#include "tinyts/tinyts_kernels.h"
#include "tinyts_window.h"

#if defined(TINYTS_DSP)
#include "tinyts_dsp.h"
#endif

/* `offset` is that of the window's first pixel inside the input in its row, `columns` how many are. */
static TINYTS_ALWAYS_INLINE void tinyts_extreme_by_pixels(const tinyts_pool_2d_parameters *p,
                                                                          const int8_t *const *window,
                                                                          ptrdiff_t offset, int32_t columns,
                                                                          int8_t *output, int32_t flip) {
  const ptrdiff_t channels = p->channels;
  memset(output, INT8_MIN ^ flip, (size_t)channels);
  for (int32_t y = 0; y < p->filter_height; ++y) {
    if (window[y] == NULL) continue;
    const int8_t *pixel = window[y] + offset;
    for (int32_t left = columns; left > 0; --left, pixel += channels) {
      for (ptrdiff_t channel = 0; channel < channels; ++channel) {
        if ((pixel[channel] ^ flip) > (output[channel] ^ flip)) output[channel] = pixel[channel];
      }
    }
  }
  if (p->output_minimum == INT8_MIN && p->output_maximum == INT8_MAX) return;
  for (ptrdiff_t channel = 0; channel < channels; ++channel) {
    output[channel] = tinyts_clamp(output[channel], p->output_minimum, p->output_maximum);
  }
}

#if defined(TINYTS_DSP)
/* At least four channels: the last four may be in part the same as the four before. */
static TINYTS_ALWAYS_INLINE void tinyts_extreme_by_fours(const tinyts_pool_2d_parameters *p,
                                                                         const int8_t *const *window,
                                                                         ptrdiff_t offset, int32_t columns,
                                                                         int8_t *output, int32_t flip) {
  const ptrdiff_t channels = p->channels;
  const uint32_t flips = (uint32_t)flip;
  const uint32_t least = tinyts_repeat_4((flip == 0 ? p->output_minimum : p->output_maximum) ^ flip);
  const uint32_t most = tinyts_repeat_4((flip == 0 ? p->output_maximum : p->output_minimum) ^ flip);
  const int8_t *const *const end = window + p->filter_height;
  for (ptrdiff_t channel = 0; channel < channels; channel += 4) {
    if (channel > channels - 4) channel = channels - 4;
    uint32_t greatest = least;
    for (const int8_t *const *row = window; row != end; ++row) {
      if (*row == NULL) continue;
      const int8_t *pixel = *row + (offset + channel);
      int32_t left = columns;
      for (; left > 1; left -= 2, pixel += 2 * channels) {
        greatest = tinyts_maximum_4(greatest, tinyts_load_4(pixel) ^ flips);
        greatest = tinyts_maximum_4(greatest, tinyts_load_4(pixel + channels) ^ flips);
      }
      if (left != 0) greatest = tinyts_maximum_4(greatest, tinyts_load_4(pixel) ^ flips);
    }
    tinyts_store_4(output + channel, tinyts_minimum_4(greatest, most) ^ flips);
  }
}
#endif

static TINYTS_ALWAYS_INLINE void tinyts_extreme_pool_2d(const tinyts_pool_2d_parameters *p,
                                                                        const int8_t *const *input_rows,
                                                                        int8_t *const *output_rows,
                                                                        int32_t row_count, int32_t flip) {
  const ptrdiff_t channels = p->channels;

  for (int32_t r = 0; r < row_count; ++r) {
    const int8_t *const *const window = input_rows + r * p->row_stride;
    int8_t *output = output_rows[r];
    for (int32_t x = 0; x < p->output_width; ++x, output += channels) {
      const int32_t origin = x * p->column_stride - p->padding_left;
      const tinyts_filter_columns inside = tinyts_columns_inside(origin, p->input_width, p->filter_width, 1);
      const ptrdiff_t offset = (origin + inside.first) * channels;
#if defined(TINYTS_DSP)
      if (channels >= 4) {
        tinyts_extreme_by_fours(p, window, offset, inside.end - inside.first, output, flip);
        continue;
      }
#endif
      tinyts_extreme_by_pixels(p, window, offset, inside.end - inside.first, output, flip);
    }
  }
}

#endif
