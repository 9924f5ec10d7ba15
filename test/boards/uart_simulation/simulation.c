/* USART3 and TIM2 of an STM32F7 on this machine's standard input and output, in a time of its own, which passes with each
 * access to a register. As on the chip, one character that came is kept, and what comes before that is read is lost. */
#include "tinyts_cortex_m7.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define ISR 0x4000481Cu
#define RDR 0x40004824u
#define TDR 0x40004828u
#define CNT 0x40000024u
#define NONE 0xFFFFFFFFu
/* Times, in accesses of registers; a character has 10 bits, so 86.8 microseconds at 115,200 baud. */
#define CHARACTER_TIME 400u
#define POLL_TIME 40u
#define SILENT_TIME (20u * CHARACTER_TIME)

static uint64_t now, polled, last_arrival, sent;
static int on_its_way = -1;
static volatile uint32_t rdr = NONE, tdr = NONE, scratch;

static void look_for_input(void) {
  const int idle = rdr == NONE && sent <= now;
  if (on_its_way >= 0 || (!idle && now < polled + POLL_TIME)) {
    return;
  }
  polled = now;
  struct pollfd input = {.fd = 0, .events = POLLIN};
  if (poll(&input, 1, idle ? 1 : 0) > 0) {
    unsigned char character = 0;
    if (read(0, &character, 1) == 1) {
      on_its_way = character;
      last_arrival = (last_arrival > now ? last_arrival : now) + CHARACTER_TIME;
    } else if (idle && now > sent + SILENT_TIME) { /* there will be none, and all is said */
      exit(0);
    }
  }
}

static void pass_time(void) {
  ++now;
  if (tdr != NONE) { /* written since the last access */
    const unsigned char character = (unsigned char)tdr;
    tdr = NONE;
    sent = (sent > now ? sent : now) + CHARACTER_TIME;
    if (write(1, &character, 1) != 1) {
      exit(1);
    }
  }
  look_for_input();
  if (on_its_way >= 0 && last_arrival <= now) {
    if (rdr == NONE) {
      rdr = (uint32_t)on_its_way;
    }
    on_its_way = -1;
  }
}

volatile uint32_t *simulated_register(uint32_t address) {
  pass_time();
  switch (address) {
    case ISR: /* RXNE; TXE: at most the character that is being sent is left */
      scratch = (rdr != NONE ? 1u << 5 : 0u) | (sent <= now + CHARACTER_TIME ? 1u << 7 : 0u);
      break;
    case RDR:
      scratch = rdr;
      rdr = NONE;
      break;
    case TDR:
      return &tdr;
    case CNT:
      scratch = (uint32_t)(now * 868u / (10u * CHARACTER_TIME));
      break;
    default:
      break;
  }
  return &scratch;
}
