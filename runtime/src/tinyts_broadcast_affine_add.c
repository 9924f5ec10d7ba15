/* ADD and SUB in one step, of operands that are broadcast.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts_affine.h"
#include "tinyts_binary.h"
#include "tinyts/tinyts_kernels.h"

static inline tinyts_affine_constants tinyts_affine_constants_of(const tinyts_binary_parameters *p) {
  const tinyts_affine_constants constants = {{p->multipliers[0], p->multipliers[1]}, p->output_multiplier};
  return constants;
}

static int8_t tinyts_affine_sum_element(const tinyts_binary_parameters *p, int32_t x, int32_t y) {
  const tinyts_affine_constants constants = tinyts_affine_constants_of(p);
  return tinyts_clamp(tinyts_affine_sum(&constants, p->output_shift, x, y), p->output_minimum, p->output_maximum);
}

#if defined(__ARM_FEATURE_DSP)
static __attribute__((noinline)) uint32_t tinyts_affine_sum_run(const tinyts_binary_parameters *p, const int8_t *x,
                                                                const int8_t *y, int8_t *output, uint32_t count) {
  const tinyts_affine_constants constants = tinyts_affine_constants_of(p);
  if (p->output_shift != TINYTS_SHIFT_OF_SSAT) return 0;
  const uint32_t whole = tinyts_affine_sums_by_fours(&constants, x, y, output, count);
  tinyts_clamp_words(output, whole, p->output_minimum, p->output_maximum);
  return whole;
}
#define TINYTS_AFFINE_SUM_RUN tinyts_affine_sum_run
#else
#define TINYTS_AFFINE_SUM_RUN NULL
#endif

void tinyts_broadcast_affine_add(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                            int32_t row_count, int8_t *scratch) {
  (void)scratch;
  tinyts_binary_rows(parameters, tinyts_affine_sum_element, TINYTS_AFFINE_SUM_RUN, input_rows, output_rows, row_count);
}
