/* Shifts a state: a ring buffer of the last values.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "tinyts/tinyts_kernels.h"

enum { TINYTS_SHIFT_BLOCK = 16, TINYTS_SHIFT_WORD = 4 };

#if defined(__GNUC__)
#define TINYTS_SHIFT_ALIGNED(pointer) __builtin_assume_aligned(pointer, TINYTS_SHIFT_WORD)
#else
#define TINYTS_SHIFT_ALIGNED(pointer) (pointer)
#endif

/* Moves bytes towards lower addresses. Each block is read before it is written, so source and target may overlap; no
 * library is asked, as some of them move byte by byte. */
static int8_t *tinyts_move_down(int8_t *target, const int8_t *source, uint32_t count) {
  if (((uintptr_t)target | (uintptr_t)source) % TINYTS_SHIFT_WORD == 0) {
    for (; count >= TINYTS_SHIFT_BLOCK; count -= TINYTS_SHIFT_BLOCK) {
      uint32_t block[TINYTS_SHIFT_BLOCK / TINYTS_SHIFT_WORD];
      memcpy(block, TINYTS_SHIFT_ALIGNED(source), TINYTS_SHIFT_BLOCK);
      memcpy(TINYTS_SHIFT_ALIGNED(target), block, TINYTS_SHIFT_BLOCK);
      source += TINYTS_SHIFT_BLOCK;
      target += TINYTS_SHIFT_BLOCK;
    }
  }
  for (; count > 0u; --count) *target++ = *source++;
  return target;
}

void tinyts_shift(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                  int32_t row_count, int8_t *scratch) {
  const tinyts_shift_parameters *const p = (const tinyts_shift_parameters *)parameters;
  (void)scratch;
  for (int32_t r = 0; r < row_count; ++r) {
    int8_t *const end = tinyts_move_down(output_rows[r], output_rows[r] + p->new_bytes, p->kept_bytes);
    (void)tinyts_move_down(end, input_rows[r], p->new_bytes);
  }
}
