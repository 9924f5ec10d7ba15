/* Which columns of a filter meet which of the input in a pixel of a transposed convolution.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_TRANSPOSED_COLUMNS_H
#define TINYTS_TRANSPOSED_COLUMNS_H

#include <stdint.h>

/* The columns of the filter and of the input that meet in an output pixel: filter columns first, first + stride, ...
 * and the input columns from `column` on to the left; `count` of them lie inside the input. */
typedef struct {
  int32_t first, column, count;
} tinyts_transposed_columns;

/* Those of output pixel `position` of the padded result. */
static inline tinyts_transposed_columns tinyts_transposed_columns_at(int32_t position, int32_t stride,
                                                                     int32_t input_width, int32_t filter_width) {
  tinyts_transposed_columns found = {position % stride, position / stride, 0};
  const int32_t beyond = found.column - (input_width - 1);
  if (beyond > 0) {
    found.first += beyond * stride;
    found.column -= beyond;
  }
  if (found.first < filter_width) {
    found.count = (filter_width - 1 - found.first) / stride + 1;
    if (found.count > found.column + 1) found.count = found.column + 1;
  }
  return found;
}

#endif
