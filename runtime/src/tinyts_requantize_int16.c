/* LEAKY_RELU, RELU, RELU6 and QUANTIZE of int16: elements times a multiplier, or another one where they are negative.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts/tinyts_kernels_int16.h"
#include "tinyts_wide.h"

static int32_t tinyts_wide_requantized(const tinyts_requantize_int16_parameters *p, int32_t value) {
  int32_t scaled;
  if (value >= 0) {
    scaled = tinyts_requantize(value, p->multiplier, p->shift);
  } else {
    scaled = tinyts_requantize(value, p->negative_multiplier, p->negative_shift);
    if (p->negates) scaled = (int32_t)(0u - (uint32_t)scaled);
  }
  scaled = tinyts_wrapping_add(scaled, p->output_zero_point);
  if (scaled < p->output_minimum) scaled = p->output_minimum;
  return scaled > p->output_maximum ? p->output_maximum : scaled;
}

void tinyts_requantize_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                             int32_t row_count, int8_t *scratch) {
  const tinyts_requantize_int16_parameters *const p = (const tinyts_requantize_int16_parameters *)parameters;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    const int16_t *const input = tinyts_wide_elements(input_rows[r]);
    int8_t *output = output_rows[r];
    for (uint32_t i = 0; i < p->row_elements; ++i, output += p->output_bytes) {
      const int32_t made = tinyts_wide_requantized(p, input[i] - p->input_zero_point);
      if (p->output_bytes == 1) {
        *output = (int8_t)made;
      } else if (p->output_bytes == 2) {
        *tinyts_wide_outputs(output) = (int16_t)made;
      } else {
        *(int32_t *)(void *)output = made;
      }
    }
  }
}
