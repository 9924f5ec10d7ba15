/* Stands for runtime/ports/cortex-m7/cortex_m7.h on this machine: registers are functions of simulation.c. */
#ifndef TINYTS_CORTEX_M7_H
#define TINYTS_CORTEX_M7_H

#include <stdint.h>

volatile uint32_t *simulated_register(uint32_t address);
#define REGISTER(address) (*simulated_register(address))

void tinyts_board_initialise(void);
static inline void tinyts_cortex_m7_enable_caches(void) {}
static inline void tinyts_cortex_m7_reset(void) {}

#endif
