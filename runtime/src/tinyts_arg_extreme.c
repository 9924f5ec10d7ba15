/* ARG_MAX and ARG_MIN: where the greatest or the least element is.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>
#include <string.h>

#include "tinyts/tinyts_kernels.h"

/* The first index of the greatest of `extent` elements, `step` bytes apart, whose bits are flipped by `flip`. */
static uint32_t tinyts_first_greatest(const int8_t *element, uint32_t extent, size_t step, int32_t flip) {
  int32_t greatest = *element ^ flip;
  uint32_t found = 0;
  for (uint32_t i = 1; i < extent; ++i) {
    element += step;
    const int32_t value = *element ^ flip;
    if (value > greatest) {
      greatest = value;
      found = i;
    }
  }
  return found;
}

void tinyts_arg_extreme(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                        int32_t row_count, int8_t *scratch) {
  const tinyts_arg_extreme_parameters *const p = parameters;
  const size_t block = (size_t)p->extent * p->inner;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    const int8_t *input = input_rows[r];
    int8_t *output = output_rows[r];
    for (uint32_t outer = 0; outer < p->outer; ++outer, input += block) {
      for (uint32_t inner = 0; inner < p->inner; ++inner, output += p->index_bytes) {
        const uint32_t found = tinyts_first_greatest(input + inner, p->extent, p->inner, p->flip);
        if (p->index_bytes == sizeof(int64_t)) {
          const int64_t index = found;
          memcpy(output, &index, sizeof index);
        } else {
          const int32_t index = (int32_t)found;
          memcpy(output, &index, sizeof index);
        }
      }
    }
  }
}
