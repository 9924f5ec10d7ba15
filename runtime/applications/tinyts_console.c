/* SPDX-License-Identifier: Apache-2.0 */
#include "tinyts_console.h"

#include "tinyts_port.h"

void tinyts_put_text(const char *text) {
  for (; *text != '\0'; ++text) {
    tinyts_port_put_character(*text);
  }
}

void tinyts_put_end_of_line(void) { tinyts_put_text("\r\n"); }

void tinyts_put_line(const char *text) {
  tinyts_put_text(text);
  tinyts_put_end_of_line();
}

/* The decimal digits of `value`, at least `least` of them. */
static void tinyts_put_digits(uint64_t value, int least) {
  char digits[20];
  int count = 0;
  do {
    digits[count++] = (char)('0' + (int)(value % 10u));
    value /= 10u;
  } while (value != 0u || count < least);
  while (count > 0) {
    tinyts_port_put_character(digits[--count]);
  }
}

void tinyts_put_unsigned(uint32_t value) { tinyts_put_digits(value, 1); }

static char tinyts_hex_digit(unsigned value) { return (char)(value < 10u ? '0' + (int)value : 'a' + (int)value - 10); }

void tinyts_put_hex_byte(uint8_t byte) {
  tinyts_port_put_character(tinyts_hex_digit(byte >> 4));
  tinyts_port_put_character(tinyts_hex_digit(byte & 15u));
}

void tinyts_put_decimal(double value) {
  const double largest = 9e15; /* thousandths below this are exact in a double */
  if (value != value) {
    tinyts_put_text("nan");
    return;
  }
  if (value < 0.0) {
    tinyts_port_put_character('-');
    value = -value;
  }
  /* A float times 1000 is exact in a double, so this rounds once, as printf would. */
  double thousandths = value * 1000.0;
  if (thousandths > largest) {
    thousandths = largest;
  }
  uint64_t whole = (uint64_t)thousandths;
  const double rest = thousandths - (double)whole;
  if (rest > 0.5 || (!(rest < 0.5) && whole % 2u == 1u)) {
    ++whole;
  }
  tinyts_put_digits(whole / 1000u, 1);
  tinyts_port_put_character('.');
  tinyts_put_digits(whole % 1000u, 3);
}

int tinyts_hex_digit_value(char character) {
  if (character >= '0' && character <= '9') {
    return character - '0';
  }
  if (character >= 'a' && character <= 'f') {
    return character - 'a' + 10;
  }
  if (character >= 'A' && character <= 'F') {
    return character - 'A' + 10;
  }
  return -1;
}
