/* LOGISTIC and TANH of int16: between two entries of a table, as tanh(x) is twice the sigmoid of 2 x, less 1.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts/tinyts_kernels_int16.h"
#include "tinyts_wide.h"

/* Sigmoid of a magnitude, in as many bits as an entry and a position between two of them have. */
static uint32_t tinyts_wide_sigmoid(const uint16_t *table, uint32_t magnitude, uint32_t bits, uint32_t greatest) {
  const uint32_t entry = magnitude >> bits;
  if (entry >= 255u) return greatest << bits;
  const uint32_t between = magnitude & (((uint32_t)1 << bits) - 1u);
  return ((uint32_t)table[entry] << bits) + between * (uint32_t)(table[entry + 1] - table[entry]);
}

static int16_t tinyts_wide_logistic(const uint16_t *table, int32_t position) {
  const uint32_t magnitude = position < 0 ? 0u - (uint32_t)position : (uint32_t)position;
  const uint32_t found = tinyts_wide_sigmoid(table, magnitude, 9, 0x7fffu << 1);
  const uint32_t half = (uint32_t)1 << 9;
  return (int16_t)((position >= 0 ? found + half : ((uint32_t)1 << 25) - found + half - 1u) >> 10);
}

static int16_t tinyts_wide_tanh(const uint16_t *table, int32_t position) {
  const uint32_t magnitude = position < 0 ? 0u - (uint32_t)position : (uint32_t)position;
  const int32_t found = (int32_t)tinyts_wide_sigmoid(table, magnitude, 8, 0xffffu) - ((int32_t)1 << 23);
  return (int16_t)((position >= 0 ? found + 128 : 127 - found) >> 8);
}

void tinyts_sigmoid_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                          int32_t row_count, int8_t *scratch) {
  const tinyts_sigmoid_int16_parameters *const p = (const tinyts_sigmoid_int16_parameters *)parameters;
  const uint32_t round = p->right_shift == 0 ? 0u : (uint32_t)1 << (p->right_shift - 1);
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    const int16_t *const input = tinyts_wide_elements(input_rows[r]);
    int16_t *const output = tinyts_wide_outputs(output_rows[r]);
    for (uint32_t i = 0; i < p->row_elements; ++i) {
      const int32_t position = (int32_t)((uint32_t)input[i] * (uint32_t)p->multiplier + round) >> p->right_shift;
      output[i] = p->is_tanh ? tinyts_wide_tanh(p->table, position) : tinyts_wide_logistic(p->table, position);
    }
  }
}
