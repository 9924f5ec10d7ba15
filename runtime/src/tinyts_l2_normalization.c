/* L2_NORMALIZATION in fixed point: vectors divided by the square root of the sum of their squares.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "tinyts_arithmetic.h"
#include "tinyts/tinyts_kernels.h"

enum { TINYTS_NORMALIZED_BITS = 7 };

typedef struct {
  int32_t multiplier, shift; /* Q31; positive is left */
} tinyts_inverse_root;

static inline int32_t tinyts_root_multiply(int32_t a, int32_t b) {
  return tinyts_saturating_rounding_doubling_high_multiply(a, b);
}

static int32_t tinyts_root_shift_left(int32_t value, int32_t shift) {
  const int64_t shifted = (int64_t)value * ((int64_t)1 << shift);
  return shifted > INT32_MAX ? INT32_MAX : shifted < INT32_MIN ? INT32_MIN : (int32_t)shifted;
}

/* 1 / sqrt(value): five Newton-Raphson steps on the value, moved by an even number of bits to between 1/2 and 2, with 3
 * integer bits. */
static tinyts_inverse_root tinyts_invert_root(uint32_t value) {
  tinyts_inverse_root root = {INT32_MAX, 0};
  if (value <= 1) return root;
  int32_t right = 11, half, x = (int32_t)1 << 28;
  for (; value >= (uint32_t)1 << 29; value /= 4) ++right;
  for (; value < (uint32_t)1 << 27; value *= 4) --right;
  half = tinyts_rounding_divide_by_power_of_two((int32_t)(value >> 1), 1);
  for (int32_t step = 0; step < 5; ++step) {
    const int32_t cube = tinyts_root_shift_left(tinyts_root_multiply(tinyts_root_multiply(x, x), x), 6);
    const int32_t three_halves = ((int32_t)1 << 28) + ((int32_t)1 << 27);
    x = tinyts_root_shift_left(tinyts_root_multiply(three_halves, x) - tinyts_root_multiply(half, cube), 3);
  }
  x = tinyts_root_multiply(x, 1518500250); /* sqrt(2) / 2 */
  root.multiplier = right < 0 ? tinyts_wrapping_shift_left(x, -right) : x;
  root.shift = right < 0 ? 0 : -right;
  return root;
}

void tinyts_l2_normalization(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                             int32_t row_count, int8_t *scratch) {
  const tinyts_l2_normalization_parameters *const p = parameters;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    const int8_t *input = input_rows[r];
    int8_t *output = output_rows[r];
    for (uint32_t vector = 0; vector < p->vectors; ++vector, input += p->depth, output += p->depth) {
      uint32_t squares = 0;
      for (uint32_t i = 0; i < p->depth; ++i) {
        const int32_t value = input[i] - p->input_zero_point;
        squares += (uint32_t)(value * value);
      }
      const tinyts_inverse_root root = tinyts_invert_root(squares);
      for (uint32_t i = 0; i < p->depth; ++i) {
        const int32_t value = input[i] - p->input_zero_point;
        output[i] = tinyts_clamp(tinyts_requantize(value, root.multiplier, root.shift + TINYTS_NORMALIZED_BITS),
                                 INT8_MIN, INT8_MAX);
      }
    }
  }
}
