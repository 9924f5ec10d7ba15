/* The part of mbed's interface that main.cpp uses, over standard input and output. A call that is not here does not
 * compile.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MBED_H
#define MBED_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <console.h>
#include <device.h>
#include <port.h>

#if !defined(MBED_STUB_HAS_CONSOLE) || !defined(MBED_STUB_HAS_DEVICE) || !defined(MBED_STUB_HAS_PORT)
#error "a header of the application hides one of mbed's"
#endif

enum PinName { USBTX, USBRX, D7 };

class UnbufferedSerial {
 public:
  UnbufferedSerial(PinName tx, PinName rx, int baud);
  UnbufferedSerial(const UnbufferedSerial &) = delete;
  ssize_t write(const void *buffer, size_t size);
  ssize_t read(void *buffer, size_t size);
};

class DigitalOut {
 public:
  DigitalOut(PinName pin, int value);
  DigitalOut &operator=(int value);
};

extern "C" uint32_t us_ticker_read(void);

/* Of CMSIS. */
extern "C" void NVIC_SystemReset(void);

#endif
