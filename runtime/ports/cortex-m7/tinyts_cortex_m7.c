/* Caches and reset; the registers are of Armv7-M's system control block.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts_cortex_m7.h"

#define AIRCR REGISTER(0xE000ED0Cu)  /* application interrupt and reset control */
#define CCR REGISTER(0xE000ED14u)    /* configuration and control */
#define CCSIDR REGISTER(0xE000ED80u) /* size of the cache that CSSELR selects */
#define CSSELR REGISTER(0xE000ED84u)
#define ICIALLU REGISTER(0xE000EF50u) /* invalidates the instruction cache */
#define DCISW REGISTER(0xE000EF60u)   /* invalidates a line of the data cache, by set and way */

#define AIRCR_KEY (0x5FAu << 16)
#define AIRCR_SYSRESETREQ (1u << 2)
#define CCR_DC (1u << 16)
#define CCR_IC (1u << 17)

static void barrier(void) { __asm__ volatile("dsb\n\tisb" ::: "memory"); }

/* After power-on the data cache holds anything: each line is invalidated first. */
static void invalidate_data_cache(void) {
  CSSELR = 0u;
  barrier();
  const uint32_t size = CCSIDR;
  const uint32_t last_set = (size >> 13) & 0x7FFFu;
  const uint32_t last_way = (size >> 3) & 0x3FFu;
  const uint32_t set_shift = (size & 7u) + 4u;
  uint32_t way_shift = 32u;
  while (way_shift > 0u && last_way >> (32u - way_shift) != 0u) {
    --way_shift;
  }
  for (uint32_t set = 0; set <= last_set; ++set) {
    for (uint32_t way = 0; way <= last_way; ++way) {
      DCISW = (way_shift < 32u ? way << way_shift : 0u) | set << set_shift;
    }
  }
}

void tinyts_cortex_m7_enable_caches(void) {
  barrier();
  ICIALLU = 0u;
  barrier();
  CCR |= CCR_IC;
  barrier();
  if ((CCR & CCR_DC) == 0u) { /* a bootloader may have turned it on: what it holds is not in memory yet */
    invalidate_data_cache();
    barrier();
    CCR |= CCR_DC;
    barrier();
  }
}

void tinyts_cortex_m7_reset(void) {
  barrier();
  AIRCR = AIRCR_KEY | AIRCR_SYSRESETREQ;
  barrier();
  for (;;) {
  }
}
