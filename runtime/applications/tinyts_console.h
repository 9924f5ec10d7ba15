/* Text out, numbers in: what the applications need instead of stdio.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_CONSOLE_H
#define TINYTS_CONSOLE_H

#include <stdint.h>

void tinyts_put_text(const char *text);

/* Ends a line of the protocol: CR LF. */
void tinyts_put_end_of_line(void);

/* A whole line. */
void tinyts_put_line(const char *text);

void tinyts_put_unsigned(uint32_t value);

/* Two hexadecimal digits, in lower case. */
void tinyts_put_hex_byte(uint8_t byte);

/* With three decimals, rounded to the nearest, ties to even; exact for every float below 2^53 / 1000. */
void tinyts_put_decimal(double value);

/* 0 to 15, or -1 for what is no hexadecimal digit. */
int tinyts_hex_digit_value(char character);

#endif
