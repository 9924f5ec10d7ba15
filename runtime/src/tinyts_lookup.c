/* Any function of one int8, from a table.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "tinyts/tinyts_kernels.h"

/* Results may lie just where elements do. */
static void tinyts_look_up(const int8_t *table, const int8_t *input, int8_t *output, uint32_t count) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  const int8_t *const end = input + count / 4u * 4u;
  for (; input != end; input += 4, output += 4) { /* a load for four elements */
    uint32_t word;
    memcpy(&word, input, sizeof word);
    output[0] = table[(int8_t)word];
    output[1] = table[(int8_t)(word >> 8)];
    output[2] = table[(int8_t)(word >> 16)];
    output[3] = table[(int8_t)(word >> 24)];
  }
  count %= 4u;
#endif
  for (; count != 0u; --count) *output++ = table[*input++];
}

void tinyts_lookup(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                   int32_t row_count, int8_t *scratch) {
  const tinyts_lookup_parameters *const p = parameters;
  const int8_t *const table = p->table + 128;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) tinyts_look_up(table, input_rows[r], output_rows[r], p->row_elements);
}
