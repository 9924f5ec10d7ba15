/* Pools of int16: the pixels of a window that lie inside the input, channel by channel.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_POOL_INT16_H
#define TINYTS_POOL_INT16_H

#include "tinyts/tinyts_kernels_int16.h"
#include "tinyts_wide.h"
#include "tinyts_window.h"

/* What is known of the pixels so far, and one more. */
typedef int32_t (*tinyts_pool_int16_step)(int32_t known, int32_t element);

/* What becomes of what is known of `count` pixels. */
typedef int32_t (*tinyts_pool_int16_end)(int32_t known, int32_t count);

static TINYTS_ALWAYS_INLINE void tinyts_pool_int16(const tinyts_pool_2d_int16_parameters *p,
                                                                   tinyts_pool_int16_step step,
                                                                   tinyts_pool_int16_end end, int32_t first,
                                                                   const int8_t *const *input_rows,
                                                                   int8_t *const *output_rows, int32_t row_count) {
  const size_t channels = p->channels;
  for (int32_t r = 0; r < row_count; ++r) {
    const int8_t *const *const rows = input_rows + (size_t)r * p->row_stride;
    int16_t *output = tinyts_wide_outputs(output_rows[r]);
    int32_t height = 0;
    for (uint32_t y = 0; y < p->filter_height; ++y) height += rows[y] != NULL;
    for (int32_t x = 0; x < p->output_width; ++x) {
      const int32_t origin = x * p->column_stride - p->padding_left;
      const tinyts_filter_columns inside = tinyts_columns_inside(origin, p->input_width, p->filter_width, 1);
      const int32_t columns = inside.end - inside.first;
      for (size_t channel = 0; channel < channels; ++channel) {
        int32_t known = first;
        for (uint32_t y = 0; y < p->filter_height; ++y) {
          if (rows[y] == NULL) continue;
          const int16_t *const row = tinyts_wide_elements(rows[y]) + channel;
          size_t place = (size_t)(origin + inside.first) * channels;
          for (int32_t left = columns; left > 0; --left, place += channels) known = step(known, row[place]);
        }
        *output++ = tinyts_wide_clamp(end(known, height * columns), p->output_minimum, p->output_maximum);
      }
    }
  }
}

#endif
