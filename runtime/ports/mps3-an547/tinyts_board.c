/* QEMU's mps3-an547 (the Cortex-M55 image of Arm's MPS3 board): UART0 of the CMSDK, and the FPGA's cycle counter.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts_cortex_m7.h"
#include "tinyts_port.h"

#define UART0 0x49303000u
#define UART_DATA REGISTER(UART0 + 0x00u)
#define UART_STATE REGISTER(UART0 + 0x04u)
#define UART_CTRL REGISTER(UART0 + 0x08u)
#define UART_BAUDDIV REGISTER(UART0 + 0x10u)

#define UART_STATE_TX_FULL (1u << 0)
#define UART_STATE_RX_FULL (1u << 1)
#define UART_CTRL_TX_ENABLE (1u << 0)
#define UART_CTRL_RX_ENABLE (1u << 1)

#define FPGA_IO 0x49302000u
#define FPGA_LED REGISTER(FPGA_IO + 0x00u)
#define FPGA_COUNTER REGISTER(FPGA_IO + 0x18u)
#define FPGA_PRESCALE REGISTER(FPGA_IO + 0x1Cu)

#define CCR REGISTER(0xE000ED14u)
#define CCR_LOB (1u << 19) /* loops of LE and DLS cost no branches */

#define UART_CLOCK_HZ 25000000u
#define COUNTER_HZ 20000000u
#define BAUD 115200u

void tinyts_board_initialise(void) {
  tinyts_cortex_m7_enable_caches(); /* the registers of a Cortex-M55's caches are the same */
  CCR |= CCR_LOB;
  UART_BAUDDIV = UART_CLOCK_HZ / BAUD;
  UART_CTRL = UART_CTRL_TX_ENABLE | UART_CTRL_RX_ENABLE;
  FPGA_PRESCALE = COUNTER_HZ / 1000000u - 1u; /* the counter steps once a microsecond */
}

int tinyts_port_get_character(void) {
  while ((UART_STATE & UART_STATE_RX_FULL) == 0u) {
  }
  return (int)(UART_DATA & 0xFFu);
}

void tinyts_port_put_character(char character) {
  while ((UART_STATE & UART_STATE_TX_FULL) != 0u) {
  }
  UART_DATA = (uint8_t)character;
}

uint32_t tinyts_port_microseconds(void) { return FPGA_COUNTER; }

void tinyts_port_timestamp_pin(void) {
  FPGA_LED = 0u;
  FPGA_LED = 1u;
}

void tinyts_port_reset(void) { tinyts_cortex_m7_reset(); }
