/* SPDX-License-Identifier: Apache-2.0 */
#include "mbed.h"

#include <stdio.h>
#include <stdlib.h>

UnbufferedSerial::UnbufferedSerial(PinName tx, PinName rx, int baud) {
  if (tx != USBTX || rx != USBRX || baud != 115200) {
    abort();
  }
}

ssize_t UnbufferedSerial::write(const void *buffer, size_t size) { return (ssize_t)fwrite(buffer, 1, size, stdout); }

ssize_t UnbufferedSerial::read(void *buffer, size_t size) {
  fflush(stdout);
  const size_t count = fread(buffer, 1, size, stdin);
  if (count == 0) {
    exit(0); /* a board's line does not end */
  }
  return (ssize_t)count;
}

DigitalOut::DigitalOut(PinName, int) {}

/* So that a test sees the edges. */
DigitalOut &DigitalOut::operator=(int value) {
  printf("pin %d\n", value);
  return *this;
}

uint32_t us_ticker_read(void) {
  static uint32_t microseconds;
  return microseconds++;
}

void NVIC_SystemReset(void) {
  puts("system reset");
  exit(0);
}
