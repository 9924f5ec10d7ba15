/* Elements of rows in other places: TRANSPOSE, slices, GATHER, TILE, RESIZE_NEAREST_NEIGHBOR and more.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>
#include <string.h>

#include "tinyts/tinyts_kernels.h"

void tinyts_rearrange(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                      int32_t row_count, int8_t *scratch) {
  const tinyts_rearrange_parameters *const p = parameters;
  const uint32_t *const first = p->offsets;
  const uint32_t *const second = first + p->sizes[0];
  const uint32_t *const third = second + p->sizes[1];
  const uint32_t *const fourth = third + p->sizes[2];
  const uint32_t *const rows = p->selects_rows ? fourth + p->sizes[3] : NULL;
  const uint32_t innermost = p->sizes[3];
  const size_t bytes = p->block_bytes;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    const int8_t *const *const window = input_rows + (size_t)r * p->row_stride;
    int8_t *output = output_rows[r];
    for (uint32_t i = 0; i < p->sizes[0]; ++i) {
      const int8_t *const row = window[rows != NULL ? rows[i] : 0] + first[i];
      for (uint32_t j = 0; j < p->sizes[1]; ++j) {
        for (uint32_t k = 0; k < p->sizes[2]; ++k) {
          const int8_t *const input = row + second[j] + third[k];
          if (bytes == 1u) {
            for (uint32_t l = 0; l < innermost; ++l) {
              *output++ = input[fourth[l]];
            }
          } else {
            for (uint32_t l = 0; l < innermost; ++l) {
              memcpy(output, input + fourth[l], bytes);
              output += bytes;
            }
          }
        }
      }
    }
  }
}
