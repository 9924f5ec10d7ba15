/* The least that C code needs before it runs, on any core that is emulated. The emulator calls port_reset once, then
 * the model's functions with port_stop as their return address.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>

#define PORT_TEXT __attribute__((used, section(".port.text")))

extern uint32_t port_stack_top[];
extern uint32_t port_data_start[], port_data_end[], port_data_source[];
extern uint32_t port_bss_start[], port_bss_end[];

void port_reset(void);
void port_stop(void);

__attribute__((used, section(".port.vectors"))) static const uintptr_t port_vectors[2] = {
    (uintptr_t)port_stack_top, (uintptr_t)port_reset};

PORT_TEXT void port_stop(void) {
  for (;;) {
    __asm__ volatile("nop");
  }
}

PORT_TEXT void port_reset(void) {
#if defined(__ARM_FP)
  /* CPACR: full access to the floating-point unit. */
  *(volatile uint32_t *)(uintptr_t)0xE000ED88u |= 0xFu << 20;
  __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
  /* volatile: otherwise compilers make these loops calls of memcpy and memset. */
  volatile uint32_t *target = port_data_start;
  for (const uint32_t *source = port_data_source; target < port_data_end; ++source, ++target) {
    *target = *source;
  }
  for (target = port_bss_start; target < port_bss_end; ++target) {
    *target = 0u;
  }
}
