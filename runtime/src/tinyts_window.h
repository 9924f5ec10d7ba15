/* Which columns of a filter's window lie inside the input row: asked once for each output pixel, so that inner loops
 * need no checks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_WINDOW_H
#define TINYTS_WINDOW_H

#include <stdint.h>

/* Filter columns first ... end - 1 read the input; those before and after read padding. */
typedef struct {
  int32_t first, end;
} tinyts_filter_columns;

/* Filter column k reads input column `origin + k * dilation`. */
static inline tinyts_filter_columns tinyts_columns_inside(int32_t origin, int32_t input_width, int32_t filter_width,
                                                          int32_t dilation) {
  tinyts_filter_columns inside = {0, filter_width};
  if (origin + (filter_width - 1) * dilation >= input_width) {
    inside.end = origin < input_width ? (input_width - origin + dilation - 1) / dilation : 0;
  }
  if (origin < 0) {
    inside.first = (-origin + dilation - 1) / dilation;
    if (inside.first > inside.end) inside.first = inside.end;
  }
  return inside;
}

#endif
