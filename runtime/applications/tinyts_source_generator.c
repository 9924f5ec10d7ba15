/* Rows of noise, to see the application run where nothing is connected.
 *
 * Each byte is the top of a linear congruential generator's state (multiplier 1664525, increment 1013904223, modulus
 * 2^32, started at 0): a host makes the same ones.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts_model_data.h"
#include "tinyts_source.h"

#if !TINYTS_MODEL_MACRO(INPUT_EXTERNAL) /* as in tinyts_streaming.c */

const int8_t *tinyts_source_next_row(uint32_t row) {
  static int8_t row_bytes[TINYTS_MODEL_MACRO(INPUT_ROW_BYTES)];
  static uint32_t state;
  (void)row;
  for (uint32_t i = 0; i < TINYTS_MODEL_MACRO(INPUT_ROW_BYTES); ++i) {
    state = state * 1664525u + 1013904223u;
    row_bytes[i] = (int8_t)((int32_t)(state >> 24) - 128);
  }
  return row_bytes;
}

#endif
