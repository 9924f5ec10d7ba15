/* The applications under Mbed OS: the five port functions, and main. TINYTS_APPLICATION_STREAMING chooses the streaming
 * application; the other is the MLPerf Tiny device.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "mbed.h"

#include "tinyts_port.h"

#if defined(TINYTS_APPLICATION_STREAMING)
#include "tinyts_streaming.h"
#else
#include "tinyts_device.h"
#endif

namespace {

UnbufferedSerial serial(USBTX, USBRX, 115200);

#if defined(TINYTS_TIMESTAMP_PIN)
DigitalOut timestamp_pin(TINYTS_TIMESTAMP_PIN, 1);
#endif

}  // namespace

extern "C" int tinyts_port_get_character(void) {
  unsigned char character = 0;
  while (serial.read(&character, 1) != 1) {
  }
  return character;
}

extern "C" void tinyts_port_put_character(char character) {
  while (serial.write(&character, 1) != 1) {
  }
}

extern "C" uint32_t tinyts_port_microseconds(void) { return us_ticker_read(); }

extern "C" void tinyts_port_timestamp_pin(void) {
#if defined(TINYTS_TIMESTAMP_PIN)
  timestamp_pin = 0;
  const uint32_t start = us_ticker_read();
  while (us_ticker_read() - start < 2u) {
  }
  timestamp_pin = 1;
#endif
}

extern "C" void tinyts_port_reset(void) { NVIC_SystemReset(); }

int main() {
#if defined(TINYTS_APPLICATION_STREAMING)
  tinyts_streaming_run();
#else
  tinyts_device_run();
#endif
  return 0;
}
