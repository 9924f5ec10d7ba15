/* RESIZE_BILINEAR, in fixed point as the reference has it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "tinyts/kernels.h"

#define TINYTS_RESIZE_ONE (1 << 10)

void tinyts_resize_bilinear(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                            int32_t row_count, int8_t *scratch) {
  const tinyts_resize_bilinear_parameters *const p = parameters;
  const int8_t *const map = input_rows[0];
  const uint32_t channels = p->channels;
  int8_t *output = output_rows[0];
  (void)row_count;
  (void)scratch;
  for (uint32_t y = 0; y < p->output_height; ++y) {
    const int32_t *const row = p->rows + 3u * y;
    const int8_t *const lower = map + row[0];
    const int8_t *const upper = map + row[1];
    for (uint32_t x = 0; x < p->output_width; ++x) {
      const int32_t *const column = p->columns + 3u * x;
      const int32_t lower_left = (TINYTS_RESIZE_ONE - row[2]) * (TINYTS_RESIZE_ONE - column[2]);
      const int32_t lower_right = (TINYTS_RESIZE_ONE - row[2]) * column[2];
      const int32_t upper_left = row[2] * (TINYTS_RESIZE_ONE - column[2]);
      const int32_t upper_right = row[2] * column[2];
      const int8_t *const left = lower + column[0], *const right = lower + column[1];
      const int8_t *const next_left = upper + column[0], *const next_right = upper + column[1];
      for (uint32_t c = 0; c < channels; ++c) {
        const int32_t sum = left[c] * lower_left + right[c] * lower_right + next_left[c] * upper_left +
                            next_right[c] * upper_right;
        /* Half away from zero. */
        *output++ = (int8_t)((sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20));
      }
    }
  }
}
