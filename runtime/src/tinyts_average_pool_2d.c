/* AVERAGE_POOL_2D: the mean of the pixels inside the input, rounded half away from zero.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "tinyts_arithmetic.h"
#include "tinyts/tinyts_kernels.h"
#include "tinyts_window.h"

#if defined(__ARM_FEATURE_DSP)
#include "tinyts_dsp.h"
#endif

/* The pixels of a window that lie inside the input; `offset` is that of the first in its row. */
typedef struct {
  const int8_t *const *rows;
  ptrdiff_t offset;
  int32_t columns, count;
} tinyts_average_window;

static inline int8_t tinyts_rounded_average(const tinyts_pool_2d_parameters *p, int32_t sum, int32_t count) {
  return tinyts_clamp((sum > 0 ? sum + count / 2 : sum - count / 2) / count, p->output_minimum, p->output_maximum);
}

static void tinyts_average_by_channels(const tinyts_pool_2d_parameters *p, const tinyts_average_window *w,
                                       int8_t *output) {
  const ptrdiff_t channels = p->channels;
  for (ptrdiff_t channel = 0; channel < channels; ++channel) {
    int32_t sum = 0;
    for (int32_t y = 0; y < p->filter_height; ++y) {
      if (w->rows[y] == NULL) continue;
      const int8_t *pixel = w->rows[y] + (w->offset + channel);
      for (int32_t left = w->columns; left > 0; --left, pixel += channels) sum += *pixel;
    }
    output[channel] = tinyts_rounded_average(p, sum, w->count);
  }
}

#if defined(__ARM_FEATURE_DSP)
/* At least four channels, the last four of which may be in part the same as the four before; a window that is not too
 * large for sums in int16. */
static void tinyts_average_by_fours(const tinyts_pool_2d_parameters *p, const tinyts_average_window *w,
                                    int8_t *output) {
  const ptrdiff_t channels = p->channels;
  const int8_t *const *const end = w->rows + p->filter_height;
  for (ptrdiff_t channel = 0; channel < channels; channel += 4) {
    if (channel > channels - 4) channel = channels - 4;
    tinyts_byte_sums sums = {0, 0};
    for (const int8_t *const *row = w->rows; row != end; ++row) {
      if (*row == NULL) continue;
      sums = tinyts_add_pixels(sums, *row + (w->offset + channel), (int32_t)channels, w->columns);
    }
    output[channel] = tinyts_rounded_average(p, (int16_t)(uint16_t)sums.even, w->count);
    output[channel + 1] = tinyts_rounded_average(p, (int16_t)(uint16_t)sums.odd, w->count);
    output[channel + 2] = tinyts_rounded_average(p, (int32_t)sums.even >> 16, w->count);
    output[channel + 3] = tinyts_rounded_average(p, (int32_t)sums.odd >> 16, w->count);
  }
}
#endif

void tinyts_average_pool_2d(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                            int32_t row_count, int8_t *scratch) {
  const tinyts_pool_2d_parameters *const p = parameters;
  const ptrdiff_t channels = p->channels;
  (void)scratch;

  for (int32_t r = 0; r < row_count; ++r) {
    tinyts_average_window w = {input_rows + r * p->row_stride, 0, 0, 0};
    int8_t *output = output_rows[r];
    int32_t rows_inside = 0;
    for (int32_t y = 0; y < p->filter_height; ++y) rows_inside += w.rows[y] != NULL;

    for (int32_t x = 0; x < p->output_width; ++x, output += channels) {
      const int32_t origin = x * p->column_stride - p->padding_left;
      const tinyts_filter_columns inside = tinyts_columns_inside(origin, p->input_width, p->filter_width, 1);
      w.offset = (origin + inside.first) * channels;
      w.columns = inside.end - inside.first;
      /* A window that holds nothing but padding has no mean; the reference refuses such models. */
      w.count = w.columns * rows_inside > 0 ? w.columns * rows_inside : 1;
#if defined(__ARM_FEATURE_DSP)
      if (channels >= 4 && w.count <= TINYTS_MOST_BYTES_IN_INT16) {
        tinyts_average_by_fours(p, &w, output);
        continue;
      }
#endif
      tinyts_average_by_channels(p, &w, output);
    }
  }
}
