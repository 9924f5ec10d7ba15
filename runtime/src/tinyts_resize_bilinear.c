/* RESIZE_BILINEAR, in fixed point as the reference has it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "tinyts/tinyts_kernels.h"

#if defined(__ARM_FEATURE_DSP)
#include "tinyts_resize_columns.h"
#endif

#define TINYTS_RESIZE_ONE (1 << 10)

/* The sum in 1/2^20, rounded half away from zero. */
static inline int8_t tinyts_interpolated(int32_t sum) { return (int8_t)((sum + (1 << 19) - (sum < 0)) >> 20); }

static __attribute__((noinline)) void tinyts_interpolate_row(const tinyts_resize_bilinear_parameters *p, const int8_t *lower, const int8_t *upper,
                                   int32_t distance, int8_t *output) {
  const uint32_t channels = p->channels;
  for (uint32_t x = 0; x < p->output_width; ++x) {
    const int32_t *const column = p->columns + 3u * x;
    const int32_t upper_right = distance * column[2];
    const int32_t lower_right = TINYTS_RESIZE_ONE * column[2] - upper_right;
    const int32_t upper_left = TINYTS_RESIZE_ONE * distance - upper_right;
    const int32_t lower_left = TINYTS_RESIZE_ONE * (TINYTS_RESIZE_ONE - distance) - lower_right;
    const int8_t *left = lower + column[0], *right = lower + column[1];
    const int8_t *next_left = upper + column[0], *next_right = upper + column[1];
    for (uint32_t c = channels; c != 0; --c) {
      *output++ = tinyts_interpolated(*left++ * lower_left + *right++ * lower_right + *next_left++ * upper_left +
                                      *next_right++ * upper_right);
    }
  }
}

#if defined(__ARM_FEATURE_DSP)
/* A row of four channels or more. The last four may be some that are made already. */
static void tinyts_resize_by_fours(const tinyts_resize_bilinear_parameters *p, const int8_t *lower,
                                   const int8_t *upper, int32_t distance, int8_t *output) {
  const uint32_t channels = p->channels;
  const int32_t step = TINYTS_RESIZE_ONE / 16;
  const uint8_t sixteenths = p->sixteenths && distance % step == 0;
  const int32_t unit = sixteenths ? step : 1;
  for (uint32_t i = 0; i < channels; i += 4) {
    const uint32_t channel = i + 4 <= channels ? i : channels - 4;
    const tinyts_resize_job job = {
        .output = output + channel,
        .column = p->columns,
        .end = p->columns + 3u * p->output_width,
        .lower = lower + channel,
        .upper = upper + channel,
        .down = (uint32_t)(distance / unit),
        .up = (uint32_t)((TINYTS_RESIZE_ONE - distance) / unit),
        .pixel_bytes = channels,
    };
    if (sixteenths) {
      tinyts_resize_sixteenths(&job);
    } else {
      tinyts_resize_exactly(&job);
    }
  }
}
#endif

static void tinyts_resize_row(const tinyts_resize_bilinear_parameters *p, const int8_t *lower, const int8_t *upper,
                              int32_t distance, int8_t *output) {
  if (lower == upper) distance = 0;
#if defined(__ARM_FEATURE_DSP)
  if (p->channels >= 4) {
    tinyts_resize_by_fours(p, lower, upper, distance, output);
    return;
  }
#endif
  tinyts_interpolate_row(p, lower, upper, distance, output);
}

void tinyts_resize_bilinear(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                            int32_t row_count, int8_t *scratch) {
  const tinyts_resize_bilinear_parameters *const p = parameters;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r, input_rows += p->row_stride) {
    int8_t *output = output_rows[r];
    for (uint32_t y = 0; y < p->block_rows; ++y, output += (size_t)p->output_width * p->channels) {
      const int32_t *const row = p->rows + 3u * y;
      const int8_t *lower, *upper;
      if (p->row_bytes != 0) {
        lower = input_rows[0] + (size_t)row[0] * p->row_bytes;
        upper = input_rows[0] + (size_t)row[1] * p->row_bytes;
      } else {
        lower = input_rows[row[0]];
        upper = input_rows[row[1]];
        if (lower == NULL) lower = upper;
        if (upper == NULL) upper = lower;
      }
      tinyts_resize_row(p, lower, upper, row[2], output);
    }
  }
}
