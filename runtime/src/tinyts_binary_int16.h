/* The loops that kernels of two int16 operands share: operands are broadcast within a row, and over rows by the runtime.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_BINARY_INT16_H
#define TINYTS_BINARY_INT16_H

#include "tinyts/tinyts_kernels_int16.h"
#include "tinyts_wide.h"

typedef int16_t (*tinyts_binary_int16_element)(const tinyts_binary_int16_parameters *p, int32_t x, int32_t y);

/* Rows of a function that is inlined here. Results may lie just where an operand does that is not broadcast. */
static TINYTS_ALWAYS_INLINE void tinyts_binary_int16_rows(const tinyts_binary_int16_parameters *p,
                                                                          tinyts_binary_int16_element element,
                                                                          const int8_t *const *input_rows,
                                                                          int8_t *const *output_rows,
                                                                          int32_t row_count) {
  const uint32_t *const first_strides = p->strides, *const second_strides = p->strides + 4;
  /* A copy is no output: compilers keep it in registers. */
  const tinyts_binary_int16_parameters constants = *p;
  for (int32_t r = 0; r < row_count; ++r) {
    const int32_t other = p->first == NULL ? row_count + r : r;
    const int16_t *const first = p->first != NULL ? p->first : tinyts_wide_elements(input_rows[r]);
    const int16_t *const second = p->second != NULL ? p->second : tinyts_wide_elements(input_rows[other]);
    int16_t *output = tinyts_wide_outputs(output_rows[r]);
    for (uint32_t i = 0; i < p->sizes[0]; ++i) {
      for (uint32_t j = 0; j < p->sizes[1]; ++j) {
        for (uint32_t k = 0; k < p->sizes[2]; ++k) {
          const int16_t *x = first + i * first_strides[0] + j * first_strides[1] + k * first_strides[2];
          const int16_t *y = second + i * second_strides[0] + j * second_strides[1] + k * second_strides[2];
          for (uint32_t l = 0; l < p->sizes[3]; ++l, x += first_strides[3], y += second_strides[3]) {
            *output++ = element(&constants, *x, *y);
          }
        }
      }
    }
  }
}

#endif
