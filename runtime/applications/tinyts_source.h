/* Where the streaming application's rows come from: one function, defined by tinyts_source_serial.c, by
 * tinyts_source_generator.c, or by a file of yours, such as one that hands out a camera's line buffers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_SOURCE_H
#define TINYTS_SOURCE_H

#include <stdint.h>

/* Waits for row number `row` of an image (from 0 on) and returns its TINYTS_MODEL_MACRO(INPUT_ROW_BYTES) bytes as the
 * model has them; NULL when there are no more. The model has taken them when the next row is asked for. */
const int8_t *tinyts_source_next_row(uint32_t row);

#endif
