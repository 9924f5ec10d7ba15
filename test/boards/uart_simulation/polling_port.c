/* A port that only polls: what comes while it speaks is lost, but for one character. */
#include "tinyts_cortex_m7.h"
#include "tinyts_port.h"

#define ISR REGISTER(0x4000481Cu)

int tinyts_port_get_character(void) {
  while ((ISR & 1u << 5) == 0u) {
  }
  return (int)REGISTER(0x40004824u);
}

void tinyts_port_put_character(char character) {
  while ((ISR & 1u << 7) == 0u) {
  }
  REGISTER(0x40004828u) = (uint8_t)character;
}

uint32_t tinyts_port_microseconds(void) { return REGISTER(0x40000024u); }
void tinyts_port_timestamp_pin(void) {}
void tinyts_port_reset(void) {}
