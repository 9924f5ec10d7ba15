/* The loops that kernels of two operands share: operands are broadcast within a row, and over rows by the runtime.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_BINARY_H
#define TINYTS_BINARY_H

#include <stddef.h>

#include "tinyts/tinyts_kernels.h"

typedef int8_t (*tinyts_binary_element)(const tinyts_binary_parameters *p, int32_t x, int32_t y);

/* Makes elements from the first on of a run in which neither operand is broadcast; returns how many. */
typedef uint32_t (*tinyts_binary_run)(const tinyts_binary_parameters *p, const int8_t *x, const int8_t *y,
                                      int8_t *output, uint32_t count);

static inline const int8_t *tinyts_binary_first(const tinyts_binary_parameters *p, const int8_t *const *input_rows,
                                                int32_t row) {
  return p->first == NULL ? input_rows[row] : p->first;
}

static inline const int8_t *tinyts_binary_second(const tinyts_binary_parameters *p, const int8_t *const *input_rows,
                                                 int32_t row_count, int32_t row) {
  if (p->second != NULL) return p->second;
  return input_rows[p->first == NULL ? row_count + row : row];
}

/* Rows of a function that is inlined here. The innermost loop is apart for the two steps that it can have: 0 and 1.
 * `run` is NULL where nothing is faster. */
static TINYTS_ALWAYS_INLINE void tinyts_binary_rows(const tinyts_binary_parameters *p,
                                                                    tinyts_binary_element element,
                                                                    tinyts_binary_run run,
                                                                    const int8_t *const *input_rows,
                                                                    int8_t *const *output_rows, int32_t row_count) {
  const uint32_t *const first_strides = p->strides, *const second_strides = p->strides + 4;
  const uint32_t count = p->sizes[3];
  /* A copy is no output: compilers keep it in registers. */
  const tinyts_binary_parameters constants = *p;
  const tinyts_binary_parameters *const c = &constants;
  for (int32_t r = 0; r < row_count; ++r) {
    const int8_t *const first = tinyts_binary_first(p, input_rows, r);
    const int8_t *const second = tinyts_binary_second(p, input_rows, row_count, r);
    int8_t *output = output_rows[r];
    for (uint32_t i = 0; i < p->sizes[0]; ++i) {
      for (uint32_t j = 0; j < p->sizes[1]; ++j) {
        for (uint32_t k = 0; k < p->sizes[2]; ++k, output += count) {
          const int8_t *const x = first + i * first_strides[0] + j * first_strides[1] + k * first_strides[2];
          const int8_t *const y = second + i * second_strides[0] + j * second_strides[1] + k * second_strides[2];
          if (first_strides[3] != 0 && second_strides[3] != 0) {
            uint32_t l = run == NULL || count < 4u ? 0 : run(p, x, y, output, count);
            for (; l < count; ++l) output[l] = element(c, x[l], y[l]);
          } else if (first_strides[3] != 0) {
            const int32_t only = *y;
            for (uint32_t l = 0; l < count; ++l) output[l] = element(c, x[l], only);
          } else {
            const int32_t only = *x;
            for (uint32_t l = 0; l < count; ++l) output[l] = element(c, only, second_strides[3] != 0 ? y[l] : *y);
          }
        }
      }
    }
  }
}

#endif
