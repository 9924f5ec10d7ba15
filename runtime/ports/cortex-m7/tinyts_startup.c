/* From reset to main: vector table, floating point, variables.
 *
 * Nothing here uses interrupts, so the table ends with the core's own exceptions. A driver of yours that does adds its
 * handlers behind them, in the order of the chip's interrupt numbers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts_cortex_m7.h"

#define VTOR REGISTER(0xE000ED08u)  /* address of the vector table */
#define CPACR REGISTER(0xE000ED88u) /* access to coprocessors; 10 and 11 are the floating-point unit */

/* Of the linker script. */
extern uint32_t startup_stack_top[];
extern uint32_t startup_data_start[], startup_data_end[], startup_data_source[];
extern uint32_t startup_bss_start[], startup_bss_end[];

int main(void);
void startup_reset(void);
void startup_fault(void);

/* Any exception is a fault here. A debugger finds the place; without one the board stands still. */
void startup_fault(void) {
  for (;;) {
    __asm__ volatile("nop");
  }
}

typedef union {
  const uint32_t *stack;
  void (*handler)(void);
} vector;

#define FAULT {.handler = startup_fault}

__attribute__((used, section(".vectors"))) static const vector vectors[16] = {
    {.stack = startup_stack_top},
    {.handler = startup_reset},
    FAULT, /* NMI */
    FAULT, /* HardFault */
    FAULT, /* MemManage */
    FAULT, /* BusFault */
    FAULT, /* UsageFault */
    FAULT, FAULT, FAULT, FAULT,
    FAULT, /* SVCall */
    FAULT, /* DebugMonitor */
    FAULT,
    FAULT, /* PendSV */
    FAULT, /* SysTick */
};

void startup_reset(void) {
  CPACR |= 0xFu << 20;
  VTOR = (uint32_t)(uintptr_t)vectors; /* a bootloader may have had another one */
  __asm__ volatile("dsb\n\tisb" ::: "memory");
  /* volatile: otherwise compilers make these loops calls of memcpy and memset. */
  volatile uint32_t *target = startup_data_start;
  for (const uint32_t *source = startup_data_source; target < startup_data_end; ++source, ++target) {
    *target = *source;
  }
  for (target = startup_bss_start; target < startup_bss_end; ++target) {
    *target = 0u;
  }
  tinyts_board_initialise();
  (void)main();
  for (;;) {
  }
}
