/* Rows from the serial line. For each row it sends m-row-R and takes, as hexadecimal digits and a '%', the row's bytes as
 * they come over the line (tinyts_model_data.h). A line that is no such row gets an error that counts its characters (so
 * that a host knows which of its lines is meant), and the row is asked for again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "tinyts_console.h"
#include "tinyts_model_data.h"
#include "tinyts_port.h"
#include "tinyts_source.h"

#if !TINYTS_MODEL_MACRO(INPUT_EXTERNAL) /* as in tinyts_streaming.c */

#define TINYTS_DIGITS (TINYTS_MODEL_MACRO(INPUT_ROW_BYTES) * TINYTS_INPUT_ELEMENT_BYTES * 2u)

static int8_t row_bytes[TINYTS_MODEL_MACRO(INPUT_ROW_BYTES)];

/* Takes one line, and counts its characters. Returns 1 for a row, 0 for something else, -1 at the end. */
static int tinyts_take_line(uint32_t *characters) {
  uint8_t element[TINYTS_INPUT_ELEMENT_BYTES] = {0};
  uint32_t digits = 0;
  int is_row = 1;
  *characters = 0;
  for (;;) {
    const int character = tinyts_port_get_character();
    if (character < 0) {
      return -1;
    }
    if (character == '%') {
      return is_row && digits == TINYTS_DIGITS;
    }
    if (character == '\r' || character == '\n') {
      continue;
    }
    ++*characters;
    const int value = tinyts_hex_digit_value((char)character);
    if (value < 0 || digits == TINYTS_DIGITS) {
      is_row = 0; /* what follows is skipped */
    }
    if (!is_row) {
      continue;
    }
    uint8_t *const byte = &element[digits / 2u % TINYTS_INPUT_ELEMENT_BYTES];
    *byte = (uint8_t)((*byte << 4) | value);
    ++digits;
    if (digits % (2u * TINYTS_INPUT_ELEMENT_BYTES) == 0u) {
      row_bytes[digits / (2u * TINYTS_INPUT_ELEMENT_BYTES) - 1u] = tinyts_input_from_bytes(element);
    }
  }
}

const int8_t *tinyts_source_next_row(uint32_t row) {
  for (;;) {
    tinyts_put_text("m-row-");
    tinyts_put_unsigned(row);
    tinyts_put_end_of_line();
    uint32_t characters = 0;
    const int taken = tinyts_take_line(&characters);
    if (taken != 0) {
      return taken < 0 ? NULL : row_bytes;
    }
    tinyts_put_text("e-[Expected ");
    tinyts_put_unsigned(TINYTS_DIGITS);
    tinyts_put_text(" hex digits, got ");
    tinyts_put_unsigned(characters);
    tinyts_put_line("]");
  }
}

#endif
