/* This machine as a board: the serial line is standard input and output.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts_port.h"

#include <stdio.h>
#include <time.h>

int tinyts_port_get_character(void) {
  (void)fflush(stdout); /* whoever sends the next character may wait for what was said before */
  return getchar();
}

void tinyts_port_put_character(char character) { (void)putchar(character); }

uint32_t tinyts_port_microseconds(void) {
  struct timespec now = {0};
  (void)timespec_get(&now, TIME_UTC);
  return (uint32_t)((uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u);
}

void tinyts_port_timestamp_pin(void) {}

void tinyts_port_reset(void) {}
