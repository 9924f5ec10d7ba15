/* Rows from the serial line. For each row it sends m-row-R and takes, as hexadecimal digits and a '%', the row's bytes as
 * they come over the line (model_data.h). A line that is no such row gets an error that counts its characters (so that a
 * host knows which of its lines is meant), and the row is asked for again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "tinyts_console.h"
#include "tinyts_model_data.h"
#include "tinyts_port.h"
#include "tinyts_source.h"

#if !MODEL_MACRO(INPUT_EXTERNAL) /* as in streaming.c */

#define DIGITS (MODEL_MACRO(INPUT_ROW_BYTES) * INPUT_ELEMENT_BYTES * 2u)

static int8_t row_bytes[MODEL_MACRO(INPUT_ROW_BYTES)];

/* Takes one line, and counts its characters. Returns 1 for a row, 0 for something else, -1 at the end. */
static int take_line(uint32_t *characters) {
  uint8_t element[INPUT_ELEMENT_BYTES] = {0};
  uint32_t digits = 0;
  int is_row = 1;
  *characters = 0;
  for (;;) {
    const int character = port_get_character();
    if (character < 0) {
      return -1;
    }
    if (character == '%') {
      return is_row && digits == DIGITS;
    }
    if (character == '\r' || character == '\n') {
      continue;
    }
    ++*characters;
    const int value = hex_digit_value((char)character);
    if (value < 0 || digits == DIGITS) {
      is_row = 0; /* what follows is skipped */
    }
    if (!is_row) {
      continue;
    }
    uint8_t *const byte = &element[digits / 2u % INPUT_ELEMENT_BYTES];
    *byte = (uint8_t)((*byte << 4) | value);
    ++digits;
    if (digits % (2u * INPUT_ELEMENT_BYTES) == 0u) {
      row_bytes[digits / (2u * INPUT_ELEMENT_BYTES) - 1u] = input_from_bytes(element);
    }
  }
}

const int8_t *source_next_row(uint32_t row) {
  for (;;) {
    put_text("m-row-");
    put_unsigned(row);
    put_end_of_line();
    uint32_t characters = 0;
    const int taken = take_line(&characters);
    if (taken != 0) {
      return taken < 0 ? NULL : row_bytes;
    }
    put_text("e-[Expected ");
    put_unsigned(DIGITS);
    put_text(" hex digits, got ");
    put_unsigned(characters);
    put_line("]");
  }
}

#endif
