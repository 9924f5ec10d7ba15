/* SOFTMAX of int16: exponentials and the reciprocal of their sum between entries of tables.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts/tinyts_kernels_int16.h"
#include "tinyts_wide.h"

/* A table of 513 entries has one for every 128 values of an int16. */
static int32_t tinyts_wide_between_entries(const int16_t *table, int32_t value) {
  const int32_t entry = 256 + (value >> 7), between = value & 127;
  const int32_t slope = (int16_t)(table[entry + 1] - table[entry]);
  return (int16_t)(table[entry] + ((slope * between + 64) >> 7));
}

static int32_t tinyts_wide_exponential(const tinyts_softmax_int16_parameters *p, int32_t difference) {
  const int32_t scaled = tinyts_requantize(difference, p->input_multiplier, p->input_shift);
  const int32_t centered = tinyts_wrapping_add(scaled, INT16_MAX);
  return tinyts_wide_between_entries(p->exponentials, tinyts_wide_clamp(centered, INT16_MIN, INT16_MAX));
}

static void tinyts_wide_softmax_of_vector(const tinyts_softmax_int16_parameters *p, const int16_t *input,
                                          int16_t *output) {
  int32_t maximum = INT16_MIN;
  for (uint32_t i = 0; i < p->depth; ++i) {
    if (input[i] > maximum) maximum = input[i];
  }
  uint32_t sum = 0;
  for (uint32_t i = 0; i < p->depth; ++i) {
    const int32_t exponential = tinyts_wide_exponential(p, input[i] - maximum);
    output[i] = (int16_t)exponential;
    sum += (uint32_t)exponential;
  }
  /* The sum is 2^(31 - headroom) times what lies between 1/2 and 1 in 16 bits. */
  int32_t headroom = 0;
  while (headroom < 31 && (sum << headroom & 0x80000000u) == 0) ++headroom;
  const int32_t shifted = (int32_t)((((uint64_t)sum << (headroom - 1)) + ((uint32_t)1 << 13)) >> 14);
  const int32_t centered = tinyts_wide_clamp(shifted - (((int32_t)1 << 15) + ((int32_t)1 << 16)), INT16_MIN, INT16_MAX);
  const int32_t reciprocal = tinyts_wide_between_entries(p->reciprocals, centered);
  const int32_t right = 31 - headroom;
  for (uint32_t i = 0; i < p->depth; ++i) {
    const int32_t made = (int32_t)(((int64_t)output[i] * reciprocal + ((int64_t)1 << (right - 1))) >> right);
    output[i] = tinyts_wide_clamp(made, 0, INT16_MAX);
  }
}

void tinyts_softmax_int16(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                          int32_t row_count, int8_t *scratch) {
  const tinyts_softmax_int16_parameters *const p = (const tinyts_softmax_int16_parameters *)parameters;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    const int16_t *const input = tinyts_wide_elements(input_rows[r]);
    int16_t *const output = tinyts_wide_outputs(output_rows[r]);
    for (size_t vector = 0; vector < p->vectors; ++vector) {
      tinyts_wide_softmax_of_vector(p, input + vector * p->depth, output + vector * p->depth);
    }
  }
}
