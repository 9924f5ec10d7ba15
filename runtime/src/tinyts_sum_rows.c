/* Adds up the pixels of rows as they come: a global average pool before the division.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "tinyts/tinyts_kernels.h"

#if defined(__ARM_FEATURE_DSP)
#include "tinyts_dsp.h"

/* Multiples of four channels of a row that is not too wide for sums in int16; returns how many. */
static size_t tinyts_sum_by_fours(const tinyts_sum_rows_parameters *p, const int8_t *row, int32_t *sums) {
  const size_t whole = p->channels / 4u * 4u;
  for (const int8_t *const end = row + whole; row != end; row += 4, sums += 4) {
    const tinyts_byte_sums of_row = tinyts_add_pixels((tinyts_byte_sums){0, 0}, row, p->channels, p->width);
    sums[0] += (int16_t)(uint16_t)of_row.even;
    sums[1] += (int16_t)(uint16_t)of_row.odd;
    sums[2] += (int32_t)of_row.even >> 16;
    sums[3] += (int32_t)of_row.odd >> 16;
  }
  return whole;
}
#endif

static void tinyts_add_row(const tinyts_sum_rows_parameters *p, const int8_t *row, int32_t *sums) {
  size_t channel = 0;
#if defined(__ARM_FEATURE_DSP)
  if (p->width <= TINYTS_MOST_BYTES_IN_INT16) channel = tinyts_sum_by_fours(p, row, sums);
#endif
  for (; channel < p->channels; ++channel) {
    const int8_t *pixel = row + channel;
    int32_t sum = 0;
    for (uint32_t left = p->width; left > 0; --left, pixel += p->channels) sum += *pixel;
    sums[channel] += sum;
  }
}

void tinyts_sum_rows(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                     int32_t row_count, int8_t *scratch) {
  const tinyts_sum_rows_parameters *const p = parameters;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    int32_t *const sums = (int32_t *)(void *)output_rows[r];
    for (size_t y = 0; y < p->window_rows; ++y) {
      const int8_t *const row = input_rows[(size_t)r * p->window_rows + y];
      if (row != NULL) tinyts_add_row(p, row, sums);
    }
  }
}
