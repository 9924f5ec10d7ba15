/* MINIMUM.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts_binary.h"
#include "tinyts/tinyts_kernels.h"

#if defined(__ARM_FEATURE_DSP)
#include "tinyts_dsp.h"
#endif

static int8_t tinyts_minimum_element(const tinyts_binary_parameters *p, int32_t x, int32_t y) {
  (void)p;
  return (int8_t)(x < y ? x : y);
}

#if defined(__ARM_FEATURE_DSP)
static uint32_t tinyts_minimum_run(const tinyts_binary_parameters *p, const int8_t *x, const int8_t *y, int8_t *output,
                               uint32_t count) {
  const uint32_t whole = count & ~3u;
  (void)p;
  for (const int8_t *const end = x + whole; x != end;) {
    const uint32_t first = tinyts_take_4(&x);
    tinyts_put_4(&output, tinyts_minimum_4(first, tinyts_take_4(&y)));
  }
  return whole;
}
#define TINYTS_MINIMUM_RUN tinyts_minimum_run
#else
#define TINYTS_MINIMUM_RUN NULL
#endif

void tinyts_minimum(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                    int32_t row_count, int8_t *scratch) {
  (void)scratch;
  tinyts_binary_rows(parameters, tinyts_minimum_element, TINYTS_MINIMUM_RUN, input_rows, output_rows, row_count);
}
