/* What boards with a Cortex-M7 share.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TINYTS_CORTEX_M7_H
#define TINYTS_CORTEX_M7_H

#include <stdint.h>

/* A register at an address. */
#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

/* A board defines it: clock, serial line, timer. Called after memory is prepared and before main. */
void tinyts_board_initialise(void);

/* Turns on the instruction and the data cache. */
void tinyts_cortex_m7_enable_caches(void);

/* Resets the chip. */
void tinyts_cortex_m7_reset(void);

#endif
