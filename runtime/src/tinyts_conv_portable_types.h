/* What the inner loops of CONV_2D without DSP instructions are given.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_CONV_PORTABLE_TYPES_H
#define TINYTS_CONV_PORTABLE_TYPES_H

#include <stdint.h>

/* Whole words of two pixels' patches that lie together; never none. Assembly knows this struct by heart. */
typedef struct {
  const int8_t *pixels[2];
  uint32_t bytes;
} tinyts_portable_run;

/* All output channels of a group, of one pixel or two. */
typedef struct {
  const tinyts_portable_run *runs, *runs_end;
  const uint32_t *weights;   /* of the first pair of channels; those of the next are behind them */
  const int32_t *constants;  /* likewise */
  int8_t *outputs[2];        /* the second is NULL where there is one pixel */
  uint32_t channels;
  int32_t zero_point, minimum, maximum;
  uint8_t narrow, wide;
} tinyts_portable_job;

/* The sums of a pair of channels of a pixel; assembly knows this one as well. */
typedef struct {
  uint32_t even, odd;
} tinyts_conv_sums;

#endif
