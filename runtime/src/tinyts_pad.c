/* PAD of columns and channels; a NULL row is padding as a whole.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>
#include <string.h>

#include "tinyts/tinyts_kernels.h"

static int8_t *tinyts_fill_bytes(int8_t *output, int8_t value, size_t count) {
  memset(output, value, count);
  return output + count;
}

static int8_t *tinyts_copy_bytes(int8_t *output, const int8_t *input, size_t count) {
  memcpy(output, input, count);
  return output + count;
}

void tinyts_pad(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                int32_t row_count, int8_t *scratch) {
  const tinyts_pad_parameters *const p = parameters;
  const size_t input_channels = p->input_channels;
  const size_t output_channels = p->channels_before + input_channels + p->channels_after;
  const size_t output_columns = (size_t)p->columns_before + p->input_width + p->columns_after;
  (void)scratch;

  for (int32_t r = 0; r < row_count; ++r) {
    const int8_t *input = input_rows[r];
    int8_t *output = output_rows[r];
    if (input == NULL) {
      tinyts_fill_bytes(output, p->value, output_columns * output_channels);
      continue;
    }
    output = tinyts_fill_bytes(output, p->value, p->columns_before * output_channels);
    if (input_channels == output_channels) {
      output = tinyts_copy_bytes(output, input, p->input_width * input_channels);
    } else {
      for (int32_t x = 0; x < p->input_width; ++x, input += input_channels) {
        output = tinyts_fill_bytes(output, p->value, p->channels_before);
        output = tinyts_copy_bytes(output, input, input_channels);
        output = tinyts_fill_bytes(output, p->value, p->channels_after);
      }
    }
    tinyts_fill_bytes(output, p->value, p->columns_after * output_channels);
  }
}
