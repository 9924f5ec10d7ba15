/* ADD and SUB in one step, of operands of the same shape.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts/tinyts_kernels.h"

#if defined(TINYTS_MVE)
#include "tinyts_affine_add_mve.h"
#else
#include "tinyts_affine.h"
#endif

void tinyts_affine_add(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                       int32_t row_count, int8_t *scratch) {
  const tinyts_affine_add_parameters *const p = (const tinyts_affine_add_parameters *)parameters;
  (void)scratch;
#if defined(TINYTS_MVE)
  for (int32_t r = 0; r < row_count; ++r) {
    tinyts_affine_add_row_mve(p, input_rows[r], input_rows[row_count + r], output_rows[r]);
  }
#else
  const tinyts_affine_constants constants = {{p->factors[0], p->factors[1]}, p->offset};
  for (int32_t r = 0; r < row_count; ++r) {
    const int8_t *const first = input_rows[r], *const second = input_rows[row_count + r];
    int8_t *const output = output_rows[r];
    uint32_t i = 0;
#if defined(TINYTS_DSP)
    if (p->right_shift == TINYTS_SHIFT_OF_SSAT && p->output_minimum == INT8_MIN && p->output_maximum == INT8_MAX) {
      i = tinyts_affine_sums_by_fours(&constants, first, second, output, p->row_elements);
    }
#endif
    for (; i < p->row_elements; ++i) {
      output[i] = tinyts_clamp(tinyts_affine_sum(&constants, p->right_shift, first[i], second[i]), p->output_minimum,
                               p->output_maximum);
    }
  }
#endif
}
