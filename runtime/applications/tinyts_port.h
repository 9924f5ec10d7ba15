/* What an application needs of a board: five functions. A board's folder defines them for bare metal, main.cpp for Mbed,
 * ports/desk for this machine.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_PORT_H
#define TINYTS_PORT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Waits for the next character of the serial line and returns it (0 to 255). Negative: there will be none any more,
 * which happens on the desk only, and ends the application. */
int tinyts_port_get_character(void);

/* Sends a character, when the line is free. */
void tinyts_port_put_character(char character);

/* Microseconds since some moment; wraps around at 2^32. */
uint32_t tinyts_port_microseconds(void);

/* A falling edge, then a rising one, on the pin that an energy monitor watches. */
void tinyts_port_timestamp_pin(void);

/* Restarts the board. May return where nothing can be restarted: the application then starts itself again. */
void tinyts_port_reset(void);

#ifdef __cplusplus
}
#endif

#endif
