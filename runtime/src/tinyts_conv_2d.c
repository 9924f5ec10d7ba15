/* CONV_2D: dot products of the pixels' patches with every output channel's weights, two channels at a time.
 *
 * With DSP instructions and scratch, four (or two) pixels at a time: their patches are gathered there as int16, so that
 * each word of weights is loaded and spread once for all of them. Pixels may lie in different rows. Without scratch, two
 * pixels at a time where their patches lie in the input rows, or, where they are no whole words, a part of them copied to
 * the stack at a time. Without DSP instructions everything is plain C.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "tinyts_conv_patches.h"
#include "tinyts/tinyts_kernels.h"

#if defined(TINYTS_DSP)
#include "tinyts_conv_pixels_dsp.h"
#else
#include "tinyts_conv_pixels_portable.h"
#endif

#if defined(TINYTS_MVE)
#include "tinyts_conv_mve.h"
#endif

/* The channels of one group, of up to four pixels; `gather`: in scratch, or on the stack. */
static void tinyts_conv_pixels(const tinyts_conv_2d_parameters *p, const tinyts_conv_pixel *pixels, uint32_t count,
                               uint32_t number, int gather, int8_t *scratch) {
  const tinyts_conv_group group = tinyts_conv_find_group(p, number);
#if defined(TINYTS_DSP)
  if (count >= 2) {
    if (gather && scratch != NULL) {
      tinyts_conv_in_scratch(p, pixels, count, &group, (int32_t *)(void *)scratch);
      return;
    }
    if (gather) {
      tinyts_conv_on_stack(p, pixels, count, &group);
      return;
    }
    if (tinyts_conv_without_scratch(p, pixels, &group)) return;
  }
  for (uint32_t i = 0; i < count; ++i) tinyts_conv_single(p, pixels + i, &group, scratch);
#else
  (void)gather;
  tinyts_conv_portable_group(p, pixels, count, &group, scratch);
#endif
}

/* Up to four pixels at a time. Not inlined: its frame would lie below those of the other ways. */
TINYTS_NOINLINE static void tinyts_conv_rows(const tinyts_conv_2d_parameters *p, const int8_t *const *input_rows,
                                             int8_t *const *output_rows, int32_t row_count, int8_t *scratch) {
  const uint32_t groups = TINYTS_CONV_2D_GROUPS(p);
#if defined(TINYTS_DSP)
  const int32_t gathered = tinyts_conv_pixels_at_once(p, scratch);
  const int last_goes_twice = gathered == 0 && !tinyts_conv_has_way_for_one(p);
#else
  const int32_t gathered = 0;
  const int last_goes_twice = 0;
#endif
  const int32_t at_once = gathered != 0 ? gathered : 2;
  tinyts_conv_position position = {0, 0};
  tinyts_conv_pixel pixels[TINYTS_MOST_PIXELS];
  for (int32_t left = row_count * p->output_width; left > 0;) {
    int32_t count = left < at_once ? left : at_once;
    left -= count;
    for (int32_t i = 0; i < count; ++i) {
      tinyts_conv_next_pixel(p, input_rows, output_rows, &position, &pixels[i]);
    }
    /* Four with one done twice take less than two and one. */
    if (count == 3 || (count == 1 && last_goes_twice)) {
      pixels[count] = pixels[0];
      ++count;
    }
    for (uint32_t number = 0; number < groups; ++number) {
      tinyts_conv_pixels(p, pixels, (uint32_t)count, number, gathered != 0, scratch);
    }
  }
}

void tinyts_conv_2d(const void *parameters, const int8_t *const *input_rows, int8_t *const *output_rows,
                    int32_t row_count, int8_t *scratch) {
  const tinyts_conv_2d_parameters *const p = (const tinyts_conv_2d_parameters *)parameters;
#if defined(TINYTS_MVE)
  if (tinyts_conv_mve_rows(p, input_rows, output_rows, row_count, scratch)) return;
#endif
#if defined(TINYTS_DSP)
  if (scratch != NULL && p->scratch_pixels > TINYTS_MOST_PIXELS) {
    tinyts_conv_in_blocks(p, input_rows, output_rows, (uint32_t)row_count * p->output_width, (int32_t *)(void *)scratch);
    return;
  }
#endif
  tinyts_conv_rows(p, input_rows, output_rows, row_count, scratch);
}
